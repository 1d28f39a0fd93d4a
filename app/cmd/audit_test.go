package cmd_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
)

// An act that cannot be recorded is not done: an audit trail exists so that no
// operator's act leaves no trace.
func TestUsers_NothingIsChangedThatCannotBeRecorded(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys")}
	for _, args := range [][]string{{"keys", "rotate"}, {"users", "create", "ann@example.org", "--name", "Ann", "--no-password"}} {
		if code, _, stderr := run(t, "", vars, args...); code != 0 {
			t.Fatal(stderr)
		}
	}
	_, before, _ := run(t, "", vars, "users", "show", "ann@example.org")
	_, keysBefore, _ := run(t, "", vars, "keys", "list", "--json")
	kid := strings.Split(strings.Split(keysBefore, `"kid": "`)[1], `"`)[0]
	unusable := filepath.Join(t.TempDir(), "a-file")
	if err := os.WriteFile(unusable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unaudited := append(slices.Clone(vars), "LOGIN_AUDIT_DIR="+unusable)
	for _, line := range []string{
		"users create bob@example.org --name Bob --no-password", "users disable ann@example.org", "users enable ann@example.org",
		"users set-roles ann@example.org editor", "users set-password ann@example.org", "users sign-out ann@example.org",
		"users verify ann@example.org", "users reset-link ann@example.org", "users open-session ann@example.org",
		"users delete --yes ann@example.org", "keys rotate", "keys revoke --yes " + kid,
	} {
		code, stdout, stderr := run(t, "correct horse staple\n", unaudited, strings.Fields(line)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, "nothing was changed, since it could not be recorded") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", line, code, stdout, stderr)
		}
	}
	if _, after, _ := run(t, "", unaudited, "users", "show", "ann@example.org"); after != before {
		t.Errorf("the account was\n%s, and is\n%s", before, after)
	}
	if _, list, _ := run(t, "", unaudited, "users", "list"); strings.Contains(list, "bob") {
		t.Error("a user was made")
	}
	if _, after, _ := run(t, "", unaudited, "keys", "list", "--json"); strings.Count(after, `"kid"`) != strings.Count(keysBefore, `"kid"`) || !strings.Contains(after, kid) {
		t.Errorf("the ring is %s", after)
	}
}

func TestAudit_FindsAnOperatorsActsByAddressAndID(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	for _, line := range []string{
		"users create ann@example.org --name Ann --no-password", "users create bob@example.org --name Bob --no-password", "users disable bob@example.org",
	} {
		if code, _, stderr := run(t, "", vars, strings.Fields(line)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	_, shown, _ := run(t, "", vars, "users", "show", "bob@example.org")
	id := strings.Fields(shown)[1]
	for _, user := range []string{"bob@example.org", "Bob@Example.org", id, strings.ToUpper(id)} {
		code, stdout, stderr := run(t, "", vars, "audit", "--user", user)
		if code != 0 || strings.Count(stdout, "\n") != 3 || !strings.Contains(stdout, "user-disabled") || !strings.Contains(stdout, id) {
			t.Errorf("--user %s: exit code %d\n%s%s", user, code, stdout, stderr)
		}
	}
	if _, stdout, _ := run(t, "", vars, "audit", "--json", "--event", "user-created"); strings.Count(stdout, `"actor":"operator"`) != 2 {
		t.Errorf("by event: %s", stdout)
	}
	if code, _, stderr := run(t, "", vars, "audit", "--user", "nobody@example.org"); code != 1 || !strings.Contains(stderr, "no such user") {
		t.Errorf("of nobody: exit code %d, %s", code, stderr)
	}
}

func TestServe_RefusesToStartWithoutAnAuditTrail(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{
		"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys"),
		"LOGIN_LISTEN=127.0.0.1:0", "LOGIN_OPS_LISTEN=127.0.0.1:0",
	}
	for _, name := range config.Keys() {
		vars = append(vars, config.Prefix+name+"="+strings.Repeat("0", 32))
	}
	if code, _, stderr := run(t, "", vars, "keys", "rotate"); code != 0 {
		t.Fatal(stderr)
	}
	code, _, stderr := run(t, "", append(vars, "LOGIN_AUDIT_DIR=/nowhere/at/all"), "serve")
	if code != 1 || !strings.Contains(stderr, "LOGIN_AUDIT_DIR: the folder of the audit trail") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
