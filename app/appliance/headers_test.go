package appliance_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// Headers that a hostile client adds to get a right, an identity or an address that it
// does not have.
var forged = []string{
	"X-Hasura-Admin-Secret", "guess", "X-Hasura-Access-Key", "guess",
	"X-Hasura-User-Id", "11111111-1111-1111-1111-111111111111", "x-hasura-user-id", "22222222-2222-2222-2222-222222222222",
	"X-Hasura-Allowed-Roles", "admin", "X-Hasura-Use-Backend-Only-Permissions", "true",
	"X-Hasura-Action-Secret", "guess", "X_Hasura_Role", "admin",
	"X-Real-IP", "203.0.113.99", "X-Forwarded-For", "203.0.113.99", "X-Forwarded-Host", "evil.example",
	"X-Forwarded-Proto", "https", "Forwarded", "for=203.0.113.99", "X-Client-IP", "203.0.113.99",
	"X-Edge-Secret", "guess", "X-Request-Id", "chosen-by-the-client", "Cookie", "session=stolen",
	"X-Original-Url", "/v1/metadata", "X-Rewrite-Url", "/v1/metadata", "X-Http-Method-Override", "DELETE",
	"Accept-Encoding", "gzip", "Te", "trailers", "Upgrade", "h2c", "Http2-Settings", "AAMAAABkAAQAAP__",
	"X-Forwarded-User-Agent", "forged", "X-Forwarded-Origin", "https://forged.example", "X-B3-TraceId", "1",
}

var honest = []string{
	"Authorization", "Bearer a.b.c", "Content-Type", "application/json", "Origin", "https://app.example.org",
	"User-Agent", "a browser", "Accept", "application/json",
}

func received(t *testing.T, u *upstream) http.Header {
	t.Helper()
	requests := u.take()
	if len(requests) != 1 {
		t.Fatalf("%d requests arrived, not one", len(requests))
	}
	return requests[0].Header
}

func TestHeaders_HasuraGetsOnlyTheFewThatMayPass(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	a := g.do(t, "POST", g.URL("/v1/graphql"), `{"query":"{__typename}"}`, slices.Concat(forged, honest, []string{"X-Hasura-Role", "user"})...)
	got := received(t, g.hasura)
	want := http.Header{
		"Authorization": {"Bearer a.b.c"}, "Content-Type": {"application/json"}, "Content-Length": {"24"},
		"Origin": {"https://app.example.org"}, "User-Agent": {"a browser"}, "X-Hasura-Role": {"user"},
		"X-Real-Ip": {"127.0.0.1"}, "X-Edge-Secret": {"edge-secret-of-the-test"}, "X-Request-Id": {a.Header.Get("X-Request-Id")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers at Hasura (-want +got):\n%s", diff)
	}
}

func TestHeaders_LoginGetsOnlyTheFewThatMayPass(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{EdgeSecret: "fresh"})
	for _, route := range []struct{ method, path, length string }{
		{"POST", "/auth/signin", "2"}, {"POST", "/auth/refresh", "2"}, {"GET", "/.well-known/jwks.json", "2"}, {"GET", "/healthz", "2"},
	} {
		a := g.do(t, route.method, g.URL(route.path), `{}`, slices.Concat(forged, honest, []string{"X-Hasura-Role", "admin"})...)
		got := received(t, g.login)
		want := http.Header{
			"Authorization": {"Bearer a.b.c"}, "Content-Type": {"application/json"}, "Content-Length": {route.length}, "Accept": {"application/json"},
			"Origin": {"https://app.example.org"}, "User-Agent": {"a browser"},
			"X-Real-Ip": {"127.0.0.1"}, "X-Edge-Secret": {"fresh"}, "X-Request-Id": {a.Header.Get("X-Request-Id")},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers at %s (-want +got):\n%s", route.path, diff)
		}
	}
}

