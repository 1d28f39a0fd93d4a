package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
)

func TestCall_OneRequestCausesTenActions(t *testing.T) {
	b := start(t)
	passed := func(id string, fromEdge bool) (n int) {
		for range 100 {
			err := b.Call(id, fromEdge)
			if err == nil {
				n++
			} else if e := login.AsError(err); e.Code != login.CodeRateLimited || e.RetryAfter <= 0 {
				t.Fatalf("a refusal is %v to clients", e)
			}
		}
		return n
	}
	for _, c := range []struct {
		id       string
		fromEdge bool
		want     int
	}{
		{"0123456789abcdef", true, 10},
		{"0123456789abcdef", true, 0},
		{"another", true, 10},
		{"0123456789abcdef", false, 10}, // a client that took another's id spends its own count
		{"another", false, 10},
	} {
		if got := passed(c.id, c.fromEdge); got != c.want {
			t.Errorf("%s, from the edge %t: %d passed, want %d", c.id, c.fromEdge, got, c.want)
		}
	}
	if got := b.seen.count(ratelimit.ScopeRequest); got != 460 {
		t.Errorf("%d counted, want 460", got)
	}
	b.clock.Advance(time.Minute)
	if got := passed("0123456789abcdef", true); got != 10 {
		t.Errorf("a minute later: %d passed", got)
	}
}

// Public reports of rate limiters that keep an entry for each key for ever.
func TestCall_AMillionRequestsDoNotGrowMemory(t *testing.T) {
	b := start(t)
	grown := testing.Benchmark(func(bench *testing.B) {
		bench.ReportAllocs()
		for i := range bench.N {
			if err := b.Call(fmt.Sprint(i), true); err != nil {
				bench.Fatal(err)
			}
		}
	})
	if got := grown.AllocedBytesPerOp(); got > 64 { // the id that the test makes
		t.Errorf("%d bytes stay for each request", got)
	}
}

// Strangers could fill a log that has a line for each refusal, so each limit reports
// once per window.
func TestReserve_TellsWhichRefusalIsTheFirstOfItsLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		first := func(n int, attempt func(i int) login.Attempt) (first int) {
			for i := range n {
				if _, refusal := b.try(attempt(i)); refusal != nil && !refusal.Repeated() {
					first++
				}
			}
			return first
		}
		guess := func(client string) func(int) login.Attempt {
			return func(i int) login.Attempt { return signIn(account(i), client) }
		}
		if got := first(1000, guess("198.51.100.4")); got != 1 {
			t.Errorf("%d of one client's refusals are new, want 1", got)
		}
		if got := first(1000, guess("203.0.113.9")); got != 1 {
			t.Errorf("%d of another client's refusals are new, want 1", got)
		}
		b.clock.Advance(time.Minute)
		if got := first(1000, guess("198.51.100.4")); got != 1 {
			t.Errorf("%d refusals of the next minute are new, want 1", got)
		}
	})
}
