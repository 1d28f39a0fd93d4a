package login

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// MaxPasskeys is how many passkeys an account can have.
	MaxPasskeys = 20
	// MaxPasskeyAnswer is the most bytes of JSON that an authenticator's answer may
	// have. It is checked before anything of it is decoded.
	MaxPasskeyAnswer = 8 << 10

	userHandleBytes = 64 // what WebAuthn allows and recommends (5.4.3)
)

// Passkey is a row of auth.passkeys.
type Passkey struct {
	ID           string // UUID; names the passkey in our API
	UserID       string
	CredentialID []byte
	PublicKey    []byte // COSE_Key
	AAGUID       string // UUID of the authenticator's model; all zero if it does not say
	SignCount    uint32
	// BackupEligible means that the key may leave its authenticator, BackedUp that it
	// has. BackupEligible never changes.
	BackupEligible bool
	BackedUp       bool
	Transports     []string
	Name           string
	CreatedAt      time.Time
	LastUsedAt     time.Time // zero: never
}

// amr returns the names that RFC 8176 has for a proof by the passkey. Login asks for no
// attestation, so it takes the authenticator's word for where the key is. With user
// verification, a passkey counts as two factors.
func (p Passkey) amr() []string {
	if p.BackupEligible {
		return []string{amrSoftwareKey, amrUser, amrMultiple}
	}
	return []string{amrHardwareKey, amrUser, amrMultiple}
}

// Passkeys makes the options of WebAuthn's ceremonies and checks what authenticators
// answer. User verification is always demanded, and every passkey is discoverable.
type Passkeys interface {
	// CreationOptions returns PublicKeyCredentialCreationOptionsJSON for a user whose
	// passkeys so far are known.
	CreationOptions(challenge, handle []byte, u User, known []Passkey) (json.RawMessage, error)
	// RequestOptions returns PublicKeyCredentialRequestOptionsJSON. If allowed is empty,
	// the user chooses among all passkeys for this service.
	RequestOptions(challenge []byte, allowed []Passkey) (json.RawMessage, error)
	// Created reads a RegistrationResponseJSON; ErrPasskeyAnswer if it is none.
	Created(answer []byte) (CreatedPasskey, error)
	// Used reads an AuthenticationResponseJSON; ErrPasskeyAnswer if it is none.
	Used(answer []byte) (UsedPasskey, error)
	// NewChallenge draws a challenge for a person who has not said who they are. It is
	// sealed, so that nothing has to be stored for strangers.
	NewChallenge(now time.Time) ([]byte, error)
	// ChallengeExpires returns when such a challenge expires, and false if it has expired
	// or was not drawn here.
	ChallengeExpires(challenge []byte, now time.Time) (time.Time, bool)
}

// UsedPasskey is an authenticator's answer to a request.
type UsedPasskey struct {
	Challenge    []byte
	CredentialID []byte
	// Check verifies the answer with the stored passkey and its owner's handle, and
	// returns what the store must note; ErrPasskeyRefused for the same reasons as for a
	// creation.
	Check func(challenge, handle []byte, p Passkey) (PasskeyUse, error)
}

// PasskeyUse is what changes when a passkey is used.
type PasskeyUse struct {
	ID        string // of the passkey
	SignCount uint32
	BackedUp  bool
	Now       time.Time
	// Challenge is the hash of the signed challenge. The store remembers it until it
	// expires, so that it works only once.
	Challenge TokenHash
	Expires   time.Time
}

// passkeys returns the ceremonies, or the error of a service that has none.
func (s *Service) passkeys() (Passkeys, error) {
	if s.Passkeys == nil {
		return nil, Errorf(CodePasskeysDisabled, "This service takes no passkeys")
	}
	return s.Passkeys, nil
}

// ListPasskeys returns the caller's passkeys, the oldest first.
func (s *Service) ListPasskeys(ctx context.Context, id Identity) ([]Passkey, error) {
	if _, _, err := s.authorize(ctx, id); err != nil {
		return nil, err
	}
	return s.PasskeyStore.Passkeys(ctx, id.UserID)
}

