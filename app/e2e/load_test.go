package e2e_test

import (
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

	users []*browser

	mu       sync.Mutex
	requests int
	failures []string
}

const (
	loadUsers  = 20
	loadPeriod = 400 * time.Millisecond // of each user: 50 requests a second together
)

// startLoad signs its users up first. Each has its own loopback address, so nginx sees
// twenty clients.
func (s *stack) startLoad() *load {
	s.t.Helper()
	l := &load{t: s.t, stop: make(chan struct{})}
	for n := range loadUsers {
		c := s.client()
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(10+n))}}
		user := &browser{Transport: http.Transport{DialContext: dialer.DialContext}}
		l.users = append(l.users, user)
		c.http = user.client()
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

// mark is how much there has been so far.
type mark struct {
	requests, failures int
	again              int64
}

func (l *load) mark() mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := mark{requests: l.requests, failures: len(l.failures)}
	for _, u := range l.users {
		m.again += u.again.Load()
	}
	return m
}

// since reports what came after a mark; a single failure fails the test.
func (l *load) since(m mark, during string) {
	l.t.Helper()
	now := l.mark()
	l.t.Logf("%s: %d requests, %d failed, %d sent again on a new connection", during, now.requests-m.requests, now.failures-m.failures, now.again-m.again)
	for _, f := range l.failures[m.failures:min(now.failures, m.failures+10)] {
		l.t.Errorf("failed: %s", f)
	}
}

// end stops the load and waits for the requests on their way.
func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}
