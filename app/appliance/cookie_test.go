package appliance_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// keeper answers at /gateway as login does for a session with an access token; anything
// else gets an empty object.
func keeper(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/gateway" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{}`))
			return
		}
		if role := r.Header.Get("X-Hasura-Role"); role == "editor" {
			w.Header().Set("X-Hasura-Role", role)
		}
		w.Header().Set("Authorization", "Bearer "+token)
		w.WriteHeader(http.StatusNoContent)
	}
}

// refuser answers at /gateway with the code of a refusal.
func refuser(code string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Gateway-Code", code)
		w.WriteHeader(http.StatusForbidden)
	}
}

// asked splits what reached login into questions about cookies and the rest.
func asked(requests []*http.Request) (questions, others []*http.Request) {
	for _, r := range requests {
		if r.URL.Path == "/gateway" {
			questions = append(questions, r)
		} else {
			others = append(others, r)
		}
	}
	return questions, others
}

func TestCookie_BecomesTheAuthorizationThatHasuraReads(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.answers(keeper("x.y.z"))
	const body = `{"query":"{__typename}"}`
	sent := []string{"Content-Type", "application/json", "Origin", "https://app.example.org", "User-Agent", "a browser", "Sec-Fetch-Site", "same-site", "X-Hasura-Role", "admin"}
	sent = append(sent, forged...)
	a := g.do(t, "POST", g.URL("/v1/graphql?x=1"), body, append(sent, "Cookie", "other=1; dev-session=secret; more=2")...)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	id := a.Header.Get("X-Request-Id")
	want := http.Header{
		"Authorization": {"Bearer x.y.z"}, "Content-Type": {"application/json"}, "Content-Length": {"24"},
		"Origin": {"https://app.example.org"}, "User-Agent": {"a browser"},
		"X-Real-Ip": {"127.0.0.1"}, "X-Edge-Secret": {"edge-secret-of-the-test"}, "X-Request-Id": {id},
	}
	if diff := cmp.Diff(want, received(t, g.hasura)); diff != "" {
		t.Errorf("headers at Hasura (-want +got):\n%s", diff)
	}
	questions, _ := asked(g.login.take())
	if len(questions) != 1 || questions[0].Method != http.MethodGet || questions[0].RequestURI != "/gateway" {
		t.Fatalf("login is asked %v", questions)
	}
	want = http.Header{
		"Cookie": {"dev-session=secret"}, "Content-Type": {"application/json"}, "Origin": {"https://app.example.org"},
		"Sec-Fetch-Site": {"same-site"}, "X-Forwarded-Method": {"POST"}, "X-Hasura-Role": {"admin"},
		"X-Real-Ip": {"127.0.0.1"}, "X-Edge-Secret": {"edge-secret-of-the-test"}, "X-Request-Id": {id},
	}
	if diff := cmp.Diff(want, questions[0].Header); diff != "" {
		t.Errorf("headers at login (-want +got):\n%s", diff)
	}
	// A role goes on only if login says so.
	g.do(t, "POST", g.URL("/v1/graphql"), body, "Content-Type", "application/json", "Cookie", "dev-session=secret", "X-Hasura-Role", "editor")
	if got := received(t, g.hasura).Values("X-Hasura-Role"); !slices.Equal(got, []string{"editor"}) {
		t.Errorf("the role at Hasura is %q", got)
	}
	if got := string(a.body); got != `{"upstream":"hasura"}` {
		t.Errorf("the answer is %s", got)
	}
}

