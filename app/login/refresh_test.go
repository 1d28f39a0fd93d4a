package login_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func TestRefresh_EightParallelCallsGetOneSuccessor(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	successors := make([]string, 8)
	var wg sync.WaitGroup
	for i := range successors {
		wg.Go(func() {
			next, err := w.refresh(g.RefreshToken)
			if err != nil {
				t.Errorf("refresh %d: %v", i, err)
			}
			successors[i] = next.RefreshToken
		})
	}
	wg.Wait()
	for _, s := range successors {
		if s != successors[0] || s == g.RefreshToken {
			t.Fatalf("successors differ: %v", successors)
		}
	}
	sessions, err := w.Sessions(context.Background(), identity(g))
	if err != nil || len(sessions) != 1 {
		t.Errorf("%d live sessions (%v), want 1", len(sessions), err)
	}
}

// noGrace is over at once, by whatever clock.
func noGrace(_ *login.Deps, r *login.Rules) { r.RefreshGrace = -time.Second }

func TestRefresh_ASpentTokenEndsItsSessionAfterTheGrace(t *testing.T) {
	w := newWorld(t, noGrace)
	g := w.signUp(t, "ann@example.org")
	next, err := w.refresh(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if next, err = w.refresh(next.RefreshToken); err != nil {
		t.Fatal(err)
	}
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.refresh(next.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.Sessions(context.Background(), identity(g))
	wantCode(t, err, login.CodeUnauthenticated)
	found := false
	for _, e := range w.audit.Events() {
		found = found || e.Name == login.EventReuseDetected && e.UserID == g.UserID && e.SessionID == identity(g).SessionID
	}
	if !found {
		t.Errorf("no audit event names the session: %+v", w.audit.Events())
	}
}

func TestRefresh_IdleAndAbsoluteLife(t *testing.T) {
	day := 24 * time.Hour
	t.Run("idle", func(t *testing.T) {
		w := newWorld(t)
		g := w.signUp(t, "ann@example.org")
		w.clock.Advance(14*day + time.Second)
		_, err := w.refresh(g.RefreshToken)
		wantCode(t, err, login.CodeInvalidRefreshToken)
	})
	t.Run("absolute", func(t *testing.T) {
		w := newWorld(t)
		g := w.signUp(t, "ann@example.org")
		end := w.clock.Now().Add(30 * day)
		for range 4 {
			w.clock.Advance(7 * day)
			next, err := w.refresh(g.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if next.RefreshTokenExpiresAt.After(end) {
				t.Fatalf("a refresh token outlives its session: %s > %s", next.RefreshTokenExpiresAt, end)
			}
			g = next
		}
		w.clock.Advance(2*day + time.Second)
		_, err := w.refresh(g.RefreshToken)
		wantCode(t, err, login.CodeInvalidRefreshToken)
	})
}

func TestRefresh_MalformedTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, token := range []string{"", "x", "ä", string(make([]byte, 64)), "rlSezN2eUGXztGB_8bbM9JGRygnrDo6Pc5wUwQHWjG04KwGA59h9qWWcWrkhF2Ka"} {
		_, err := w.refresh(token)
		wantCode(t, err, login.CodeInvalidRefreshToken)
	}
}

// The service may die between any two steps of a refresh: before the exchange
// is stored, or after it with the answer lost. The old token still leads on.
func TestRefresh_ACrashAtAnyStepLeavesAWayOn(t *testing.T) {
	for _, step := range []string{"before the exchange", "after the exchange", "before the answer"} {
		t.Run(step, func(t *testing.T) {
			w := newWorld(t, noGrace)
			g := w.signUp(t, "ann@example.org")
			dying := newWorldOn(t, &dyingStore{Store: w.store, step: step}, func(d *login.Deps, _ *login.Rules) {
				if step == "before the answer" {
					d.Issuer = dyingIssuer{}
				}
			})
			dying.clock = w.clock
			if _, err := dying.refresh(g.RefreshToken); err == nil {
				t.Fatal("the service did not die")
			}
			w.clock.Advance(5 * time.Hour)
			next, err := w.refresh(g.RefreshToken)
			if err != nil {
				t.Fatalf("the old token leads nowhere: %v", err)
			}
			w.clock.Advance(time.Minute)
			if _, err := w.refresh(next.RefreshToken); err != nil {
				t.Errorf("its successor leads nowhere: %v", err)
			}
		})
	}
}

var errDied = errors.New("killed")

type dyingStore struct {
	login.Store
	step string
}

func (d *dyingStore) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	if d.step == "before the exchange" {
		return login.Rotated{}, errDied
	}
	rotated, err := d.Store.RotateToken(ctx, r)
	if d.step == "after the exchange" {
		return login.Rotated{}, errDied
	}
	return rotated, err
}

type dyingIssuer struct{ logintest.SessionIDIssuer }

func (dyingIssuer) Issue(login.Subject, time.Time) (string, time.Time, error) {
	return "", time.Time{}, errDied
}

func TestSignOut_EndsTheSessionAndIsNoErrorTwice(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	for range 2 {
		if err := w.SignOut(context.Background(), login.RefreshInput{RefreshToken: g.RefreshToken, Client: home}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
}

func TestSignOut_BySpentTokenEndsTheSessionToo(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	next, err := w.refresh(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SignOut(context.Background(), login.RefreshInput{RefreshToken: g.RefreshToken, Client: home}); err != nil {
		t.Fatal(err)
	}
	_, err = w.refresh(next.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
}

// A burst of reloads next to a tab that slept: the grace derives over all of them.
func TestRefresh_ASpentTokenWithinTheGraceLeadsToTheNewest(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	newest := g
	for range 5 {
		next, err := w.refresh(newest.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		newest = next
	}
	late, err := w.refresh(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if late.RefreshToken != newest.RefreshToken {
		t.Error("the token of before the burst does not lead to the newest")
	}
}
