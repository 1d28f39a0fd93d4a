package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// A database that only reads, after a failover or by the provider's hand on a full
// disk: both probes say so, the ops port says why, the key set is still served, and
// all is well again without a restart. Reports of pods that stay in rotation while
// every sign-in fails come from probes that only read.
func TestOutage_ReadOnlyDatabaseIsNotReady(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	g := c.signUp("ann@example.org")
	s.postgres.Exec(t, "postgres", "ALTER SYSTEM SET default_transaction_read_only = on")
	s.postgres.Exec(t, "postgres", "SELECT pg_reload_conf()")
	// Asked on the ops port, which has no limit of requests that asking could use up.
	testserver.Eventually(t, "/readyz is 503 and says why", func() bool {
		status, text := s.login.readyz(t)
		return status == 503 && strings.Contains(text, "read-only")
	})
	if r := c.rest("GET", "/healthz", nil); r.status != 503 || r.code() != "unavailable" || r.header.Get("Retry-After") == "" || strings.Contains(string(r.body), "read-only") {
		t.Errorf("/healthz tells the public: %s", r.body)
	}
	if r := c.rest("GET", "/.well-known/jwks.json", nil); r.status != 200 {
		t.Errorf("the key set needs no database: %d", r.status)
	}
	if r := c.rest("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken}); r.status != 503 || r.code() != "unavailable" {
		t.Errorf("refresh: %d %s", r.status, r.body)
	}
	s.postgres.Exec(t, "postgres", "ALTER SYSTEM RESET default_transaction_read_only")
	s.postgres.Exec(t, "postgres", "SELECT pg_reload_conf()")
	testserver.Eventually(t, "/readyz is 200", func() bool {
		status, _ := s.login.readyz(t)
		return status == 200
	})
	if r := c.rest("GET", "/healthz", nil); r.status != 200 {
		t.Errorf("/healthz afterwards: %d %s", r.status, r.body)
	}
	c.restGrant("POST", "/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
}

func (p *loginProcess) readyz(t *testing.T) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + p.ops + "/readyz")
	check(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	check(t, err)
	return res.StatusCode, string(b)
}