// Hasura drops Accept-Language on the way to an action, and not a header of another name.
func TestHeaders_LanguagesReachLoginThroughHasuraToo(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const wanted = "fr, de;q=0.8"
	g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Accept-Language", wanted, "X-Forwarded-Accept-Language", "forged")
	if got := received(t, g.hasura); got.Get("X-Forwarded-Accept-Language") != wanted || len(got.Values("X-Forwarded-Accept-Language")) != 1 {
		t.Errorf("at Hasura: %v", got)
	}
	g.do(t, "POST", g.URL("/auth/signup"), `{}`, "Accept-Language", wanted, "X-Forwarded-Accept-Language", "forged")
	if got := received(t, g.login); got.Get("Accept-Language") != wanted || got.Get("X-Forwarded-Accept-Language") != "" {
		t.Errorf("at login: %v", got)
	}
}

func TestHeaders_PreflightsReachTheServiceThatKnowsTheOrigins(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for path, u := range map[string]*upstream{"/v1/graphql": g.hasura, "/auth/signin": g.login} {
		g.do(t, "OPTIONS", g.URL(path), "", "Origin", "https://app.example.org",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization, content-type")
		got := received(t, u)
		for name, want := range map[string]string{"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, got.Get(name))
			}
		}
	}
}

func TestHeaders_RequestIDIsOursAndTheSameEverywhere(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.hasura.answers(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Request-Id", "the-upstream's") })
	seen := map[string]bool{}
	for range 3 {
		a := g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "X-Request-Id", "mine")
		ids := a.Header.Values("X-Request-Id")
		if len(ids) != 1 || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(ids[0]) || seen[ids[0]] {
			t.Errorf("the client gets %q", ids)
		}
		seen[ids[0]] = true
		if got := received(t, g.hasura).Values("X-Request-Id"); !slices.Equal(got, ids) {
			t.Errorf("the upstream gets %q, the client %q", got, ids)
		}
	}
}

var securityHeaders = map[string]string{
	"X-Content-Type-Options":  "nosniff",
	"X-Frame-Options":         "DENY",
	"Referrer-Policy":         "no-referrer",
	"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

// checkSecurityHeaders fails unless each header is there exactly once. hsts is empty if
// the answer goes over plain HTTP.
func checkSecurityHeaders(t *testing.T, what string, h http.Header, hsts string) {
	t.Helper()
	want := maps.Clone(securityHeaders)
	if hsts != "" {
		want["Strict-Transport-Security"] = hsts
	} else if got := h.Values("Strict-Transport-Security"); len(got) > 0 {
		t.Errorf("%s: HSTS %q", what, got)
	}
	if h.Get("Content-Type") == "text/html; charset=utf-8" { // a page of nginx's own
		want["Content-Security-Policy"] = pageErrorPolicy(t)
	}
	for name, value := range want {
		if got := h.Values(name); !slices.Equal(got, []string{value}) {
			t.Errorf("%s: %s is %q", what, name, got)
		}
	}
	if got := h.Get("Server"); got != "nginx" {
		t.Errorf("%s: the server says it is %q", what, got)
	}
	if got := h.Values("X-Powered-By"); len(got) > 0 {
		t.Errorf("%s: powered by %q", what, got)
	}
}

func TestHeaders_SecurityHeadersAreOnEveryKindOfAnswer(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	with := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for name := range securityHeaders {
				w.Header().Set(name, "the upstream's opinion")
			}
			w.Header().Set("Strict-Transport-Security", "max-age=1")
			w.Header().Set("X-Powered-By", "something")
			w.WriteHeader(status)
		}
	}
	for _, status := range []int{200, 201, 204, 301, 400, 401, 403, 404, 409, 429, 500, 503} {
		g.login.answers(with(status))
		g.hasura.answers(with(status))
		for _, path := range []string{"/auth/signup", "/auth/refresh", "/v1/graphql"} {
			a := g.do(t, "POST", g.URL(path), `{}`)
			if a.StatusCode != status {
				t.Errorf("%s answers %d, the upstream %d", path, a.StatusCode, status)
			}
			checkSecurityHeaders(t, path+" "+a.Status, a.Header, "")
		}
	}
	big := string(make([]byte, 2<<20))
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/none", ""}, {"GET", "/v1/graphql", ""}, {"PUT", "/auth/me", ""}, {"POST", "/auth/signin", big}, {"POST", "/v1/graphql", big},
	} {
		a := g.do(t, c.method, g.URL(c.path), c.body)
		checkSecurityHeaders(t, c.method+" "+c.path, a.Header, "")
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s %s: may be cached: %q", c.method, c.path, got)
		}
	}
}
