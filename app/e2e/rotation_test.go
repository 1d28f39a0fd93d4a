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

// rotate publishes a new key. Warnings go to stderr, as audit lines do, so the
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

// The whole life of a rotation under load: the stand-in's clock runs thirty
// times as fast, so that its 60 s cycle, with the poll just missed, is 2 s and
// the 300 s of publishing ahead are 10 s.
func TestRotateSigningKey_UnderLoad(t *testing.T) {
	const speed = 30
	began := time.Now()
	s := start(t, options{
		clock:    func() time.Time { return began.Add(speed * time.Since(began)) },
		keyCycle: 60 * time.Second / speed,
		// Tokens must outlive the test by the fast clock too.
		env: map[string]string{"LOGIN_ACCESS_TTL": "1h"},
	})
	time.Sleep(3 * time.Second) // past the stand-in's first fetch
	before := kidOf(t, s.client().signUp("ann@example.org"))
	l := s.startLoad()
	time.Sleep(2 * time.Second)
	next := s.rotate("--publish-ahead", (300 * time.Second / speed).String())
	if out, err := s.try("", "keys", "rotate"); err == nil {
		t.Errorf("a second pending key was stacked: %s", out)
	}
	time.Sleep(time.Until(next.ActiveFrom) + 5*time.Second)
	l.finish("signing key rotated")
	var g grant
	s.client().signIn("ann@example.org", goodPassword).data(t, "signin", &g)
	if kidOf(t, g) != next.KID || next.KID == before {
		t.Errorf("signed by %s, want the new key %s", kidOf(t, g), next.KID)
	}
	if out := s.run("keys", "list"); !strings.Contains(out, "retired") || !strings.Contains(out, next.KID) {
		t.Errorf("keys list:\n%s", out)
	}
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

// Each secret in turn, as the scripts rotate it: take both, move the other side
// over, drop the old.
func TestRotateSecrets_UnderLoad(t *testing.T) {
	const newAction, newEdge, newDevice = "new-" + actionSecret, "new-" + edgeSecret, "new-" + deviceSecret
	const reread = 2500 * time.Millisecond // the service promises 2 s
	s := start(t, options{})
	l := s.startLoad()
	time.Sleep(time.Second)

	s.secret("action_secret", newAction+"\n"+actionSecret)
	time.Sleep(reread)
	old := s.hasura
	s.startStandin(options{actionSecret: newAction})
	awaitTokens(s)
	s.nginx.PointUpstream(t, "hasura", s.hasura)
	s.nginx.Reload(t)
	time.Sleep(time.Second)
	s.secret("action_secret", newAction)
	time.Sleep(reread)
	former := s.client()
	former.base = "http://" + old
	if r := former.signIn("load0@example.org", goodPassword); r.code() != "unauthenticated" {
		t.Errorf("the old action secret still works: %s", r.body)
	}

	unknown := func() int { return strings.Count(s.login.Output(), `"client":"unknown"`) }
	s.secret("edge_secret", newEdge+"\n"+edgeSecret)
	time.Sleep(reread)
	before := unknown() // the probe above came past the edge; its line is out by now
	s.nginx.WriteSecret(t, "edge_secret.conf", `map "" $edge_secret { default "`+newEdge+`"; }`+"\n")
	s.nginx.Reload(t)
	time.Sleep(time.Second)
	s.secret("edge_secret", newEdge)
	time.Sleep(reread)
	s.client().signUp("edge@example.org")
	if !strings.Contains(s.login.Output(), `"route":"/actions/signup","status":200,"code":"","took":`) {
		t.Error("no sign-up in the log")
	}

	s.secret("device_secret", newDevice+"\n"+deviceSecret)
	time.Sleep(reread)

	s.secret("database_url", s.postgres.URLFor("hasura_login_b", s.database))
	deadline := time.Now().Add(20 * time.Second)
	for s.connectionsOf("hasura_login_a") > 0 || s.connectionsOf("hasura_login_b") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the old database role is never left, or the new one never used")
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Second)
	l.finish("action, edge, device and database secret rotated")
	if unknown() > before {
		t.Error("the edge secret was refused during the rotation: some clients became unknown")
	}
}
