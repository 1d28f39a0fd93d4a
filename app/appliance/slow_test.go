package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

func dialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
}

// closedWithin sends the parts a second apart and reports whether nginx ended the
// connection before the last one.
func closedWithin(t *testing.T, port int, first, dribble string, seconds int) bool {
	t.Helper()
	c, err := net.DialTimeout("tcp", testserver.Addr(port), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, first); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	for range seconds {
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := c.Read(buffer); err == nil {
			continue // an error page; the end follows
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			return true
		}
		if dribble != "" {
			if _, err := fmt.Fprint(c, dribble); err != nil {
				return true
			}
		}
	}
	return false
}

func TestSlowClients_LoseTheirConnectionAndReachNobody(t *testing.T) {
	t.Parallel()
	g := newGateway(t, testserver.NginxSettings{})
	for name, c := range map[string]struct{ first, dribble string }{
		"says nothing":             {"", ""},
		"a header that never ends": {"GET /auth/me HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n"},
		"a body that never comes":  {"POST /auth/signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", ""},
		"idle after an answer":     {"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !closedWithin(t, g.Port, c.first, c.dribble, 40) {
				t.Error("still open after 40 s")
			}
			if n := len(g.login.take()); n != 0 {
				t.Errorf("%d requests reached login", n)
			}
		})
	}
}

func TestSlowClients_AThousandOfThemLeaveOthersServed(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for i := range 1000 {
		c, err := net.DialTimeout("tcp", testserver.Addr(g.Port), 5*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, _ = fmt.Fprint(c, "POST /auth/signin HTTP/1.1\r\nHost: localhost\r\nContent-Le")
	}
	for range 20 {
		if a := g.do(t, "POST", g.URL("/auth/signin"), `{}`); a.StatusCode != http.StatusOK {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
}
