package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
	"hasura-login/app/testclock"
)

var (
	_ login.RateLimiter = (*ratelimit.Limiter)(nil)
	_ login.Reservation = (*ratelimit.Reservation)(nil)
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newClock() *testclock.Clock { return testclock.At(noon) }

// recorder is an Observer that records its calls.
type recorder struct {
	mu        sync.Mutex
	throttled map[string]int
	degraded  []bool
}

func newRecorder() *recorder { return &recorder{throttled: map[string]int{}} }

func (r *recorder) Throttled(scope string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.throttled[scope]++
}

func (r *recorder) Degraded(d bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.degraded = append(r.degraded, d)
}

func (r *recorder) count(s ratelimit.Scope) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.throttled[string(s)]
}

func (r *recorder) states() []bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]bool(nil), r.degraded...)
}

// bench is a limiter with the parts that a test controls.
type bench struct {
	*ratelimit.Limiter
	t     testing.TB
	clock *testclock.Clock
	seen  *recorder
}

var sharedKey = []byte("0123456789abcdef0123456789abcdef")

// start makes a limiter on memory with the default limits, which edit may change.
func start(t testing.TB, edit ...func(*ratelimit.Config)) *bench {
	t.Helper()
	b := &bench{t: t, clock: newClock(), seen: newRecorder()}
	cfg := ratelimit.Config{Limits: ratelimit.DefaultLimits(), Key: sharedKey, Observer: b.seen, Now: b.clock.Now}
	for _, e := range edit {
		e(&cfg)
	}
	var err error
	if b.Limiter, err = ratelimit.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// try reserves; the reservation is nil where the attempt was refused.
func (b *bench) try(a login.Attempt) (login.Reservation, *ratelimit.Refusal) {
	b.t.Helper()
	r, err := b.Reserve(context.Background(), a)
	if err == nil {
		return r, nil
	}
	var refusal *ratelimit.Refusal
	if !errors.As(err, &refusal) {
		b.t.Fatalf("Reserve answered %v, which is no refusal", err)
	}
	if e := login.AsError(err); e.Code != login.CodeRateLimited || e.RetryAfter <= 0 {
		b.t.Fatalf("a refusal is %v to clients, with RetryAfter %s", e, e.RetryAfter)
	}
	return nil, refusal
}

// fail tries n wrong passwords and returns how many got as far as hashing.
func (b *bench) fail(n int, a login.Attempt) (passed int) {
	b.t.Helper()
	for range n {
		if r, _ := b.try(a); r != nil {
			r.Failed(context.Background())
			passed++
		}
	}
	return passed
}

// succeed makes one attempt with the right password.
func (b *bench) succeed(a login.Attempt) bool {
	b.t.Helper()
	r, _ := b.try(a)
	if r != nil {
		r.Succeeded(context.Background())
	}
	return r != nil
}

func signIn(account, addr string) login.Attempt {
	return login.Attempt{Operation: login.OpSignIn, Account: account, Client: from(addr)}
}

func from(addr string) login.Client {
	if addr == "" {
		return login.Client{}
	}
	return login.Client{Addr: netip.MustParseAddr(addr)}
}

// ipv4 and ipv6 give the nth address of a net.
func ipv4(net string, n int) string {
	a := netip.MustParseAddr(net).As4()
	a[1] += byte(n >> 16)
	a[2] += byte(n >> 8)
	a[3] += byte(n)
	return netip.AddrFrom4(a).String()
}

func ipv6(format string, n int) string { return fmt.Sprintf(format, n) }
