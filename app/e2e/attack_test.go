package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// Windows of a day, so that none ends while a test runs.
func attackEnv(account, client string) map[string]string {
	return map[string]string{
		"LOGIN_LIMIT_SIGNIN_ACCOUNT": account, "LOGIN_LIMIT_SIGNIN_CLIENT": client,
		"LOGIN_LIMIT_SIGNUP_CLIENT": "off", "LOGIN_HASH_QUEUE_MAX_WAIT": "20s",
	}
}

// direct speaks to login as nginx does, so that a test can be many clients and
// is not slowed by nginx's own limits.
func (s *stack) direct(address string) *client {
	c := s.client()
	c.base = "http://" + s.login.api
	c.header = http.Header{"X-Edge-Secret": {edgeSecret}, "X-Real-Ip": {address}}
	return c
}

// guesses counts the answers that told whether a password was right.
type guesses struct {
	made   atomic.Int64
	passed atomic.Int64 // reached a hash
	other  sync.Map     // code → true
}

func (g *guesses) count(code string) {
	g.made.Add(1)
	switch code {
	case "invalid-credentials", "":
		g.passed.Add(1)
	default:
		g.other.Store(code, true)
	}
}

func (g *guesses) check(t *testing.T, limit int64) {
	t.Helper()
	t.Logf("%d attempts, %d reached a hash, the limit is %d", g.made.Load(), g.passed.Load(), limit)
	if g.passed.Load() > limit {
		t.Errorf("%d of %d attempts passed a limit of %d", g.passed.Load(), g.made.Load(), limit)
	}
	g.other.Range(func(code, _ any) bool {
		if code != "rate-limited" {
			t.Errorf("an attempt ended in %s", code)
		}
		return true
	})
}

// guess sends one wrong password over REST.
func (g *guesses) guess(c *client, address string) {
	r, err := c.send("POST", "/auth/signin", map[string]any{"email": address, "password": "guess"})
	if err != nil {
		c.t.Errorf("an attempt got no answer: %v", err)
		return
	}
	g.count(r.code())
}

const attempts = 1000

