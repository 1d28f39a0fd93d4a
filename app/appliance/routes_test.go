package appliance_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// request sends one request exactly as written and returns the status; 0 if the
// connection is closed without an answer.
func request(t *testing.T, address, text string) int {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprint(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestRoutes_OnlyTheAllowedOnesReachAnUpstream(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const nowhere = ""
	cases := []struct{ line, reaches string }{
		{"POST /v1/graphql", "hasura POST /v1/graphql"},
		{"OPTIONS /v1/graphql", "hasura OPTIONS /v1/graphql"},
		{"POST /auth/signin", "login POST /auth/signin"},
		{"POST /auth/refresh", "login POST /auth/refresh"},
		{"OPTIONS /auth/refresh", "login OPTIONS /auth/refresh"},
		{"POST /auth/email/verify", "login POST /auth/email/verify"},
		{"POST /auth/email/verification", "login POST /auth/email/verification"},
		{"POST /auth/email/change", "login POST /auth/email/change"},
		{"GET /auth/me", "login GET /auth/me"},
		{"DELETE /auth/sessions/4711", "login DELETE /auth/sessions/4711"},
		{"GET /auth/sessions?page=2", "login GET /auth/sessions?page=2"},
		{"GET /.well-known/jwks.json", "login GET /.well-known/jwks.json"},
		{"HEAD /.well-known/jwks.json", "login HEAD /.well-known/jwks.json"},
		{"GET /healthz", "login GET /healthz"},
		{"HEAD /healthz", "login HEAD /healthz"},
		{"HEAD /auth/me", "login HEAD /auth/me"},
		{"HEAD /auth/pages/signin", "login HEAD /auth/pages/signin"},
		{"GET /", "login GET /"},
		{"GET //", "login GET /"},
		{"GET /.well-known/change-password", "login GET /.well-known/change-password"},
		{"GET /.well-known/change-password/", nowhere},

		// The upstream never has to interpret a path as the client wrote it.
		{"POST /v1/graphql?x=1", "hasura POST /v1/graphql"},
		{"POST /v1/metadata/../graphql", "hasura POST /v1/graphql"},
		{"POST /v1//graphql", "hasura POST /v1/graphql"},
		{"POST /v1/%67raphql", "hasura POST /v1/graphql"},
		{"POST http://localhost/v1/graphql", "hasura POST /v1/graphql"},
		{"POST /auth/%2e%2e/v1/graphql", "hasura POST /v1/graphql"},
		{"POST /x/..%2Fauth/signin", "login POST /auth/signin"},

		{"GET /index.html", nowhere},
		{"GET /nothing", nowhere},
		{"POST /v1/graphql/", nowhere},
		{"POST /v1/graphql/explain", nowhere},
		{"POST /v1/graphql/../metadata", nowhere},
		{"POST /v1/graphql%00", nowhere},
		{"POST /v1/graphql;x", nowhere},
		{"POST /V1/GraphQL", nowhere},
		{"POST /v1/metadata", nowhere},
		{"POST /v1/query", nowhere},
		{"POST /v2/query", nowhere},
		{"POST /v1alpha1/graphql", nowhere},
		{"POST /v1alpha1/pg_dump", nowhere},
		{"GET /v1alpha1/config", nowhere},
		{"POST /v1beta1/relay", nowhere},
		{"GET /v1/version", nowhere},
		{"GET /api/rest/users", nowhere},
		{"GET /console", nowhere},
		{"GET /console/assets/main.js", nowhere},
		{"GET /dev/ekg", nowhere},
		{"GET /hasura/healthz", nowhere},
		{"GET /healthz/sources", nowhere},
		{"GET /websocket", nowhere},
		{"GET /auth", nowhere},
		{"POST /auth/../actions/signin", nowhere},
		{"POST /auth/%2e%2e/actions/signin", nowhere},
		{"POST /auth/..%2factions/signin", nowhere},
		{"POST /actions/signin", nowhere},
		{"GET /metrics", nowhere},
		{"GET /livez", nowhere},
		{"GET /readyz", nowhere},
		{"GET /stub_status", nowhere},
		{"GET /.well-known/openid-configuration", nowhere},
		{"GET /.env", nowhere},
	}
	for _, c := range cases {
		t.Run(c.line, func(t *testing.T) {
			status := request(t, testserver.Addr(g.Port), c.line+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			got := nowhere
			for _, r := range g.login.take() {
				got += "login " + r.Method + " " + r.RequestURI
			}
			for _, r := range g.hasura.take() {
				got += "hasura " + r.Method + " " + r.RequestURI
			}
			if diff := cmp.Diff(c.reaches, got); diff != "" {
				t.Errorf("reaches (-want +got):\n%s", diff)
			}
			if c.reaches == nowhere && status != http.StatusNotFound && status != http.StatusBadRequest {
				t.Errorf("answers %d", status)
			}
			time.Sleep(55 * time.Millisecond) // within the general limit
		})
	}
}

func TestRoutes_RefuseOtherMethods(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for path, refused := range map[string][]string{
		"/v1/graphql":            {"GET", "HEAD", "PUT", "PATCH", "DELETE", "PROPFIND"},
		"/auth/signin":           {"PUT", "PROPFIND"},
		"/auth/refresh":          {"GET", "HEAD", "PUT", "DELETE"},
		"/.well-known/jwks.json": {"POST", "PUT", "DELETE", "OPTIONS"},
		"/healthz":               {"POST", "PUT", "DELETE", "OPTIONS"},
	} {
		for _, method := range refused {
			a := g.do(t, method, g.URL(path), "")
			if allow := a.Header.Get("Allow"); allow == "" || strings.Contains(allow, method) {
				t.Errorf("%s %s: allowed are %q", method, path, allow)
			}
			if method == "HEAD" {
				a.body = []byte(`{"code":"method-not-allowed","title":"-","status":405,"requestId":"` + a.Header.Get("X-Request-Id") + `"}`)
				if path == "/v1/graphql" {
					continue // no body to look at
				}
			}
			checkError(t, a, http.StatusMethodNotAllowed, "method-not-allowed")
		}
	}
	for path, allowed := range map[string]string{
		"/auth/signin":         "GET, HEAD, POST, PATCH, DELETE, OPTIONS", // PATCH changes a member's role
		"/auth/oauth/corp":     "GET, HEAD, POST",
		"/auth/pages/signin":   "GET, HEAD, POST",
		"/auth/refresh":        "POST, OPTIONS",
		"/auth/organizations/": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
	} {
		if got := g.do(t, "PUT", g.URL(path), "").Header.Get("Allow"); got != allowed {
			t.Errorf("%s: Allow says %q, and nginx takes %q", path, got, allowed)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT"} {
		status := request(t, testserver.Addr(g.Port), method+" /auth/signin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if status != 405 && status != 400 {
			t.Errorf("%s answers %d", method, status)
		}
	}
	if n := len(g.login.take()) + len(g.hasura.take()); n != 0 {
		t.Errorf("%d requests reached an upstream", n)
	}
}

func TestRoutes_UnknownHostGetsNothing(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{Names: "login.example.org, api.example.org"})
	for host, want := range map[string]int{
		"login.example.org": 200, "api.example.org": 200, "LOGIN.example.org": 200, "login.example.org:8080": 200,
		"localhost": 0, "127.0.0.1": 0, "example.org": 0, "login.example.org.evil.example": 0, "": 0,
	} {
		status := request(t, testserver.Addr(g.Port), "GET /healthz HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if want == 0 && host == "" {
			want = http.StatusBadRequest // HTTP/1.1 asks for a host; the answer is one of ours
		}
		if status != want && (host != "" || status != 0) {
			t.Errorf("host %q: %d, not %d", host, status, want)
		}
	}
	if got := request(t, testserver.Addr(g.Port), "GET /healthz HTTP/1.0\r\n\r\n"); got != 0 {
		t.Errorf("no host at all: %d", got)
	}
	if n := len(g.login.take()); n != 4 {
		t.Errorf("%d requests reached login, not 4", n)
	}
}

func TestRoutes_StatusIsOnAnotherListener(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for path, want := range map[string]int{"/stub_status": 200, "/alive": 204, "/auth/me": 404} {
		if a := g.do(t, "GET", "http://"+testserver.Addr(g.StatusPort)+path, ""); a.StatusCode != want {
			t.Errorf("%s answers %d", path, a.StatusCode)
		}
	}
}
