package login

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"io"
	"strings"
)

const (
	recoveryCodes     = 10
	recoveryCodeBytes = 15 // 120 bits: more than OWASP's ASVS asks of a code that is stored hashed
	recoveryCodeGroup = 6  // letters between two hyphens
)

// recoveryEncoding has no digit that looks like a letter.
var recoveryEncoding = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// NewRecoveryCodes checks the caller's password, in a session elevated by the second
// factor, and replaces the account's recovery codes with ten new ones. They are shown
// only now; each works once in place of the factor.
func (s *Service) NewRecoveryCodes(ctx context.Context, id Identity, password string, c Client) ([]string, error) {
	session, ua, err := s.confirm(ctx, OpNewRecoveryCodes, id, password, c, func(ua UserAccount) error {
		if len(ua.Account.Factors) == 0 {
			return Errorf(CodeNotFound, "The account has no second factor that codes could stand in for; add one first")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	codes := make([]string, recoveryCodes)
	hashes := make([]TokenHash, recoveryCodes)
	for i := range codes {
		var raw [recoveryCodeBytes]byte
		if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
			return nil, err
		}
		letters := recoveryEncoding.EncodeToString(raw[:])
		hashes[i] = sha256.Sum256([]byte(letters))
		codes[i] = grouped(letters)
	}
	err = s.Credentials.ReplaceRecoveryCodes(ctx, id.UserID, ua.Account.SessionVersion, hashes, s.Now().UTC())
	if errors.Is(err, ErrStale) {
		err = s.refused(ctx, OpNewRecoveryCodes, id.UserID, c, errUnauthenticated())
	}
	if err != nil {
		return nil, err
	}
	s.record(ctx, EventRecoveryCodesMade, OpNewRecoveryCodes, session, c)
	s.notify(ctx, MailRecoveryCodesMade, ua, c)
	return codes, nil
}

func grouped(letters string) string {
	var b strings.Builder
	for i, r := range letters {
		if i > 0 && i%recoveryCodeGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// recoveryCodeHash hashes a code as people type it: with or without hyphens and blanks,
// in upper or lower case.
func recoveryCodeHash(code string) TokenHash {
	letters := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	return sha256.Sum256([]byte(letters))
}

// proveRecoveryCode spends a right code and tells the owner. The code is gone whether or
// not the use case that asked for it succeeds.
func (s *Service) proveRecoveryCode(ctx context.Context, a Attempt, ua UserAccount, p Proof) ([]string, error) {
	err := s.Credentials.UseRecoveryCode(ctx, ua.User.ID, recoveryCodeHash(p.Code))
	if errors.Is(err, ErrTokenUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.record(ctx, EventRecoveryCodeUsed, a.Operation, Session{UserID: ua.User.ID}, a.Client)
	s.notify(ctx, MailRecoveryCodeUsed, ua, a.Client)
	return []string{amrCode}, nil
}
