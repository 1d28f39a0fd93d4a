package login_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// browserHome keeps its session in a cookie.
var browserHome = login.Client{Addr: home.Addr, Name: "a browser", KeepsCookie: true}

// numbered issues tokens that tell how many there were, and of which key.
type numbered struct {
	logintest.SessionIDIssuer
	issued atomic.Int64
	key    atomic.Pointer[string]
}

func (n *numbered) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	return strings.Join(s.Account.Roles, ",") + " " + string(rune('0'+n.issued.Add(1))), now.Add(15 * time.Minute), nil
}

func (n *numbered) Key(time.Time) string { return *n.key.Load() }

func (n *numbered) signsWith(key string) { n.key.Store(&key) }

// counting counts the gateway's calls of its store.
type counting struct {
	login.Store
	lookups, touches atomic.Int64
}

func (c *counting) SessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, login.UserAccount, error) {
	c.lookups.Add(1)
	return c.Store.SessionByToken(ctx, token, now)
}

func (c *counting) TouchSession(ctx context.Context, id string, before, now, idleUntil time.Time) error {
	c.touches.Add(1)
	return c.Store.TouchSession(ctx, id, before, now, idleUntil)
}

// cookieWorld has a user ann who keeps her session in a cookie.
type cookieWorld struct {
	*world
	issuer *numbered
	store  *counting
	ann    login.Grant
}

func newCookieWorld(t *testing.T, options ...logintest.Option) *cookieWorld {
	t.Helper()
	w := &cookieWorld{issuer: &numbered{}}
	w.issuer.signsWith("a")
	store := logintest.OpenStore(t)
	options = append(options, func(d *login.Deps, _ *login.Rules) {
		w.store = &counting{Store: d.Store}
		d.Issuer, d.Store = w.issuer, w.store
	})
	w.world = newWorldOn(t, store, options...)
	var err error
	w.ann, err = w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: browserHome})
	logintest.Check(t, err)
	return w
}

func (w *cookieWorld) gateway(t *testing.T, cookie string) string {
	t.Helper()
	token, err := w.Gateway(t.Context(), login.GatewayInput{Cookie: cookie})
	if err != nil {
		t.Fatalf("the gateway refuses: %v", err)
	}
	return token
}

func (w *cookieWorld) refuses(t *testing.T, cookie string) {
	t.Helper()
	_, err := w.Gateway(t.Context(), login.GatewayInput{Cookie: cookie})
	wantCode(t, err, login.CodeUnauthenticated)
}

func TestGateway_KeepsATokenUntilHalfOfItsLifeIsOver(t *testing.T) {
	w := newCookieWorld(t)
	first := w.gateway(t, w.ann.RefreshToken)
	for range 3 {
		w.clock.Advance(2 * time.Minute)
		if got := w.gateway(t, w.ann.RefreshToken); got != first {
			t.Errorf("another token after %s: %q", w.clock.Now(), got)
		}
	}
	w.clock.Advance(2 * time.Minute)
	second := w.gateway(t, w.ann.RefreshToken)
	if second == first {
		t.Error("the token is older than half of its life")
	}
	w.issuer.signsWith("b") // the first key may have been revoked
	if got := w.gateway(t, w.ann.RefreshToken); got == second {
		t.Error("the token is of a key that signs no more")
	}
}

