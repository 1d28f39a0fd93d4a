package login

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const (
	// MailCodeLife is how long a mailed code works, from the time it was asked for.
	MailCodeLife = 15 * time.Minute
	// MailCodeTries is how many wrong codes void the right one.
	MailCodeTries = 5
	mailCodes     = 1_000_000
)

// MailCodePurpose says what a mailed code is for.
type MailCodePurpose string

// The purposes.
const (
	MailCodeSignIn  MailCodePurpose = "sign-in"
	MailCodeElevate MailCodePurpose = "elevation"
)

// MailCode is a row of auth.mail_codes, the challenge of a mailed code. It does not
// hold the code, which is derived from the mail's id (see MailSecret). There is a row
// whether or not the address has an account.
type MailCode struct {
	Hash       TokenHash // of the challenge that the person who asked must present
	Purpose    MailCodePurpose
	MailID     string
	Email      string // where the mail went
	Device     string // the id of the device that asked; empty: not a known one
	NewAccount bool   // the address had no account, and the code makes one
	ExpiresAt  time.Time
}

// MailCodeStore keeps the challenges of mailed codes. Methods return ErrUnavailable as
// those of Store do.
type MailCodeStore interface {
	// AddMailCode stores a code in the place of an earlier one with its hash.
	AddMailCode(ctx context.Context, c MailCode) error
	// TryMailCode counts a try and returns the challenge with this hash.
	// ErrTokenUnknown if it is unknown, expired, of another purpose, or was tried
	// MailCodeTries times.
	TryMailCode(ctx context.Context, hash TokenHash, p MailCodePurpose, now time.Time) (MailCode, error)
	// RefundMailCodeTry takes back an answer that was never compared with the right one. A
	// missing code is not an error.
	RefundMailCodeTry(ctx context.Context, hash TokenHash) error
	// EndMailCode removes a code: of parallel calls exactly one succeeds;
	// ErrTokenUnknown.
	EndMailCode(ctx context.Context, hash TokenHash) error
	// SpendSignIn spends a live token of PurposeSignIn. With takeOver an account whose
	// address is not verified loses its password, its identities and its sessions, and
	// the address is verified. Of parallel calls exactly one succeeds; ErrTokenUnknown.
	SpendSignIn(ctx context.Context, token TokenHash, takeOver bool, now time.Time) error
	// VerifyMailbox marks an address as verified if it is still the account's.
	VerifyMailbox(ctx context.Context, userID, email string, now time.Time) error
}

// These mails carry a code, and MailSignInLink a link, too. An unverified address gets the
// code without a link: the mailbox may be a stranger's, and the mail must hold nothing that
// a stranger could click on.
const (
	MailSignInLink    MailKind = "sign-in"
	MailSignInCode    MailKind = "sign-in-code"
	MailElevationCode MailKind = "elevation-code"
)

// HasCode reports whether a mail of this kind carries a code.
func (k MailKind) HasCode() bool {
	return slices.Contains([]MailKind{MailSignInLink, MailSignInCode, MailElevationCode}, k)
}

// Codes returns the code of a mail under each key: six digits that cannot be computed
// from the mail's id without the key.
func (s MailSecret) Codes(mailID string) ([]string, error) {
	var codes []string
	for _, key := range s.Keys() {
		b, err := hkdf.Key(sha256.New, key, []byte(mailID), "hasura-login mail code", 8)
		if err != nil {
			return nil, fmt.Errorf("deriving a mailed code: %w", err)
		}
		codes = append(codes, fmt.Sprintf("%06d", binary.BigEndian.Uint64(b)%mailCodes))
	}
	if len(codes) == 0 {
		return nil, errors.New("deriving a mailed code: there is no key")
	}
	return codes, nil
}

// isCode compares what somebody typed, in constant time, with the code of each key.
func (s MailSecret) isCode(mailID, typed string) (bool, error) {
	typed = strings.Join(strings.Fields(typed), "")
	codes, err := s.Codes(mailID)
	right := 0
	for _, code := range codes {
		right |= subtle.ConstantTimeCompare([]byte(code), []byte(typed))
	}
	return right == 1, err
}

