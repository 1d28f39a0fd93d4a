package appliance_test

import (
	"net/http"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// A load balancer asks by IP address, or with HTTP/1.0 and no name at all. Appliances
// that fail a cloud's health checks for that reason are a common report.
func TestHealthz_IsAnsweredToALoadBalancerThatKnowsNoName(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "127.0.0.1", Names: "login.example.org"})
	for name, c := range map[string]struct {
		text    string
		want    int
		reaches string
	}{
		"an IPv4 address":       {"GET /healthz HTTP/1.1\r\nHost: 10.0.0.5\r\n", 200, "GET"},
		"with a port":           {"GET /healthz HTTP/1.1\r\nHost: 10.0.0.5:8080\r\n", 200, "GET"},
		"an IPv6 address":       {"GET /healthz HTTP/1.1\r\nHost: [fd00::5]\r\n", 200, "GET"},
		"no name":               {"GET /healthz HTTP/1.0\r\n", 200, "GET"},
		"HEAD":                  {"HEAD /healthz HTTP/1.1\r\nHost: 10.0.0.5\r\n", 200, "HEAD"},
		"POST":                  {"POST /healthz HTTP/1.1\r\nHost: 10.0.0.5\r\nContent-Length: 0\r\n", 405, ""},
		"anything else":         {"GET /auth/me HTTP/1.1\r\nHost: 10.0.0.5\r\n", 0, ""},
		"GraphQL":               {"POST /v1/graphql HTTP/1.1\r\nHost: 10.0.0.5\r\nContent-Length: 0\r\n", 0, ""},
		"the name":              {"GET /healthz HTTP/1.1\r\nHost: login.example.org\r\n", 200, "GET"},
		"a header that lies":    {"GET /healthz HTTP/1.1\r\nHost: 10.0.0.5\r\nX-Edge-Secret: guess\r\n", 200, "GET"},
		"a path below /healthz": {"GET /healthz/ HTTP/1.1\r\nHost: 10.0.0.5\r\n", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := request(t, testserver.Addr(g.Port), c.text+"Connection: close\r\n\r\n"); got != c.want {
				t.Errorf("answers %d, not %d", got, c.want)
			}
			var reached []string
			for _, r := range g.login.take() {
				reached = append(reached, r.Method)
				if r.RequestURI != "/healthz" || r.Host == "" || r.Header.Get("X-Edge-Secret") != "edge-secret-of-the-test" {
					t.Errorf("arrives as %s %s %v", r.Host, r.RequestURI, r.Header)
				}
			}
			if got := strings.Join(reached, ","); got != c.reaches {
				t.Errorf("reaches login as %q, not %q", got, c.reaches)
			}
		})
	}
	stranger := newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "10.0.0.5"})
	if got := request(t, testserver.Addr(stranger.Port), "GET /healthz HTTP/1.1\r\nHost: 10.0.0.5\r\n\r\n"); got != 0 {
		t.Errorf("a stranger is answered %d", got)
	}
}

// login refuses compressed bodies, so nginx must pass on Content-Encoding.
func TestCompressedBody_ReachesLoginAsOne(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, path := range []string{"/auth/signin", "/auth/refresh", "/auth/pages/signin"} {
		g.do(t, "POST", g.URL(path), "{}", "Content-Encoding", "BR")
		if got := received(t, g.login).Get("Content-Encoding"); got != "BR" {
			t.Errorf("%s: arrives as %q", path, got)
		}
		g.do(t, "POST", g.URL(path), "{}")
		if _, there := received(t, g.login)["Content-Encoding"]; there {
			t.Errorf("%s: arrives with an encoding that was not sent", path)
		}
	}
}

// The Allow header of a 405 lists the methods that the listener takes.
func TestAllow_OfTheListenerThatOnlyRedirects(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{Entry: "tls"})
	if a := g.do(t, "POST", g.URL("/auth/signin"), "{}"); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d, allowed are %q", a.StatusCode, a.Header.Get("Allow"))
	}
}
