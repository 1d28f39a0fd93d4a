package cmd_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// However many users there are, each is printed once, and a limit says how to go on.
func TestUsersList_PrintsPageByPage(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	list := func(flags ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, "", vars, append([]string{"users", "list"}, flags...)...)
		if code != 0 {
			t.Fatalf("%v: exit code %d, %s", flags, code, stderr)
		}
		return stdout
	}
	if out := list("--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("no user, as JSON: %s", out)
	}
	pg.Exec(t, "app", `
		SET session_replication_role = replica;
		INSERT INTO public.users (email, name) SELECT 'user' || to_char(n, 'FM0000') || '@example.org', 'User' FROM generate_series(1, 1203) AS n;
		INSERT INTO auth.accounts (user_id, password) SELECT id, '' FROM public.users`)
	if out := list("--limit", "0"); strings.Count(out, "@") != 1203 || strings.Count(out, "E-MAIL") != 1 || strings.Contains(out, "more with") {
		t.Errorf("%d users, %d headings", strings.Count(out, "@"), strings.Count(out, "E-MAIL"))
	}
	var users []struct{ Email string }
	if err := json.Unmarshal([]byte(list("--limit", "0", "--json")), &users); err != nil || len(users) != 1203 || users[1202].Email != "user1203@example.org" {
		t.Errorf("%d users as JSON, %v", len(users), err)
	}
	first := list("--limit", "700")
	if !strings.HasSuffix(first, "more with: --after user0700@example.org\n") || strings.Count(first, "User") != 700 {
		t.Errorf("the first 700 end with %q", first[len(first)-60:])
	}
	if rest := list("--limit", "700", "--after", "user0700@example.org"); strings.Count(rest, "@") != 503 {
		t.Errorf("%d users are left", strings.Count(rest, "@"))
	}
	if code, _, stderr := run(t, "", vars, "users", "list", "--limit", "-1"); code != 1 || !strings.Contains(stderr, "--limit") {
		t.Errorf("a limit of -1: exit code %d, %s", code, stderr)
	}
}