// RenamePasskey gives one of the caller's passkeys another name.
func (s *Service) RenamePasskey(ctx context.Context, id Identity, passkeyID, name string, c Client) error {
	session, _, err := s.authorize(ctx, id)
	if err != nil {
		return err
	}
	if name, err = passkeyName(name); err != nil {
		return err
	}
	err = ErrNotFound
	if isUUID(passkeyID) {
		err = s.PasskeyStore.RenamePasskey(ctx, id.UserID, passkeyID, name)
	}
	if errors.Is(err, ErrNotFound) {
		return errNoPasskey()
	}
	if err == nil {
		s.record(ctx, EventPasskeyRenamed, OpRenamePasskey, session, c)
	}
	return err
}

// RemovePasskey removes one of the caller's passkeys. The last way in stays.
func (s *Service) RemovePasskey(ctx context.Context, id Identity, passkeyID, password string, c Client) error {
	const op = OpRemovePasskey
	session, ua, err := s.confirm(ctx, op, id, password, c, nil)
	if err != nil {
		return err
	}
	err = ErrNotFound
	if isUUID(passkeyID) {
		err = s.keepWayIn(ctx, ua, removal{passkey: passkeyID})
	}
	if err == nil {
		err = s.PasskeyStore.RemovePasskey(ctx, id.UserID, passkeyID, ua.Account.SessionVersion, s.otherWayIn())
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return errNoPasskey()
	case errors.Is(err, ErrLastWayIn):
		return s.refused(ctx, op, id.UserID, c, errLastWayIn())
	case errors.Is(err, ErrStale):
		return s.refused(ctx, op, id.UserID, c, errUnauthenticated())
	case err != nil:
		return err
	}
	s.record(ctx, EventPasskeyRemoved, op, session, c)
	s.notify(ctx, MailPasskeyRemoved, ua, c)
	return nil
}

// RemovePassword leaves the account with its other ways in. As a change of password
// does, it ends every session and opens a new one for the caller.
func (s *Service) RemovePassword(ctx context.Context, id Identity, password string, c Client) (Grant, error) {
	const op = OpRemovePassword
	session, ua, err := s.confirm(ctx, op, id, password, c, func(ua UserAccount) error {
		if ua.Account.Password == "" {
			return Errorf(CodeNotFound, "The account has no password")
		}
		return nil
	})
	if err != nil {
		return Grant{}, err
	}
	return s.replacePassword(ctx, op, EventPasswordRemoved, MailPasswordRemoved, session, ua, "", c)
}

// otherWayIn reports whether people can sign in to every account without any of its
// credentials, by mail. The store itself counts an account's credentials.
func (s *Service) otherWayIn() bool { return s.rules.MailSignIn.on() }

// MaxPasskeyName is the most characters that a passkey's name may have.
const MaxPasskeyName = 60

// passkeyName checks the name that an owner gives a passkey. It may be empty.
func passkeyName(raw string) (string, error) {
	if strings.TrimSpace(raw) == "" {
		return "", nil
	}
	return normalizeName(raw, MaxPasskeyName)
}

func errNoPasskey() *Error { return Errorf(CodeNotFound, "The account has no such passkey") }

func errPasskeyExists() *Error {
	return Errorf(CodeCredentialExists, "This passkey is in use already, or the account has %d; use another, or remove one first", MaxPasskeys)
}

func errTooManyPasskeys() *Error {
	return Errorf(CodeCredentialExists, "The account has %d passkeys already; remove one first", MaxPasskeys)
}

// errPasskeyRefused answers a challenge that has expired or an answer that proves nothing.
// The cause is for the log.
func errPasskeyRefused(cause error) *Error {
	return Caused(CodeInvalidToken, cause, "This passkey could not be verified: the time was over, the answer was used already, or it is not from this site; begin again")
}

// hasPasskey reports whether a passkey opened the session or elevated it last.
func (s Session) hasPasskey() bool {
	return slices.Contains(s.AMR, amrHardwareKey) || slices.Contains(s.AMR, amrSoftwareKey)
}
