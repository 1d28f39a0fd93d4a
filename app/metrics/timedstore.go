package metrics

import (
	"context"
	"time"

	"hasura-login/app/login"
)

// TimedStore returns next with every method's time recorded in m.
func TimedStore(next login.Store, m *Metrics) login.Store { return timedStore{next, m} }

type timedStore struct {
	next login.Store
	m    *Metrics
}

// since records a call that began at start; deferred with the address of the
// result, for the error is known only on the way out.
func (s timedStore) since(method string, start time.Time, err *error) {
	s.m.Store(method, OutcomeOf(*err), time.Since(start))
}

func (s timedStore) CreateUser(ctx context.Context, ua login.UserAccount, n *login.NewSession) (err error) {
	defer s.since("CreateUser", time.Now(), &err)
	return s.next.CreateUser(ctx, ua, n)
}

func (s timedStore) ReplaceUnopened(ctx context.Context, ua login.UserAccount) (_ string, err error) {
	defer s.since("ReplaceUnopened", time.Now(), &err)
	return s.next.ReplaceUnopened(ctx, ua)
}

func (s timedStore) RemoveUnopened(ctx context.Context, before time.Time, batch int) (_ []string, err error) {
	defer s.since("RemoveUnopened", time.Now(), &err)
	return s.next.RemoveUnopened(ctx, before, batch)
}

func (s timedStore) UserAccountByEmail(ctx context.Context, email string) (_ login.UserAccount, err error) {
	defer s.since("UserAccountByEmail", time.Now(), &err)
	return s.next.UserAccountByEmail(ctx, email)
}

func (s timedStore) UserAccountByID(ctx context.Context, userID string) (_ login.UserAccount, err error) {
	defer s.since("UserAccountByID", time.Now(), &err)
	return s.next.UserAccountByID(ctx, userID)
}

func (s timedStore) ListUsers(ctx context.Context, f login.UserFilter) (_ []login.UserAccount, err error) {
	defer s.since("ListUsers", time.Now(), &err)
	return s.next.ListUsers(ctx, f)
}

func (s timedStore) UpdateAccount(ctx context.Context, userID string, c login.AccountChange, now time.Time) (err error) {
	defer s.since("UpdateAccount", time.Now(), &err)
	return s.next.UpdateAccount(ctx, userID, c, now)
}

func (s timedStore) DeleteUser(ctx context.Context, userID string, version int) (err error) {
	defer s.since("DeleteUser", time.Now(), &err)
	return s.next.DeleteUser(ctx, userID, version)
}

func (s timedStore) CreateSession(ctx context.Context, n login.NewSession) (err error) {
	defer s.since("CreateSession", time.Now(), &err)
	return s.next.CreateSession(ctx, n)
}

func (s timedStore) SessionUserAccount(ctx context.Context, sessionID string, now time.Time) (_ login.Session, _ login.UserAccount, err error) {
	defer s.since("SessionUserAccount", time.Now(), &err)
	return s.next.SessionUserAccount(ctx, sessionID, now)
}

func (s timedStore) LiveSessions(ctx context.Context, userID string, now time.Time) (_ []login.Session, err error) {
	defer s.since("LiveSessions", time.Now(), &err)
	return s.next.LiveSessions(ctx, userID, now)
}

func (s timedStore) EndSession(ctx context.Context, userID, sessionID string, now time.Time) (err error) {
	defer s.since("EndSession", time.Now(), &err)
	return s.next.EndSession(ctx, userID, sessionID, now)
}

func (s timedStore) EndSessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (_ login.Session, err error) {
	defer s.since("EndSessionByToken", time.Now(), &err)
	return s.next.EndSessionByToken(ctx, token, now)
}

func (s timedStore) EndAllSessions(ctx context.Context, userID string, now time.Time) (err error) {
	defer s.since("EndAllSessions", time.Now(), &err)
	return s.next.EndAllSessions(ctx, userID, now)
}

func (s timedStore) RotateToken(ctx context.Context, r login.Rotation) (_ login.Rotated, err error) {
	defer s.since("RotateToken", time.Now(), &err)
	return s.next.RotateToken(ctx, r)
}

func (s timedStore) ReplaceHash(ctx context.Context, userID, oldHash, newHash string) (err error) {
	defer s.since("ReplaceHash", time.Now(), &err)
	return s.next.ReplaceHash(ctx, userID, oldHash, newHash)
}

func (s timedStore) ChangePassword(ctx context.Context, c login.PasswordChange) (err error) {
	defer s.since("ChangePassword", time.Now(), &err)
	return s.next.ChangePassword(ctx, c)
}

func (s timedStore) Sweep(ctx context.Context, w login.Sweep) (_ int, err error) {
	defer s.since("Sweep", time.Now(), &err)
	return s.next.Sweep(ctx, w)
}

func (s timedStore) Ping(ctx context.Context) (err error) {
	defer s.since("Ping", time.Now(), &err)
	return s.next.Ping(ctx)
}

func (s timedStore) Close() error { return s.next.Close() }
