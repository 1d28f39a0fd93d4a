package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hasura-login/app/testserver"
)

// nginx takes a client's address from a load balancer on the loopback address, so one
// machine can be many clients.
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

// Behind NAT64, all of IPv4 comes from one /96 and would share one client's limits: a
// public report against several rate limiters that count IPv6 by the /64. A user of
// 6to4 would be another client for each /64 of a /48.
func TestLimits_IPv4InsideIPv6IsThatIPv4Client(t *testing.T) {
	t.Parallel()
	g := newGateway(t, testserver.NginxSettings{Entry: "load-balancer", LoadBalancers: "127.0.0.1", NAT64: "2001:db8:64:0:0:1::/96"})
	for i, c := range []struct{ name, inside, neighbour string }{
		{"mapped", "::ffff:198.51.100.%d", "::ffff:198.51.101.%d"},
		{"NAT64's well-known prefix", "64:ff9b::198.51.100.%d", "64:ff9b::198.51.101.%d"},
		{"NAT64's well-known prefix, with groups of zeros", "64:ff9b::198.51.0.%d", "64:ff9b::0.10.0.%d"},
		{"the operator's prefix", "2001:db8:64::1:198.51.100.%d", "2001:db8:64::1:198.51.101.%d"},
		{"a byte that ends lines", "64:ff9b::198.10.10.%d", "64:ff9b::198.10.11.%d"},
	} {
		byte4 := 10 + i
		inside := netip.MustParseAddr(fmt.Sprintf(c.inside, byte4))
		raw := inside.As16()
		native := netip.AddrFrom4([4]byte(raw[12:]))
		if passed, refused := g.hammer(t, 60, "POST", "/auth/signin", native.String()); refused.Response == nil {
			t.Fatalf("%s: %d of 60 were let through", c.name, passed)
		}
		if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", inside.String()); passed > 8 {
			t.Errorf("%s: %d of 10 were let through from an address whose IPv4 is refused", c.name, passed)
		}
		if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", fmt.Sprintf(c.neighbour, byte4)); passed != 10 {
			t.Errorf("%s: %d of 10 of another IPv4 client", c.name, passed)
		}
	}
	if passed, refused := g.hammer(t, 60, "POST", "/auth/signin", "203.0.113.77"); refused.Response == nil {
		t.Fatalf("%d of 60 were let through", passed)
	}
	passed := 0
	for i := range 10 { // 203.0.113.77 by 6to4, from a /64 each
		n, _ := g.hammer(t, 1, "POST", "/auth/signin", fmt.Sprintf("2002:cb00:714d:%x::1", i))
		passed += n
	}
	if passed > 8 {
		t.Errorf("6to4: %d of 10", passed)
	}
	// Teredo's addresses belong to servers everywhere; each /64 is a client, as
	// elsewhere.
	if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", "2001:0:cb00:714d::1"); passed != 10 {
		t.Errorf("Teredo: %d of 10", passed)
	}
}

func TestLimits_ASiteThatSpreadsOverIts64sMeetsAWiderOne(t *testing.T) {
	t.Parallel()
	g := newCrowdedGateway(t)
	const n = 1000
	passed := 0
	for i := range n {
		got, _ := g.hammer(t, 1, "POST", "/auth/signin", fmt.Sprintf("2001:db8:7:%x::1", i))
		passed += got
	}
	if passed < 161 || passed == n {
		t.Errorf("%d of %d were let through from the /64s of one /48; 161 at once and 40 a second may be", passed, n)
	}
	if got, _ := g.hammer(t, 10, "POST", "/auth/signin", "2001:db8:8:1::1"); got != 10 {
		t.Errorf("another /48: %d of 10", got)
	}
	if got, _ := g.hammer(t, 10, "POST", "/auth/signin", "198.51.100.1"); got != 10 {
		t.Errorf("IPv4: %d of 10", got)
	}
}

// Bytes tell a /64 in every spelling that nginx has for one.
func TestLimits_A64WithAGroupOfZerosIsOneClient(t *testing.T) {
	t.Parallel()
	g := newCrowdedGateway(t)
	if passed, refused := g.hammer(t, 60, "POST", "/auth/signin", "2001:db8:9::1"); refused.Response == nil {
		t.Fatalf("%d of 60 were let through", passed)
	}
	for _, same := range []string{"2001:db8:9:0:1:2:3:4", "2001:db8:9:0:1::"} {
		if passed, _ := g.hammer(t, 10, "POST", "/auth/signin", same); passed > 8 {
			t.Errorf("%s: %d of 10", same, passed)
		}
	}
}

// 57 kB of aliases made login write 355 kB.
func TestLimits_GraphQLBodies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setting  string
		fits, no int
	}{
		"as it is":    {"", 256 << 10, 256<<10 + 1},
		"set to less": {"8k", 8 << 10, 8<<10 + 1},
		"set to more": {"1m", 1 << 20, 1<<20 + 1},
	} {
		g := newGateway(t, testserver.NginxSettings{GraphQLBody: c.setting})
		if a := g.do(t, "POST", g.URL("/v1/graphql"), strings.Repeat(" ", c.fits)); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d bytes: %d %s", name, c.fits, a.StatusCode, a.body)
		}
		a := g.do(t, "POST", g.URL("/v1/graphql"), strings.Repeat(" ", c.no))
		checkError(t, a, http.StatusRequestEntityTooLarge, "payload-too-large")
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
func (g *gateway) openSocket(t *testing.T, client string, header ...string) int {
	t.Helper()
	headers := http.Header{"X-Forwarded-For": {client}}
	for i := 0; i < len(header); i += 2 {
		headers.Set(header[i], header[i+1])
	}
	c, resp, err := websocket.Dial(t.Context(), "ws"+g.URL("/v1/graphql")[len("http"):], &websocket.DialOptions{
		Host: "localhost", HTTPHeader: headers,
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
		"2002:c633:6404::1", "2002:c633:6404:1:2:3:4:5", "2002:c633::1", "2002:0:6404::1", "2002::1", "64:ff9b::c633:6404", "64:ff9b::",
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
		bits := 64
		switch {
		case strings.HasPrefix(a, "2002:"):
			bits = 48
		case strings.HasPrefix(a, "64:ff9b:"): // one IPv4 client
			if line.Client != a {
				t.Errorf("%s is %q", a, line.Client)
			}
			continue
		}
		prefix, _ := want.Prefix(bits)
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
