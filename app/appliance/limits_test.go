package appliance_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hasura-login/app/testserver"
)

// Clients are told apart by the address that a load balancer on the loopback
// address reports, so that one machine can be many clients.
func newCrowdedGateway(t *testing.T) *gateway {
	return newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "127.0.0.1"})
}

// hammer sends n requests as fast as they are answered and returns how many were
// let through, and the last refusal.
func (g *gateway) hammer(t *testing.T, n int, method, path, client string) (passed int, refused answer) {
	t.Helper()
	for range n {
		a := g.do(t, method, g.URL(path), `{}`, "X-Forwarded-For", client)
		if a.StatusCode == http.StatusTooManyRequests {
			refused = a
		} else {
			passed++
		}
	}
	return passed, refused
}

func TestLimits_AuthCountsPerClientAndSaysWhenToComeBack(t *testing.T) {
	g := newCrowdedGateway(t)
	passed, refused := g.hammer(t, 60, "POST", "/auth/signin", "198.51.100.1")
	if passed < 21 || refused.Response == nil {
		t.Fatalf("%d of 60 were let through, 21 at once and 5 a second may be", passed)
	}
	checkError(t, refused, http.StatusTooManyRequests, "rate-limited")
	checkSecurityHeaders(t, "429", refused.Header, "max-age=63072000")
	var p problem
	decode(t, refused, &p)
	if refused.Header.Get("Retry-After") != "1" || p.RetryAfter != 1 {
		t.Errorf("retry after %q, in the body %d", refused.Header.Get("Retry-After"), p.RetryAfter)
	}
	if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", "198.51.100.2"); passed != 10 {
		t.Errorf("another client: %d of 10", passed)
	}
	if passed, _ := g.hammer(t, 20, "POST", "/auth/refresh", "198.51.100.1"); passed != 20 {
		t.Errorf("refreshes of the same client: %d of 20", passed)
	}
	if passed, _ := g.hammer(t, 20, "OPTIONS", "/auth/signin", "198.51.100.1"); passed != 20 {
		t.Errorf("preflights of the same client: %d of 20", passed)
	}
}

func TestLimits_AnIPv6CustomerIsOneClient(t *testing.T) {
	g := newCrowdedGateway(t)
	if passed, refused := g.hammer(t, 60, "POST", "/auth/signin", "2001:db8:1:2::1"); refused.Response == nil {
		t.Fatalf("%d of 60 were let through", passed)
	}
	if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", "2001:db8:1:2:ffff:1:2:3"); passed > 8 {
		t.Errorf("another address of the same /64: %d of 10", passed)
	}
	if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", "2001:db8:1:3::1"); passed != 10 {
		t.Errorf("an address of another /64: %d of 10", passed)
	}
}

func TestLimits_GraphQLAllowsMoreAndRefusesInItsOwnForm(t *testing.T) {
	g := newCrowdedGateway(t)
	passed, refused := g.hammer(t, 250, "POST", "/v1/graphql", "198.51.100.1")
	if passed < 101 || refused.Response == nil {
		t.Fatalf("%d of 250 were let through, 101 at once and 20 a second may be", passed)
	}
	checkError(t, refused, http.StatusTooManyRequests, "rate-limited")
	var e graphqlErrors
	decode(t, refused, &e)
	if refused.Header.Get("Retry-After") != "1" || e.Errors[0].Extensions.RetryAfter != 1 {
		t.Errorf("no time to come back: %s", refused.body)
	}
}

func TestLimits_UnknownPathsCountToo(t *testing.T) {
	g := newCrowdedGateway(t)
	if passed, _ := g.hammer(t, 250, "GET", "/wp-login.php", "198.51.100.1"); passed > 200 {
		t.Errorf("%d of 250 were let through", passed)
	}
}

