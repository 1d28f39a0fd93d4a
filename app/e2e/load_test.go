package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// load is what honest users do all the while an operator works: sign in,
// refresh, read their own row, at fifty requests a second from many addresses.
type load struct {
	t    *testing.T
	stop chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	requests int
	failures []string
}

const (
	loadUsers  = 20
	loadPeriod = 400 * time.Millisecond // of each user: 50 requests a second together
)

// startLoad signs its users up first; each has a loopback address of its own,
// so that nginx sees twenty clients.
func (s *stack) startLoad() *load {
	s.t.Helper()
	l := &load{t: s.t, stop: make(chan struct{})}
	for n := range loadUsers {
		c := s.client()
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+n))}}
		c.http = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, addr)
			},
		}}
		g := c.signUp(fmt.Sprintf("load%d@example.org", n))
		l.wg.Go(func() { l.user(c, n, g) })
	}
	return l
}

// user goes round: refresh, query, refresh over GraphQL, query, and now and
// then a sign-in, which costs a hash.
func (l *load) user(c *client, n int, g grant) {
	tick := time.NewTicker(loadPeriod)
	defer tick.Stop()
	address := fmt.Sprintf("load%d@example.org", n)
	for i := n; ; i++ {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		var next grant
		switch i % 4 {
		case 0:
			l.grant(c, &next, "refresh", "POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
		case 2:
			if i%16 == 2 {
				l.grant(c, &next, "signin", "POST", "/v1/graphql", map[string]any{
					"query":     `query ($e: String!, $p: String!) { signin(email: $e, password: $p) { ` + grantFields + ` } }`,
					"variables": map[string]any{"e": address, "p": goodPassword},
				})
			} else {
				l.grant(c, &next, "refresh", "POST", "/v1/graphql", map[string]any{
					"query":     `mutation ($t: String!) { refresh(refreshToken: $t) { ` + grantFields + ` } }`,
					"variables": map[string]any{"t": g.RefreshToken},
				})
			}
		default:
			r, err := c.as(g).send("POST", "/v1/graphql", map[string]any{"query": `{ users { id email } }`})
			l.count(r, err, "own row")
		}
		if next.Token != "" {
			g = next
		}
	}
}

func (l *load) grant(c *client, into *grant, what, method, path string, body any) {
	r, err := c.send(method, path, body)
	if !l.count(r, err, what) {
		return
	}
	if path == "/v1/graphql" {
		r.data(l.t, what, into)
		return
	}
	r.decode(l.t, into)
}

// count notes a request; anything but a 2xx without errors is a failure.
func (l *load) count(r reply, err error, what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if err != nil {
		l.failures = append(l.failures, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), what, err))
		return false
	}
	if r.status/100 != 2 || r.code() != "" {
		l.failures = append(l.failures, fmt.Sprintf("%s %s: %d %s", time.Now().Format("15:04:05.000"), what, r.status, r.body))
		return false
	}
	return true
}

// finish stops the load and fails the test if a single request failed.
func (l *load) finish(during string) {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	l.t.Logf("%s: %d requests, %d failed", during, l.requests, len(l.failures))
	for i, f := range l.failures {
		if i == 10 {
			break
		}
		l.t.Errorf("failed: %s", f)
	}
}