// inParallel runs f(0) … f(n-1), sixteen at a time.
func inParallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	work := make(chan int)
	for range 16 {
		wg.Go(func() {
			for i := range work {
				f(i)
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
}

// However the attempts on one account arrive, five reach a hash.
func TestAttack_OneAccount(t *testing.T) {
	const limit = 5
	s := start(t, options{env: attackEnv("5-D", "off")})
	for name, attack := range map[string]func(t *testing.T, g *guesses, victim string){
		"many addresses": func(t *testing.T, g *guesses, victim string) {
			inParallel(attempts, func(i int) {
				g.guess(s.direct(fmt.Sprintf("198.%d.%d.%d", 18+i%2, i/250, i%250)), victim)
			})
		},
		"upper-case variants": func(t *testing.T, g *guesses, victim string) {
			inParallel(attempts, func(i int) {
				variant := []byte(victim)
				for bit := range 10 {
					if i>>bit&1 == 1 {
						variant[bit] = strings.ToUpper(victim)[bit]
					}
				}
				g.guess(s.direct("192.0.2.1"), " "+string(variant))
			})
		},
		"batch arrays": func(t *testing.T, g *guesses, victim string) {
			batch := make([]map[string]any, 100)
			for i := range batch {
				batch[i] = map[string]any{"query": `{ signin(email: "` + victim + `", password: "guess") { id } }`}
			}
			for range attempts / len(batch) {
				r := s.client().rest("POST", "/v1/graphql", batch)
				var answers []struct {
					Errors []struct{ Extensions struct{ Code string } }
				}
				if err := json.Unmarshal(r.body, &answers); err != nil {
					t.Fatalf("%v: %s", err, r.body)
				}
				for _, a := range answers {
					g.count(a.Errors[0].Extensions.Code)
				}
			}
		},
		"aliases": func(t *testing.T, g *guesses, victim string) {
			var q strings.Builder
			for i := range 100 {
				fmt.Fprintf(&q, "a%d: signin(email: %q, password: \"guess%d\") { id } ", i, victim, i)
			}
			for range attempts / 100 {
				// The first refusal ends the operation: one guess a request.
				g.count(s.client().graphQL("{ "+q.String()+" }", nil).code())
				time.Sleep(60 * time.Millisecond) // stay below nginx's own limit
			}
		},
		"WebSocket frames": func(t *testing.T, g *guesses, victim string) {
			socket := s.client().dial(newProtocol, nil)
			for range attempts {
				g.count(socket.call(`query ($e: String!) { signin(email: $e, password: "guess") { id } }`, map[string]any{"e": victim}).code())
			}
		},
		"the attacker's own account between": func(t *testing.T, g *guesses, victim string) {
			own := "own-" + victim
			s.client().signUp(own)
			for i := range 100 {
				c := s.direct(fmt.Sprintf("192.0.2.%d", 10+i%200))
				for range 10 {
					g.guess(c, victim)
				}
				if r := c.rest("POST", "/auth/signin", map[string]any{"email": own, "password": goodPassword}); r.status != 200 {
					t.Errorf("signing in to the own account: %d %s", r.status, r.body)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			victim := strings.ToLower(strings.NewReplacer(" ", "-", "'", "").Replace(name)) + "@example.org"
			s.client().signUp(victim)
			g := &guesses{}
			attack(t, g, victim)
			g.check(t, limit)
		})
	}
}

// Ten attempts of one client reach a hash, whichever way they arrive; eight times as
// many if clients cannot be told apart.
func TestAttack_OneClient(t *testing.T) {
	const limit = 10
	s := start(t, options{env: attackEnv("off", "10-D")})
	var user atomic.Int64
	somebody := func() string { return email(int(user.Add(1))) }

	t.Run("forged headers", func(t *testing.T) {
		g := &guesses{}
		// Two at a time, below what nginx itself would refuse.
		for i := range attempts / 20 {
			address := fmt.Sprintf("203.0.113.%d", i%250)
			c := s.client().with("X-Real-IP", address).with("X-Forwarded-For", address).with("Forwarded", "for="+address).
				with("X-Edge-Secret", edgeSecret).with("True-Client-IP", address).with("X-Hasura-Real-Ip", address)
			batch := make([]map[string]any, 20)
			for i := range batch {
				batch[i] = map[string]any{"query": `{ signin(email: "` + somebody() + `", password: "guess") { id } }`}
			}
			r := c.rest("POST", "/v1/graphql", batch)
			var answers []struct {
				Errors []struct{ Extensions struct{ Code string } }
			}
			if err := json.Unmarshal(r.body, &answers); err != nil {
				t.Fatalf("%v: %s", err, r.body)
			}
			for _, a := range answers {
				g.count(a.Errors[0].Extensions.Code)
			}
			time.Sleep(20 * time.Millisecond)
		}
		g.check(t, limit)
	})
	t.Run("addresses of one /64", func(t *testing.T) {
		g := &guesses{}
		inParallel(attempts, func(i int) { g.guess(s.direct(fmt.Sprintf("2001:db8:1:2:%x::%x", i, i)), somebody()) })
		g.check(t, limit)
	})
	t.Run("addresses of one /24", func(t *testing.T) {
		g := &guesses{}
		inParallel(attempts, func(i int) { g.guess(s.direct(fmt.Sprintf("198.51.100.%d", i%256)), somebody()) })
		g.check(t, 8*limit)
	})
	t.Run("WebSockets that claim addresses", func(t *testing.T) {
		g := &guesses{}
		for i := range 10 {
			socket := s.client().dial(newProtocol, map[string]string{"X-Real-IP": fmt.Sprintf("192.0.2.%d", i), "X-Edge-Secret": "guess"})
			for range attempts / 10 {
				g.count(socket.call(`query ($e: String!) { signin(email: $e, password: "guess") { id } }`, map[string]any{"e": somebody()}).code())
			}
		}
		g.check(t, 8*limit)
	})
}

// A thousand addresses attack one account; its owner's device signs in at the first
// try; without the device token, the answer says when to try again.
func TestAttack_TheOwnersDeviceGetsIn(t *testing.T) {
	s := start(t, options{env: map[string]string{"LOGIN_LIMIT_SIGNUP_CLIENT": "off"}})
	owner := s.client().signUp("owner@example.org")
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	var refused atomic.Int64
	for w := range 32 {
		crowd.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				n := w*1000/32 + i%32
				// Half at the owner's account, half at anybody's, so that the hash limiter is full too.
				target := "owner@example.org"
				if i%2 == 0 {
					target = email(w*100000 + i)
				}
				r, err := s.direct(fmt.Sprintf("10.%d.%d.%d", n%200, n/200, w)).send("POST", "/auth/signin", map[string]any{"email": target, "password": "guess"})
				if err == nil && (r.code() == "rate-limited" || r.code() == "overloaded") {
					refused.Add(1)
				}
			}
		})
	}
	for refused.Load() < 200 { // the attack is under way
		time.Sleep(10 * time.Millisecond)
	}
	home := s.direct("203.0.113.50")
	began := time.Now()
	r := home.rest("POST", "/auth/signin", map[string]any{"email": "owner@example.org", "password": goodPassword, "deviceToken": owner.DeviceToken})
	if r.status != 200 {
		t.Errorf("with the device token: %d %s", r.status, r.body)
	}
	t.Logf("with the device token: signed in after %s", time.Since(began).Round(time.Millisecond))
	r = home.rest("POST", "/auth/signin", map[string]any{"email": "owner@example.org", "password": goodPassword})
	if r.status != 429 && r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("without it: %d %s, Retry-After %q", r.status, r.body, r.header.Get("Retry-After"))
	}
	close(stop)
	crowd.Wait()
}

