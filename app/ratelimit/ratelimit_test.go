package ratelimit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
	"hasura-login/app/testserver"
)

// onBoth runs a test on memory alone and on a real Redis.
func onBoth(t *testing.T, test func(t *testing.T, start func(testing.TB) *bench)) {
	t.Run("memory", func(t *testing.T) {
		test(t, func(t testing.TB) *bench { return start(t) })
	})
	t.Run("redis", func(t *testing.T) {
		r := testserver.StartRedis(t)
		test(t, func(t testing.TB) *bench {
			r.Do(t, "FLUSHALL")
			b := start(t, func(c *ratelimit.Config) { c.RedisURL = r.URL })
			t.(*testing.T).Cleanup(func() {
				if got := b.seen.states(); len(got) != 1 || got[0] {
					t.Errorf("a healthy Redis was reported as %v", got)
				}
			})
			return b
		})
	})
}

// codeOf offers a code of a second factor of one account.
func codeOf(m login.Method, device, client string) login.Attempt {
	a := signIn("ann@example.org", client)
	a.Operation, a.Method, a.DeviceID = login.OpSignInSecondFactor, m, device
	return a
}

// The limits of an account are 5 a minute and 20 an hour, those of a client 30
// and 300. A thousand attempts within a minute, each in its own way.
func TestReserve_OfAThousandGuessesOnlyTheLimitPasses(t *testing.T) {
	cases := []struct {
		name    string
		attempt func(i int) login.Attempt
		want    int64
		scope   ratelimit.Scope
	}{
		{"one client, one account",
			func(int) login.Attempt { return signIn("ann@example.org", "198.51.100.4") }, 5, ratelimit.ScopeAccount},
		{"a thousand clients, one account",
			func(i int) login.Attempt { return signIn("ann@example.org", ipv4("10.0.0.0", i*300)) }, 5, ratelimit.ScopeAccount},
		{"unknown clients, one account",
			func(int) login.Attempt { return signIn("ann@example.org", "") }, 5, ratelimit.ScopeAccount},
		{"one client, a thousand accounts",
			func(i int) login.Attempt { return signIn(account(i), "198.51.100.4") }, 30, ratelimit.ScopeClient},
		{"addresses of one /64, a thousand accounts",
			func(i int) login.Attempt { return signIn(account(i), ipv6("2001:db8::%x", i)) }, 30, ratelimit.ScopeClient},
		{"/64 of one /56",
			func(i int) login.Attempt { return signIn(account(i), ipv6("2001:db8:0:%x::1", i%256)) }, 120, ratelimit.ScopeClientWide},
		{"/64 of one /48",
			func(i int) login.Attempt { return signIn(account(i), ipv6("2001:db8:0:%x::1", i*64)) }, 240, ratelimit.ScopeClientWide},
		{"addresses of one /24",
			func(i int) login.Attempt { return signIn(account(i), ipv4("198.51.100.0", i%256)) }, 240, ratelimit.ScopeClientWide},
		{"unknown clients, a thousand accounts",
			func(i int) login.Attempt { return signIn(account(i), "") }, 240, ratelimit.ScopeUnknown},
		{"spellings of one address",
			func(i int) login.Attempt {
				email := []byte(" ann@example.org")
				email[1+i%3] &^= 0x20 // upper case
				normal, err := login.NormalizeEmail(string(email))
				if err != nil {
					panic(err)
				}
				return signIn(normal, ipv4("10.0.0.0", i*300))
			}, 5, ratelimit.ScopeAccount},
		{"one client, IPv4 and IPv4-mapped IPv6",
			func(i int) login.Attempt {
				return signIn(account(i), []string{"198.51.100.4", "::ffff:198.51.100.4"}[i%2])
			}, 30, ratelimit.ScopeClient},
		{"codes of one account, by a thousand clients",
			func(i int) login.Attempt { return codeOf("totp", "", ipv4("10.0.0.0", i*300)) }, 5, ratelimit.ScopeAccount},
		{"codes of two kinds, by a thousand clients",
			func(i int) login.Attempt {
				return codeOf([]login.Method{"totp", "recovery-code"}[i%2], "", ipv4("10.0.0.0", i*300))
			}, 10, ratelimit.ScopeAccount},
		{"codes that a known device offers",
			func(i int) login.Attempt { return codeOf("totp", "device", ipv4("10.0.0.0", i*300)) }, 5, ratelimit.ScopeDevice},
		{"codes of the account while its known device offers some",
			func(i int) login.Attempt {
				return codeOf("totp", []string{"", "device"}[i%2], ipv4("10.0.0.0", i*300))
			}, 10, ratelimit.ScopeAccount},
		{"a live session, by three operations that check a password",
			func(i int) login.Attempt {
				a := signIn("ann@example.org", "198.51.100.4")
				a.Operation = []login.Operation{login.OpRequestEmailChange, login.OpChangePassword, login.OpDeleteAccount}[i%3]
				a.DeviceID = "session"
				return a
			}, 5, ratelimit.ScopeDevice},
		{"a stolen device token",
			func(int) login.Attempt {
				a := signIn("ann@example.org", "198.51.100.4")
				a.DeviceID = "stolen"
				return a
			}, 5, ratelimit.ScopeDevice},
		{"searching for addresses by sign-up, each failure counting twice",
			func(i int) login.Attempt {
				return login.Attempt{Operation: login.OpSignUp, Account: account(i), Client: from("198.51.100.4")}
			}, 10, ratelimit.ScopeClient},
		{"one session",
			func(int) login.Attempt {
				return login.Attempt{Operation: login.OpRefresh, Family: "f", Client: from("198.51.100.4")}
			}, 30, ratelimit.ScopeSession},
	}
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				b := start(t)
				passed := int64(0)
				for i := range 1000 {
					passed += int64(b.fail(1, c.attempt(i)))
				}
				if passed != c.want {
					t.Errorf("%d passed, want %d", passed, c.want)
				}
				if b.seen.count(c.scope) == 0 {
					t.Errorf("none was refused for its %s: %v", c.scope, b.seen.throttled)
				}
			})
		}
	})
}

