package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// kidOf is the key that signed a token.
func kidOf(t *testing.T, g grant) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(g.Token, jwt.MapClaims{})
	check(t, err)
	return parsed.Header["kid"].(string)
}

// rotated is what 'keys rotate --json' says.
type rotated struct {
	KID        string    `json:"kid"`
	ActiveFrom time.Time `json:"activeFrom"`
}

// rotate publishes a new key. Warnings go to stderr, so the
// JSON is what is between the first and the last brace of a line of its own.
func (s *stack) rotate(args ...string) rotated {
	s.t.Helper()
	out := s.run("keys", append([]string{"rotate", "--json"}, args...)...)
	begin, end := strings.Index(out, "{\n"), strings.LastIndex(out, "\n}")
	if begin < 0 || end < 0 {
		s.t.Fatalf("no JSON: %s", out)
	}
	var r rotated
	check(s.t, json.Unmarshal([]byte(out[begin:end+2]), &r))
	return r
}

// Replicas on many machines share the ring in the database and nothing else.
func TestRotateSigningKey_ReplicasShareTheRingInTheDatabase(t *testing.T) {
	s := start(t, options{sealed: true})
	replicas := []*loginProcess{s.login, s.startLogin(nil), s.startLogin(nil)}
	clients := make([]*client, len(replicas))
	for i, p := range replicas {
		clients[i] = s.at(p).direct("203.0.113.1")
	}
	if _, err := os.Stat(s.keys); err == nil {
		t.Error("there is a folder of keys")
	}
	before := clients[0].restGrant("POST", "/auth/signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword})
	signIn := func(c *client) grant {
		return c.restGrant("POST", "/auth/signin", map[string]any{"email": "ann@example.org", "password": goodPassword})
	}
	next := s.rotate("--publish-ahead", "3s")
	time.Sleep(time.Until(next.ActiveFrom) + 2*time.Second)
	for _, c := range clients {
		fresh := signIn(c)
		if kidOf(t, fresh) != next.KID {
			t.Errorf("%s signs with %s two seconds after the key's time, want %s", c.base, kidOf(t, fresh), next.KID)
		}
		for _, reader := range clients {
			for what, token := range map[string]grant{"new": fresh, "old": before} {
				if r := reader.as(token).rest("GET", "/auth/me", nil); r.status != 200 {
					t.Errorf("%s refuses a %s token of %s: %s", reader.base, what, c.base, r.body)
				}
			}
		}
	}

	s.postgres.Kill()
	for _, p := range replicas {
		s.at(p).awaitMetric("login_key_problems", "1")
		if err := ok("http://" + p.api + "/.well-known/jwks.json"); err != nil {
			t.Errorf("the key set without the database: %v", err)
		}
		if !strings.Contains(p.Output(), "the database cannot be read") {
			t.Error("the log does not say that the ring is out of reach")
		}
	}
	s.postgres.Restart(t)
	for _, p := range replicas {
		s.at(p).awaitMetric("login_key_problems", "0")
	}

	fresh := signIn(clients[0])
	s.run("keys", "revoke", "--yes", next.KID)
	time.Sleep(time.Second) // the time that docs/key-ring.md promises
	for _, c := range clients {
		if r := c.as(fresh).rest("GET", "/auth/me", nil); r.status != 401 {
			t.Errorf("%s answers %d to a token of the revoked key, want 401", c.base, r.status)
		}
	}
}

// at is the stack as a replica of login sees it.
func (s *stack) at(replica *loginProcess) *stack {
	other := *s
	other.login = replica
	return &other
}
