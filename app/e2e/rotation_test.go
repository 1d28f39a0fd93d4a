package e2e_test

import (
	"encoding/json"
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

// Two replicas share the folder and nothing else.
func TestRotateSigningKey_ReplicasSwitchByTheClock(t *testing.T) {
	s := start(t, options{})
	second := s.startLogin(nil)
	at := func(api string) *client {
		c := s.direct("203.0.113.1")
		c.base = "http://" + api
		return c
	}
	first, other := at(s.login.api), at(second.api)
	g := first.restGrant("POST", "/auth/signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword})
	next := s.rotate("--publish-ahead", "3s")
	time.Sleep(time.Until(next.ActiveFrom) + 2*time.Second)
	for _, c := range []*client{first, other} {
		fresh := c.restGrant("POST", "/auth/signin", map[string]any{"email": "ann@example.org", "password": goodPassword})
		if kidOf(t, fresh) != next.KID {
			t.Errorf("%s signs with %s two seconds after the key's time, want %s", c.base, kidOf(t, fresh), next.KID)
		}
		for _, reader := range []*client{first, other} {
			for what, token := range map[string]grant{"new": fresh, "old": g} {
				if r := reader.as(token).rest("GET", "/auth/me", nil); r.status != 200 {
					t.Errorf("%s refuses a %s token of %s: %s", reader.base, what, c.base, r.body)
				}
			}
		}
	}
}
