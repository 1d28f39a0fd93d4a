package main

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	users  = 20
	period = 400 * time.Millisecond // of each user: 50 requests a second together
)

// traffic is what honest users do all the while an operator works.
type traffic struct {
	stop chan struct{}
	wg   sync.WaitGroup

	mu         sync.Mutex
	requests   int
	overloaded int
	failures   []string
}

// load runs until moments end; a failure anywhere makes it fail at the end.
func load(url string, http1 bool, sources []string, moments *bufio.Scanner) error {
	l := &traffic{stop: make(chan struct{})}
	for n := range users {
		var source net.IP
		if len(sources) > 0 {
			source = net.ParseIP(sources[n%len(sources)])
		}
		s := newSite(url, source)
		if http1 {
			s.overHTTP1()
		}
		email := fmt.Sprintf("load%d-%s@example.org", n, strings.ToLower(rand.Text()))
		g, err := s.signUp(email)
		if err != nil {
			return fmt.Errorf("signing up: %w", err)
		}
		l.wg.Go(func() { l.user(s, n, email, g) })
	}
	fmt.Fprintln(os.Stdout, "ready")
	during, seen := "before the first moment", counts{}
	for more := true; more; {
		more = moments.Scan()
		if !more {
			close(l.stop)
			l.wg.Wait()
		}
		seen = l.report(during, seen)
		during = moments.Text()
	}
	l.report("in all", counts{})
	if len(l.failures) > 0 {
		return fmt.Errorf("%d requests failed", len(l.failures))
	}
	return nil
}

type counts struct{ requests, overloaded, failures int }

// report prints what came after an earlier count, and returns the count of now.
func (l *traffic) report(during string, seen counts) counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := counts{l.requests, l.overloaded, len(l.failures)}
	fmt.Fprintf(os.Stdout, "%s: %d requests, %d failed, %d sign-ins asked to come again (no CPU left to hash)\n",
		during, now.requests-seen.requests, now.failures-seen.failures, now.overloaded-seen.overloaded)
	for _, f := range l.failures[seen.failures:min(now.failures, seen.failures+10)] {
		fmt.Fprintln(os.Stdout, "    ", f)
	}
	return now
}

// user goes round: refresh, the own row, who am I, the own row, and now and then
// a sign-in, which costs a hash.
func (l *traffic) user(s *site, n int, email string, g grant) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for i := n; ; i++ {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		what, err := "own row", error(nil)
		next := grant{}
		switch i % 24 {
		case 0:
			what = "sign-in"
			next, err = s.signIn(email)
		case 8, 16:
			what = "refresh"
			err = s.rest("POST", "/auth/refresh", "", map[string]any{"refreshToken": g.RefreshToken}, &next)
		case 2, 10, 18:
			what = "who am I"
			err = s.rest("GET", "/auth/me", g.Token, nil, nil)
		case 5:
			what = "key set"
			err = s.rest("GET", "/.well-known/jwks.json", "", nil, nil)
		default:
			err = l.ownRow(s, g)
		}
		l.count(what, err)
		if err == nil && next.Token != "" {
			g = next
		}
	}
}

func (l *traffic) ownRow(s *site, g grant) error {
	rows, err := s.rows(g.Token)
	if err == nil && (len(rows) != 1 || rows[0].ID != g.ID) {
		err = fmt.Errorf("%v instead of the own row", rows)
	}
	return err
}

func (l *traffic) count(what string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	// The hash limiter refuses requests when the machine is too busy. The operator's
	// action does not cause that, so it is counted apart.
	if err != nil && strings.Contains(err.Error(), `"code":"overloaded"`) {
		l.overloaded++
	} else if err != nil {
		l.failures = append(l.failures, fmt.Sprintf("%s %s: %v", time.Now().UTC().Format("15:04:05.000"), what, err))
	}
}
