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

// serveEcho makes an upstream speak both subprotocols of GraphQL over WebSocket and
// echo each message.
func serveEcho(u *upstream) {
	u.answers(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			Subprotocols: []string{"graphql-transport-ws", "graphql-ws"}, InsecureSkipVerify: true,
		})
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), kind, message) != nil {
				return
			}
		}
	})
}

func TestWebSocket_PassesBothSubprotocolsAndOnlyTheFewHeaders(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	serveEcho(g.hasura)
	for _, subprotocol := range []string{"graphql-transport-ws", "graphql-ws"} {
		header := http.Header{"Origin": {"https://app.example.org"}, "Authorization": {"Bearer a.b.c"}, "X-Hasura-Role": {"user"}}
		for i := 0; i < len(forged); i += 2 {
			if !strings.HasPrefix(forged[i], "Upgrade") && forged[i] != "Te" {
				header[forged[i]] = append(header[forged[i]], forged[i+1])
			}
		}
		c, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(g.URL("/v1/graphql?token=in-the-query"), "http"), &websocket.DialOptions{
			Host: "localhost", HTTPHeader: header, Subprotocols: []string{subprotocol},
		})
		if err != nil {
			t.Fatal(err)
		}
		checkSecurityHeaders(t, "101", resp.Header, "")
		if c.Subprotocol() != subprotocol {
			t.Errorf("speaks %q, not %q", c.Subprotocol(), subprotocol)
		}
		for _, message := range []string{`{"type":"connection_init"}`, strings.Repeat("x", 30_000)} {
			if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
				t.Fatal(err)
			}
			if _, got, err := c.Read(t.Context()); err != nil || string(got) != message {
				t.Fatalf("%d bytes come back, %v", len(got), err)
			}
		}
		_ = c.Close(websocket.StatusNormalClosure, "")

		seen := g.hasura.take()
		if len(seen) != 1 || seen[0].RequestURI != "/v1/graphql" {
			t.Fatalf("Hasura got %d requests, the first for %s", len(seen), seen[0].RequestURI)
		}
		var names []string
		for name := range seen[0].Header {
			names = append(names, name)
		}
		slices.Sort(names)
		want := []string{"Authorization", "Connection", "Origin", "Sec-Websocket-Key", "Sec-Websocket-Protocol", "Sec-Websocket-Version", "Upgrade", "User-Agent", "X-Edge-Secret", "X-Hasura-Role", "X-Real-Ip", "X-Request-Id"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("headers at Hasura (-want +got):\n%s", diff)
		}
		if got := seen[0].Header; got.Get("X-Real-Ip") != "127.0.0.1" || got.Get("X-Edge-Secret") != "edge-secret-of-the-test" || got.Get("X-Request-Id") == "chosen-by-the-client" {
			t.Errorf("forged headers arrived: %v", got)
		}
	}
}

func TestWebSocket_RefusalOfTheUpstreamReachesTheClient(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.hasura.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	if status := g.openSocket(t, "-"); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	g.hasura.Close()
	if status := g.openSocket(t, "-"); status != http.StatusServiceUnavailable {
		t.Errorf("with no upstream: status %d", status)
	}
}

// An upgrade to anything but a WebSocket would leave nginx with a connection that
// it no longer understands.
func TestWebSocket_NoOtherUpgradePasses(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, c := range []struct {
		method, path, upgrade string
		want                  int
	}{
		{"GET", "/v1/graphql", "h2c", 405}, {"GET", "/v1/graphql", "websocket, h2c", 405}, {"POST", "/v1/graphql", "websocket", 200},
		{"POST", "/v1/graphql", "h2c", 200}, {"GET", "/auth/me", "websocket", 200}, {"GET", "/healthz", "websocket", 200},
	} {
		a := g.do(t, c.method, g.URL(c.path), "", "Connection", "Upgrade", "Upgrade", c.upgrade)
		if a.StatusCode != c.want {
			t.Errorf("%s %s with %q: %d", c.method, c.path, c.upgrade, a.StatusCode)
		}
		for _, r := range append(g.login.take(), g.hasura.take()...) {
			if r.Header.Get("Upgrade") != "" || r.Header.Get("Connection") != "" {
				t.Errorf("%s %s: the upstream is asked to upgrade to %q", c.method, c.path, r.Header.Get("Upgrade"))
			}
		}
	}
}
