package ratelimit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
	"hasura-login/app/testserver"
)

func onRedis(url func() string) func(*ratelimit.Config) {
	return func(c *ratelimit.Config) { c.RedisURL = url }
}

// eventually waits for what another goroutine does.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

func (b *bench) isDegraded() bool {
	states := b.seen.states()
	return states[len(states)-1]
}

func TestRedis_SeveralProcessesShareTheCounts(t *testing.T) {
	r := testserver.StartRedis(t)
	a, b := start(t, onRedis(r.URL)), start(t, onRedis(r.URL))
	ann := signIn("ann@example.org", "198.51.100.4")
	if got := a.fail(3, ann) + b.fail(3, ann) + a.fail(3, ann); got != 5 {
		t.Errorf("%d passed over both, want 5", got)
	}

	bob := signIn("bob@example.org", "198.51.100.4")
	a.fail(4, bob)
	if !b.succeed(bob) {
		t.Fatal("refused within the limit")
	}
	if got := a.fail(10, bob); got != 5 {
		t.Errorf("%d passed after a success elsewhere, want 5", got)
	}
}

func TestRedis_HoldsNeitherAddressesNorEmailsAndForgets(t *testing.T) {
	r := testserver.StartRedis(t)
	b := start(t, onRedis(r.URL))
	b.fail(1, signIn("ann@example.org", "198.51.100.4"))
	device := signIn("ann@example.org", "198.51.100.4")
	device.DeviceID = "phone"
	b.fail(1, device)
	b.fail(1, login.Attempt{Operation: login.OpRefresh, Family: "family", Client: from("2001:db8::1")})
	keys := r.Do(t, "KEYS", "*").([]any)
	if len(keys) < 10 {
		t.Fatalf("only %d counters", len(keys))
	}
	for _, k := range keys {
		for _, secret := range []string{"ann", "example", "198.51", "phone", "family", "2001"} {
			if strings.Contains(k.(string), secret) {
				t.Errorf("the key %q tells %q", k, secret)
			}
		}
		if k == "{login-limit}:mark" { // a number, for as long as there are counts
			continue
		}
		if ttl := r.Do(t, "PTTL", k).(int64); ttl <= 0 || ttl > (time.Hour+time.Minute).Milliseconds() {
			t.Errorf("the key %q lives for %d ms", k, ttl)
		}
	}
	other := start(t, onRedis(r.URL), func(c *ratelimit.Config) { c.Key = []byte("another installation") })
	if got := other.fail(10, signIn("ann@example.org", "198.51.100.4")); got != 5 {
		t.Errorf("another key shares counts: %d passed, want 5", got)
	}
}

func TestRedis_NeedsAURL(t *testing.T) {
	for _, url := range []string{"redis://user:s3cret%zz@host:port", "redis://:s3cret@host:1/0?master_name=a&addr=none", "redis://:s3cret@host:1/0?master_name=a&replica_only=true"} {
		cfg := ratelimit.Config{Observer: newRecorder(), Now: noon.UTC, RedisURL: func() string { return url }}
		if _, err := ratelimit.New(cfg); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("an unusable URL: %v", err)
		}
	}
}

// The key comes from the database, which a replica may reach only after it has started.
func TestRedis_ReplicasShareTheCountsOnceTheyHaveTheKey(t *testing.T) {
	r := testserver.StartRedis(t)
	keyless := func(c *ratelimit.Config) { c.Key = nil }
	a, b := start(t, onRedis(r.URL), keyless), start(t, onRedis(r.URL), keyless)
	a.SetKey(sharedKey)
	b.SetKey(sharedKey)
	ann := signIn("ann@example.org", "198.51.100.4")
	if got := a.fail(3, ann) + b.fail(3, ann); got != 5 {
		t.Errorf("%d passed over both, want 5", got)
	}
}

