package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// rotation is one appliance on which every script works in turn, under load.
type rotation struct {
	*appliance
	load    *load
	sockets []*subscriber
	old     grant // signed by the key before
	rotated map[string]bool
}

// rotate runs a script. No request may fail meanwhile, and every subscription
// goes on, if need be after connecting again.
func (r *rotation) rotate(script string, args ...string) string {
	r.t.Helper()
	r.rotated[script] = true
	before, again, began := r.load.mark(), r.reconnects(), time.Now()
	out := r.script(script, args...)
	for _, w := range r.sockets {
		w.rename(script)
	}
	r.load.since(before, fmt.Sprintf("%s (%.0f s)", strings.Join(append([]string{script}, args...), " "), time.Since(began).Seconds()))
	r.t.Logf("%s: %d subscriptions, connected again %d times", script, len(r.sockets), r.reconnects()-again)
	return out
}

func (r *rotation) reconnects() int {
	r.t.Helper()
	sum := 0
	for _, w := range r.sockets {
		again, failures := w.reconnected()
		sum += again
		for _, f := range failures {
			r.t.Errorf("failed: %s", f)
		}
	}
	return sum
}

// fastClock runs so many times as fast as it should until it is slowed down. A
// machine that stood still for a while does not make it jump.
type fastClock struct {
	mu     sync.Mutex
	speed  time.Duration
	looked time.Time
	shows  time.Time
}

func (c *fastClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.shows = c.shows.Add(c.speed * min(now.Sub(c.looked), time.Second))
	c.looked = now
	return c.shows
}

// slowDown keeps tokens, which live an hour at most, alive for the rest of a test.
func (c *fastClock) slowDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speed = 1
}

// Runs the operator's scripts on real servers. While the signing key rotates, the
// stand-in's clock runs thirty times as fast, so that its 60 s cycle, with the poll
// just missed, takes 2 s and the 300 s of publishing ahead take 10 s.
func TestScripts_RotateUnderLoad(t *testing.T) {
	const speed = 30
	clock := &fastClock{speed: speed, looked: time.Now(), shows: time.Now()}
	a := startAppliance(t, clock.now, 60*time.Second/speed)
	r := &rotation{appliance: a, load: a.startLoad(), rotated: map[string]bool{}}
	for n := range 3 {
		r.sockets = append(r.sockets, a.subscribe(fmt.Sprintf("live%d@example.org", n)))
	}
	r.jwtKey(300 * time.Second / speed)
	clock.slowDown()
	r.revoke()
	r.actionSecret()
	r.edgeSecret()
	r.serverSecret()
	r.adminSecret()
	r.postgresPasswords()
	r.redisPassword()
	r.others()
	r.load.end()
}

func (r *rotation) jwtKey(ahead time.Duration) {
	r.t.Helper()
	r.old = r.client().signUp("ann@example.org")
	r.rotate("rotate-jwt-key", "--publish-ahead", ahead.String())
	if out := r.rotate("rotate-jwt-key", "--wait"); !strings.Contains(out, "is published already") {
		r.t.Errorf("the second run made another key:\n%s", out)
	}
	var g grant
	r.client().signIn("ann@example.org", goodPassword).data(r.t, "signin", &g)
	if kidOf(r.t, g) == kidOf(r.t, r.old) {
		r.t.Error("the old key still signs")
	}
	if reply := r.client().as(r.old).graphQL(`{ users { id } }`, nil); reply.code() != "" {
		r.t.Errorf("a token of the old key is refused: %s", reply.body)
	}
}

// The previous key leaked. Users who have refreshed since then notice nothing.
func (r *rotation) revoke() {
	r.t.Helper()
	for _, w := range r.sockets {
		w.signIn()
	}
	time.Sleep(2 * loadPeriod * 2) // everybody has refreshed since the new key signs
	ring := func() string { return r.script("rotate-jwt-key", "--dry-run") }
	leaked := kidOf(r.t, r.old)
	if !strings.Contains(ring(), leaked) {
		r.t.Fatalf("the key before is not in the ring any more:\n%s", ring())
	}
	r.rotate("rotate-jwt-key", "--revoke", leaked, "--yes")
	if reply := r.client().as(r.old).graphQL(`{ users { id } }`, nil); reply.code() != "invalid-jwt" {
		r.t.Errorf("a token of the revoked key gets %s", reply.body)
	}
}

func (r *rotation) actionSecret() {
	r.t.Helper()
	old, again := r.read("login/action_secret"), r.reconnects()
	r.rotate("rotate-action-secret")
	if r.reconnects()-again < len(r.sockets) {
		r.t.Error("some WebSocket stayed with the container that was replaced")
	}
	login := r.client()
	login.base = "http://" + r.login.api
	for secret, want := range map[string]int{old: http.StatusUnauthorized, r.read("hasura/action_secret"): http.StatusBadRequest} {
		if reply := login.with("X-Hasura-Action-Secret", secret).rest("POST", "/actions/signin", map[string]any{}); reply.status != want {
			r.t.Errorf("an action answers %d %s, want %d", reply.status, reply.body, want)
		}
	}
}