// Known devices go first, and anyone can make accounts to get known devices. Here one
// address fills the queue with them, with one worker and only the queue's own limit.
// The owner's device on another address still signs in at every first try.
func TestAttack_DevicesOfAccountsMadeForItDoNotKeepTheOwnerOut(t *testing.T) {
	env := attackEnv("off", "off")
	env["LOGIN_LIMIT_DEVICE_CLIENT"], env["LOGIN_HASH_WORKERS"], env["LOGIN_HASH_QUEUE_MAX_WAIT"] = "off", "1", "800ms"
	s := start(t, options{env: env})
	owner := s.client().signUp("owner@example.org")
	const accounts, senders = 20, 64
	var devices [accounts]string
	for i := range devices {
		r := s.direct(fmt.Sprintf("10.%d.0.1", i)).rest("POST", "/auth/signup", map[string]any{"email": email(i), "name": "Mallory", "password": goodPassword})
		var made grant
		if err := json.Unmarshal(r.body, &made); err != nil || made.DeviceToken == "" {
			t.Fatalf("signing up: %d %s", r.status, r.body)
		}
		devices[i] = made.DeviceToken
	}
	stop := make(chan struct{})
	var crowd sync.WaitGroup
	var refused atomic.Int64
	for n := range senders {
		crowd.Go(func() {
			c := s.direct("198.51.100.4")
			for i := n; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				r, err := c.send("POST", "/auth/signin", map[string]any{"email": email(i % accounts), "password": goodPassword, "deviceToken": devices[i%accounts]})
				if err == nil && r.code() == "overloaded" {
					refused.Add(1)
				}
			}
		})
	}
	for refused.Load() < 200 { // the attack is under way
		time.Sleep(10 * time.Millisecond)
	}
	home := s.direct("203.0.113.50")
	for range 5 {
		began := time.Now()
		r := home.rest("POST", "/auth/signin", map[string]any{"email": "owner@example.org", "password": goodPassword, "deviceToken": owner.DeviceToken})
		if r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
		t.Logf("signed in after %s; %d of the attackers' refused so far", time.Since(began).Round(time.Millisecond), refused.Load())
	}
	close(stop)
	crowd.Wait()
}

