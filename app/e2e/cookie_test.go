package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hasura-login/app/testserver"
)

// In the tests nginx speaks plain HTTP, as in development.
const sessionCookie = "dev-session"

// appOrigin is that of a page that may use the cookie.
const appOrigin = "https://app.example.org"

// A stack for all of it: one takes seconds to start.
func TestCookie_IsTheWholeSession(t *testing.T) {
	plainHTTP := map[string]string{"LOGIN_PUBLIC_URL": "http://localhost:8080"}
	s := start(t, options{env: plainHTTP})
	cookieForRequestsAndWebSockets(t, s)
	cookieOfASessionThatEnds(t, s, s.startLogin(plainHTTP))
	cookieWithChangedClaims(t, s)
	cookieWithoutLogin(t, s)
}

// keeps opens a session that is only in a cookie, and returns a client with it.
func (c *client) keeps(path string, body map[string]any) *client {
	c.t.Helper()
	body["session"] = "cookie"
	if c.header.Get("Origin") == "" {
		c = c.with("Origin", appOrigin)
	}
	r := c.rest("POST", path, body)
	if r.status/100 != 2 || strings.Contains(string(r.body), "oken") {
		c.t.Fatalf("%s: %d %s", path, r.status, r.body)
	}
	var pairs []string
	for _, cookie := range (&http.Response{Header: r.header}).Cookies() {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return c.with("Cookie", strings.Join(pairs, "; "))
}

func (c *client) signsUpWithCookie(email string) *client {
	c.t.Helper()
	return c.keeps("/auth/signup", map[string]any{"email": email, "name": "Ann", "password": goodPassword})
}

const ownRow = "{ users { email } }"

// sees is the row that the client gets, or the code of its error.
func (c *client) sees() string {
	c.t.Helper()
	r := c.graphQL(ownRow, nil)
	if code := r.code(); code != "" {
		return code
	}
	var rows []struct{ Email string }
	r.data(c.t, "users", &rows)
	if len(rows) != 1 {
		return "not its own row"
	}
	return rows[0].Email
}

// over opens a WebSocket and runs one query. The client's headers go with the handshake,
// as a browser's cookies do.
func (c *client) over(protocol string, init map[string]string) (string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, strings.Replace(c.base, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{
		Subprotocols: []string{protocol}, HTTPHeader: c.header,
	})
	if err != nil {
		if resp != nil {
			return resp.Status, nil
		}
		return "", err
	}
	defer func() { _ = conn.CloseNow() }()
	s := &socket{t: c.t, conn: conn, new: protocol == newProtocol}
	payload := json.RawMessage(nil)
	if init != nil {
		payload, _ = json.Marshal(map[string]any{"headers": init})
	}
	s.send(frame{Type: "connection_init", Payload: payload})
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return websocket.CloseStatus(err).String(), nil
		}
		var f frame
		check(c.t, json.Unmarshal(b, &f))
		switch f.Type {
		case "connection_ack":
			start := "subscribe"
			if !s.new {
				start = "start"
			}
			s.send(frame{Type: start, ID: "1", Payload: json.RawMessage(`{"query":"` + ownRow + `"}`)})
		case "next", "data":
			var o struct {
				Data struct{ Users []struct{ Email string } }
			}
			check(c.t, json.Unmarshal(f.Payload, &o))
			if len(o.Data.Users) == 1 {
				return o.Data.Users[0].Email, nil
			}
			return string(f.Payload), nil
		case "connection_error", "error":
			return string(f.Payload), nil
		}
	}
}

