package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/store/storetest"
)

// meanwhile is an account whose row somebody else holds, so that a test decides
// what happens between the beginning of a call and its turn.
type meanwhile struct {
	store *postgres.Store
	user  login.UserAccount
	other *pgx.Conn
	now   time.Time
}

func (f *fixture) meanwhile(t *testing.T) *meanwhile {
	t.Helper()
	database := f.newDatabase(t)
	m := &meanwhile{store: f.open(t, database), now: time.Now().UTC()}
	storetest.NewFamily(t, m.store, "ann@example.org")
	var err error
	if m.user, err = m.store.UserAccountByEmail(t.Context(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if m.other, err = pgx.Connect(t.Context(), f.URL(database)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.other.Close(context.Background()) })
	m.exec(t, "BEGIN")
	m.exec(t, "SELECT FROM auth.accounts FOR UPDATE")
	return m
}

func (m *meanwhile) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := m.other.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (m *meanwhile) link(t *testing.T, p login.MailPurpose, address string) login.TokenHash {
	t.Helper()
	id := uuid.New()
	token := login.MailToken{
		Hash: sha256.Sum256(id[:]), UserID: m.user.User.ID, Purpose: p, Email: address,
		SessionVersion: m.user.Account.SessionVersion, CreatedAt: m.now, ExpiresAt: m.now.Add(p.Life()),
	}
	if err := m.store.AddMailToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return token.Hash
}

// blocked begins a call and returns once it waits for the row.
func (m *meanwhile) blocked(t *testing.T, call func() error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	eventually(t, "the call waits", func() bool {
		var waiting bool
		err := m.other.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").Scan(&waiting)
		return err == nil && waiting
	})
	return done
}

// Someone with an account under another person's address, and a link sent to their own
// mailbox, must not get that address verified by using the link just when a newer one
// replaces it.
func (f *fixture) replacedMeanwhile(t *testing.T) {
	m := f.meanwhile(t)
	used := m.link(t, login.PurposeChangeEmail, "thief@example.org")
	done := m.blocked(t, func() error {
		return m.store.ChangeEmail(t.Context(), login.EmailChange{Token: used, Now: m.now})
	})
	m.link(t, login.PurposeChangeEmail, "thief@example.org")
	m.exec(t, "COMMIT")
	if err := <-done; !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("using the older link: %v, want ErrTokenUnknown", err)
	}
	ua, err := m.store.UserAccountByID(t.Context(), m.user.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if ua.User.Email != "ann@example.org" || !ua.Account.EmailVerifiedAt.IsZero() {
		t.Errorf("%s is verified at %s by a link that was sent elsewhere", ua.User.Email, ua.Account.EmailVerifiedAt)
	}
}

// A reset must not hand over an account that has another's address by the time it
// is done: that address could reset it back.
func (f *fixture) changedMeanwhile(t *testing.T) {
	m := f.meanwhile(t)
	reset := m.link(t, login.PurposeResetPassword, "ann@example.org")
	done := m.blocked(t, func() error {
		return m.store.ResetPassword(t.Context(), login.PasswordReset{
			Token: reset, UserID: m.user.User.ID, SessionVersion: m.user.Account.SessionVersion, NewHash: "new", Now: m.now,
			Session: &login.NewSession{MaxLive: 1, Token: login.TokenKey{Token: sha256.Sum256([]byte("new"))}, Session: login.Session{
				ID: uuid.NewString(), UserID: m.user.User.ID, SessionVersion: m.user.Account.SessionVersion + 1,
				CreatedAt: m.now, LastUsedAt: m.now, IdleUntil: m.now.Add(time.Hour), ExpiresAt: m.now.Add(time.Hour),
			}},
		})
	})
	m.exec(t, "UPDATE auth.accounts SET email_verified_at = $1", m.now)
	m.exec(t, "UPDATE public.users SET email = 'thief@example.org'")
	m.exec(t, "DELETE FROM auth.mail_tokens")
	m.exec(t, "COMMIT")
	if err := <-done; !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("a reset of the address before: %v, want ErrTokenUnknown", err)
	}
}