// The engine reads Authorization of the upgrade, in both subprotocols (transcript
// auth-ws-token-in-upgrade).
func TestCookie_BecomesTheAuthorizationOfAWebSocket(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	serveEcho(g.hasura)
	g.login.answers(keeper("x.y.z"))
	for _, subprotocol := range []string{"graphql-transport-ws", "graphql-ws"} {
		header := http.Header{"Origin": {"https://app.example.org"}, "Cookie": {"dev-session=secret"}, "X-Hasura-User-Id": {"forged"}, "X-Hasura-Role": {"admin"}}
		c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(g.URL("/v1/graphql?token=x"), "http"), &websocket.DialOptions{
			Host: "localhost", HTTPHeader: header, Subprotocols: []string{subprotocol},
		})
		if err != nil {
			t.Fatal(err)
		}
		const message = `{"type":"connection_init"}`
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(t.Context()); err != nil || string(got) != message || c.Subprotocol() != subprotocol {
			t.Errorf("%s: %q comes back over %q, %v", subprotocol, got, c.Subprotocol(), err)
		}
		_ = c.CloseNow()
		seen := received(t, g.hasura)
		if seen.Get("Authorization") != "Bearer x.y.z" || seen.Get("Cookie") != "" || seen.Get("X-Hasura-User-Id") != "" || seen.Get("X-Hasura-Role") != "" {
			t.Errorf("headers at Hasura: %v", seen)
		}
		questions, _ := asked(g.login.take())
		if len(questions) != 1 || questions[0].Header.Get("X-Forwarded-Method") != http.MethodGet || questions[0].Header.Get("Origin") != "https://app.example.org" || questions[0].Header.Get("Upgrade") != "" {
			t.Errorf("login is asked %v", questions)
		}
	}
}

func TestCookie_ARefusalReachesTheClientAndNothingReachesHasura(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{CORSOrigins: "https://app.example.org"})
	for code, status := range map[string]int{
		"unauthenticated": 401, "origin-refused": 403, "forbidden": 403, "ambiguous-credentials": 400, "unavailable": 503, "internal": 500,
	} {
		const gone = "dev-session=; Path=/; HttpOnly"
		g.login.answers(refuser(code, "Set-Cookie", gone, "Authorization", "Bearer x.y.z"))
		a := g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Content-Type", "application/json", "Cookie", "dev-session=secret", "Origin", "https://app.example.org")
		checkError(t, a, status, code)
		checkSecurityHeaders(t, code, a.Header, "")
		if a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("%s: a page could not read it: %v", code, a.Header)
		}
		if a.Header.Get("Set-Cookie") != gone {
			t.Errorf("%s: login's cookie is lost: %q", code, a.Header.Values("Set-Cookie"))
		}
		if got := g.openSocket(t, "-", "Cookie", "dev-session=secret"); got != status {
			t.Errorf("%s: a WebSocket gets %d", code, got)
		}
	}
	if n := len(g.hasura.take()); n != 0 {
		t.Errorf("Hasura got %d requests", n)
	}
}

