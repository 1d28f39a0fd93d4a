package cmd_test

import (
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

func TestUsersSetClaims_SetsRemovesAndRefuses(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + t.TempDir()}
	if code, _, stderr := run(t, "", vars, "users", "create", "ann@example.org", "--name", "Ann", "--no-password"); code != 0 {
		t.Fatal(stderr)
	}
	for _, step := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"X-Hasura-Org-Id=7", "x-hasura-note=a=b"}, 0, "x-hasura-note=a=b\nx-hasura-org-id=7\n", "claims changed"},
		{[]string{"--remove", "x-hasura-note", "x-hasura-org-id=8"}, 0, "x-hasura-org-id=8\n", "claims changed"},
		{[]string{"x-hasura-user-id=1"}, 1, "", "x-hasura-user-id is set by the service"},
		{[]string{"x-hasura-default-role=admin"}, 1, "", "x-hasura-default-role is set by the service"},
		{[]string{"org=1"}, 1, "", `"org" is not a name such as x-hasura-org-id`},
		{[]string{"x-hasura-org-id"}, 1, "", "NAME=VALUE"},
		{[]string{"x-hasura-a=1", "X-Hasura-A=2"}, 1, "", "NAME=VALUE, once"},
		{[]string{"x-hasura-ids=" + strings.Repeat("1,", 1000)}, 1, "", "browsers and servers take 4096"},
		{[]string{"--remove", "x-hasura-note"}, 1, "", "the user has no x-hasura-note"},
		{nil, 1, "", "nothing to do"},
		{[]string{"--remove", "x-hasura-org-id"}, 0, "", "claims changed"},
	} {
		code, stdout, stderr := run(t, "", vars, append([]string{"users", "set-claims", "ann@example.org"}, step.args...)...)
		if code != step.code || stdout != step.stdout || !strings.Contains(stderr, step.stderr) {
			t.Errorf("%.60q: exit code %d, %q, %s", step.args, code, stdout, stderr)
		}
	}
	_, trail, _ := run(t, "", vars, "audit", "--json")
	if strings.Count(trail, "claims-changed") != 3 || strings.Contains(trail, "x-hasura") {
		t.Errorf("audited as %s", trail)
	}
	roles := []string{"users", "set-roles", "ann@example.org"}
	for range 100 {
		roles = append(roles, "role-"+strings.Repeat("a", len(roles)%50+1))
	}
	code, _, stderr := run(t, "", vars, append(roles, strings.Repeat("b", 63), strings.Repeat("c", 63), strings.Repeat("d", 63))...)
	if code != 1 || !strings.Contains(stderr, "4096") {
		t.Errorf("too many roles: exit code %d, %s", code, stderr)
	}
}
