package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
)

// A change that revokes something is acknowledged only when the standby has it. Seen
// with an asynchronous standby: after a failover, an old password worked again.
func TestReplication_WhatRevokesWaitsForTheStandby(t *testing.T) {
	f := newFixture(t)
	database := f.newDatabase(t)
	if forgets, err := f.open(t, database).ForgetsAfterFailover(t.Context()); forgets || err != nil {
		t.Errorf("warns without a standby: %t, %v", forgets, err)
	}
	standby := f.StartStandby(t)
	asynchronous := f.open(t, database)
	eventually(t, "a warning about the asynchronous standby", func() bool {
		forgets, err := asynchronous.ForgetsAfterFailover(t.Context())
		return forgets && err == nil
	})
	f.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
	f.Exec(t, "postgres", "SELECT pg_reload_conf()")
	store := f.open(t, database)
	eventually(t, "no warning any more", func() bool {
		forgets, err := asynchronous.ForgetsAfterFailover(t.Context())
		return !forgets && err == nil
	})
	families := map[string]*storetest.Family{}
	for _, who := range []string{"acknowledged", "timed-out", "cancelled", "signed-in"} {
		families[who] = storetest.NewFamily(t, store, who+"@example.org")
	}
	ua := func(who string) login.UserAccount {
		t.Helper()
		ua, err := store.UserAccountByEmail(t.Context(), who+"@example.org")
		if err != nil {
			t.Fatal(err)
		}
		return ua
	}
	signOut := func(who string) error { return store.EndAllSessions(t.Context(), ua(who).User.ID, time.Now()) }
	if err := signOut("acknowledged"); err != nil {
		t.Fatal(err)
	}

	standby.Stop()
	if err := signOut("timed-out"); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("without a standby: %v, want ErrUnavailable", err)
	}
	cancelled := make(chan error, 1)
	go func() { cancelled <- signOut("cancelled") }()
	f.cancelWaiting(t)
	if err := <-cancelled; !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("with the wait cancelled: %v, want ErrUnavailable", err)
	}
	// Signing in and refreshing go on: losing them costs another sign-in at most.
	if err := families["signed-in"].Step(t.Context()); err != nil {
		t.Errorf("refreshing without a standby: %v", err)
	}
	owner := ua("signed-in")
	in := login.NewSession{Session: login.Session{
		ID: uuid.NewString(), UserID: owner.User.ID, SessionVersion: owner.Account.SessionVersion, CreatedAt: time.Now(), LastUsedAt: time.Now(),
		IdleUntil: time.Now().Add(time.Hour), ExpiresAt: time.Now().Add(time.Hour),
	}, MaxLive: 20}
	if err := store.CreateSession(t.Context(), in); err != nil {
		t.Errorf("signing in without a standby: %v", err)
	}

	f.crash(t)
	standby.Restart(t)
	standby.Promote(t)
	after := (&fixture{Postgres: standby}).open(t, database)
	eventually(t, "ready after the promotion", func() bool { return after.Ping(t.Context()) == nil })
	families["acknowledged"].On(after)
	if err := families["acknowledged"].Step(t.Context()); !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("a session whose end was acknowledged, after the failover: %v, want ErrTokenUnknown", err)
	}
}

// cancelWaiting cancels, as an operator may, the commit that waits for a standby.
func (f *fixture) cancelWaiting(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	eventually(t, "a commit waits for the standby", func() bool {
		tag, err := conn.Exec(t.Context(), "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
		return err == nil && tag.RowsAffected() > 0
	})
}
