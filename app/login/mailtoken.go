package login

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
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

// draw draws the id of a mail, and the token that the mail may carry.
func (s MailSecret) draw(random io.Reader) (id, token string, err error) {
	if id, err = newID(random); err != nil {
		return "", "", err
	}
	tokens, err := s.Tokens(id)
	if err != nil {
		return "", "", err
	}
	return id, tokens[0], nil
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
