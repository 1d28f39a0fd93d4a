package login

import (
	"context"
	"errors"
	"strings"
)

// Me returns the caller's own user and account.
func (s *Service) Me(ctx context.Context, id Identity) (UserAccount, error) {
	_, ua, err := s.authorize(ctx, id)
	return ua, err
}

// ChangeName gives the caller another name. Hasura's role user may do the same to its row.
func (s *Service) ChangeName(ctx context.Context, id Identity, raw string, c Client) error {
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return err
	}
	name, err := normalizeName(raw, MaxNameRunes)
	if err != nil || name == ua.User.Name {
		return err
	}
	err = s.Store.RenameUser(ctx, id.UserID, name)
	if errors.Is(err, ErrNotFound) { // deleted since
		err = errUnauthenticated()
	}
	if err == nil {
		s.record(ctx, EventNameChanged, OpChangeName, session, c)
	}
	return err
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
	if sessionID = strings.ToLower(sessionID); isUUID(sessionID) {
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
	err = s.Store.EndAllSessions(ctx, id.UserID, s.Now())
	if errors.Is(err, ErrNotFound) { // deleted since
		err = errUnauthenticated()
	}
	if err != nil {
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
	session, ua, err := s.confirm(ctx, OpChangePassword, id, in.CurrentPassword, in.Client, func(ua UserAccount) error {
		return ofField("newPassword", s.Policy.Check(in.NewPassword, passwordContext(ua.User.Email, ua.User.Name)...))
	})
	if err != nil {
		return Grant{}, err
	}
	hash, err := s.Hasher.Hash(ctx, HashRequest{Operation: OpChangePassword, Addr: in.Client.Addr}, in.NewPassword)
	if err != nil {
		return Grant{}, err
	}
	return s.replacePassword(ctx, OpChangePassword, EventPasswordChanged, MailPasswordChanged, session, ua, hash, in.Client)
}

// replacePassword ends every session of the account and opens a new one for the
// caller, with what this session's owner has proved. An empty hash removes the
// password, if the account has another way in.
func (s *Service) replacePassword(ctx context.Context, op Operation, event EventName, mail MailKind, session Session, ua UserAccount, hash string, c Client) (Grant, error) {
	opened, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion+1, c)
	if err != nil {
		return Grant{}, err
	}
	opened.Session.AMR, opened.Session.ElevatedAt = session.AMR, session.ElevatedAt
	g, err := s.grant(ctx, ua, opened.Session, token) // first, so that a change without an answer has not happened
	if err != nil {
		return Grant{}, err
	}
	if hash == "" {
		err = s.keepWayIn(ctx, ua, removal{password: true})
	}
	if err == nil {
		err = s.Store.ChangePassword(ctx, PasswordChange{
			UserID: ua.User.ID, OldHash: ua.Account.Password, SessionVersion: ua.Account.SessionVersion,
			NewHash: hash, OtherWayIn: s.otherWayIn(), Session: opened, Now: s.Now().UTC(),
		})
	}
	switch {
	case errors.Is(err, ErrLastWayIn):
		return Grant{}, s.refused(ctx, op, ua.User.ID, c, errLastWayIn())
	case errors.Is(err, ErrStale):
		return Grant{}, s.refused(ctx, op, ua.User.ID, c, errUnauthenticated())
	case err != nil:
		return Grant{}, err
	}
	s.record(ctx, event, op, session, c)
	s.notify(ctx, mail, ua, c)
	ua.Account.PasswordVersion++
	g.DeviceToken = s.deviceToken(ua, false)
	return g, nil
}

// ExportAccount returns the caller's account for a copy of all that is kept about it. Such
// a copy tells more than a session shows, so it takes the same proof as a deletion.
func (s *Service) ExportAccount(ctx context.Context, id Identity, password string, c Client) (UserAccount, error) {
	session, ua, err := s.confirm(ctx, OpExportAccount, id, password, c, nil)
	if err != nil {
		return UserAccount{}, err
	}
	s.record(ctx, EventAccountExported, OpExportAccount, session, c)
	return ua, nil
}

// DeleteAccount removes the caller's user, account, sessions and credentials.
func (s *Service) DeleteAccount(ctx context.Context, id Identity, password string, c Client) error {
	session, ua, err := s.confirm(ctx, OpDeleteAccount, id, password, c, nil)
	if err != nil {
		return err
	}
	err = s.Store.DeleteUser(ctx, id.UserID, ua.Account.SessionVersion)
	if errors.Is(err, ErrStale) || errors.Is(err, ErrNotFound) {
		return s.refused(ctx, OpDeleteAccount, id.UserID, c, errUnauthenticated())
	}
	if errors.Is(err, ErrLastOwner) {
		return s.refused(ctx, OpDeleteAccount, id.UserID, c, errLastOwner())
	}
	if err == nil {
		s.record(ctx, EventAccountDeleted, OpDeleteAccount, session, c)
	}
	return err
}