func TestCookie_WithoutLoginOnlyCookiesAreRefused(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.Close()
	a := g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Content-Type", "application/json", "Cookie", "dev-session=secret")
	checkError(t, a, http.StatusServiceUnavailable, "unavailable")
	if a.Header.Get("Retry-After") != "5" {
		t.Errorf("retry after %q", a.Header.Get("Retry-After"))
	}
	for _, header := range [][]string{{"Authorization", "Bearer a.b.c"}, {}} {
		if a := g.do(t, "POST", g.URL("/v1/graphql"), `{}`, header...); a.StatusCode != http.StatusOK {
			t.Errorf("with %v: %d %s", header, a.StatusCode, a.body)
		}
	}
	// An answer that does not come from login counts as no answer.
	g = newGateway(t, testserver.NginxSettings{})
	for _, status := range []int{301, 401, 403, 404, 500, 502} {
		g.login.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		checkError(t, g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Cookie", "dev-session=secret"), http.StatusServiceUnavailable, "unavailable")
	}
	if n := len(g.hasura.take()); n != 0 {
		t.Errorf("Hasura got %d requests", n)
	}
}

func TestCookie_OtherRequestsTakeTheShortWay(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, header := range [][]string{
		{}, {"Authorization", "Bearer a.b.c"}, {"Cookie", "a=1; xdev-session=2; session=3; __Host-session=4"}, {"Cookie", "dev-session="}, {"Cookie", "a=dev-session"},
	} {
		if a := g.do(t, "POST", g.URL("/v1/graphql"), `{}`, header...); a.StatusCode != http.StatusOK {
			t.Errorf("%v: %d", header, a.StatusCode)
		}
	}
	if questions, _ := asked(g.login.take()); len(questions) != 0 {
		t.Errorf("login was asked %d times", len(questions))
	}
}

// Only nginx itself may ask login about a cookie: the answer has an access token.
func TestCookie_NobodyElseAsks(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.answers(keeper("x.y.z"))
	for _, path := range []string{"/gateway", "/gateway/", "/%67ateway"} {
		checkError(t, g.do(t, "GET", g.URL(path), "", "Cookie", "dev-session=secret"), http.StatusNotFound, "not-found")
	}
	for _, path := range []string{"/session/graphql", "/session/websocket"} {
		if a := g.do(t, "POST", g.URL(path), "{}", "Cookie", "dev-session=secret"); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if n := len(g.login.take()) + len(g.hasura.take()); n != 0 {
		t.Errorf("%d requests passed", n)
	}
}

// Login's own API reads the cookies itself.
func TestCookie_LoginGetsItsOwnAndNoOther(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, c := range []struct{ sent, want string }{
		{"a=1; dev-session=s; b=2; login-device=d", "dev-session=s; login-device=d"},
		{"dev-session=s", "dev-session=s;"}, {"a=1;login-device=d;c=3", "; login-device=d"}, {"login-session=pages; a=1", ""},
	} {
		g.do(t, "POST", g.URL("/auth/signin"), `{}`, "Cookie", c.sent, "Sec-Fetch-Site", "same-origin")
		if got := received(t, g.login); got.Get("Cookie") != c.want || got.Get("Sec-Fetch-Site") != "same-origin" {
			t.Errorf("%q arrives as %q, %v", c.sent, got.Get("Cookie"), got)
		}
	}
	g.do(t, "POST", g.URL("/auth/refresh"), `{}`, "Cookie", "dev-session=s")
	if got := received(t, g.login).Get("Cookie"); got != "" {
		t.Errorf("a refresh brings %q", got)
	}
}

// With TLS, only names that no sibling domain and no plain page can set count. Over
// HTTP/2 each cookie is a field of its own.
func TestCookie_BehindTLSHasThePrefix(t *testing.T) {
	g := newTLSGateway(t)
	g.trust()
	g.login.answers(keeper("x.y.z"))
	post := func(cookie string) {
		t.Helper()
		a := g.do(t, "POST", "https://"+siteName+"/v1/graphql", `{}`, "Content-Type", "application/json", "Cookie", cookie)
		if a.StatusCode != http.StatusOK || a.ProtoMajor != 2 {
			t.Errorf("%q: %s %d %s", cookie, a.Proto, a.StatusCode, a.body)
		}
	}
	post("a=1; __Host-session=s; __Host-login-device=d")
	questions, _ := asked(g.login.take())
	if len(questions) != 1 || questions[0].Header.Get("Cookie") != "__Host-session=s" || received(t, g.hasura).Get("Authorization") != "Bearer x.y.z" {
		t.Errorf("login is asked %v", questions)
	}
	post("dev-session=s; __host-session=s; __Secure-session=s")
	if questions, _ := asked(g.login.take()); len(questions) != 0 {
		t.Errorf("login is asked %v", questions)
	}
}

// A cookie stands in no log.
func TestCookie_StandsInNoLog(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.answers(refuser("unauthenticated"))
	g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Cookie", "dev-session=kept-from-logs")
	g.login.Close()
	g.do(t, "POST", g.URL("/v1/graphql"), `{}`, "Cookie", "dev-session=kept-from-logs")
	for _, line := range g.AccessLog(t, 2) {
		if strings.Contains(string(line), "kept-from-logs") || !strings.Contains(string(line), `"path":"/v1/graphql"`) {
			t.Errorf("the access log says %s", line)
		}
	}
	if strings.Contains(g.Output(), "kept-from-logs") {
		t.Errorf("the error log says %s", g.Output())
	}
}