func (r *rotation) edgeSecret() {
	r.t.Helper()
	old := r.read("login/edge_secret")
	r.clientSeen(old, "before") // the probes, which come past the edge, are in the log by now
	before := len(r.login.Output())
	r.rotate("rotate-edge-secret")
	asked := false // by the script
	for line := range strings.Lines(r.login.Output()[before:]) {
		asked = asked || strings.Contains(line, `"id":"edge-`) && strings.Contains(line, `"client":"127.0.0.1/32"`)
		if strings.Contains(line, `"client":"unknown"`) {
			r.t.Errorf("login did not know nginx' secret for a while: %s", line)
		}
	}
	if !asked {
		r.t.Error("the script did not see that login takes the new secret")
	}
	if seen := r.clientSeen(old, "old"); seen != "unknown" {
		r.t.Errorf("the old secret makes the client %s", seen)
	}
	if seen := r.clientSeen(r.read("login/edge_secret"), "new"); seen != "203.0.113.7/32" {
		r.t.Errorf("the new secret makes the client %s", seen)
	}
}

// clientSeen is the client that login's log names for a request with an edge secret.
func (r *rotation) clientSeen(secret, id string) string {
	r.t.Helper()
	c := r.client().with("X-Edge-Secret", secret).with("X-Real-Ip", "203.0.113.7").with("X-Request-Id", "edge-secret-"+id)
	c.base = "http://" + r.login.api
	c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": "none"})
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		for line := range strings.Lines(r.login.Output()) {
			var o struct{ Msg, ID, Client string }
			if json.Unmarshal([]byte(line), &o) == nil && o.Msg == "request" && o.ID == "edge-secret-"+id {
				return o.Client
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.t.Fatalf("login's log has no request edge-secret-%s", id)
	return ""
}

func (r *rotation) serverSecret() {
	r.t.Helper()
	old := r.read("login/server_secret")
	r.rotate("rotate-server-secret")
	if now := strings.Split(r.read("login/server_secret"), "\n"); len(now) != 2 || now[1] != old {
		r.t.Error("the old server secret is not kept next to the new one")
	}
}

// others runs the rotations of the list that have no steps of their own here. Each
// leaves one value, and not the one before.
func (r *rotation) others() {
	r.t.Helper()
	list, err := os.ReadFile(filepath.Join(testserver.RepoRoot(r.t), "ops/secrets.tsv"))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		name, script := cells[0], cells[5]
		if !strings.HasPrefix(script, "rotate-") || r.rotated[script] {
			continue
		}
		old := r.read(name)
		r.rotate(script)
		if now := r.read(name); now == old || strings.Contains(now, "\n") {
			r.t.Errorf("%s: the value before is still there", name)
		}
	}
}

func (r *rotation) adminSecret() {
	r.t.Helper()
	old := r.read("hasura/admin_secret")
	r.rotate("rotate-admin-secret")
	engine := r.client()
	engine.base = "http://" + r.engine.running("hasura")[0].name + ":8080"
	for secret, want := range map[string]string{old: "access-denied", r.read("migrate/admin_secret"): ""} {
		if reply := engine.with("X-Hasura-Admin-Secret", secret).graphQL(`{ users { id } }`, nil); reply.code() != want {
			r.t.Errorf("an admin's query ends in %q, want %q: %s", reply.code(), want, reply.body)
		}
	}
}

func (r *rotation) postgresPasswords() {
	r.t.Helper()
	old := map[string]string{}
	for _, role := range []string{"hasura_login_a", "hasura_engine_a", "hasura_backup_a", "hasura_exporter_a"} {
		old[role] = r.read("postgres/" + role)
	}
	r.rotate("rotate-postgres-password")
	for role, password := range old {
		if r.opens(role, password) || !r.opens(role, r.read("postgres/"+role)) {
			r.t.Errorf("%s opens with its old password, or not with its new one", role)
		}
	}
	for _, role := range []string{"hasura_login_b", "hasura_engine_b"} {
		if r.connectionsOf(role) == 0 {
			r.t.Errorf("nobody uses %s", role)
		}
	}
}

func (r *rotation) opens(role, password string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", role, password, testserver.Addr(r.postgres.Port), r.database))
	if err != nil {
		return false
	}
	_ = c.Close(ctx)
	return true
}

func (r *rotation) redisPassword() {
	r.t.Helper()
	password := func() string {
		u, err := url.Parse(r.read("login/redis_url"))
		check(r.t, err)
		value, _ := u.User.Password()
		return value
	}
	old := password()
	r.rotate("rotate-redis-password")
	for secret, want := range map[string]string{old: "WRONGPASS", password(): "login"} {
		whoami := exec.Command("redis-cli", "-p", strconv.Itoa(r.redis.Port), "--user", "login", "ACL", "WHOAMI")
		whoami.Env = append(os.Environ(), "REDISCLI_AUTH="+secret)
		if out, _ := whoami.CombinedOutput(); !strings.Contains(string(out), want) {
			r.t.Errorf("Redis says %s, want %s", out, want)
		}
	}
	if r.metric("login_limiter_degraded") != "0" {
		r.t.Error("login counts without Redis")
	}
}