func TestReserve_ParallelAttemptsPassNoMoreThanTheLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		var passed atomic.Int64
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				// Nobody is settled before everybody has tried.
				if r, err := b.Reserve(context.Background(), signIn("ann@example.org", ipv4("10.0.0.0", i*300))); err == nil && r != nil {
					passed.Add(1)
				}
			})
		}
		all.Wait()
		if got := passed.Load(); got != 5 {
			t.Errorf("%d of 1,000 parallel attempts passed, want 5", got)
		}
	})
}

func TestReserve_AnAttackersOwnAccountPaysForNoGuesses(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		passed := 0
		for range 500 {
			if !b.succeed(signIn("mallory@example.org", "198.51.100.4")) {
				t.Fatal("signing in to one's own account costs something")
			}
			passed += b.fail(2, signIn("ann@example.org", "198.51.100.4"))
		}
		if passed != 5 {
			t.Errorf("%d guesses passed, want 5", passed)
		}
		guesses := 0
		for i := range 1000 {
			b.succeed(signIn("mallory@example.org", "198.51.100.4"))
			guesses += b.fail(1, signIn(account(i), "198.51.100.4"))
		}
		if guesses != 25 {
			t.Errorf("%d guesses on other accounts passed, want 25 on top of 5", guesses)
		}
	})
}

func TestReserve_NoLockOutlivesItsWindow(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		ann := signIn("ann@example.org", "198.51.100.4")
		b.clock.Advance(10 * time.Second)
		for minute := range 4 {
			if got := b.fail(1000, ann); got != 5 {
				t.Fatalf("minute %d: %d passed, want 5", minute, got)
			}
			if minute == 3 {
				break
			}
			_, refusal := b.try(ann)
			want := ratelimit.Decision{Scope: ratelimit.ScopeAccount, Limit: 5, Reset: 50 * time.Second}
			if diff := cmp.Diff(want, refusal.Decision); diff != "" {
				t.Fatalf("minute %d (-want +got):\n%s", minute, diff)
			}
			b.clock.Advance(time.Minute)
		}
		_, refusal := b.try(ann)
		want := ratelimit.Decision{Scope: ratelimit.ScopeAccount, Limit: 20, Reset: 56*time.Minute + 50*time.Second}
		if diff := cmp.Diff(want, refusal.Decision); diff != "" {
			t.Errorf("with both windows full the longer one decides (-want +got):\n%s", diff)
		}
		b.clock.Advance(refusal.Reset)
		if !b.succeed(ann) {
			t.Error("refused after the time that was told")
		}
	})
}

