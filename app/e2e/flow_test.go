package e2e_test

import (
	"bytes"
	"strings"
	"testing"
)

// The life of a user, through nginx, the stand-in, login and Postgres.
func TestFlow_GraphQLAndREST(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	ann, bob := c.signUp("ann@example.org"), c.signUp("bob@example.org")

	var in grant
	c.signIn("ANN@example.org", goodPassword).data(t, "signin", &in)
	if in.ID != ann.ID {
		t.Errorf("signed in as %s, signed up as %s", in.ID, ann.ID)
	}
	if r := c.signIn("ann@example.org", "not the password"); r.status != 200 || r.code() != "invalid-credentials" {
		t.Errorf("wrong password over GraphQL: %d %s", r.status, r.body)
	}
	if r := c.rest("POST", "/auth/signin", map[string]any{"email": "ann@example.org", "password": "not the password"}); r.status != 401 || r.code() != "invalid-credentials" {
		t.Errorf("wrong password over REST: %d %s", r.status, r.body)
	}

	var rows []struct{ ID, Email, Name string }
	c.as(in).graphQL(`{ users { id email name } }`, nil).data(t, "users", &rows)
	if len(rows) != 1 || rows[0].ID != ann.ID || rows[0].Email != "ann@example.org" {
		t.Errorf("rows %+v, want the own one", rows)
	}
	if r := c.as(in).graphQL(`query ($id: uuid!) { users_by_pk(id: $id) { id } }`, map[string]any{"id": bob.ID}); !bytes.Contains(r.body, []byte(`"users_by_pk":null`)) {
		t.Errorf("another's row: %s", r.body)
	}
	var renamed struct{ Name string }
	c.as(in).graphQL(`mutation ($id: uuid!) { update_users_by_pk(pk_columns: {id: $id}, _set: {name: "Anna"}) { name } }`, map[string]any{"id": ann.ID}).data(t, "update_users_by_pk", &renamed)
	if renamed.Name != "Anna" {
		t.Errorf("name %q after the change", renamed.Name)
	}

	var refreshed grant
	c.graphQL(`mutation ($t: String!) { refresh(refreshToken: $t) { `+grantFields+` } }`, map[string]any{"t": in.RefreshToken}).data(t, "refresh", &refreshed)
	if r := c.as(refreshed).graphQL(`{ sessions { id client current } }`, nil); strings.Count(string(r.body), `"id"`) != 2 {
		t.Errorf("sessions: %s", r.body)
	}
	if r := c.graphQL(`mutation ($t: String!) { signout(refreshToken: $t) { ok } }`, map[string]any{"t": refreshed.RefreshToken}); !strings.Contains(string(r.body), `"ok":true`) {
		t.Errorf("signing out: %s", r.body)
	}
	if r := c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": refreshed.RefreshToken}); r.code() != "invalid-refresh-token" {
		t.Errorf("refreshing after the sign-out: %d %s", r.status, r.body)
	}
}

// No role sees anything of schema auth, and public sees no table at all.
func TestFlow_NoRoleSeesAHash(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	g := c.signUp("ann@example.org")
	admin := &client{t: t, base: "http://" + s.hasura, http: c.http, header: map[string][]string{"X-Hasura-Admin-Secret": {adminSecret}}}
	for who, caller := range map[string]*client{"public": c, "user": c.as(g), "admin": admin} {
		r := caller.graphQL(`{ __schema { types { name fields { name } } } }`, nil)
		if r.code() != "" {
			t.Fatalf("%s: %s", who, r.body)
		}
		for _, private := range []string{"auth_accounts", "auth_sessions", "refresh_tokens", "session_version", `"hash"`, `"nonce"`} {
			if strings.Contains(string(r.body), private) {
				t.Errorf("the schema of %s names %s", who, private)
			}
		}
	}
	if r := c.graphQL(`{ users { id } }`, nil); r.code() != "validation-failed" {
		t.Errorf("public reads users: %s", r.body)
	}
	if r := c.as(g).graphQL(`mutation { update_users(where: {}, _set: {email: "x@y.z"}) { affected_rows } }`, nil); r.code() != "validation-failed" {
		t.Errorf("a user sets its e-mail: %s", r.body)
	}
}

