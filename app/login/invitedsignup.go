package login

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// invitationOf finds the invitation that a sign-up comes with, if any. One of another
// address gets the same answer as one that does not exist.
func (s *Service) invitationOf(ctx context.Context, email string, in SignUpInput, r Reservation) (Invitation, error) {
	if in.Invitation == "" {
		return Invitation{}, nil
	}
	i, err := s.openInvitation(ctx, in.Invitation)
	if err == nil && i.Email != email {
		err = ErrTokenUnknown
	}
	if err != nil {
		return Invitation{}, s.linkRefused(ctx, OpSignUp, r, "", in.Client, err)
	}
	if err := s.maySignUp(email, i.inviter()); err != nil {
		return Invitation{}, s.refused(ctx, OpSignUp, "", in.Client, AsError(err))
	}
	return i, nil
}

// signUpInvited makes the account of a person who was invited. The invitation comes
// from the mailbox, so the address is verified and a session is opened even if the
// rules demand a verified address.
func (s *Service) signUpInvited(ctx context.Context, ua UserAccount, i Invitation, c Client) (Grant, error) {
	ua.Account.EmailVerifiedAt = ua.User.CreatedAt
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, c, amrPassword)
	if err != nil {
		return Grant{}, err
	}
	i, unopened, err := s.Invitations.CreateInvitedUser(ctx, ua, &session, i.Hash, ua.User.CreatedAt)
	switch {
	case errors.Is(err, ErrEmailTaken):
		return Grant{}, s.refused(ctx, OpSignUp, "", c, errEmailTaken())
	case errors.Is(err, ErrTokenUnknown): // used, revoked or expired meanwhile
		return Grant{}, s.refused(ctx, OpSignUp, "", c, errInvalidToken())
	case err != nil:
		return Grant{}, err
	}
	if unopened != "" {
		s.record(ctx, EventUnopenedRemoved, OpSignUp, Session{UserID: unopened}, c)
	}
	g, err := s.signedUp(ctx, newcomer{op: OpSignUp, userAccount: ua, session: session.Session, token: token, client: c})
	s.recordOrganization(ctx, EventInvitationAccepted, OpSignUp, session.Session, i.Organization.ID, i.InvitedBy, c)
	return g, err
}

// invitedBy returns who has invited an address. The person has proved to read its
// mailbox.
func (s *Service) invitedBy(ctx context.Context, email string) (Inviter, error) {
	if s.rules.SignUp == SignUpOpen {
		return InviterNone, nil // nothing depends on it
	}
	by, err := s.Invitations.InvitedBy(ctx, email, s.Now())
	if by == InviterMember && s.Organizations == nil {
		by = InviterNone
	}
	return by, err
}

// spentAtSignUp removes the invitation that was only to sign up: the address has an
// account now. If that fails, the invitation expires by itself.
func (s *Service) spentAtSignUp(ctx context.Context, email string) {
	if s.rules.SignUp != SignUpOpen {
		_ = s.Invitations.EndSignUpInvitation(ctx, email)
	}
}

// Invite mails an invitation to sign up.
func (o *Operator) Invite(ctx context.Context, store InvitationStore, secret MailSecret, email, language string) (Invitation, error) {
	now := time.Now().UTC()
	i := Invitation{CreatedAt: now, ExpiresAt: now.Add(InvitationLife)}
	var err error
	if i.Email, err = NormalizeEmail(email); err != nil {
		return Invitation{}, err
	}
	if err := o.Rules.mayHave(i.Email); err != nil { // its sign-up would be refused
		return Invitation{}, err
	}
	if language, err = mailLanguage(language, Client{}); err != nil {
		return Invitation{}, err
	}
	_, err = o.Store.UserAccountByEmail(ctx, i.Email)
	if err == nil {
		return Invitation{}, errEmailTaken()
	}
	if !errors.Is(err, ErrNotFound) {
		return Invitation{}, err
	}
	if err := i.draw(rand.Reader, secret); err != nil {
		return Invitation{}, err
	}
	if err := store.AddInvitation(ctx, i, i.mail(MailSignUpInvitation, MailPayload{Language: language, At: now})); err != nil {
		return Invitation{}, err
	}
	return i, o.recordEvent(ctx, Event{Name: EventSignUpInvited})
}

// RevokeSignUpInvitation makes the invitation of an address void.
func (o *Operator) RevokeSignUpInvitation(ctx context.Context, store InvitationStore, email string) error {
	email, err := NormalizeEmail(email)
	if err != nil {
		return err
	}
	err = store.EndSignUpInvitation(ctx, email)
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "no open invitation for this address")
	}
	if err != nil {
		return err
	}
	return o.recordEvent(ctx, Event{Name: EventInvitationRevoked})
}