// The end of a session, and every change to what its tokens say, hold at the next request.
func TestGateway_LooksTheSessionUpAtEveryRequest(t *testing.T) {
	yes, role := true, "editor"
	for name, change := range map[string]struct {
		do    func(t *testing.T, w *cookieWorld)
		token string // afterwards; empty: refused
	}{
		"signed out": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.SignOutCookie(t.Context(), w.ann.RefreshToken, browserHome))
		}},
		"disabled": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.store.UpdateAccount(t.Context(), w.ann.UserID, login.AccountChange{Disabled: &yes}, w.clock.Now()))
		}},
		"signed out by an operator": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.store.UpdateAccount(t.Context(), w.ann.UserID, login.AccountChange{EndSessions: true}, w.clock.Now()))
		}},
		"other roles": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.store.UpdateAccount(t.Context(), w.ann.UserID, login.AccountChange{Roles: []string{"user", role}, DefaultRole: &role}, w.clock.Now()))
		}},
		"other claims": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.store.UpdateAccount(t.Context(), w.ann.UserID, login.AccountChange{Claims: map[string]string{"x-hasura-team": "1"}}, w.clock.Now()))
		}, token: "user 3"},
		"deleted": {do: func(t *testing.T, w *cookieWorld) {
			logintest.Check(t, w.store.DeleteUser(t.Context(), w.ann.UserID, -1))
		}},
		"idle": {do: func(_ *testing.T, w *cookieWorld) { w.clock.Advance(14 * 24 * time.Hour) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCookieWorld(t)
			w.gateway(t, w.ann.RefreshToken)
			change.do(t, w)
			if change.token == "" {
				w.refuses(t, w.ann.RefreshToken)
			} else if got := w.gateway(t, w.ann.RefreshToken); got != change.token {
				t.Errorf("the token is %q, not %q", got, change.token)
			}
		})
	}
}

func TestGateway_AnElevationIsInTheNextToken(t *testing.T) {
	w := newCookieWorld(t)
	before := w.gateway(t, w.ann.RefreshToken)
	id, err := w.CookieIdentity(t.Context(), w.ann.RefreshToken)
	logintest.Check(t, err)
	_, err = w.Elevate(t.Context(), id, login.ElevateInput{Proof: login.Proof{Method: login.MethodPassword, Password: goodPassword}, Client: browserHome})
	logintest.Check(t, err)
	elevated := w.gateway(t, w.ann.RefreshToken)
	w.clock.Advance(5 * time.Minute)
	if kept := w.gateway(t, w.ann.RefreshToken); elevated == before || kept != elevated {
		t.Errorf("tokens before, after and later: %q, %q, %q", before, elevated, kept)
	}
	w.clock.Advance(2 * time.Minute)
	w.gateway(t, w.ann.RefreshToken)
	w.clock.Advance(3*time.Minute + time.Second) // the elevation is over, half of the token's life is not
	if late := w.gateway(t, w.ann.RefreshToken); late == elevated {
		t.Error("a token of before the end of the elevation is given out")
	}
}

