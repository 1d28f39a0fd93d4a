package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"hasura-login/app/login"
	"hasura-login/app/seal"
)

// Table keeps named values for all replicas of a service.
type Table interface {
	// SigningKeys returns every value by its name.
	SigningKeys(ctx context.Context) (map[string][]byte, error)
	// ChangeSigningKeys calls do with every value, then puts and drops what do returns, in
	// one transaction. No one else changes the table meanwhile. It may call do again.
	ChangeSigningKeys(ctx context.Context, do func(present map[string][]byte) (put map[string][]byte, drop []string, err error)) error
}

// Sealed keeps key files in a table of the database, encrypted: a ring for replicas on
// many machines.
type Sealed struct {
	table Table
	box   seal.Box
}

// NewSealed makes the shelf. Of the secrets that are valid now, the first encrypts and
// all decrypt.
func NewSealed(t Table, secrets func() []string) Sealed {
	return Sealed{t, seal.New("signing key", secrets)}
}

func (Sealed) String() string { return "table auth.signing_keys" }

func (Sealed) check() error   { return nil }
func (Sealed) prepare() error { return nil } // the migrations make the table

// The texts of problems are fixed: those of the driver differ from try to try.
var (
	errTableAway = errors.New("the database cannot be read")
	errSealed    = errors.New("no value of LOGIN_KEYS_SECRET decrypts it")
)

func (t Sealed) scan(previous map[string]seen) (scan, error) {
	rows, err := t.table.SigningKeys(context.Background()) // the store bounds every call
	if errors.Is(err, login.ErrUnavailable) {
		return scan{}, fmt.Errorf("%w: %w", errTableAway, login.ErrUnavailable)
	}
	if err != nil {
		return scan{}, err
	}
	return t.read(rows, previous), nil
}

func (t Sealed) read(rows map[string][]byte, previous map[string]seen) scan {
	s := scan{files: make(map[string]seen, len(rows))}
	for kid, sealed := range rows {
		name := kid + keyFileSuffix
		before := previous[name]
		now := before
		if !bytes.Equal(before.sealed, sealed) {
			now = t.open(kid, sealed)
		}
		if errors.Is(now.err, errSealed) {
			s.unread = fmt.Errorf("%s: %w", name, now.err)
			now.sealed = nil // try again next time
		}
		s.keep(name, now, before)
	}
	return s
}

func (t Sealed) open(kid string, sealed []byte) seen {
	data, err := t.box.Open(kid, sealed)
	if err != nil {
		return seen{err: errSealed}
	}
	k, err := parseKeyFile(kid+keyFileSuffix, data)
	return seen{sealed: sealed, key: k, err: err}
}

func (t Sealed) change(do func(scan) (change, error)) error {
	return t.table.ChangeSigningKeys(context.Background(), func(present map[string][]byte) (map[string][]byte, []string, error) {
		s := t.read(present, nil)
		if s.unread != nil {
			return nil, nil, s.unread
		}
		c, err := do(s)
		if err != nil {
			return nil, nil, err
		}
		put := make(map[string][]byte, len(c.add))
		for _, k := range c.add {
			if put[k.kid], err = t.box.Seal(k.kid, k.encoded); err != nil {
				return nil, nil, fmt.Errorf("encrypting the key: %w", err)
			}
		}
		return put, c.drop, nil
	})
}

func (t Sealed) remove(kids ...string) error {
	return t.table.ChangeSigningKeys(context.Background(), func(map[string][]byte) (map[string][]byte, []string, error) {
		return nil, kids, nil
	})
}

// Reseal encrypts every key with the first secret, so that the others can go, and
// returns how many it changed.
func (t Sealed) Reseal() (changed int, err error) {
	err = t.table.ChangeSigningKeys(context.Background(), func(present map[string][]byte) (map[string][]byte, []string, error) {
		put := make(map[string][]byte, len(present))
		for kid, sealed := range present {
			renewed, old, err := t.box.Reseal(kid, sealed)
			if err != nil {
				return nil, nil, fmt.Errorf("key %s: %w", kid, errSealed)
			}
			if old {
				put[kid] = renewed
			}
		}
		changed = len(put)
		return put, nil, nil
	})
	return changed, err
}