// elevationCode is the hash under which the code of a session's elevation is stored. A
// session has one code at a time, and no other session can use it.
func elevationCode(sessionID string) TokenHash {
	return sha256.Sum256([]byte("elevation of " + sessionID))
}

// RequestElevationMail mails the caller a code that elevates this session. For an account
// with a second factor only that factor does, so it is refused.
func (s *Service) RequestElevationMail(ctx context.Context, id Identity, language string, c Client) (time.Time, error) {
	const op = OpRequestElevationMail
	if !s.rules.MailEnabled {
		return time.Time{}, errMailDisabled()
	}
	language, err := mailLanguage(language, c)
	if err != nil {
		return time.Time{}, err
	}
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	if methods := s.elevationMethods(ua); !slices.Contains(methods, MethodMail) {
		return time.Time{}, s.refused(ctx, op, id.UserID, c, errElevationRequired(methods))
	}
	if _, err := s.reserve(ctx, Attempt{Operation: op, Client: c, Account: ua.User.Email}); err != nil {
		return time.Time{}, err
	}
	code := MailCode{Hash: elevationCode(session.ID), Purpose: MailCodeElevate, Email: ua.User.Email}
	sent, err := s.mailCode(ctx, code, mailing{kind: MailElevationCode, userAccount: &ua, recipient: ua.User.Email, language: language, client: c}, true)
	if err != nil {
		return time.Time{}, err
	}
	s.record(ctx, EventElevationMailRequested, op, session, c)
	return sent.ExpiresAt, nil
}

// proveMail spends the code that was mailed for this session.
func (s *Service) proveMail(ctx context.Context, _ Attempt, ua UserAccount, p Proof) ([]string, error) {
	code, err := s.Mail.TryMailCode(ctx, elevationCode(p.session), MailCodeElevate, s.Now().UTC())
	if errors.Is(err, ErrTokenUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	right, err := s.MailSecret.isCode(code.MailID, p.Code)
	if err != nil {
		return nil, s.refundMailCodeTry(ctx, code.Hash, err)
	}
	if !right || code.Email != ua.User.Email {
		return nil, nil
	}
	err = s.Mail.EndMailCode(ctx, code.Hash)
	if errors.Is(err, ErrTokenUnknown) {
		return nil, nil
	}
	return proved(err == nil, err, amrCode)
}

// mailing is a mail with a code.
type mailing struct {
	kind        MailKind
	userAccount *UserAccount // nil: the address has no account
	recipient   string
	language    string
	client      Client
}

// mailCode stores the challenge of a code and queues its mail. If send is false, it
// does the same work but sends nothing, and no code answers the challenge.
func (s *Service) mailCode(ctx context.Context, code MailCode, m mailing, send bool) (MailChallenge, error) {
	var raw [challengeBytes]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return MailChallenge{}, err
	}
	made, err := s.MailSecret.draw(s.Random)
	if err != nil {
		return MailChallenge{}, err
	}
	now := s.Now().UTC()
	if code.Hash == (TokenHash{}) {
		code.Hash = sha256.Sum256(raw[:])
	}
	code.MailID, code.ExpiresAt = made.id, now.Add(MailCodeLife)
	mail := QueuedMail{ID: made.id, Kind: m.kind, Recipient: m.recipient, Payload: MailPayload{Language: m.language, At: now, MadeWith: made.mark}.by(m.client), CreatedAt: now}
	var token *MailToken
	if m.userAccount != nil {
		mail.UserID, mail.Payload.Name = m.userAccount.User.ID, salutation(*m.userAccount, m.recipient)
		if code.Purpose == MailCodeSignIn {
			token = newToken(PurposeSignIn, *m.userAccount, m.recipient, made.token, now)
		}
	}
	if !send {
		code.NewAccount = false
		mail, token = mail.decoy(), nil
	}
	if err := s.Mail.AddMailCode(ctx, code); err != nil {
		return MailChallenge{}, err
	}
	// A user deleted meanwhile is an address without an account.
	if err := s.Mail.QueueMail(ctx, mail, token); err != nil && !errors.Is(err, ErrNotFound) {
		return MailChallenge{}, err
	}
	s.mailQueued()
	return MailChallenge{Challenge: base64.RawURLEncoding.EncodeToString(raw[:]), ExpiresAt: code.ExpiresAt}, nil
}
