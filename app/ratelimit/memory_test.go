package ratelimit_test

import (
	"context"
	"encoding/binary"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
	"hasura-login/app/testserver"
)

// forged makes the nth address of a flood out of all of the internet.
func forged(n int, six bool) netip.Addr {
	spread := uint64(n+1) * 0x9E3779B97F4A7C15
	if six {
		var b [16]byte
		b[0] = 0x20
		binary.BigEndian.PutUint64(b[1:], spread)
		return netip.AddrFrom16(b)
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(spread>>32)|0x40000000)
	return netip.AddrFrom4(b)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools hold on to what they have through one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemory_AMillionAddressesAndAccountsDoNotGrowIt(t *testing.T) {
	before := heap()
	b := start(t)
	full := heap() - before
	if full > 6<<20 {
		t.Errorf("the tables take %d bytes, more than 6 MB", full)
	}
	flood(t, b, 1_000_000)
	if grown := int64(heap()) - int64(before+full); grown > 256<<10 {
		t.Errorf("a million addresses added %d bytes", grown)
	}
	runtime.KeepAlive(b)
}

// flood makes n failing attempts, each from another address on another account.
func flood(t testing.TB, b *bench, n int) {
	t.Helper()
	ctx := context.Background()
	for i := range n {
		a := signIn(account(i), "")
		a.Client.Addr = forged(i, i%2 == 0)
		if i%4 == 0 {
			a.Operation, a.Family = login.OpRefresh, a.Account
		}
		if r, err := b.Reserve(ctx, a); err == nil {
			r.Failed(ctx)
		}
	}
}

func TestMemory_AFloodDoesNotWashOutWhoIsAtTheLimit(t *testing.T) {
	b := start(t)
	b.fail(1000, signIn("ann@example.org", "198.51.100.4"))
	for i := range 30 {
		b.fail(1, signIn(account(i), "203.0.113.9"))
	}
	flood(t, b, 100_000)
	if b.fail(1, signIn("ann@example.org", "192.0.2.1")) != 0 {
		t.Error("the account's count was forgotten")
	}
	if b.fail(1, signIn("bob@example.org", "203.0.113.9")) != 0 {
		t.Error("the client's count was forgotten")
	}
}

// With the accounts' limit off, so that only the address counts: an attacker
// pushes his own narrow counters out of memory and is still held by the wide ones.
func TestMemory_EvictedClientsAreHeldByTheirWiderClasses(t *testing.T) {
	b := start(t, func(c *ratelimit.Config) { c.Limits.SignInAccount = nil })
	ctx := context.Background()
	passed := 0
	for i := range 200_000 {
		a := signIn("", "")
		a.Client.Addr = netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}) // a /16, again and again
		if r, err := b.Reserve(ctx, a); err == nil {
			r.Failed(ctx)
			passed++
		}
	}
	if want := 30 * 64; passed != want {
		t.Errorf("%d passed, want %d", passed, want)
	}
}

func TestMemory_EndedWindowsMakeRoom(t *testing.T) {
	b := start(t)
	for hour := range 3 {
		flood(t, b, 50_000)
		b.clock.Advance(time.Hour)
		if got := b.fail(1000, signIn("ann@example.org", "198.51.100.4")); got != 5 {
			t.Errorf("hour %d: %d passed, want 5", hour, got)
		}
	}
}

func BenchmarkReserve_Refused(b *testing.B) {
	cases := map[string]login.Attempt{
		"ipv4":    signIn("ann@example.org", "198.51.100.4"),
		"ipv6":    signIn("ann@example.org", "2001:db8::1"),
		"unknown": signIn("ann@example.org", ""),
	}
	for name, a := range cases {
		b.Run(name, func(b *testing.B) {
			limiter := start(b)
			limiter.fail(5, a)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_, _ = limiter.Reserve(ctx, a)
			}
		})
	}
}

func BenchmarkReserve_RefusedInParallel(b *testing.B) {
	limiter := start(b)
	a := signIn("ann@example.org", "198.51.100.4")
	limiter.fail(5, a)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = limiter.Reserve(context.Background(), a)
		}
	})
}

func BenchmarkReserve_Succeeded(b *testing.B) {
	limiter := start(b)
	a := signIn("ann@example.org", "198.51.100.4")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, _ := limiter.Reserve(ctx, a)
		r.Succeeded(ctx)
	}
}

// BenchmarkReserve_Flood is the cost of an attempt in the worst case: full
// tables and never the same address twice.
func BenchmarkReserve_Flood(b *testing.B) {
	limiter := start(b)
	flood(b, limiter, 300_000)
	ctx := context.Background()
	a := signIn("ann@example.org", "")
	n := 1_000_000
	b.ReportAllocs()
	for b.Loop() {
		n++
		a.Client.Addr = forged(n, true)
		_, _ = limiter.Reserve(ctx, a)
	}
}

func BenchmarkReserve_RefusedByRedis(b *testing.B) {
	r := testserver.StartRedis(b)
	limiter := start(b, onRedis(r.URL))
	a := signIn("ann@example.org", "198.51.100.4")
	limiter.fail(5, a)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = limiter.Reserve(context.Background(), a)
	}
}

func BenchmarkReserve_SucceededOnRedis(b *testing.B) {
	r := testserver.StartRedis(b)
	limiter := start(b, onRedis(r.URL))
	a := signIn("ann@example.org", "198.51.100.4")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		r, _ := limiter.Reserve(ctx, a)
		r.Succeeded(ctx)
	}
}
