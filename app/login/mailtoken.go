package login

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
)

// MailToken is a row of auth.mail_tokens.
type MailToken struct {
	Hash           TokenHash
	UserID         string
	Purpose        MailPurpose
	Email          string // the address it is sent to; empty: it does not travel by mail and proves no mailbox
	SessionVersion int    // as of Account.SessionVersionFor; a token of another version is void
	CreatedAt      time.Time
	ExpiresAt      time.Time
	SpentAt        time.Time // zero: not spent
}

// SessionVersionFor is the version that a token of a purpose is bound to. A change of address
// ends with the sessions that could confirm it; the other links prove a mailbox
// and outlive them.
func (a Account) SessionVersionFor(p MailPurpose) int {
	if p == PurposeChangeEmail {
		return a.SessionVersion
	}
	return a.PasswordVersion
}

// Confirmed reports whether the address of ua that this token could confirm is
// confirmed already, by this link or by another one to the same mailbox.
func (t MailToken) Confirmed(ua UserAccount) bool {
	confirms := t.Purpose == PurposeVerifyEmail || t.Purpose == PurposeChangeEmail
	return confirms && t.Email == ua.User.Email && !ua.Account.EmailVerifiedAt.IsZero()
}

// MailSecret derives the token in a mail from the mail's id (RFC 5869; the id is
// the salt), so that neither the tokens nor the queue hold anything that opens
// an account, and every attempt to send a mail sends the same link.
type MailSecret struct {
	// Keys returns the keys, the newest first. Older ones are for mails that were queued
	// before a rotation.
	Keys func() [][]byte
}

// Tokens returns the token that a mail may carry, for each key.
func (s MailSecret) Tokens(mailID string) ([]string, error) {
	keys := s.Keys()
	tokens := make([]string, 0, len(keys))
	for _, key := range keys {
		b, err := hkdf.Key(sha256.New, key, []byte(mailID), "hasura-login mail token", mailTokenBytes)
		if err != nil {
			return nil, fmt.Errorf("deriving a mail token: %w", err)
		}
		tokens = append(tokens, base64.RawURLEncoding.EncodeToString(b))
	}
	if len(tokens) == 0 {
		return nil, errors.New("deriving a mail token: there is no key")
	}
	return tokens, nil
}

// drawn is a new mail: its id, the token that it may carry, and the mark of the key that
// the token is derived with, which travels with the mail.
type drawn struct{ id, token, mark string }

func (s MailSecret) draw(random io.Reader) (d drawn, err error) {
	if d.id, err = newID(random); err != nil {
		return drawn{}, err
	}
	keys := s.Keys() // once: they may change meanwhile
	tokens, err := MailSecret{Keys: func() [][]byte { return keys }}.Tokens(d.id)
	if err != nil {
		return drawn{}, err
	}
	d.token, d.mark = tokens[0], markOf(keys[0])
	return d, nil
}

// ErrMailSecret means that this process does not have the key that a mail was made with.
// Another replica may have it, or this one as soon as it has the newest secrets.
var ErrMailSecret = errors.New("no value of the server secret here has made this mail")

// Only returns the secret with the one key of a mark; ErrMailSecret. Mails of the release
// before have no mark; then all keys stay.
func (s MailSecret) Only(mark string) (MailSecret, error) {
	if mark == "" {
		return s, nil
	}
	for _, key := range s.Keys() {
		if markOf(key) == mark {
			return MailSecret{Keys: func() [][]byte { return [][]byte{key} }}, nil
		}
	}
	return MailSecret{}, ErrMailSecret
}

// markOf tells keys apart and nothing about them.
func markOf(key []byte) string {
	digest := sha256.Sum256(append([]byte("hasura-login mail secret\x00"), key...))
	return hex.EncodeToString(digest[:4])
}

// HashMailToken returns the hash under which a token is stored. ok is false if the text
// cannot be a token.
func HashMailToken(token string) (hash TokenHash, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != mailTokenBytes {
		return hash, false
	}
	return sha256.Sum256(b), true
}

// newMailToken draws a token that does not travel by mail.
func newMailToken(random io.Reader) (string, error) {
	var b [mailTokenBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("drawing a mail token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// newToken is the stored form of a token for ua that is mailed to an address. An empty
// address means that the token does not travel by mail.
func newToken(p MailPurpose, ua UserAccount, email, token string, now time.Time) *MailToken {
	hash, _ := HashMailToken(token)
	return &MailToken{
		Hash: hash, UserID: ua.User.ID, Purpose: p, Email: email, SessionVersion: ua.Account.SessionVersionFor(p),
		CreatedAt: now, ExpiresAt: now.Add(p.Life()),
	}
}
