package login_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// Sign-ups with addresses of others that stay for ever are a complaint about every
// service that makes accounts before an address is verified.
func TestUnopenedAccounts_AreRemovedAndNoOthersEver(t *testing.T) {
	w := newWorld(t, requireVerified)
	ctx := context.Background()
	signUp := func(email string) string {
		t.Helper()
		_, err := w.SignUp(ctx, login.SignUpInput{Email: email, Name: "X", Password: goodPassword, Client: home})
		wantCode(t, err, login.CodeEmailNotVerified)
		return w.userID(t, email)
	}
	stays := map[string]string{}
	signUp("verified@example.org")
	_, link := w.mailed(t)
	if err := w.verifyWith(link, goodPassword); err != nil {
		t.Fatal(err)
	}
	stays["verified@example.org"] = "its address is verified"
	opened := signUp("opened@example.org")
	now := w.clock.Now()
	err := w.store.CreateSession(ctx, login.NewSession{
		Session: login.Session{ID: uuid.NewString(), UserID: opened, SessionVersion: 1, CreatedAt: now, LastUsedAt: now, IdleUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour)},
		MaxLive: 5, Opens: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.store.EndAllSessions(ctx, opened, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Sweep(ctx, login.Sweep{Now: w.clock.Now().Add(time.Hour), Batch: 100}); err != nil {
		t.Fatal(err)
	}
	stays["opened@example.org"] = "it had a session"
	if _, err := w.operator().Create(ctx, "operators@example.org", "Op", goodPassword, nil); err != nil {
		t.Fatal(err)
	}
	stays["operators@example.org"] = "an operator made it"
	if err := w.operator().SetDisabled(ctx, signUp("disabled@example.org"), true); err != nil {
		t.Fatal(err)
	}
	stays["disabled@example.org"] = "an operator disabled it"
	gone := signUp("gone@example.org")
	w.clock.Advance(50 * time.Hour)
	signUp("young@example.org")
	stays["young@example.org"] = "it is young"

	n, err := w.RemoveUnopened(ctx, 48*time.Hour)
	if err != nil || n != 1 {
		t.Errorf("removed %d, %v, want 1", n, err)
	}
	if _, err := w.store.UserAccountByID(ctx, gone); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("the unopened account: %v, want ErrNotFound", err)
	}
	for email, why := range stays {
		if _, err := w.store.UserAccountByEmail(ctx, email); err != nil {
			t.Errorf("%s: %v; %s", email, err, why)
		}
	}
	if !slices.Contains(w.audit.Names(), login.EventUnopenedRemoved) {
		t.Errorf("audit: %v", w.audit.Names())
	}
	w.clock.Advance(400 * 24 * time.Hour)
	if n, err := w.RemoveUnopened(ctx, 48*time.Hour); err != nil || n != 1 {
		t.Errorf("a year later: removed %d, %v, want the one that was young", n, err)
	}
}

// backlog is a store with that many unopened accounts, and one failure first.
type backlog struct {
	login.Store
	left   int
	failed bool
}

func (b *backlog) RemoveUnopened(_ context.Context, _ time.Time, batch int) (ids []string, err error) {
	if !b.failed {
		b.failed = true
		return nil, login.ErrUnavailable
	}
	for i := range min(batch, b.left) {
		ids = append(ids, fmt.Sprint(b.left-i))
	}
	b.left -= len(ids)
	return ids, nil
}

func TestRunRemover_GoesOnAfterAFailureAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, audit := &backlog{left: 250}, &logintest.Audit{}
		s := login.NewService(login.Deps{Store: store, Audit: audit}, login.Rules{})
		ctx, cancel := context.WithCancel(t.Context())
		failures := 0
		done := make(chan struct{})
		go func() {
			s.RunRemover(ctx, time.Hour, func(error) { failures++ })
			close(done)
		}()
		time.Sleep(15 * time.Minute)
		cancel()
		<-done
		if store.left != 0 || failures != 1 || len(audit.Names()) != 250 {
			t.Errorf("%d left, %d failures, %d audited", store.left, failures, len(audit.Names()))
		}
	})
}