func TestRedis_AwayAtTheStartIsNoError(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Kill()
	b := start(t, onRedis(r.URL))
	if !b.isDegraded() {
		t.Error("not reported as degraded")
	}
	if got := b.fail(100, signIn("ann@example.org", "198.51.100.4")); got != 5 {
		t.Errorf("%d passed, want 5", got)
	}
	r.Restart(t)
	eventually(t, "recovery", func() bool { return !b.isDegraded() })
}

// Attackers guess at an account all the time while Redis is killed and comes
// back empty.
func TestRedis_KilledUnderLoadTheLimitsStay(t *testing.T) {
	r := testserver.StartRedis(t)
	b := start(t, onRedis(r.URL))
	var passed, tried, wrong atomic.Int64
	stop := make(chan struct{})
	var attackers sync.WaitGroup
	for i := range 16 {
		attackers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := b.Reserve(context.Background(), signIn("ann@example.org", ipv4("10.0.0.0", i*300)))
				tried.Add(1)
				switch {
				case err == nil:
					passed.Add(1)
					res.Failed(context.Background())
				case login.AsError(err).Code != login.CodeRateLimited:
					wrong.Add(1)
				}
			}
		})
	}
	reached := func(n int64) func() bool { return func() bool { return tried.Load() >= n } }
	eventually(t, "load", reached(1000))
	r.Kill()
	eventually(t, "the loss is reported", b.isDegraded)
	eventually(t, "load without Redis", reached(tried.Load()+1000))
	r.Restart(t)
	eventually(t, "recovery is reported", func() bool { return !b.isDegraded() })
	eventually(t, "load after it", reached(tried.Load()+1000))
	close(stop)
	attackers.Wait()
	if got := passed.Load(); got != 5 {
		t.Errorf("%d of %d guesses passed, want 5", got, tried.Load())
	}
	if got := wrong.Load(); got != 0 {
		t.Errorf("%d attempts were answered otherwise than by the limit", got)
	}
	if got := b.seen.states(); fmt.Sprint(got) != "[false true false]" {
		t.Errorf("degraded was reported as %v", got)
	}
	if len(r.Do(t, "KEYS", "*").([]any)) == 0 {
		t.Error("nothing is counted in the new Redis")
	}

	// The windows of the outage end, and only Redis decides.
	b.clock.Advance(time.Hour)
	c := start(t, onRedis(r.URL))
	c.clock.Advance(time.Hour)
	b.fail(4, signIn("ann@example.org", "10.0.0.1"))
	if !c.succeed(signIn("ann@example.org", "10.0.0.1")) {
		t.Error("refused within the limit")
	}
	if got := b.fail(10, signIn("ann@example.org", "10.0.0.1")); got != 5 {
		t.Errorf("%d passed after a success elsewhere, want 5", got)
	}
}

// Connections that broke while idle are replaced silently.
func TestRedis_EmptiedUnnoticedTheLimitsStay(t *testing.T) {
	r := testserver.StartRedis(t)
	for name, empty := range map[string]func(){
		"restarted": func() { r.Kill(); r.Restart(t) },
		"flushed":   func() { r.Do(t, "FLUSHALL") },
	} {
		t.Run(name, func(t *testing.T) {
			r.Do(t, "FLUSHALL")
			b := start(t, onRedis(r.URL))
			for i := range 16 {
				b.fail(1, signIn("ann@example.org", ipv4("10.0.0.0", i)))
			}
			empty()
			if got := b.fail(100, signIn("ann@example.org", "198.51.100.4")); got != 0 {
				t.Errorf("%d more guesses passed", got)
			}
			eventually(t, "working Redis", func() bool { return !b.isDegraded() })
			if got := b.fail(100, signIn("bob@example.org", "198.51.100.4")); got != 5 {
				t.Errorf("%d guesses on another account passed, want 5", got)
			}
		})
	}
}

func TestRedis_HangingIsLeftAlone(t *testing.T) {
	r := testserver.StartRedis(t)
	b := start(t, onRedis(r.URL))
	if err := r.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	resume := sync.OnceFunc(func() { _ = r.Signal(syscall.SIGCONT) })
	t.Cleanup(resume)
	if got := b.fail(1000, signIn("ann@example.org", "198.51.100.4")); got != 5 {
		t.Errorf("%d passed, want 5", got)
	}
	if !b.isDegraded() {
		t.Error("not reported as degraded")
	}
	resume()
	eventually(t, "recovery", func() bool { return !b.isDegraded() })
}

