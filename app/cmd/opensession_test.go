package cmd_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// Opening the probe's session must not need the public sign-in: strangers can block a
// sign-in with a known address, which the scripts once used.
func TestUsersOpenSession_WorksWhateverSettingsSayAboutSignIn(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{
		"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys"),
		"LOGIN_ISSUER=https://login.example.org", "LOGIN_AUDIENCE=hasura", "LOGIN_AUDIT_DIR=" + t.TempDir(),
	}
	if code, _, stderr := run(t, "", vars, "keys", "rotate"); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := run(t, "", append(vars, "LOGIN_PASSWORD_MIN_LENGTH=64"), "users", "create", "ann@example.org", "--name", "Ann", "--no-password", "--roles", "user"); code != 0 {
		t.Fatal(stderr)
	}
	for _, c := range []struct{ name, setting string }{
		{"as it comes", "LOGIN_LOG_LEVEL=info"},
		{"only verified addresses", "LOGIN_REQUIRE_VERIFIED_EMAIL=true"},
		{"nobody signs up", "LOGIN_SIGNUP=closed"},
		{"one sign-in a day", "LOGIN_LIMIT_SIGNIN_ACCOUNT=1-D"},
		{"one client's sign-in a day", "LOGIN_LIMIT_SIGNIN_CLIENT=1-D"},
		{"one refresh a day", "LOGIN_LIMIT_REFRESH_CLIENT=1-D"},
		{"long passwords", "LOGIN_PASSWORD_MIN_LENGTH=64"},
		{"the costliest hash", "LOGIN_BCRYPT_COST=14"},
		{"other roles", "LOGIN_DEFAULT_ROLES=customer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := run(t, "", append(vars, c.setting), "users", "open-session", "ann@example.org")
			var g struct{ ID, Token, RefreshToken string }
			if err := json.Unmarshal([]byte(stdout), &g); code != 0 || err != nil || g.ID == "" || strings.Count(g.Token, ".") != 2 || g.RefreshToken == "" {
				t.Fatalf("exit code %d, %d bytes on stdout (%v), stderr %s", code, len(stdout), err, stderr)
			}
			_, trail, _ := run(t, "", vars, "audit", "--json", "--event", "session-opened", "--user", g.ID)
			if !strings.Contains(trail, `"actor":"operator"`) {
				t.Errorf("audited as %s", trail)
			}
			for _, secret := range []string{g.Token, g.RefreshToken, "ann@"} {
				if strings.Contains(stderr+trail, secret) {
					t.Errorf("stderr or the audit trail has %q", secret)
				}
			}
		})
	}
}

func TestUsersOpenSession_RefusesWhatHasNoSession(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys")}
	if code, _, stderr := run(t, "", vars, "users", "create", "ann@example.org", "--name", "Ann", "--no-password"); code != 0 {
		t.Fatal(stderr)
	}
	fails := func(user, want string) {
		t.Helper()
		if code, stdout, stderr := run(t, "", vars, "users", "open-session", user); code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("open-session %s: exit code %d, %d bytes on stdout, stderr %q, want %q", user, code, len(stdout), stderr, want)
		}
	}
	fails("ann@example.org", "keys rotate")
	for _, args := range [][]string{{"keys", "rotate"}, {"users", "disable", "ann@example.org"}} {
		if code, _, stderr := run(t, "", vars, args...); code != 0 {
			t.Fatal(stderr)
		}
	}
	fails("ann@example.org", "disabled")
	fails("bob@example.org", "no such user")
}