// A browser's cookie and an app's refresh token are of two kinds, so that nobody can
// exchange a cookie for tokens.
func TestCookie_IsNoRefreshTokenAndTheOtherWayRound(t *testing.T) {
	w := newCookieWorld(t)
	_, err := w.refresh(w.ann.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	w.gateway(t, w.ann.RefreshToken) // the attempt has not ended the session
	logintest.Check(t, w.SignOut(t.Context(), login.RefreshInput{RefreshToken: w.ann.RefreshToken, Client: home}))
	w.gateway(t, w.ann.RefreshToken)

	app, err := w.signIn("ann@example.org", goodPassword)
	logintest.Check(t, err)
	w.refuses(t, app.RefreshToken)
	logintest.Check(t, w.SignOutCookie(t.Context(), app.RefreshToken, browserHome))
	if _, err := w.refresh(app.RefreshToken); err != nil {
		t.Errorf("signing out by a refresh token in a cookie's place: %v", err)
	}
	before := w.store.lookups.Load()
	for _, text := range []string{"", "x", w.ann.RefreshToken + "A", w.ann.RefreshToken[1:], "ü" + w.ann.RefreshToken[2:]} {
		w.refuses(t, text)
	}
	if w.store.lookups.Load() != before {
		t.Error("the store was asked about text that is no token")
	}
}

// Requests keep a session from being idle, and few of them write.
func TestGateway_KeepsASessionInUseWithFewWrites(t *testing.T) {
	w := newCookieWorld(t)
	use := func(times int) {
		t.Helper()
		var all sync.WaitGroup
		for range times {
			all.Go(func() { w.gateway(t, w.ann.RefreshToken) })
		}
		all.Wait()
		w.Wait()
	}
	use(50)
	if n := w.store.touches.Load(); n != 0 {
		t.Errorf("%d writes right after the sign-in", n)
	}
	for range 4 {
		w.clock.Advance(5*time.Minute + time.Second)
		w.gateway(t, w.ann.RefreshToken)
		w.Wait()
		use(50)
	}
	if n := w.store.touches.Load(); n != 4 {
		t.Errorf("%d writes in 20 minutes, not 4", n)
	}
	for range 2 {
		w.clock.Advance(13 * 24 * time.Hour)
		w.gateway(t, w.ann.RefreshToken)
		w.Wait()
	}
	w.clock.Advance(5 * 24 * time.Hour) // used all along, and older than 30 days
	w.refuses(t, w.ann.RefreshToken)
}

// With a short idle time the use is noted more often, so that it does not end a session
// that is in use.
func TestGateway_ShortIdleTimes(t *testing.T) {
	w := newCookieWorld(t, func(_ *login.Deps, r *login.Rules) { r.RefreshIdle = time.Minute })
	for range 100 {
		w.clock.Advance(10 * time.Second)
		w.gateway(t, w.ann.RefreshToken)
		w.Wait()
	}
	w.clock.Advance(61 * time.Second)
	w.refuses(t, w.ann.RefreshToken)
}

func TestGateway_ARoleIsOneOfTheSession(t *testing.T) {
	w := newCookieWorld(t, func(_ *login.Deps, r *login.Rules) {
		r.DefaultRoles, r.SecondFactorRoles = []string{"user", "editor", "guarded"}, []string{"guarded"}
	})
	for role, want := range map[string]login.Code{"": "", "user": "", "editor": "", "guarded": login.CodeForbidden, "admin": login.CodeForbidden, "Editor": login.CodeForbidden} {
		_, err := w.Gateway(t.Context(), login.GatewayInput{Cookie: w.ann.RefreshToken, Role: role})
		if want == "" && err != nil || want != "" && login.AsError(err).Code != want {
			t.Errorf("%q: %v", role, err)
		}
	}
}

// An answer that removed the cookie at once could arrive after the next sign-in's, and
// remove the new one: tabs ask at the same time.
func TestCookieOver_LeavesTheBrowserTimeForTheNextCookie(t *testing.T) {
	w := newCookieWorld(t)
	logintest.Check(t, w.SignOutCookie(t.Context(), w.ann.RefreshToken, browserHome))
	for range 2 {
		if w.CookieOver(w.ann.RefreshToken) {
			t.Error("it is removed at once")
		}
		w.clock.Advance(4 * time.Second)
	}
	w.clock.Advance(2 * time.Second)
	if !w.CookieOver(w.ann.RefreshToken) {
		t.Error("it stays")
	}
	if !w.CookieOver("no cookie of ours") {
		t.Error("what never was a session's stays")
	}
}

// Once a new cookie replaces a session's cookie, nobody could end that session. The
// hosted pages' session may be the origin of the new one; signing out ends both.
func TestReplaceCookie_EndsOnlyTheSessionThatTheBrowserHasLost(t *testing.T) {
	w := newWorld(t)
	pages := w.signUp(t, "ann@example.org")
	enter := func() login.Grant {
		t.Helper()
		app, err := w.Exchange(t.Context(), login.ExchangeInput{Code: w.handOver(t, pages), CodeVerifier: codeVerifier, Client: browserHome})
		logintest.Check(t, err)
		return app
	}
	works := func(cookie string) bool {
		_, err := w.CookieIdentity(t.Context(), cookie)
		return err == nil
	}
	first, second := enter(), enter()
	for _, cookie := range []string{first.RefreshToken, first.RefreshToken, "x"} {
		logintest.Check(t, w.ReplaceCookie(t.Context(), cookie, browserHome))
	}
	if works(first.RefreshToken) || !works(second.RefreshToken) {
		t.Error("not the replaced session has ended, but another")
	}
	if _, err := w.Me(t.Context(), identity(pages)); err != nil {
		t.Errorf("the session of the pages: %v", err)
	}
	logintest.Check(t, w.SignOutCookie(t.Context(), second.RefreshToken, browserHome))
	if _, err := w.Me(t.Context(), identity(pages)); err == nil || works(second.RefreshToken) {
		t.Error("signed out, and not everywhere in this browser")
	}
}
