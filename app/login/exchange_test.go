package login_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

const codeVerifier = "a-code-verifier-of-43-characters-or-more-0123"

func codeChallengeOf(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func (w *world) handOver(t *testing.T, g login.Grant) string {
	t.Helper()
	code, err := w.HandOver(context.Background(), identity(g), codeChallengeOf(codeVerifier))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (w *world) exchange(code, verifier string) (login.Grant, error) {
	return w.Exchange(context.Background(), login.ExchangeInput{Code: code, CodeVerifier: verifier, Client: home})
}

func TestExchange_OpensASessionOfTheAppsOwn(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.clock.Advance(time.Hour)
	app, err := w.exchange(w.handOver(t, g), codeVerifier)
	if err != nil {
		t.Fatal(err)
	}
	if app.UserID != g.UserID || app.Token == g.Token || app.RefreshToken == g.RefreshToken {
		t.Fatalf("%+v is not a session of its own", app)
	}
	session, _, err := w.store.SessionUserAccount(t.Context(), app.Token, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !session.CreatedAt.Equal(w.clock.Now()) || !session.AuthenticatedAt.Equal(w.clock.Now().Add(-time.Hour)) {
		t.Errorf("made at %s, and its owner signed in at %s; it is %s now, and they did so an hour ago", session.CreatedAt, session.AuthenticatedAt, w.clock.Now())
	}
	wantCode(t, w.MayLink(t.Context(), identity(app), home), login.CodeElevationRequired)
	if strings.Join(session.AMR, " ") != "pwd" {
		t.Errorf("amr %q", session.AMR)
	}
	// The one ends without the other.
	if err := w.EndSession(t.Context(), identity(app), app.Token, home); err != nil {
		t.Fatal(err)
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("the session of the pages ended too: %v", err)
	}
}

// The oldest session to end is the one that was opened first, not the app's, whose owner
// signed in on the pages long ago.
func TestExchange_AFreshSessionIsNotTheOldest(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MaxSessions = 3 })
	pages := w.signUp(t, "ann@example.org")
	w.clock.Advance(time.Hour)
	old, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	app, err := w.exchange(w.handOver(t, pages), codeVerifier)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.clock.Advance(time.Hour)
		if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.refresh(app.RefreshToken); err != nil {
		t.Errorf("the app's session ended although it is the third newest: %v", err)
	}
	_, err = w.refresh(old.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
}

// On a computer that several people use the next one must not be one click away from
// the account of the one before.
func TestSignOut_EndsTheSessionOfThePagesToo(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	first, err := w.exchange(w.handOver(t, g), codeVerifier)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.exchange(w.handOver(t, g), codeVerifier)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it has ended already
		if err := w.SignOut(t.Context(), login.RefreshInput{RefreshToken: first.RefreshToken, Client: home}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	if _, err := w.refresh(second.RefreshToken); err != nil {
		t.Errorf("the other app's session ended too: %v", err)
	}
	if err := w.SignOut(t.Context(), login.RefreshInput{RefreshToken: second.RefreshToken, Client: home}); err != nil {
		t.Errorf("signing out of an app whose pages' session has ended: %v", err)
	}
}

// An app that was not used for weeks still has its refresh token and still says "sign out".
func TestSignOut_OfASessionThatIsOverEndsThatOfThePages(t *testing.T) {
	for name, over := range map[string]func(t *testing.T, w *world, pages, app login.Grant){
		"idle for too long": func(t *testing.T, w *world, pages, _ login.Grant) {
			w.clock.Advance(8 * 24 * time.Hour)
			logintest.Check(t, w.store.TouchSession(t.Context(), pages.Token, w.clock.Now(), w.clock.Now(), w.clock.Now().Add(14*24*time.Hour)))
			w.clock.Advance(8 * 24 * time.Hour)
		},
		"ended on the pages": func(t *testing.T, w *world, pages, app login.Grant) {
			logintest.Check(t, w.EndSession(t.Context(), identity(pages), app.Token, home))
		},
	} {
		for _, client := range []login.Client{home, browserHome} {
			t.Run(fmt.Sprintf("%s, in a cookie: %t", name, client.KeepsCookie), func(t *testing.T) {
				w := newWorld(t)
				pages := w.signUp(t, "ann@example.org")
				app, err := w.Exchange(t.Context(), login.ExchangeInput{Code: w.handOver(t, pages), CodeVerifier: codeVerifier, Client: client})
				logintest.Check(t, err)
				over(t, w, pages, app)
				_, err = w.Me(t.Context(), identity(app))
				wantCode(t, err, login.CodeUnauthenticated)
				_, err = w.Me(t.Context(), identity(pages))
				logintest.Check(t, err)
				if client.KeepsCookie {
					err = w.SignOutCookie(t.Context(), app.RefreshToken, client)
				} else {
					err = w.SignOut(t.Context(), login.RefreshInput{RefreshToken: app.RefreshToken, Client: client})
				}
				logintest.Check(t, err)
				_, err = w.Me(t.Context(), identity(pages))
				wantCode(t, err, login.CodeUnauthenticated)
				names := w.audit.Names()
				if n := len(names) - len(slices.DeleteFunc(names, func(e login.EventName) bool { return e == login.EventSignedOut })); n != 1 {
					t.Errorf("%d sessions are recorded as signed out; only that of the pages was live", n)
				}
			})
		}
	}
}

// A code that a browser's history, a log or another app on the phone reveals is useless
// (RFC 7636, 1).
func TestExchange_RefusesWhatIsNotTheApps(t *testing.T) {
	for name, present := range map[string]func(t *testing.T, w *world, g login.Grant) (login.Grant, error){
		"a wrong verifier": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			return w.exchange(w.handOver(t, g), strings.Replace(codeVerifier, "a", "b", 1))
		},
		"the challenge itself": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			return w.exchange(w.handOver(t, g), codeChallengeOf(codeVerifier))
		},
		"after a wrong verifier": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			code := w.handOver(t, g)
			_, err := w.exchange(code, strings.Repeat("x", 43))
			wantCode(t, err, login.CodeInvalidToken)
			return w.exchange(code, codeVerifier)
		},
		"twice": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			code := w.handOver(t, g)
			if _, err := w.exchange(code, codeVerifier); err != nil {
				t.Fatal(err)
			}
			return w.exchange(code, codeVerifier)
		},
		"late": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			code := w.handOver(t, g)
			w.clock.Advance(login.CodeLife)
			return w.exchange(code, codeVerifier)
		},
		"the pages' session has ended": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			code := w.handOver(t, g)
			if err := w.EndSession(t.Context(), identity(g), g.Token, home); err != nil {
				t.Fatal(err)
			}
			return w.exchange(code, codeVerifier)
		},
		"every session has ended": func(t *testing.T, w *world, g login.Grant) (login.Grant, error) {
			code := w.handOver(t, g)
			if err := w.SignOutAll(t.Context(), identity(g), home); err != nil {
				t.Fatal(err)
			}
			return w.exchange(code, codeVerifier)
		},
		"no code": func(_ *testing.T, w *world, _ login.Grant) (login.Grant, error) {
			return w.exchange("no code", codeVerifier)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			_, err := present(t, w, w.signUp(t, "ann@example.org"))
			wantCode(t, err, login.CodeInvalidToken)
			if how := w.limiter.settlements(); how[len(how)-1] != "failed" {
				t.Errorf("the attempt is settled as %q", how)
			}
		})
	}
}

func TestExchange_OneOfParallelCallsSucceeds(t *testing.T) {
	w := newWorld(t)
	code := w.handOver(t, w.signUp(t, "ann@example.org"))
	var calls sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		calls.Go(func() { _, errs[i] = w.exchange(code, codeVerifier) })
	}
	calls.Wait()
	opened := 0
	for _, err := range errs {
		if err == nil {
			opened++
			continue
		}
		wantCode(t, err, login.CodeInvalidToken)
	}
	if opened != 1 {
		t.Errorf("%d calls opened a session", opened)
	}
}

func TestExchange_NamesWhatIsMalformed(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	for _, challenge := range []string{"", "short", codeVerifier, codeChallengeOf(codeVerifier) + "=", strings.Repeat("!", 43)} {
		_, err := w.HandOver(t.Context(), identity(g), challenge)
		wantCode(t, err, login.CodeInvalidInput)
	}
	for _, verifier := range []string{"", strings.Repeat("x", 42), strings.Repeat("x", 129)} {
		_, err := w.exchange(w.handOver(t, g), verifier)
		wantCode(t, err, login.CodeInvalidInput)
	}
}
