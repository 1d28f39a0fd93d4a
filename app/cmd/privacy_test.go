package cmd_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// A restore brings back users who were deleted after the backup, against their will and
// the law, unless the deletions are repeated.
func TestUsersReplayDeletions_DeletesAgainWhomABackupBringsBack(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	ok := func(stdin string, args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, stdin, vars, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, stderr)
		}
		return stdout
	}
	id := map[string]string{}
	for _, name := range []string{"ann", "bob", "cat", "eve"} {
		ok("", "users", "create", name+"@example.org", "--name", name, "--no-password")
		id[name] = strings.Fields(ok("", "users", "show", name+"@example.org"))[1]
	}
	ok("", "users", "delete", "--yes", "eve@example.org") // before the backup
	backup := time.Now()
	ok("", "users", "delete", "--yes", "ann@example.org")
	// The backup brings ann back, with her id; eve was not in it.
	restore := "INSERT INTO public.users (id, email, name) VALUES ('" + id["ann"] + "', 'ann@example.org', 'Ann'); INSERT INTO auth.accounts (user_id, password) VALUES ('" + id["ann"] + "', '')"
	pg.Exec(t, "app", restore)
	since := backup.UTC().Format(time.RFC3339Nano)
	// A copy of the trail, from another machine, has bob's deletion.
	copied := `{"time":"` + time.Now().UTC().Format(time.RFC3339Nano) + `","event":"account-deleted","user":"` + id["bob"] + `"}` + "\nnot JSON\n" +
		`{"time":"2020-01-01T00:00:00Z","event":"account-deleted","user":"` + id["cat"] + `"}` + "\n"
	if out := ok(copied, "users", "replay-deletions", "--since", since, "--stdin"); !strings.Contains(out, "2 of 2 users") {
		t.Errorf("it says %s", out)
	}
	list := ok("", "users", "list")
	if strings.Contains(list, "ann@") || strings.Contains(list, "bob@") || !strings.Contains(list, "cat@") {
		t.Errorf("left are %s", list)
	}
	if out := ok("", "users", "replay-deletions", "--since", since); !strings.Contains(out, "0 of 2 users") {
		t.Errorf("again, it says %s", out)
	}
	if code, _, stderr := run(t, "", vars, "users", "replay-deletions"); code != 1 || !strings.Contains(stderr, "--since") {
		t.Errorf("without a time: exit code %d, %s", code, stderr)
	}
}

func TestUsersExportOne_HasEverythingButSecretsAndIsAudited(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	if code, _, stderr := run(t, "correct horse staple\n", vars, "users", "create", "ann@example.org", "--name", "Ann"); code != 0 {
		t.Fatal(stderr)
	}
	code, stdout, stderr := run(t, "", vars, "users", "export-one", "ann@example.org")
	var got struct {
		User     struct{ ID, Email, Name string }
		Password bool
		Events   []struct{ Event string }
	}
	if err := json.Unmarshal([]byte(stdout), &got); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v, %s%s", code, err, stdout, stderr)
	}
	if got.User.Email != "ann@example.org" || got.User.Name != "Ann" || !got.Password || len(got.Events) != 1 || got.Events[0].Event != "user-created" {
		t.Errorf("exported: %s", stdout)
	}
	if strings.Contains(stdout, "$2") {
		t.Error("a hash is exported")
	}
	if _, trail, _ := run(t, "", vars, "audit", "--json", "--event", "user-exported"); strings.Count(trail, got.User.ID) != 1 {
		t.Errorf("audited as %q", trail)
	}
}

