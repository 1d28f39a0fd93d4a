package login

import (
	"context"
	"errors"
)

// RequestEmailVerificationInput names an address that is to be verified.
type RequestEmailVerificationInput struct {
	Email    string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// RequestEmailVerification queues a mail with a link that verifies its address.
// It does the same work and gives the same answer whether or not the address has
// an account, and whether or not it is verified already.
func (s *Service) RequestEmailVerification(ctx context.Context, in RequestEmailVerificationInput) error {
	if !s.rules.MailEnabled {
		return errMailDisabled()
	}
	return s.requestLink(ctx, linkRequest{
		op: OpRequestEmailVerification, kind: MailVerifyEmail, event: EventVerificationRequested,
		email: in.Email, language: in.Language, client: in.Client,
		wanted: func(h Holder) bool {
			return h.Account.DisabledAt.IsZero() && h.Account.EmailVerifiedAt.IsZero()
		},
	})
}

// RequestEmailChangeInput names the address that an account is to have.
type RequestEmailChangeInput struct {
	NewEmail string
	Password string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// RequestEmailChange proves the caller's password and queues a mail to the new
// address with a link that makes it the account's. Whether somebody else has
// the address is not told: nothing is sent then.
func (s *Service) RequestEmailChange(ctx context.Context, id Identity, in RequestEmailChangeInput) error {
	if !s.rules.MailEnabled {
		return errMailDisabled()
	}
	email, err := NormalizeEmail(in.NewEmail)
	if err != nil {
		return err
	}
	language, err := mailLanguage(in.Language, in.Client)
	if err != nil {
		return err
	}
	session, h, err := s.confirm(ctx, OpRequestEmailChange, id, in.Password, in.Client, func(h Holder) error {
		if h.User.Email == email {
			return Errorf(CodeInvalidInput, "newEmail: the account has this address already")
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Else anyone with an account could have us write to anyone.
	if _, err := s.reserve(ctx, Attempt{Operation: OpRequestEmailChange, Client: in.Client, Account: h.User.Email, Recipient: email}); err != nil {
		return err
	}
	_, err = s.Store.HolderByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := s.queueLink(ctx, MailChangeEmail, h, email, language, err != nil); err != nil {
		return err
	}
	s.record(ctx, EventEmailChangeRequested, OpRequestEmailChange, session, in.Client)
	return nil
}

// VerifyEmailInput proves access to a mailbox.
type VerifyEmailInput struct {
	Token  string
	Client Client
}

// VerifyEmail spends a token from a mail: the account's address is verified, or
// the address that the mail went to becomes the account's.
func (s *Service) VerifyEmail(ctx context.Context, in VerifyEmailInput) error {
	reservation, err := s.reserve(ctx, Attempt{Operation: OpVerifyEmail, Client: in.Client})
	if err != nil {
		return err
	}
	event, userID := EventEmailVerified, ""
	token, wellFormed := HashMailToken(in.Token)
	err = ErrTokenUnknown
	if wellFormed {
		userID, err = s.Mail.VerifyEmail(ctx, token, s.Now().UTC())
	}
	if wellFormed && errors.Is(err, ErrTokenUnknown) {
		event = EventEmailChanged
		userID, err = s.changeEmail(ctx, token, in.Client)
	}
	if errors.Is(err, ErrEmailTaken) {
		reservation.Released(ctx)
		return s.refused(ctx, OpVerifyEmail, userID, in.Client, errEmailTaken())
	}
	if err != nil {
		return s.linkRefused(ctx, OpVerifyEmail, reservation, userID, in.Client, err)
	}
	s.record(ctx, event, OpVerifyEmail, Session{UserID: userID}, in.Client)
	return nil
}

// changeEmail gives an account the address that a token was sent to, and tells
// the one that it had.
func (s *Service) changeEmail(ctx context.Context, token TokenHash, c Client) (userID string, err error) {
	now := s.Now().UTC()
	_, h, err := s.Mail.MailTokenHolder(ctx, PurposeChangeEmail, token, now)
	if err != nil {
		return "", err
	}
	change := EmailChange{Token: token, Now: now}
	if s.sends(MailEmailChanged) && s.mayTell(ctx, MailEmailChanged, h, c) {
		notice, err := s.notice(MailEmailChanged, h, c)
		if err != nil {
			return h.User.ID, err
		}
		change.Notice = &notice
	}
	if err := s.Mail.ChangeEmail(ctx, change); err != nil {
		return h.User.ID, err
	}
	s.mailQueued()
	return h.User.ID, nil
}

// SetEmailVerified marks a user's address as verified on an operator's word.
func (o *Operator) SetEmailVerified(ctx context.Context, ref string) error {
	return o.change(ctx, ref, EventEmailMarkedVerified, AccountChange{EmailVerified: true})
}

func errMailDisabled() *Error { return Errorf(CodeMailDisabled, "This service sends no mail") }

func errEmailNotVerified(message string) *Error { return Errorf(CodeEmailNotVerified, "%s", message) }