func TestReserve_TellsHowMuchIsLeft(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		r, _ := b.try(signIn("ann@example.org", "198.51.100.4"))
		limit, remaining, reset := r.(*ratelimit.Reservation).RateLimit()
		if limit != 5 || remaining != 4 || reset != time.Minute {
			t.Errorf("limit %d, remaining %d, reset %s", limit, remaining, reset)
		}
	})
}

func TestReserve_AKnownDeviceIsNotSlowedByStrangers(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		for i := range 1000 {
			b.fail(3, signIn("ann@example.org", ipv4("10.0.0.0", i*300)))
		}
		// Her neighbours, and even her own address, attack as well.
		for i := range 1000 {
			b.fail(1, signIn(account(i), ipv4("198.51.100.0", i%256)))
		}
		known := signIn("ann@example.org", "198.51.100.4")
		known.DeviceID = "ann's phone"
		if !b.succeed(known) {
			t.Error("the owner was refused on a known device")
		}
		_, refusal := b.try(signIn("ann@example.org", "192.0.2.1"))
		if refusal == nil || refusal.Reset <= 0 {
			t.Errorf("without the device she is not told when to come back: %+v", refusal)
		}
	})
}

func TestReserve_ADeviceHasItsOwnCount(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		phone, laptop := signIn("ann@example.org", "198.51.100.4"), signIn("ann@example.org", "198.51.100.4")
		phone.DeviceID, laptop.DeviceID = "phone", "laptop"
		b.fail(4, phone)
		if !b.succeed(phone) || b.fail(10, phone) != 5 {
			t.Error("a success does not clear the device's failures")
		}
		if b.succeed(phone) {
			t.Error("the device is not limited")
		}
		if !b.succeed(laptop) {
			t.Error("another device pays for it")
		}
		if got := b.fail(10, signIn("ann@example.org", "192.0.2.1")); got != 5 {
			t.Errorf("strangers have %d guesses, want 5: devices do not count for the account", got)
		}
	})
}

func TestReserve_KnownDevicesCannotCrowdTheHashQueue(t *testing.T) {
	b := start(t)
	passed := 0
	for i := range 1000 {
		a := signIn("mallory@example.org", "198.51.100.4")
		a.DeviceID = fmt.Sprint("device ", i)
		if b.succeed(a) {
			passed++
		}
	}
	if passed != 30 {
		t.Errorf("%d sign-ins with a right password went first within a minute, want 30", passed)
	}
}

func TestReserve_OffSwitchesALimitOffWithItsWiderClasses(t *testing.T) {
	b := start(t, func(c *ratelimit.Config) { c.Limits = ratelimit.Limits{} })
	device := signIn("ann@example.org", "198.51.100.4")
	device.DeviceID = "d"
	for _, a := range []login.Attempt{
		signIn("ann@example.org", "198.51.100.4"), signIn("ann@example.org", ""), device,
		{Operation: login.OpSignUp, Client: from("198.51.100.4")},
		{Operation: login.OpRefresh, Client: from("198.51.100.4"), Family: "f"},
	} {
		if got := b.fail(5000, a); got != 5000 {
			t.Errorf("%s: %d of 5,000 passed", a.Operation, got)
		}
	}
}

func TestReserve_WhatProvesNothingIsNotLimited(t *testing.T) {
	b := start(t)
	for _, op := range []login.Operation{login.OpSignOut, login.OpSignOutAll, login.OpSessions, login.OpEndSession, login.OpMe} {
		if got := b.fail(2000, login.Attempt{Operation: op, Client: from("198.51.100.4")}); got != 2000 {
			t.Errorf("%s: %d of 2,000 passed", op, got)
		}
	}
}