func TestRedis_ThatCannotWriteIsDegraded(t *testing.T) {
	r := testserver.StartRedis(t)
	b := start(t, onRedis(r.URL))
	r.Do(t, "CONFIG", "SET", "maxmemory", "1")
	if got := b.fail(100, signIn("ann@example.org", "198.51.100.4")); got != 5 {
		t.Errorf("%d passed, want 5", got)
	}
	if !b.isDegraded() {
		t.Error("not reported as degraded")
	}
	r.Do(t, "CONFIG", "SET", "maxmemory", "0")
	eventually(t, "recovery", func() bool { return !b.isDegraded() })
}

func TestRedis_ForgottenScriptsAreLoadedAnew(t *testing.T) {
	r := testserver.StartRedis(t)
	b := start(t, onRedis(r.URL))
	b.fail(2, signIn("ann@example.org", "198.51.100.4"))
	r.Do(t, "SCRIPT", "FLUSH")
	if got := b.fail(10, signIn("ann@example.org", "198.51.100.4")); got != 3 || b.isDegraded() {
		t.Errorf("%d passed, want 3; degraded: %v", got, b.seen.states())
	}
}

func TestRedis_PasswordRotatesWithoutARestart(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Do(t, "ACL", "SETUSER", "login", "on", ">old", "~*", "+@all")
	var password atomic.Value
	password.Store("old")
	url := func() string {
		return fmt.Sprintf("redis://login:%s@%s/0", password.Load(), testserver.Addr(r.Port))
	}
	b := start(t, onRedis(url))
	ann := signIn("ann@example.org", "198.51.100.4")
	b.fail(2, ann)
	r.Do(t, "ACL", "SETUSER", "login", ">new")
	password.Store("new")
	b.fail(1, ann)
	r.Do(t, "ACL", "SETUSER", "login", "<old")
	r.Do(t, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	if got := b.fail(10, ann); got != 2 {
		t.Errorf("%d passed, want 2", got)
	}
	eventually(t, "shared again", func() bool { return !b.isDegraded() })
}

func TestRedis_WithAWrongPasswordIsDegradedUntilItIsRight(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Do(t, "ACL", "SETUSER", "login", "on", ">right", "~*", "+@all")
	var password atomic.Value
	password.Store("wrong")
	b := start(t, onRedis(func() string {
		return fmt.Sprintf("redis://login:%s@%s/0", password.Load(), testserver.Addr(r.Port))
	}))
	if !b.isDegraded() {
		t.Error("not reported as degraded")
	}
	password.Store("right")
	eventually(t, "recovery", func() bool { return !b.isDegraded() })
}

func TestRedis_NeedsFewRights(t *testing.T) {
	r := testserver.StartRedis(t)
	r.Do(t, "ACL", "SETUSER", "login", "on", ">pass", "~{login-limit}:*", "resetchannels", "-@all",
		"+hello", "+auth", "+select", "+eval", "+evalsha", "+mget", "+get", "+set", "+incrby", "+decrby", "+pexpire", "+del")
	b := start(t, onRedis(func() string { return "redis://login:pass@" + testserver.Addr(r.Port) + "/0" }))
	ann := signIn("ann@example.org", "198.51.100.4")
	b.fail(4, ann)
	if !b.succeed(ann) {
		t.Error("refused within the limit")
	}
	if got := b.fail(10, ann); got != 5 || b.isDegraded() {
		t.Errorf("%d passed, want 5; degraded: %v", got, b.seen.states())
	}
}

// Both keep the same books: whatever happens, they decide alike.
func TestRedis_DecidesLikeMemory(t *testing.T) {
	r := testserver.StartRedis(t)
	memory, shared := start(t), start(t, onRedis(r.URL))
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	type pair struct{ memory, shared login.Reservation }
	var open []pair
	refusals := 0
	for step := range 5000 {
		switch n := random.IntN(100); {
		case n == 0:
			d := time.Duration(random.IntN(40)) * time.Second
			memory.clock.Advance(d)
			shared.clock.Advance(d)
		case n < 45 && len(open) > 0:
			i := random.IntN(len(open))
			settle := []func(login.Reservation){
				func(r login.Reservation) { r.Succeeded(context.Background()) },
				func(r login.Reservation) { r.Failed(context.Background()) },
				func(r login.Reservation) { r.Released(context.Background()) },
			}[random.IntN(3)]
			settle(open[i].memory)
			settle(open[i].shared)
			open = append(open[:i], open[i+1:]...)
		default:
			a := signIn(pick("ann", "bob", "cy"), pick("", "198.51.100.4", "198.51.100.5", "203.0.113.9", "2001:db8::1", "2001:db8::1:0:0:0:1"))
			a.Operation = login.Operation(pick("signin", "signin", "signin", "changePassword", "signup", "refresh", "me"))
			a.Family = pick("", "f", "g")
			a.DeviceID = pick("", "", "", "phone", "laptop")
			switch p := login.PolicyOf(a.Operation); {
			case p.Known == login.LimitUnset:
				a.DeviceID = ""
			case p.Limit == login.LimitUnset:
				a.DeviceID = "session"
			}
			inMemory, refusedByMemory := memory.try(a)
			inRedis, refusedByRedis := shared.try(a)
			if diff := cmp.Diff(refusedByMemory, refusedByRedis, cmp.AllowUnexported(ratelimit.Refusal{})); diff != "" {
				t.Fatalf("step %d, %+v (-memory +redis):\n%s", step, a, diff)
			}
			if refusedByMemory != nil {
				refusals++
				continue
			}
			if m, s := left(inMemory), left(inRedis); m != s {
				t.Fatalf("step %d, %+v: left in memory %s, in Redis %s", step, a, m, s)
			}
			open = append(open, pair{inMemory, inRedis})
		}
	}
	if refusals < 100 || refusals > 2500 || shared.isDegraded() {
		t.Errorf("%d refusals, degraded %v: the test shows little", refusals, shared.seen.states())
	}
}

func left(r login.Reservation) string {
	limit, remaining, reset := r.(*ratelimit.Reservation).RateLimit()
	return fmt.Sprintf("%d of %d for %s", remaining, limit, reset)
}

// Reports of services behind Sentinel that never find the new master (go-redis) until they
// are restarted: each replica then counts by itself, and a stranger has three times as many
// guesses.
func TestRedis_SentinelsNewMasterIsFollowedByEveryReplica(t *testing.T) {
	s := testserver.StartSentinel(t)
	replicas := make([]*bench, 3)
	for i := range replicas {
		replicas[i] = start(t, onRedis(s.URL))
	}
	guess := func(account string) (passed int) {
		for _, r := range replicas {
			passed += r.fail(3, signIn(account, "198.51.100.4"))
		}
		return passed
	}
	if got := guess("ann@example.org"); got != 5 {
		t.Fatalf("%d guesses passed over three replicas, want 5", got)
	}
	eventually(t, "the replica has what the master has", func() bool {
		return s.Replica.Do(t, "DBSIZE").(int64) == s.Master.Do(t, "DBSIZE").(int64)
	})
	s.Master.Kill()
	for _, r := range replicas {
		eventually(t, "the new master is in use", func() bool {
			r.fail(1, signIn("nobody@example.org", "198.51.100.5"))
			return !r.isDegraded()
		})
	}
	if got := guess("ann@example.org"); got != 0 {
		t.Errorf("%d more guesses passed at the new master, want 0", got)
	}
	for _, r := range replicas {
		r.clock.Advance(time.Hour) // past the windows of the outage, which each counts by itself
	}
	if got := guess("bob@example.org"); got != 5 {
		t.Errorf("%d guesses passed at the new master, want 5", got)
	}
}
