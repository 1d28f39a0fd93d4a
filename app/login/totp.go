package login

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// OneTimePasswords makes and checks the secrets of authenticator apps (RFC 6238). A
// sealed secret is encrypted and can only be opened for its own user.
type OneTimePasswords interface {
	// New draws a secret for the user: as people type it (base32), as the otpauth
	// URI that a QR code shows, and sealed.
	New(user User) (secret, uri string, sealed []byte, err error)
	// Check returns the time step that a code belongs to, at most one away from now, or
	// 0 for a wrong code. It fails for a secret that cannot be opened.
	Check(userID string, sealed []byte, code string, now time.Time) (step int64, err error)
}

// TOTP is a row of auth.totp.
type TOTP struct {
	Secret    []byte // sealed
	LastStep  int64  // the time step of the last code used: codes of this step and of earlier ones are spent
	CreatedAt time.Time
}

// TOTPEnrolment is what an authenticator app needs, and the challenge that the caller
// presents with its first code.
type TOTPEnrolment struct {
	Secret    string // base32
	URI       string // otpauth://totp/…
	Enrolment string // opaque, good for ChallengeLife
}

// totpEnrolment is the data that is stored with an enrolment.
type totpEnrolment struct {
	SessionID string `json:"session"`
	Sealed    []byte `json:"sealed"`
}

// EnrolTOTP checks the caller's password and draws a secret. The account has no second
// factor until AddTOTP has seen the first code.
func (s *Service) EnrolTOTP(ctx context.Context, id Identity, password string, c Client) (TOTPEnrolment, error) {
	session, ua, err := s.confirm(ctx, OpTOTPEnrolment, id, password, c, func(ua UserAccount) error {
		if ua.Account.has(MethodTOTP) {
			return errCredentialExists()
		}
		return nil
	})
	if err != nil {
		return TOTPEnrolment{}, err
	}
	secret, uri, sealed, err := s.OneTimePasswords.New(ua.User)
	if err != nil {
		return TOTPEnrolment{}, err
	}
	data, err := json.Marshal(totpEnrolment{SessionID: session.ID, Sealed: sealed})
	if err != nil {
		return TOTPEnrolment{}, err
	}
	enrolment, err := s.challenge(ctx, ChallengeTOTP, ua, c, data)
	if errors.Is(err, ErrStale) {
		err = s.refused(ctx, OpTOTPEnrolment, id.UserID, c, errUnauthenticated())
	}
	return TOTPEnrolment{Secret: secret, URI: uri, Enrolment: enrolment}, err
}

// AddTOTPInput confirms an enrolment by the app's first code.
type AddTOTPInput struct {
	Enrolment string
	Code      string
	Client    Client
}