// An operation without a declared limit once passed unlimited.
func TestReserve_WhatNoPolicyLimitsDoesNotPass(t *testing.T) {
	for _, op := range append(login.Operations(), "madeUp") {
		for _, a := range []login.Attempt{
			{Operation: op}, {Operation: op, DeviceID: "d"}, {Operation: op, Method: login.MethodTOTP}, {Operation: op, Recipient: "ann@example.org"},
		} {
			_, err := start(t).Reserve(t.Context(), a)
			switch wanted := a.Limit() != login.LimitUnset; {
			case wanted && err != nil:
				t.Errorf("%+v: %v", a, err)
			case !wanted && (err == nil || login.AsError(err).Code != login.CodeInternal):
				t.Errorf("%+v: %v, want a defect to be reported", a, err)
			}
		}
	}
}

// A limit does not reveal whether an address has an account, and strangers' requests
// for it never block its owner's.
func TestReserve_MailedLinksAreLimitedPerAskerAndPerClient(t *testing.T) {
	b := start(t)
	request := func(account, addr string) bool {
		_, refusal := b.try(login.Attempt{Operation: login.OpRequestPasswordReset, Account: account, Client: from(addr)})
		return refusal == nil
	}
	passed := 0
	for range 100 {
		if request("ann@example.org", "198.51.100.6") {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d requests of one client for one address passed in a minute, want 2", passed)
	}
	for i := range 100 {
		request("ann@example.org", ipv4("10.0.0.0", i*300))
	}
	if !request("ann@example.org", "203.0.113.7") {
		t.Error("strangers keep the owner from asking")
	}
	passed = 0
	for i := range 100 {
		if request(account(i), "198.51.100.4") {
			passed++
		}
	}
	if passed != 10 {
		t.Errorf("%d requests of one client passed in a minute, want 10", passed)
	}
	for range 5 {
		r, refusal := b.try(login.Attempt{Operation: login.OpResetPassword, Client: from("198.51.100.5")})
		if refusal != nil {
			t.Fatal(refusal)
		}
		r.Failed(t.Context())
	}
	if _, refusal := b.try(login.Attempt{Operation: login.OpResetPassword, Client: from("198.51.100.5")}); refusal == nil {
		t.Error("a failed reset does not count twice")
	}
	if _, refusal := b.try(signIn("ann@example.org", "198.51.100.4")); refusal != nil {
		t.Errorf("resets keep the owner from signing in: %v", refusal)
	}
}

// Accounts with one address can be made and deleted again and again, each with its own
// mails. Mails that the mailbox's owner asks for are not held up by that.
func TestReserve_MailsThatNobodyAskedForAreLimitedPerRecipient(t *testing.T) {
	b, passed := start(t), 0
	for i := range 50 {
		if _, refusal := b.try(login.Attempt{Unsolicited: login.MailVerifyEmail, Recipient: "ann@example.org", Client: from(ipv4("10.0.0.0", i*300))}); refusal == nil {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d passed in a minute, want 2", passed)
	}
	if _, refusal := b.try(login.Attempt{Unsolicited: login.MailNewDevice, Recipient: "ann@example.org", Client: from("198.51.100.4")}); refusal != nil {
		t.Errorf("a mail of another kind: %v", refusal)
	}
	if _, refusal := b.try(login.Attempt{Operation: login.OpRequestPasswordReset, Account: "ann@example.org", Client: from("198.51.100.4")}); refusal != nil {
		t.Errorf("a reset: %v", refusal)
	}
	if _, refusal := b.try(login.Attempt{Operation: login.OpSignUp, Client: from("198.51.100.4")}); refusal != nil {
		t.Errorf("a sign-up: %v", refusal)
	}
}

// Mails that sign in: an account's mailbox has one count for all who ask, the owner's
// known device has its own count, and unverified mailboxes share one.
func TestReserve_MailsThatSignInAreLimited(t *testing.T) {
	mail := func(kind login.MailKind, recipient, device, addr string) login.Attempt {
		return login.Attempt{Unsolicited: kind, Recipient: recipient, DeviceID: device, Client: from(addr)}
	}
	for name, c := range map[string]struct {
		attempt func(i int) login.Attempt
		want    int
	}{
		"an account": {func(i int) login.Attempt {
			return mail(login.MailSignInLink, "ann@example.org", "", ipv4("10.0.0.0", i*300))
		}, 10},
		"its known device": {func(i int) login.Attempt {
			return mail(login.MailSignInLink, "ann@example.org", "d", ipv4("10.0.0.0", i*300))
		}, 10},
		"a stranger": {func(i int) login.Attempt {
			return mail(login.MailSignInCode, "ann@example.org", "", ipv4("10.0.0.0", i*300))
		}, 2},
		"all strangers": {func(i int) login.Attempt {
			return mail(login.MailSignInCode, account(i), "", ipv4("10.0.0.0", i*300))
		}, 120},
	} {
		b, passed := start(t), 0
		for i := range 300 {
			if _, refusal := b.try(c.attempt(i)); refusal == nil {
				passed++
			}
		}
		if passed != c.want {
			t.Errorf("%s: %d passed in a minute, want %d", name, passed, c.want)
		}
		if _, refusal := b.try(mail(login.MailSignInLink, "ann@example.org", "another device", "198.51.100.4")); refusal != nil {
			t.Errorf("%s: the owner's device: %v", name, refusal)
		}
	}
}

// Otherwise any user could make us mail arbitrary addresses without a limit.
func TestReserve_AddressChangesAreLimitedPerAccountAndClient(t *testing.T) {
	change := func(b *bench, owner, recipient, addr string) bool {
		_, refusal := b.try(login.Attempt{Operation: login.OpRequestEmailChange, Account: owner, Recipient: recipient, Client: from(addr)})
		return refusal == nil
	}
	for name, c := range map[string]struct {
		attempt func(b *bench, i int) bool
		want    int
	}{
		"one account": {func(b *bench, i int) bool { return change(b, "ann@example.org", account(i), ipv4("10.0.0.0", i*300)) }, 2},
		"one client":  {func(b *bench, i int) bool { return change(b, account(i), account(100+i), "198.51.100.4") }, 10},
	} {
		b, passed := start(t), 0
		for i := range 50 {
			if c.attempt(b, i) {
				passed++
			}
		}
		if passed != c.want {
			t.Errorf("%s: %d passed in a minute, want %d", name, passed, c.want)
		}
	}
	b := start(t)
	guess := login.Attempt{Operation: login.OpRequestEmailChange, Account: "ann@example.org", DeviceID: "session", Client: from("198.51.100.4")}
	if got := b.fail(50, guess); got != 5 {
		t.Errorf("%d wrong passwords passed in a minute, want 5", got)
	}
}

func TestReserve_VerificationsShareTheLimitsOfResets(t *testing.T) {
	b := start(t)
	for i, op := range []login.Operation{login.OpRequestPasswordReset, login.OpRequestEmailVerification, login.OpRequestEmailVerification} {
		_, refusal := b.try(login.Attempt{Operation: op, Account: "ann@example.org", Client: from("198.51.100.9")})
		if refused := refusal != nil; refused != (i == 2) {
			t.Errorf("mail %d to one address in a minute: refused %t", i+1, refused)
		}
	}
	for range 5 {
		r, refusal := b.try(login.Attempt{Operation: login.OpVerifyEmail, Client: from("198.51.100.5")})
		if refusal != nil {
			t.Fatal(refusal)
		}
		r.Failed(t.Context())
	}
	if _, refusal := b.try(login.Attempt{Operation: login.OpVerifyEmail, Client: from("198.51.100.5")}); refusal == nil {
		t.Error("a failed verification does not count twice")
	}
}

func account(i int) string { return fmt.Sprintf("user%d@example.org", i) }

// An attacker can make accounts to get many known devices, and known devices go first
// when passwords are hashed. So each client has a limit for known devices, wider
// prefixes have the usual multiples of it, and a success refunds nothing.
func TestReserve_OfAThousandKnownDevicesOnlyTheLimitGoesFirst(t *testing.T) {
	cases := []struct {
		name   string
		client func(i int) string
		want   int
	}{
		{"one client", func(int) string { return "198.51.100.4" }, 60},
		{"addresses of one /64", func(i int) string { return ipv6("2001:db8::%x", i) }, 60},
		{"/64s of one /56", func(i int) string { return ipv6("2001:db8:0:%x::1", i%256) }, 4 * 60},
		{"/64s of one /48", func(i int) string { return ipv6("2001:db8:0:%x::1", i*64) }, 8 * 60},
		{"addresses of one /24", func(i int) string { return ipv4("198.51.100.0", i%256) }, 8 * 60},
		{"unknown clients", func(int) string { return "" }, 8 * 60},
	}
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				b, first := start(t), 0
				for i := range 1000 {
					a := signIn(account(i), c.client(i))
					a.DeviceID = fmt.Sprint("device ", i)
					r, refusal := b.try(a)
					if refusal != nil {
						t.Fatalf("refused for %s: a good password costs nobody anything", refusal.Scope)
					}
					if r.KnownDevice() {
						first++
					}
					if i%2 == 0 {
						r.Succeeded(t.Context())
					} else {
						r.Released(t.Context())
					}
				}
				if first != c.want {
					t.Errorf("%d went first within a minute, want %d", first, c.want)
				}
			})
		}
	})
}