// Limits hold while Redis stops and comes back, and no request gets a 5xx because of
// it.
func TestAttack_RedisIsKilledMeanwhile(t *testing.T) {
	redis := testserver.StartRedis(t)
	s := start(t, options{redis: redis, env: attackEnv("5-D", "off")})
	g := &guesses{}
	phase := func(from, to int) {
		inParallel(to-from, func(i int) {
			g.guess(s.direct(fmt.Sprintf("198.18.%d.%d", (from+i)/250, (from+i)%250)), "victim@example.org")
		})
	}
	s.client().signUp("victim@example.org")
	phase(0, 300)
	if s.metric("login_limiter_degraded") != "0" {
		t.Error("degraded although Redis is there")
	}
	redis.Kill()
	phase(300, 600)
	s.awaitMetric("login_limiter_degraded", "1")
	redis.Restart(t)
	s.awaitMetric("login_limiter_degraded", "0")
	phase(600, 900)
	g.check(t, 5)
}

// metric reads one series of the ops listener.
func (s *stack) metric(series string) string {
	s.t.Helper()
	r, err := (&client{t: s.t, base: "http://" + s.login.ops, header: http.Header{}, http: http.DefaultClient}).send("GET", "/metrics", nil)
	check(s.t, err)
	for line := range strings.Lines(string(r.body)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), series+" "); found {
			return value
		}
	}
	s.t.Fatalf("no series %s", series)
	return ""
}

func (s *stack) awaitMetric(series, want string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for s.metric(series) != want {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is %s, never %s", series, s.metric(series), want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A document that calls an action under many names causes ten of them, also where
// Hasura forwards neither the edge's secret nor its id. A client that makes an id up
// for its whole WebSocket has ten a minute for all of it.
func TestAttack_AliasesOfOneActionAreCappedOverHTTPAndWebSocket(t *testing.T) {
	s := start(t, options{env: attackEnv("off", "off")})
	s.client().signUp("mallory@example.org")
	var q strings.Builder
	for i := range 100 { // a wrong password would end the document
		fmt.Fprintf(&q, ` a%d: signin(email: "mallory@example.org", password: %q) { id }`, i, goodPassword)
	}
	document := "{" + q.String() + "}"
	hashed := func() int {
		var n int
		if _, err := fmt.Sscan(s.metric("login_hash_seconds_count"), &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	socket := s.client().dial(newProtocol, nil)
	named := s.client().dial(newProtocol, map[string]string{"X-Request-Id": "made-up-by-the-client", "X-Edge-Secret": "guess"})
	for _, c := range []struct {
		name string
		send func() reply
		want int
	}{
		{"HTTP", func() reply { return s.client().rest("POST", "/v1/graphql", map[string]any{"query": document}) }, 10},
		{"WebSocket", func() reply { return socket.call(document, nil) }, 10},
		{"the same WebSocket again", func() reply { return socket.call(document, nil) }, 10},
		{"WebSocket with an id of its own", func() reply { return named.call(document, nil) }, 10},
		{"that one again", func() reply { return named.call(document, nil) }, 0},
	} {
		if c.want > 0 {
			earlyInAMinute()
		}
		before := hashed()
		r := c.send()
		if got := hashed() - before; got != c.want || r.code() != "rate-limited" {
			t.Errorf("%s: %d hashes for one document, want %d (%s)", c.name, got, c.want, r.body)
		}
	}
}

// earlyInAMinute waits until the limits of a minute count the next seconds together.
func earlyInAMinute() {
	if left := time.Minute - time.Duration(time.Now().UnixNano())%time.Minute; left < 10*time.Second {
		time.Sleep(left)
	}
}
