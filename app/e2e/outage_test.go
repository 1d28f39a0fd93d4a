package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

func (s *stack) connectionsOf(role string) int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.postgres.URL(s.database))
	check(s.t, err)
	defer c.Close(ctx)
	var n int
	check(s.t, c.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role).Scan(&n))
	return n
}

// After SIGTERM, requests in flight are answered, and for a moment so are new ones.
func TestStop_LosesNoRequest(t *testing.T) {
	s := start(t, options{env: map[string]string{"LOGIN_HASH_QUEUE_MAX_WAIT": "20s", "LOGIN_LIMIT_SIGNIN_ACCOUNT": "off"}})
	s.client().signUp("ann@example.org")
	var wg sync.WaitGroup
	signIn := func(i int) {
		wg.Go(func() {
			r, err := s.direct(fmt.Sprintf("203.0.113.%d", i)).send("POST", "/auth/signin", map[string]any{"email": "ann@example.org", "password": goodPassword})
			if err != nil || r.status != 200 {
				t.Errorf("request %d: %d %s %v", i, r.status, r.body, err)
			}
		})
	}
	for i := range 40 {
		signIn(i)
	}
	time.Sleep(200 * time.Millisecond)
	check(t, s.login.Signal(syscall.SIGTERM))
	time.Sleep(200 * time.Millisecond)
	for i := range 10 {
		signIn(100 + i)
	}
	wg.Wait()
	select {
	case <-s.login.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("the service does not stop")
	}
	if code := s.login.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestOutage_DatabaseGoesAndComes(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	g := c.signUp("ann@example.org")
	s.postgres.Kill()
	if r := c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken}); r.status != 503 || r.code() != "unavailable" || r.header.Get("Retry-After") == "" {
		t.Errorf("over REST: %d %s", r.status, r.body)
	}
	if r := c.signIn("ann@example.org", goodPassword); r.status != 200 || r.code() != "unavailable" {
		t.Errorf("over GraphQL: %d %s", r.status, r.body)
	}
	if r := c.rest("GET", "/.well-known/jwks.json", nil); r.status != 200 {
		t.Errorf("the key set needs no database: %d", r.status)
	}
	s.postgres.Restart(t)
	// Not as soon as the server is ready: login may just have met it while it started.
	testserver.Eventually(t, "a refresh", func() bool {
		r := c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
		return r.status == 200 && c.rest("GET", "/healthz", nil).status == 200
	})
}

// A replica of login whose clock is ahead of Hasura's: hasura/graphql-engine#2109 is
// one of many reports of JWTIssuedAtFuture and JWTNotYetValid.
func TestClock_FiftySecondsAheadOfHasura(t *testing.T) {
	s := start(t, options{clock: func() time.Time { return time.Now().Add(-50 * time.Second) }})
	c := s.client()
	g := c.signUp("ann@example.org")
	if r := c.as(g).graphQL(`{ users { id } }`, nil); r.code() != "" {
		t.Errorf("a fresh token: %s", r.body)
	}
}