func TestLimits_AnOfficeHas200ConnectionsAndStrangersTheirOwn(t *testing.T) {
	g := newCrowdedGateway(t)
	serveEcho(g.hasura)
	const office = "198.51.100.1"
	open := 0
	for open < 210 {
		// The rate limit lets some 20 new connections a second through.
		status := g.openSocket(t, office)
		if status == http.StatusSwitchingProtocols {
			open++
			continue
		}
		if status != http.StatusTooManyRequests {
			t.Fatalf("socket %d: status %d", open, status)
		}
		if open >= 200 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if open != 200 {
		t.Errorf("%d connections at once", open)
	}
	if status := g.openSocket(t, "198.51.100.2"); status != http.StatusSwitchingProtocols {
		t.Errorf("a stranger is refused: %d", status)
	}
}

// openSocket opens a WebSocket that stays open until the test ends.
func (g *gateway) openSocket(t *testing.T, client string) int {
	t.Helper()
	c, resp, err := websocket.Dial(t.Context(), "ws"+g.URL("/v1/graphql")[len("http"):], &websocket.DialOptions{
		Host: "localhost", HTTPHeader: http.Header{"X-Forwarded-For": {client}},
	})
	if err != nil && resp == nil {
		t.Fatal(err)
	}
	if c != nil {
		t.Cleanup(func() { _ = c.CloseNow() })
	}
	return resp.StatusCode
}

func TestClient_IsTheAddressOrItsPrefixExactly(t *testing.T) {
	g := newCrowdedGateway(t)
	addresses := []string{
		"203.0.113.7", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "2001:db8:1:2::6", "2001:db8:1::6", "2001:db8::5:6",
		"2001:db8::3:4:5:6", "2001::", "::", "::1", "::5:6", "::5:6:7:8", "::4:5:6:7:8", "::3:4:5:6:7:8",
		"2001::4:5:6:7:8", "2001::3:4:5:6:7", "2001:0:0:4::8", "2001:db8:0:0:5::", "0:2:3:4:5:6:7:8", "0:0:3:4:5:6:7:0",
		"2001:0:3:4:5:6:7:8", "2001:db8:0:4:5:6:7:8", "2001:db8:3:0:5:6:7:8", "2001:db8:3:0:0:6:7:8", "2001:db8:3:4:0:0:7:8",
		"fe80::1:2:3:4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1:0:0:0:0:6:0:0", "1:0:3::", "0:2::", "::ffff:203.0.113.7",
	}
	for _, a := range addresses {
		g.do(t, "GET", g.URL("/healthz"), "", "X-Forwarded-For", a)
	}
	lines := g.AccessLog(t, len(addresses))
	for i, a := range addresses {
		var line struct{ Client string }
		if err := json.Unmarshal(lines[i], &line); err != nil {
			t.Fatal(err)
		}
		want := netip.MustParseAddr(a).Unmap()
		if want.Is4() {
			if line.Client != want.String() {
				t.Errorf("%s is %q", a, line.Client)
			}
			continue
		}
		prefix, _ := want.Prefix(64)
		got, err := netip.ParsePrefix(line.Client)
		if err != nil || got != prefix {
			t.Errorf("%s is %q, not %s", a, line.Client, prefix)
		}
	}
}

func TestLoadBalancer_OnlyItsAddressesMayConnectAndAreBelieved(t *testing.T) {
	trusted := newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "127.0.0.1/32, 10.0.0.0/24"})
	// The balancer appends the address it saw; what stood before it is the client's.
	trusted.do(t, "GET", trusted.URL("/healthz"), "", "X-Forwarded-For", "203.0.113.99, 198.51.100.7, 10.0.0.3")
	if got := received(t, trusted.login).Get("X-Real-Ip"); got != "198.51.100.7" {
		t.Errorf("the client is %s", got)
	}
	stranger := newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "10.0.0.5"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, stranger.URL("/healthz"), nil)
	if resp, err := stranger.client.Do(req); err == nil {
		t.Errorf("one that is not the load balancer gets %s", resp.Status)
		_ = resp.Body.Close()
	}
	if n := len(stranger.login.take()); n != 0 {
		t.Errorf("%d requests reached login", n)
	}
}
