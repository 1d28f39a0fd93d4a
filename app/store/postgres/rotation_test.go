package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
	"hasura-login/app/token"
)

// urlRotation moves from one role to the other under load, as the rotation of a
// database password does, and shuts the old role out once it is seen no more.
func (f *fixture) urlRotation(t *testing.T) {
	database := f.newDatabase(t)
	var url atomic.Pointer[string]
	use := func(role string) {
		u := f.URLFor(role, database)
		url.Store(&u)
	}
	use("hasura_login_a")
	store := openURL(t, func() (string, error) { return *url.Load(), nil })
	families := newFamilies(t, store, 20)

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	steps := atomic.Int64{}
	for _, family := range families {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := family.Step(t.Context()); err != nil {
					t.Errorf("a call failed: %v", err)
					return
				}
				steps.Add(1)
			}
		})
	}
	defer load.Wait()
	defer stop()
	more := func(n int64) {
		t.Helper()
		from := steps.Load()
		eventually(t, "refreshes go on", func() bool { return t.Failed() || steps.Load() >= from+n })
	}
	for _, turn := range []struct{ from, to string }{{"hasura_login_a", "hasura_login_b"}, {"hasura_login_b", "hasura_login_a"}} {
		more(200)
		use(turn.to)
		more(20)
		if changed, err := store.Refresh(); !changed || err != nil {
			t.Errorf("Refresh after the URL changed: %v, %v", changed, err)
		}
		f.waitGone(t, database, turn.from)
		f.Exec(t, "postgres", "ALTER ROLE "+turn.from+" NOLOGIN")
		more(200)
		f.Exec(t, "postgres", "ALTER ROLE "+turn.from+" LOGIN")
	}
}

// noticedBefore has a new connection see the new URL before Refresh is called:
// the others must be retired all the same.
func (f *fixture) noticedBefore(t *testing.T) {
	database := f.newDatabase(t)
	current := f.URLFor("hasura_login_a", database)
	store := openURL(t, func() (string, error) { return current, nil })
	refresh := func(want bool) {
		t.Helper()
		if changed, err := store.Refresh(); changed != want || err != nil {
			t.Errorf("Refresh: %v, %v, want %v", changed, err, want)
		}
	}
	refresh(false)
	current = f.URLFor("hasura_login_b", database)
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	refresh(true)
	refresh(false)
}

// unreadableURL breaks the secret file: connections keep the last good URL, and Refresh
// returns the error.
func (f *fixture) unreadableURL(t *testing.T) {
	database := f.newDatabase(t)
	current, broken := f.URLFor(role, database), error(nil)
	store := openURL(t, func() (string, error) { return current, broken })
	family := storetest.NewFamily(t, store, "ann@example.org")
	check := func() {
		t.Helper()
		if changed, err := store.Refresh(); changed || err == nil {
			t.Errorf("Refresh: %v, %v, want an error", changed, err)
		}
		f.disconnect(t, database)
		if err := family.Step(t.Context()); err != nil {
			t.Error(err)
		}
	}
	broken = errors.New("no such file")
	check()
	current, broken = "postgres://[", nil
	check()
}

func (f *fixture) refusedRole(t *testing.T) {
	store := openURL(t, func() (string, error) { return f.URLFor("hasura_login", f.newDatabase(t)), nil }) // NOLOGIN
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping as a role that may not log in: %v, want ErrUnavailable", err)
	}
	store = openURL(t, func() (string, error) { return f.URLFor(role, "no_such_database"), nil })
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping of a database that is not there: %v, want ErrUnavailable", err)
	}
}

// brokenColumns holds values that a person at a console may leave behind.
func (f *fixture) brokenColumns(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	family := storetest.NewFamily(t, store, "ann@example.org")
	f.Exec(t, database, "ALTER TABLE auth.accounts DISABLE TRIGGER accounts_claims") // a hand of before
	for claims, roles := range map[string]string{
		`{"x-hasura-org": 7, "x-hasura-team": "red"}`: `{user,NULL}`,
		`[1, 2]`: `{}`, `null`: `{NULL}`, `"text"`: `{{user,editor}}`,
	} {
		f.Exec(t, database, `UPDATE auth.accounts SET claims = '`+claims+`', roles = '`+roles+`'`)
		if _, err := store.UserAccountByEmail(t.Context(), "ann@example.org"); err != nil {
			t.Errorf("claims %s, roles %s: %v", claims, roles, err)
		}
		if err := family.Step(t.Context()); err != nil {
			t.Errorf("claims %s, roles %s: %v", claims, roles, err)
		}
	}
	f.Exec(t, database, `UPDATE auth.accounts SET claims = '{"x-hasura-org": 7, "x-hasura-team": "red"}', roles = '{user,NULL}'`)
	ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if len(ua.Account.Claims) != 1 || ua.Account.Claims["x-hasura-team"] != "red" || len(ua.Account.Roles) != 1 {
		t.Errorf("claims %v, roles %v", ua.Account.Claims, ua.Account.Roles)
	}
}

// The public report: claims that Hasura cannot read, numbers for one, were dropped
// from the token without a word.
func (f *fixture) refusedClaims(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	storetest.NewFamily(t, store, "ann@example.org")
	conn := f.connect(t, f.URL(database))
	for _, claims := range []string{
		`{"x-hasura-org": 7}`, `{"x-hasura-org": null}`, `{"x-hasura-org": ["7"]}`, `{"x-hasura-org": {}}`, `{"x-hasura-org": true}`,
		`[1]`, `"x-hasura-org"`, `7`, `{"org": "7"}`, `{"X-Hasura-Org": "7"}`, `{"x-hasura-": "7"}`, `{"x-hasura-ſ": "7"}`,
		`{"x-hasura-user-id": "7"}`, `{"x-hasura-role": "x"}`, `{"x-hasura-default-role": "x"}`, `{"x-hasura-allowed-roles": "x"}`,
		`{"x-hasura-session-id": "7"}`, `{"x-hasura-email-verified": "true"}`, `{"x-hasura-admin-secret": "x"}`, `{"x-hasura-edge-secret": "x"}`,
	} {
		if _, err := conn.Exec(t.Context(), `UPDATE auth.accounts SET claims = $1::text::jsonb`, claims); err == nil {
			t.Errorf("%s was taken", claims)
		}
		names := map[string]string{}
		if json.Unmarshal([]byte(claims), &names) == nil && len(names) > 0 && claims != `{"x-hasura-org": null}` {
			if err := (token.Names{}).CheckAccount(login.Account{Claims: names}); err == nil {
				t.Errorf("%s is taken by CheckAccount", claims)
			}
		}
	}
	for _, claims := range []string{`{}`, `{"x-hasura-org-id": "7", "x-hasura-team_2": ""}`} {
		exec(t, conn, `UPDATE auth.accounts SET claims = $1::text::jsonb`, claims)
	}
}
