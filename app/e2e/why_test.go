package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// Operators of a login hear this question first: why can't I log in?
func TestUsersWhy_SaysOnOneScreenAndUnlockLetsIn(t *testing.T) {
	s := start(t, options{env: map[string]string{"LOGIN_LIMIT_SIGNIN_ACCOUNT": "5-D"}})
	s.direct("192.0.2.8").restGrant("POST", "/auth/signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword})
	home := s.direct("192.0.2.7")
	signIn := func(password string) int {
		return home.rest("POST", "/auth/signin", map[string]any{"email": "Ann@example.org", "password": password}).status
	}
	for range 5 {
		signIn("not it")
	}
	if status := signIn(goodPassword); status != http.StatusTooManyRequests {
		t.Fatalf("beyond the limit: %d", status)
	}
	why := s.run("users", "why", "ann@example.org")
	for _, want := range []string{
		"e-mail     ann@example.org", "verified   no", "state      enabled", "factors    password", "sessions   1 live",
		"refusals   5 in the last 24 hours", "signin  invalid-credentials  × 1  from 192.0.2.7/32",
		"limits     1 in force", "signin  everybody's attempts (account, 5 of 5)  until 20", "mails      0",
	} {
		if !strings.Contains(why, want) {
			t.Errorf("why does not say %q:\n%s", want, why)
		}
	}
	if strings.Count(why, "\n") > 24 {
		t.Errorf("it is more than a screen:\n%s", why)
	}
	if out := s.run("users", "unlock", "ann@example.org"); !strings.Contains(out, "the account's limits are cleared") {
		t.Errorf("unlock says %s", out)
	}
	if why = s.run("users", "why", "ann@example.org"); !strings.Contains(why, "limits     none in force") {
		t.Errorf("after it: %s", why)
	}
	if status := signIn(goodPassword); status != http.StatusOK {
		t.Errorf("after it a sign-in gets %d", status)
	}
	if trail := s.run("audit", "--json", "--event", "limits-cleared"); strings.Count(trail, `"actor":"operator"`) != 1 {
		t.Errorf("audited as %q", trail)
	}
	s.login.Kill()
	if why = s.run("users", "why", "ann@example.org"); !strings.Contains(why, "limits     unknown: no process serves here") {
		t.Errorf("without a process: %s", why)
	}
	if out, err := s.try("", "users", "unlock", "ann@example.org"); err == nil || !strings.Contains(out, "no process serves") {
		t.Errorf("without a process, unlock says %s", out)
	}
}
