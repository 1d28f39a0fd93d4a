package ratelimit_test

import (
	"context"
	"testing"
	"time"

	"hasura-login/app/login"
)

func TestSucceeded_ForgivesOnlyTheSameClientForTheSameAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		b.fail(2, signIn("ann@example.org", "203.0.113.9")) // a stranger
		b.fail(2, signIn("ann@example.org", "198.51.100.4"))
		if !b.succeed(signIn("ann@example.org", "198.51.100.4")) {
			t.Fatal("the owner was refused within the limit")
		}
		if got := b.fail(10, signIn("ann@example.org", "192.0.2.1")); got != 3 {
			t.Errorf("%d more guesses passed, want 3: the stranger's two stay, the owner's two do not", got)
		}
	})
}

func TestSucceeded_GivesTheClientBackItsFailures(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		// An office behind one address, where everyone mistypes twice.
		for i := range 200 {
			b.fail(2, signIn(account(i), "198.51.100.4"))
			if !b.succeed(signIn(account(i), "198.51.100.4")) {
				t.Fatalf("colleague %d was refused", i)
			}
		}
	})
}

func TestSucceeded_UnknownClientsForgiveNobody(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		b.fail(4, signIn("ann@example.org", "")) // someone over WebSocket
		for range 20 {
			if !b.succeed(signIn("ann@example.org", "")) { // someone else, perhaps
				t.Fatal("a success was not given back")
			}
		}
		if got := b.fail(10, signIn("ann@example.org", "")); got != 1 {
			t.Errorf("%d more guesses passed, want 1", got)
		}
	})
}

func TestSucceeded_SignUpsAndRefreshesStayCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		cases := map[string]struct {
			attempt login.Attempt
			want    int
		}{
			"sign-up": {login.Attempt{Operation: login.OpSignUp, Client: from("198.51.100.4")}, 20},
			"session": {login.Attempt{Operation: login.OpRefresh, Client: from("198.51.100.4"), Family: "f"}, 30},
			"refresh": {login.Attempt{Operation: login.OpRefresh, Client: from("203.0.113.9")}, 600},
		}
		for name, c := range cases {
			passed := 0
			for range 1000 {
				if b.succeed(c.attempt) {
					passed++
				}
			}
			if passed != c.want {
				t.Errorf("%s: %d passed, want %d", name, passed, c.want)
			}
		}
	})
}

func TestReleased_GivesEverythingBack(t *testing.T) {
	device := signIn("ann@example.org", "198.51.100.4")
	device.DeviceID = "d"
	attempts := map[string]login.Attempt{
		"sign-in": signIn("ann@example.org", "198.51.100.4"),
		"unknown": signIn("ann@example.org", ""),
		"device":  device,
		"sign-up": {Operation: login.OpSignUp, Client: from("198.51.100.4")},
		"refresh": {Operation: login.OpRefresh, Client: from("198.51.100.4"), Family: "f"},
	}
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		for name, a := range attempts {
			b := start(t)
			for i := range 1000 {
				r, refusal := b.try(a)
				if refusal != nil {
					t.Fatalf("%s: attempt %d was refused: %v", name, i, refusal)
				}
				r.Released(context.Background())
			}
		}
	})
}

func TestReservation_OnlyTheFirstSettlementCounts(t *testing.T) {
	b := start(t)
	b.fail(4, signIn("ann@example.org", "203.0.113.9"))
	r, _ := b.try(signIn("ann@example.org", "198.51.100.4"))
	r.Failed(context.Background())
	r.Succeeded(context.Background())
	r.Released(context.Background())
	if got := b.fail(1, signIn("ann@example.org", "192.0.2.1")); got != 0 {
		t.Error("a settled attempt was given back")
	}
}

func TestReservation_SettledAfterItsWindowTouchesNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		slow, _ := b.try(signIn("ann@example.org", "198.51.100.4"))
		b.clock.Advance(time.Hour)
		b.fail(4, signIn("ann@example.org", "198.51.100.4"))
		slow.Succeeded(context.Background())
		if got := b.fail(10, signIn("ann@example.org", "192.0.2.1")); got != 1 {
			t.Errorf("%d more guesses passed, want 1", got)
		}
	})
}
