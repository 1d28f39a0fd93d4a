package login

import (
	"context"
	"crypto/rand"
	"time"
)

// RequestPasswordResetInput names an account whose password is forgotten.
type RequestPasswordResetInput struct {
	Email    string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// RequestPasswordReset queues a mail with a link to set a new password. It does
// the same work and gives the same answer whether or not the address has an
// account, and waits for no mail server.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) error {
	if !s.rules.MailEnabled {
		return Errorf(CodeMailDisabled, "This service sends no mail; ask its operator for a link to reset the password")
	}
	return s.requestLink(ctx, linkRequest{
		op: OpRequestPasswordReset, kind: MailResetPassword, event: EventPasswordResetRequested,
		email: in.Email, language: in.Language, client: in.Client,
		wanted: func(ua UserAccount) bool { return ua.Account.DisabledAt.IsZero() },
	})
}

// ResetPasswordInput proves access to the mailbox and names a new password.
type ResetPasswordInput struct {
	Token       string
	NewPassword string
	Client      Client
}

// ResetPassword spends a token from a mail, replaces the password, ends every session
// and opens a new one for the caller. Reading the mail proves the address, so it counts
// as verified. An operator's link verifies no address, but opens a session even if only
// verified addresses may sign in: the operator vouches for it.
//
// The token of a mail that verifies an address does the same until the address is
// verified: the mailbox's owner may take over an account that somebody else made with
// the address.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (Grant, error) {
	reservation, err := s.reserve(ctx, Attempt{Operation: OpResetPassword, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	stored, ua, err := s.mailToken(ctx, in.Token)
	if err == nil && !stored.resets(ua) {
		err = ErrTokenUnknown
	}
	if err != nil {
		return Grant{}, s.linkRefused(ctx, OpResetPassword, reservation, "", in.Client, err)
	}
	// A password that is refused spends nothing: the person tries another.
	if err := ofField("newPassword", s.Policy.Check(in.NewPassword, passwordContext(ua.User.Email, ua.User.Name)...)); err != nil {
		return Grant{}, err
	}
	hash, err := s.Hasher.Hash(ctx, HashRequest{Operation: OpResetPassword, Addr: in.Client.Addr}, in.NewPassword)
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	opened, refresh, err := s.openSession(ua.User.ID, ua.Account.SessionVersion+1, in.Client, amrCode)
	if err != nil {
		return Grant{}, err
	}
	reset := PasswordReset{Token: stored.Hash, UserID: ua.User.ID, SessionVersion: ua.Account.SessionVersion, NewHash: hash, Now: s.Now().UTC()}
	unverified := ua.Account.EmailVerifiedAt.IsZero()
	provesAddress := stored.Email == ua.User.Email && unverified
	if provesAddress { // whose factors they were, no one knows: the store removes them
		ua.Account.Factors, ua.Account.EmailVerifiedAt = nil, opened.Session.CreatedAt
	}
	var g Grant
	if len(ua.Account.Factors) == 0 { // a mailbox is one factor
		reset.Session = &opened
		if g, err = s.grant(ctx, ua, opened.Session, refresh); err != nil {
			reservation.Released(ctx)
			return Grant{}, err
		}
	}
	if err := s.Mail.ResetPassword(ctx, reset); err != nil {
		return Grant{}, s.linkRefused(ctx, OpResetPassword, reservation, ua.User.ID, in.Client, err)
	}
	s.recordReset(ctx, ua.User.ID, unverified, provesAddress, in.Client)
	s.notify(ctx, MailPasswordChanged, ua, in.Client)
	ua.Account.SessionVersion++
	ua.Account.PasswordVersion++
	if reset.Session == nil {
		return Grant{}, s.secondFactorRequired(ctx, OpResetPassword, ua, firstHalf{Mailbox: stored.Email, Link: true}, in.Client)
	}
	s.record(ctx, EventSignedIn, OpResetPassword, opened.Session, in.Client)
	g.DeviceToken = s.deviceToken(ua, false)
	return g, nil
}

// recordReset records a reset, and what it did to an account whose address was unverified.
func (s *Service) recordReset(ctx context.Context, userID string, unverified, provesAddress bool, c Client) {
	events := []EventName{EventPasswordReset}
	if provesAddress {
		events = append(events, EventEmailVerified)
	}
	if unverified {
		events = append(events, EventCredentialsRemoved)
	}
	for _, e := range events {
		s.record(ctx, e, OpResetPassword, Session{UserID: userID}, c)
	}
}

// resets reports whether the token lets its bearer set a new password of ua.
func (t MailToken) resets(ua UserAccount) bool {
	return t.SpentAt.IsZero() && (t.Purpose == PurposeResetPassword ||
		t.Purpose == PurposeVerifyEmail && ua.Account.EmailVerifiedAt.IsZero())
}

// ResetToken makes a token with which a user who gets no mail can set a new
// password, for an operator to hand over.
func (o *Operator) ResetToken(ctx context.Context, ref string) (token string, stored MailToken, err error) {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return "", MailToken{}, err
	}
	if !ua.Account.DisabledAt.IsZero() {
		return "", MailToken{}, Errorf(CodeAccountDisabled, "the account is disabled; enable it first")
	}
	if token, err = newMailToken(rand.Reader); err != nil {
		return "", MailToken{}, err
	}
	stored = *newToken(PurposeResetPassword, ua, "", token, time.Now().UTC())
	if err := o.Mail.AddMailToken(ctx, stored); err != nil {
		return "", MailToken{}, err
	}
	return token, stored, o.record(ctx, EventPasswordResetLink, ua.User.ID)
}