// Hasura's headers, forged by a client, change nothing.
func TestFlow_ForgedHeadersAreWorthNothing(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	ann, bob := c.signUp("ann@example.org"), c.signUp("bob@example.org")
	forged := c.with("X-Hasura-User-Id", ann.ID).with("X-Hasura-Role", "user").with("X-Hasura-Admin-Secret", adminSecret).with("X-Hasura-Action-Secret", actionSecret)
	if r := forged.graphQL(`mutation { signoutAll { ok } }`, nil); r.code() != "validation-failed" {
		t.Errorf("a public client calls a user's action: %s", r.body)
	}
	if r := forged.graphQL(`{ users { id } }`, nil); r.code() != "validation-failed" {
		t.Errorf("a public client with forged headers reads users: %s", r.body)
	}
	var rows []struct{ ID string }
	c.as(bob).with("X-Hasura-User-Id", ann.ID).graphQL(`{ users { id } }`, nil).data(t, "users", &rows)
	if len(rows) != 1 || rows[0].ID != bob.ID {
		t.Errorf("rows %+v", rows)
	}
	if r := c.with("X-Hasura-Action-Secret", actionSecret).rest("POST", "/actions/signin", map[string]any{}); r.status != 404 {
		t.Errorf("action routes are reachable from outside: %d %s", r.status, r.body)
	}
	for _, path := range []string{"/metrics", "/readyz", "/v1/metadata", "/v2/query", "/console", "/v1/version", "/healthz/", "/auth/../metrics"} {
		if r := c.rest("GET", path, nil); r.status != 404 {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

func TestVerbs_UsersAndKeys(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	out, err := s.try(goodPassword+"\n", "users", "create", "op@example.org", "--name", "Op", "--roles", "editor,user")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g := c.restGrant("POST", "/auth/signin", map[string]any{"email": "op@example.org", "password": goodPassword})
	if r := c.as(g).with("X-Hasura-Role", "editor").graphQL(`{ __typename }`, nil); r.code() != "" {
		t.Errorf("role editor: %s", r.body)
	}
	for _, args := range [][]string{{"set-roles", "op@example.org", "admin"}, {"show", "nobody@example.org"}, {"set-roles", "op@example.org"}} {
		if out, err := s.try("", "users", args...); err == nil {
			t.Errorf("users %v succeeded: %s", args, out)
		}
	}
	if out := s.run("users", "list", "--json", "--email", "OP@"); !strings.Contains(out, g.ID) || strings.Contains(out, "$2a$") {
		t.Errorf("list: %s", out)
	}
	s.run("users", "disable", "op@example.org")
	if r := c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken}); r.code() != "invalid-refresh-token" {
		t.Errorf("refreshing a disabled account: %s", r.body)
	}
	if r := c.rest("POST", "/auth/signin", map[string]any{"email": "op@example.org", "password": goodPassword}); r.status != 403 || r.code() != "account-disabled" {
		t.Errorf("signing in to a disabled account: %d %s", r.status, r.body)
	}
	s.run("users", "enable", "op@example.org")
	if out, err := s.try("battery of volta 1800", "users", "set-password", g.ID); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	c.restGrant("POST", "/auth/signin", map[string]any{"email": "op@example.org", "password": "battery of volta 1800"})
	if out, err := s.try("n\n", "users", "delete", g.ID); err == nil {
		t.Errorf("deleted without a yes: %s", out)
	}
	s.run("users", "delete", "--yes", g.ID)
	if r := c.rest("POST", "/auth/signin", map[string]any{"email": "op@example.org", "password": "battery of volta 1800"}); r.code() != "invalid-credentials" {
		t.Errorf("signing in to a deleted account: %s", r.body)
	}
	if out := s.run("keys", "list"); !strings.Contains(out, "active") {
		t.Errorf("keys list: %s", out)
	}
	if out := s.run("check"); strings.Contains(out, "postgres://") || !strings.Contains(out, "usable") {
		t.Errorf("check: %s", out)
	}
}