func TestOutage_HasuraGoesAndComes(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	g := c.signUp("ann@example.org")
	s.nginx.PointUpstream(t, "hasura", testserver.Addr(testserver.FreePort(t)))
	s.nginx.Reload(t)
	deadline := time.Now().Add(10 * time.Second)
	for c.signIn("ann@example.org", goodPassword).code() != "unavailable" {
		if time.Now().After(deadline) {
			t.Fatal("nginx never noticed")
		}
		time.Sleep(50 * time.Millisecond)
	}
	g = c.restGrant("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
	s.nginx.PointUpstream(t, "hasura", s.hasura)
	s.nginx.Reload(t)
	for c.as(g).graphQL(`{ users { id } }`, nil).code() != "" {
		if time.Now().After(deadline.Add(10 * time.Second)) {
			t.Fatal("errors after Hasura is back")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Two hundred users refresh for a quarter of a minute, on Postgres and on SQLite: no user is
// signed out, and no answer is a 5xx.
func TestRefresh_TwoHundredUsers(t *testing.T) {
	off := map[string]string{
		"LOGIN_LIMIT_SIGNUP_CLIENT": "off", "LOGIN_LIMIT_SIGNIN_CLIENT": "off", "LOGIN_LIMIT_REFRESH_CLIENT": "off", "LOGIN_LIMIT_REFRESH_SESSION": "off",
	}
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{env: off})
		refreshAll(t, s.direct)
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		api := startDev(t, off)
		refreshAll(t, func(string) *client {
			return &client{t: t, base: "http://" + api, header: http.Header{}, http: &http.Client{Timeout: 15 * time.Second}}
		})
	})
}

func refreshAll(t *testing.T, from func(address string) *client) {
	const users, period = 200, 15 * time.Second
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	ready := make(chan struct{})
	var signedUp sync.WaitGroup
	signedUp.Add(users)
	for n := range users {
		wg.Go(func() {
			c := from(fmt.Sprintf("10.0.%d.%d", n/200, n%200))
			var g grant
			for g.Token == "" { // a full limiter says when to come back
				r, err := c.send("POST", "/auth/signup", map[string]any{"email": email(n), "name": "User", "password": goodPassword})
				if err == nil && r.status == 201 {
					r.decode(t, &g)
				} else if err != nil || r.code() != "overloaded" {
					t.Errorf("signing up: %d %s %v", r.status, r.body, err)
					break
				} else {
					time.Sleep(time.Second)
				}
			}
			signedUp.Done()
			<-ready
			count := 0
			for end := time.Now().Add(period); time.Now().Before(end); count++ {
				r, err := c.send("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
				if err != nil || r.status != 200 {
					t.Errorf("refreshing: %d %s %v", r.status, r.body, err)
					return
				}
				r.decode(t, &g)
			}
			mu.Lock()
			total += count
			mu.Unlock()
		})
	}
	signedUp.Wait()
	close(ready)
	wg.Wait()
	t.Logf("%d users refreshed %d times in %s", users, total, period)
}

// startDev runs the embedded default and returns its API's address.
func startDev(t *testing.T, env map[string]string) string {
	t.Helper()
	dir := testserver.TempDir(t)
	api := testserver.Addr(testserver.FreePort(t))
	cmd := exec.Command(devBinary, "--listen", api, "--graphql", testserver.Addr(testserver.FreePort(t)),
		"--ops", testserver.Addr(testserver.FreePort(t)), "--data", filepath.Join(dir, "data"))
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	p := testserver.Start(t, cmd)
	p.WaitReady(t, 20*time.Second, func() error { return ok("http://" + api + "/healthz") })
	return api
}

// The printed lines of 'dev', pasted as they are.
func TestDev_PrintedLinesWork(t *testing.T) {
	dir := testserver.TempDir(t)
	cmd := exec.Command(devBinary, "--listen", testserver.Addr(testserver.FreePort(t)), "--graphql", testserver.Addr(testserver.FreePort(t)),
		"--ops", testserver.Addr(testserver.FreePort(t)), "--data", filepath.Join(dir, "data"))
	p := testserver.Start(t, cmd)
	p.WaitReady(t, 20*time.Second, func() error {
		if !strings.Contains(p.Output(), "Ctrl-C stops it") {
			return fmt.Errorf("nothing printed yet")
		}
		return nil
	})
	ran := 0
	for line := range strings.Lines(p.Output()) {
		if !strings.HasPrefix(strings.TrimSpace(line), "curl ") || strings.Contains(line, "$TOKEN") {
			continue
		}
		ran++
		out, err := exec.Command("sh", "-c", line).CombinedOutput() // #nosec G204 -- what the program printed
		if err != nil || strings.Contains(string(out), `"errors"`) || strings.Contains(string(out), `"code"`) {
			t.Errorf("%s\n%v %s", line, err, out)
		}
	}
	if ran != 5 {
		t.Errorf("%d lines were printed, want 5", ran)
	}
	for line := range strings.Lines(p.Output()) {
		if strings.Contains(line, "127.0.0.1:") && strings.Contains(line, "serving") && !strings.Contains(line, `"api":"127.0.0.1`) {
			t.Errorf("not on loopback: %s", line)
		}
	}
}

// Nothing private reaches a log or a metric, whatever the users do.
func TestLogs_HoldNothingPrivate(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	g := c.signUp("private-ann@example.org")
	var in, next grant
	c.signIn("private-ann@example.org", goodPassword).data(t, "signin", &in)
	c.signIn("private-ann@example.org", "private-wrong-guess")
	c.rest("POST", "/auth/signin", map[string]any{"email": "private-ann@example.org", "password": "private-wrong-guess", "deviceToken": g.DeviceToken})
	c.rest("POST", "/auth/signin?email=private-ann@example.org&token="+g.RefreshToken, map[string]any{"email": "private-ann", "password": "x"})
	next = c.restGrant("POST", "/auth/refresh", map[string]any{"refreshToken": in.RefreshToken})
	c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": "private-nonsense"})
	c.as(next).rest("POST", "/auth/password", map[string]any{"currentPassword": goodPassword, "newPassword": "private-new-password-1"})
	s.postgres.Kill()
	c.signIn("private-ann@example.org", goodPassword)

	metrics, err := (&client{t: t, base: "http://" + s.login.ops, header: map[string][]string{}, http: c.http}).send("GET", "/metrics", nil)
	check(t, err)
	var edge strings.Builder
	for _, line := range s.nginx.AccessLog(t, 9) {
		edge.Write(line)
	}
	time.Sleep(500 * time.Millisecond) // the request log is written in batches
	for where, text := range map[string]string{"login's log": s.login.Output(), "the metrics": string(metrics.body), "nginx's log": edge.String()} {
		if len(text) < 1000 {
			t.Errorf("%s is suspiciously short: %q", where, text)
		}
		for what, private := range map[string]string{
			"an e-mail address": "private-ann", "a password": goodPassword, "a wrong password": "private-wrong-guess", "a new password": "private-new-password",
			"an access token": in.Token, "a refresh token": in.RefreshToken, "a query string": g.RefreshToken, "a device token": g.DeviceToken,
			"nonsense": "private-nonsense", "the action secret": actionSecret, "the edge secret": edgeSecret,
			"the database's URL": "postgres://",
		} {
			if strings.Contains(text, private) {
				t.Errorf("%s holds %s", where, what)
			}
		}
	}
}

// One request is found under one id in every log, from the answer's header on.
func TestLogs_OneIDFromEdgeToLogin(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	r := c.rest("POST", "/v1/graphql", map[string]any{"query": `{ signin(email: "nobody@example.org", password: "x") { id } }`})
	id := r.header.Get("X-Request-Id")
	if id == "" || !strings.Contains(string(r.body), id) {
		t.Errorf("id %q in the header, body %s", id, r.body)
	}
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(s.login.Output(), `"id":"`+id+`"`) || !strings.Contains(s.run("audit", "--json", "--request", id), `"event":"refused"`) {
		if time.Now().After(deadline) {
			t.Fatalf("login's log does not know %s:\n%s", id, s.login.Output())
		}
		time.Sleep(50 * time.Millisecond)
	}
	found := false
	for _, line := range s.nginx.AccessLog(t, 2) {
		found = found || strings.Contains(string(line), id)
	}
	if !found {
		t.Errorf("nginx's log does not know %s", id)
	}
}