func cookieForRequestsAndWebSockets(t *testing.T, s *stack) {
	t.Helper()
	ann := s.client().signsUpWithCookie("ann@example.org")
	bob := s.client().signsUpWithCookie("bob@example.org")
	for range 2 {
		if got := ann.sees(); got != "ann@example.org" {
			t.Errorf("ann sees %s", got)
		}
		if got := bob.sees(); got != "bob@example.org" {
			t.Errorf("bob sees %s", got)
		}
	}
	for _, protocol := range []string{newProtocol, legacyProtocol} {
		for name, init := range map[string]map[string]string{"without a payload": nil, "with headers that name somebody else": {"X-Hasura-User-Id": "11111111-1111-1111-1111-111111111111"}} {
			if got, err := ann.over(protocol, init); err != nil || got != "ann@example.org" {
				t.Errorf("%s, %s: %q, %v", protocol, name, got, err)
			}
		}
		// The engine itself finds two tokens.
		other := s.client().signIn("bob@example.org", goodPassword)
		var g grant
		other.data(t, "signin", &g)
		got, err := ann.over(protocol, map[string]string{"Authorization": "Bearer " + g.Token})
		if err != nil || strings.Contains(got, "@example.org") {
			t.Errorf("%s, with a token as well: %q, %v", protocol, got, err)
		}
		if got, err := ann.with("Origin", "https://evil.example").over(protocol, nil); err != nil || got != "403 Forbidden" {
			t.Errorf("%s, from a foreign page: %q, %v", protocol, got, err)
		}
	}
	if got := ann.with("Origin", "https://evil.example").sees(); got != "origin-refused" {
		t.Errorf("a foreign page sees %s", got)
	}
	if got := ann.as(grant{Token: "x"}).sees(); got != "ambiguous-credentials" {
		t.Errorf("a cookie with a token sees %s", got)
	}
	if got := ann.with("X-Hasura-Role", "admin").with("X-Hasura-User-Id", "1").sees(); got != "forbidden" {
		t.Errorf("as admin it sees %s", got)
	}
	// A server that renders a page passes the cookie on and is no browser.
	server := *ann
	server.header = http.Header{"Cookie": ann.header["Cookie"]}
	if got := server.sees(); got != "ann@example.org" {
		t.Errorf("a server sees %s", got)
	}
	// Without the cookie, the role is still public.
	if got := s.client().with("Cookie", "other=1").sees(); got == "ann@example.org" || !strings.Contains(got, "validation") {
		t.Errorf("a visitor sees %s", got)
	}
}

// The end of a session holds at the very next request, on another replica too; this one
// is behind nginx, and the session ends elsewhere.
func cookieOfASessionThatEnds(t *testing.T, s *stack, replica *loginProcess) {
	t.Helper()
	elsewhere := s.client()
	elsewhere.base = "http://" + replica.api
	elsewhere.header.Set("X-Edge-Secret", edgeSecret)
	for name, end := range map[string]func(ann *client){
		"signed out on another replica": func(ann *client) {
			gone := *elsewhere.with("Cookie", ann.header.Get("Cookie")).with("Origin", appOrigin)
			if r := gone.rest("POST", "/auth/signout", nil); r.status != http.StatusNoContent {
				t.Errorf("signing out: %d %s", r.status, r.body)
			}
		},
		"disabled":                  func(*client) { s.run("users", "disable", "ends@example.org") },
		"with other roles":          func(*client) { s.run("users", "set-roles", "ends@example.org", "user,editor") },
		"signed out by an operator": func(*client) { s.run("users", "sign-out", "ends@example.org") },
		"with another password": func(ann *client) {
			r := ann.rest("POST", "/auth/password", map[string]any{"currentPassword": goodPassword, "newPassword": "battery of volta 1800"})
			if r.status != http.StatusOK || strings.Contains(string(r.body), "oken") {
				t.Errorf("changing the password: %d %s", r.status, r.body)
			}
		},
	} {
		ann := s.client().signsUpWithCookie("ends@example.org")
		if got := ann.sees(); got != "ends@example.org" {
			t.Fatalf("%s: before, the user sees %s", name, got)
		}
		end(ann)
		if got := ann.sees(); got != "unauthenticated" {
			t.Errorf("%s: at once after, the user sees %s", name, got)
		}
		for _, protocol := range []string{newProtocol, legacyProtocol} {
			if got, err := ann.over(protocol, nil); err != nil || got != "401 Unauthorized" {
				t.Errorf("%s: over %s: %q, %v", name, protocol, got, err)
			}
		}
		if r := ann.rest("GET", "/auth/me", nil); r.code() != "unauthenticated" {
			t.Errorf("%s: me: %d %s", name, r.status, r.body)
		}
		s.run("users", "delete", "--yes", "ends@example.org")
	}
}