// Known devices and strangers have separate counts: strangers behind one address cannot
// use up the count of its known devices, nor the other way round. A device beyond its
// client's count falls back to the strangers' limit.
func TestReserve_KnownDevicesAndStrangersOfOneAddressDoNotPayForEachOther(t *testing.T) {
	onBoth(t, func(t *testing.T, start func(testing.TB) *bench) {
		b := start(t)
		for i := range 100 {
			b.fail(1, signIn(account(i), "198.51.100.4"))
		}
		known := signIn("ann@example.org", "198.51.100.4")
		known.DeviceID = "ann's phone"
		if r, refusal := b.try(known); refusal != nil || !r.KnownDevice() {
			t.Errorf("strangers of the same address use up the owner's: %v", refusal)
		}
		b = start(t)
		for i := range 100 {
			a := signIn(account(i), "198.51.100.4")
			a.DeviceID = fmt.Sprint("device ", i)
			b.succeed(a)
		}
		r, refusal := b.try(known)
		if refusal != nil || r.KnownDevice() {
			t.Fatalf("beyond the client's count: %v", refusal)
		}
		r.Succeeded(t.Context())
		if got := b.fail(10, known); got != 5 {
			t.Errorf("%d wrong passwords of the device passed, want 5 as before", got)
		}
		if got := b.fail(10, signIn("ann@example.org", "192.0.2.1")); got != 0 {
			t.Errorf("%d guesses passed: those of a device that counts as a stranger are the account's", got)
		}
		if !b.succeed(signIn(account(7), "198.51.100.4")) {
			t.Error("known devices use up what strangers have")
		}
	})
}

// Neighbours with known devices of their own must not keep an owner from the second
// half of a sign-in either.
func TestReserve_ACodeOfAKnownDeviceOfACrowdedClientCountsAsAStrangers(t *testing.T) {
	b := start(t)
	for i := range 100 {
		a := signIn(account(i), "198.51.100.4")
		a.DeviceID = fmt.Sprint("device ", i)
		b.succeed(a)
	}
	code := login.Attempt{Operation: login.OpSignInSecondFactor, Account: "ann@example.org", Method: login.MethodTOTP, DeviceID: "ann's phone", Client: from("198.51.100.4")}
	if !b.succeed(code) {
		t.Fatal("refused for what others ask from the same address")
	}
	if got := b.fail(10, code); got != 5 {
		t.Errorf("%d wrong codes passed, want 5", got)
	}
	code.DeviceID, code.Client = "", from("192.0.2.1")
	if got := b.fail(10, code); got != 0 {
		t.Errorf("%d wrong codes of a stranger passed: the account's count was not used", got)
	}
}
