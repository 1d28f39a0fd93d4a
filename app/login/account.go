package login

import (
	"context"
	"errors"
)

// Me returns the caller's own user and account.
func (s *Service) Me(ctx context.Context, id Identity) (Holder, error) {
	_, h, err := s.authorize(ctx, id)
	return h, err
}

// Sessions lists the caller's live sessions, last used first.
func (s *Service) Sessions(ctx context.Context, id Identity) ([]Session, error) {
	if _, _, err := s.authorize(ctx, id); err != nil {
		return nil, err
	}
	return s.Store.LiveSessions(ctx, id.UserID, s.Now())
}

// EndSession ends one of the caller's live sessions; CodeNotFound for any other.
func (s *Service) EndSession(ctx context.Context, id Identity, sessionID string, c Client) error {
	if _, _, err := s.authorize(ctx, id); err != nil {
		return err
	}
	err := ErrNotFound
	if isUUID(sessionID) {
		err = s.Store.EndSession(ctx, id.UserID, sessionID, s.Now())
	}
	if errors.Is(err, ErrNotFound) {
		return Errorf(CodeNotFound, "No such session")
	}
	if err == nil {
		s.record(ctx, EventSessionEnded, OpEndSession, Session{UserID: id.UserID, ID: sessionID}, c)
	}
	return err
}

// SignOutAll ends every session of the caller, this one included.
func (s *Service) SignOutAll(ctx context.Context, id Identity, c Client) error {
	session, _, err := s.authorize(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Store.EndAllSessions(ctx, id.UserID, s.Now()); err != nil {
		return err
	}
	s.record(ctx, EventSignedOutAll, OpSignOutAll, session, c)
	return nil
}

// ChangePasswordInput proves the old password and names the new one.
type ChangePasswordInput struct {
	CurrentPassword string
	NewPassword     string
	Client          Client
}

// ChangePassword replaces the password, ends every session and opens a new one
// for the caller. A sign-in that hashed the old password meanwhile gets none.
func (s *Service) ChangePassword(ctx context.Context, id Identity, in ChangePasswordInput) (Grant, error) {
	session, h, err := s.confirm(ctx, OpChangePassword, id, in.CurrentPassword, in.Client, func(h Holder) error {
		return s.Policy.Check(in.NewPassword, passwordContext(h.User.Email, h.User.Name)...)
	})
	if err != nil {
		return Grant{}, err
	}
	hash, err := s.Hasher.Hash(ctx, Work{Operation: OpChangePassword, Addr: in.Client.Addr}, in.NewPassword)
	if err != nil {
		return Grant{}, err
	}
	opened, token, err := s.openSession(id.UserID, h.Account.Epoch+1, in.Client)
	if err != nil {
		return Grant{}, err
	}
	err = s.Store.ChangePassword(ctx, PasswordChange{
		UserID: id.UserID, OldHash: h.Account.Password, Epoch: h.Account.Epoch,
		NewHash: hash, Session: opened, Now: s.Now().UTC(),
	})
	if errors.Is(err, ErrStale) {
		return Grant{}, s.refused(ctx, OpChangePassword, id.UserID, in.Client, errUnauthenticated())
	}
	if err != nil {
		return Grant{}, err
	}
	s.record(ctx, EventPasswordChanged, OpChangePassword, session, in.Client)
	s.notify(ctx, MailPasswordChanged, h, in.Client)
	g, err := s.grant(h, opened.Session, token)
	g.DeviceToken = s.Devices.Issue(h.User.Email, lifeOf(h.User.ID, h.Account.PasswordEpoch+1), s.Now())
	return g, err
}

// DeleteAccount removes the caller and everything that hangs on it.
func (s *Service) DeleteAccount(ctx context.Context, id Identity, password string, c Client) error {
	session, h, err := s.confirm(ctx, OpDeleteAccount, id, password, c, nil)
	if err != nil {
		return err
	}
	err = s.Store.DeleteUser(ctx, id.UserID, h.Account.Epoch)
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		return s.refused(ctx, OpDeleteAccount, id.UserID, c, errUnauthenticated())
	}
	if err == nil {
		s.record(ctx, EventAccountDeleted, OpDeleteAccount, session, c)
	}
	return err
}

// confirm finds the caller's live session and proves its password, limited like
// a sign-in: a stolen access token must not become an oracle for passwords.
// check, if given, runs before anything is counted or hashed.
func (s *Service) confirm(ctx context.Context, op Operation, id Identity, password string, c Client, check func(Holder) error) (Session, Holder, error) {
	if password == "" {
		return Session{}, Holder{}, Errorf(CodeInvalidInput, "password: must not be empty")
	}
	session, h, err := s.authorize(ctx, id)
	if err != nil {
		return session, h, err
	}
	if check != nil {
		if err := check(h); err != nil {
			return session, h, err
		}
	}
	// A live session is a known device: strangers who attack the account must
	// not keep its owner from changing the password, and a stolen access token
	// gets no more guesses than a stranger.
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: c, Account: h.User.Email, DeviceID: session.ID})
	if err != nil {
		return session, h, err
	}
	ok, _, err := s.checkPassword(ctx, reservation, Work{Operation: op, Addr: c.Addr}, h.Account.Password, password)
	if err == nil && !ok {
		err = s.refused(ctx, op, id.UserID, c, Errorf(CodeInvalidCredentials, "Current password wrong"))
	}
	return session, h, err
}