// Claims change while a session goes on; login no longer gives out the token that it
// kept.
func cookieWithChangedClaims(t *testing.T, s *stack) {
	t.Helper()
	edge := s.client()
	edge.base = "http://" + s.login.api
	edge.header = http.Header{"X-Edge-Secret": {edgeSecret}, "X-Forwarded-Method": {"GET"}}
	ann := s.client().signsUpWithCookie("claims@example.org").header.Get("Cookie")
	ask := func() string {
		return edge.with("Cookie", ann).rest("GET", "/gateway", nil).header.Get("Authorization")
	}
	first, again := ask(), ask()
	s.run("users", "set-claims", "claims@example.org", "x-hasura-team=7")
	changed := ask()
	if first == "" || first != again || changed == first {
		t.Errorf("the same token twice: %t; another one after the change: %t", first == again, changed != first)
	}
}

func cookieWithoutLogin(t *testing.T, s *stack) {
	t.Helper()
	ann := s.client().signsUpWithCookie("outage@example.org")
	var bob grant
	s.client().signIn("bob@example.org", goodPassword).data(t, "signin", &bob)
	s.login.Kill()
	<-s.login.Done()
	if got := ann.sees(); got != "unavailable" {
		t.Errorf("with the cookie: %s", got)
	}
	if got := s.client().as(bob).sees(); got != "bob@example.org" {
		t.Errorf("with a token: %s", got)
	}
}

// `make run` serves both halves at one port, with the cookie as nginx takes it.
func TestDev_TakesTheCookieAsNginxDoes(t *testing.T) {
	graphql := testserver.Addr(testserver.FreePort(t))
	cmd := exec.Command(devBinary, "--listen", testserver.Addr(testserver.FreePort(t)), "--graphql", graphql,
		"--ops", testserver.Addr(testserver.FreePort(t)), "--data", t.TempDir())
	p := testserver.Start(t, cmd)
	p.WaitReady(t, 20*time.Second, func() error { return ok("http://" + graphql + "/healthz") })

	page := &client{t: t, base: "http://" + graphql, header: http.Header{}, http: http.DefaultClient}
	ann := page.with("Origin", "http://localhost:5173").signsUpWithCookie("ann@example.org")
	if got := ann.sees(); got != "ann@example.org" {
		t.Errorf("ann sees %s", got)
	}
	for _, protocol := range []string{newProtocol, legacyProtocol} {
		if got, err := ann.over(protocol, nil); err != nil || got != "ann@example.org" {
			t.Errorf("over %s: %q, %v", protocol, got, err)
		}
		if got, err := ann.with("Origin", "https://evil.example").over(protocol, nil); err != nil || got != "403 Forbidden" {
			t.Errorf("over %s from a foreign page: %q, %v", protocol, got, err)
		}
	}
	refused := ann.with("Origin", "http://127.0.0.1:5173").with("X-Hasura-Role", "admin").with("X-Hasura-Admin-Secret", "x").graphQL(ownRow, nil)
	if refused.code() != "forbidden" || refused.status != http.StatusForbidden || refused.header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("as admin: %d %v %s", refused.status, refused.header, refused.body)
	}
	if got := ann.with("X-Hasura-Admin-Secret", "x").with("X-Hasura-User-Id", "1").sees(); got != "ann@example.org" {
		t.Errorf("with headers of its own ann sees %s", got)
	}
	if got := ann.with("Origin", "https://evil.example").sees(); got != "origin-refused" {
		t.Errorf("a foreign page sees %s", got)
	}
	if got := ann.as(grant{Token: "x"}).sees(); got != "ambiguous-credentials" {
		t.Errorf("a cookie with a token sees %s", got)
	}
	if r := ann.rest("POST", "/auth/signout", nil); r.status != http.StatusNoContent || !strings.Contains(r.header.Get("Set-Cookie"), sessionCookie+"=;") {
		t.Errorf("signing out: %d %v", r.status, r.header)
	}
	if got := ann.sees(); got != "unauthenticated" {
		t.Errorf("signed out, ann sees %s", got)
	}
}