// AddTOTP makes the secret of an enrolment the account's second factor. Sessions stay:
// open ones are not asked for the factor before the next sign-in. The one that adds it
// counts as elevated.
func (s *Service) AddTOTP(ctx context.Context, id Identity, in AddTOTPInput) error {
	const op = OpAddTOTP
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return err
	}
	proof := Proof{Method: MethodTOTP, Code: in.Code}
	if err := proof.check(secondFactors()); err != nil {
		return err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: ua.User.Email, DeviceID: session.ID, Method: MethodTOTP})
	if err != nil {
		return err
	}
	key := s.challengeKey(ChallengeTOTP, in.Enrolment, in.Client)
	begun, err := s.ownEnrolment(ctx, key, session)
	if errors.Is(err, ErrTokenUnknown) {
		reservation.Failed(ctx)
		return s.refused(ctx, op, id.UserID, in.Client, Errorf(CodeInvalidToken, "This enrolment has expired or took too many wrong codes; begin again"))
	}
	step := int64(0)
	if err == nil {
		step, err = s.OneTimePasswords.Check(id.UserID, begun.Sealed, in.Code, s.Now())
	}
	if err != nil {
		reservation.Released(ctx)
		return s.refundChallengeTry(ctx, key.Hash, err)
	}
	if step == 0 {
		reservation.Failed(ctx)
		return s.refused(ctx, op, id.UserID, in.Client, Errorf(CodeInvalidCode, "This code is wrong; is the clock of the device right?"))
	}
	reservation.Succeeded(ctx)
	now := s.Now().UTC()
	err = s.Credentials.AddTOTP(ctx, id.UserID, ua.Account.SessionVersion, TOTP{Secret: begun.Sealed, LastStep: step, CreatedAt: now})
	switch {
	case errors.Is(err, ErrCredentialExists):
		return s.refused(ctx, op, id.UserID, in.Client, errCredentialExists())
	case errors.Is(err, ErrStale):
		return s.refused(ctx, op, id.UserID, in.Client, errUnauthenticated())
	case err != nil:
		return err
	}
	s.record(ctx, EventSecondFactorAdded, op, session, in.Client)
	s.notify(ctx, MailSecondFactorAdded, ua, in.Client)
	if err := s.Credentials.EndChallenge(ctx, key.Hash); err != nil && !errors.Is(err, ErrTokenUnknown) {
		return err
	}
	// The session has proved the factor, and a short while ago.
	err = s.Credentials.Elevate(ctx, session.ID, withProof(session.AMR, MethodTOTP, amrCode), now)
	if errors.Is(err, ErrNotFound) { // ended meanwhile
		return nil
	}
	return err
}

// ownEnrolment counts an answer to an enrolment that this session has begun.
func (s *Service) ownEnrolment(ctx context.Context, key ChallengeKey, session Session) (begun totpEnrolment, err error) {
	c, _, err := s.Credentials.TryChallenge(ctx, key)
	if err != nil {
		return begun, err
	}
	if json.Unmarshal(c.Data, &begun) != nil || begun.SessionID != session.ID {
		err = ErrTokenUnknown
	}
	return begun, err
}

// RemoveTOTP checks the caller's password, in a session elevated by the factor, and
// removes the factor with its recovery codes.
func (s *Service) RemoveTOTP(ctx context.Context, id Identity, password string, c Client) error {
	session, ua, err := s.confirm(ctx, OpRemoveTOTP, id, password, c, func(ua UserAccount) error {
		if !ua.Account.has(MethodTOTP) {
			return Errorf(CodeNotFound, "The account has no authenticator app")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.Credentials.RemoveTOTP(ctx, id.UserID, ua.Account.SessionVersion)
	if errors.Is(err, ErrStale) {
		return s.refused(ctx, OpRemoveTOTP, id.UserID, c, errUnauthenticated())
	}
	if err != nil {
		return err
	}
	s.record(ctx, EventSecondFactorRemoved, OpRemoveTOTP, session, c)
	s.notify(ctx, MailSecondFactorRemoved, ua, c)
	return nil
}

// proveTOTP spends a right code: neither the same code nor an earlier one works again, on
// any replica (RFC 6238, 5.2).
func (s *Service) proveTOTP(ctx context.Context, _ Attempt, ua UserAccount, p Proof) ([]string, error) {
	t, err := s.Credentials.TOTP(ctx, ua.User.ID)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	step, err := s.OneTimePasswords.Check(ua.User.ID, t.Secret, p.Code, s.Now())
	if err != nil || step == 0 {
		return nil, err
	}
	err = s.Credentials.UseTOTP(ctx, ua.User.ID, step)
	if errors.Is(err, ErrTokenUnknown) {
		return nil, nil
	}
	return proved(err == nil, err, amrCode)
}

// ResetSecondFactor removes every second factor of a user who has lost them. The
// operator must have made sure who is asking. All sessions end.
func (o *Operator) ResetSecondFactor(ctx context.Context, ref string) error {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	if len(ua.Account.Factors) == 0 {
		return Errorf(CodeNotFound, "the account has no second factor")
	}
	return o.change(ctx, ua.User.ID, EventSecondFactorReset, AccountChange{ResetFactors: true})
}

func errCredentialExists() *Error {
	return Errorf(CodeCredentialExists, "The account has an authenticator app already; remove it first")
}