func TestUsers_ShowAndExportOneListIdentities(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	ok := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := run(t, "", vars, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, stderr)
		}
		return stdout
	}
	for _, name := range []string{"ann", "bob"} {
		ok("users", "create", name+"@example.org", "--name", name, "--no-password")
	}
	if out := ok("users", "show", "ann@example.org"); !strings.Contains(out, "\nproviders 0\n") {
		t.Errorf("without an identity it says %s", out)
	}
	pg.Exec(t, "app", `INSERT INTO auth.identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
		SELECT gen_random_uuid(), id, 'corp', 'https://id.example.org', 'of ' || name, 'work.' || email, '2026-01-02T03:04:05Z', '2026-02-03T04:05:06Z' FROM public.users`)
	want := "\nproviders 1\n  corp  https://id.example.org  as work.ann@example.org  linked 2026-01-02T03:04:05Z  last used 2026-02-03T04:05:06Z\n"
	if out := ok("users", "show", "ann@example.org"); !strings.Contains(out, want) {
		t.Errorf("it says %s, want %s", out, want)
	}
	type user struct {
		Identities []struct{ Provider, Issuer, Subject, Email, LinkedAt, LastUsedAt string }
	}
	var exported struct{ User user }
	if err := json.Unmarshal([]byte(ok("users", "export-one", "ann@example.org")), &exported); err != nil {
		t.Fatal(err)
	}
	var shown user
	if err := json.Unmarshal([]byte(ok("users", "show", "--json", "ann@example.org")), &shown); err != nil {
		t.Fatal(err)
	}
	for verb, u := range map[string]user{"export-one": exported.User, "show --json": shown} {
		if got := fmt.Sprint(u.Identities); got != "[{corp https://id.example.org of ann work.ann@example.org 2026-01-02T03:04:05Z 2026-02-03T04:05:06Z}]" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// The owner's copy, from the account page, and the operator's have the same parts.
func TestOwnExports_HaveEveryPartAndTakeTurns(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	pg.MigrateOrganizations(t, "app")
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit"), "LOGIN_ORGANIZATIONS=true"}
	for _, name := range []string{"ann", "bob"} {
		if code, _, stderr := run(t, "correct horse staple\n", vars, "users", "create", name+"@example.org", "--name", name); code != 0 {
			t.Fatal(stderr)
		}
	}
	pg.Exec(t, "app", `INSERT INTO auth.identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
			SELECT gen_random_uuid(), id, 'corp', 'https://id.example.org', 'of ' || name, email, now(), now() FROM public.users;
		INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, client_name)
			SELECT gen_random_uuid(), id, 1, now(), now(), now() + interval '1 h', now() + interval '1 h', 'browser of ' || name FROM public.users;
		INSERT INTO auth.passkeys (id, user_id, credential_id, name, created_at, public_key, aaguid, sign_count, backup_eligible, backed_up, transports)
			SELECT gen_random_uuid(), id, convert_to(name, 'UTF8'), 'key of ' || name, now(), '\x00', gen_random_uuid(), 0, false, false, '' FROM public.users`)
	cfg, _, err := config.Load(vars)
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ann, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.CreateOrganization(t.Context(), login.Organization{ID: uuid.NewString(), Name: "Ann's", CreatedAt: time.Now()}, ann.User.ID); err != nil {
		t.Fatal(err)
	}
	own := cmd.OwnExports(cfg, store)
	data, err := own(t.Context(), ann)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"email": "ann@example.org"`, `"of ann"`, "browser of ann", `"key of ann"`, `"name": "Ann's"`, `"role": "owner"`, `"user-created"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("the copy lacks %s:\n%s", part, data)
		}
	}
	for _, other := range []string{"bob", "$2", "public_key", "publicKey"} {
		if strings.Contains(string(data), other) {
			t.Errorf("the copy has %s:\n%s", other, data)
		}
	}
	_, stdout, _ := run(t, "", vars, "users", "export-one", "ann@example.org")
	if stdout != string(data)+"\n" {
		t.Errorf("the operator's is %s, the owner's %s", stdout, data)
	}
	// Beyond one at a time, each is refused or answered whole.
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := own(t.Context(), ann); err != nil && login.AsError(err).Code != login.CodeOverloaded || err == nil && !strings.Contains(string(got), "ann@example.org") {
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	if _, err := own(t.Context(), ann); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
