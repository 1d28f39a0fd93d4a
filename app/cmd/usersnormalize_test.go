package cmd_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// Public report (flora-pm/flora-server#561): older rows kept each form of an address,
// so two accounts had one mailbox. The verb converts rows from before the rule. If two
// accounts would get the same address, it changes neither.
func TestUsersNormalize_BringsOldRowsToTheFormAndNamesClashes(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	pg.Exec(t, "app", `
		ALTER TABLE public.users DISABLE TRIGGER users_form;
		INSERT INTO public.users (id, email, name) VALUES
			('00000000-0000-4000-8000-000000000001', 'idn@bücher.example', 'Ann'),
			('00000000-0000-4000-8000-000000000002', 'ann@example.org', 'Ann'),
			('00000000-0000-4000-8000-000000000003', 'two@bücher.example', 'Bob'),
			('00000000-0000-4000-8000-000000000004', 'two@xn--bcher-kva.example', 'Bob'),
			('00000000-0000-4000-8000-000000000005', U&'z\0065\0301@example.org', 'Cid'),
			('00000000-0000-4000-8000-000000000006', U&'z\00e9@bÜcher.example', 'no account'),
			('00000000-0000-4000-8000-000000000007', 'a..b@example.org', 'Dan'),
			('00000000-0000-4000-8000-000000000008', 'x@bücher.example', 'Eve'),
			('00000000-0000-4000-8000-000000000009', U&'x@bu\0308cher.example', 'Eve');
		ALTER TABLE public.users ENABLE TRIGGER users_form;
		INSERT INTO auth.accounts (user_id, password, email_verified_at)
			SELECT id, '', '2026-01-01' FROM public.users WHERE name <> 'no account'`)
	vars := []string{"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(t.TempDir(), "audit")}
	before := emailsOf(t, pg)
	code, dry, stderr := run(t, "", vars, "users", "normalize", "--dry-run")
	if code != 1 || !strings.Contains(stderr, "4 addresses keep their form") {
		t.Errorf("dry run: exit code %d, %s%s", code, dry, stderr)
	}
	if after := emailsOf(t, pg); after != before {
		t.Errorf("the dry run changed %s to %s", before, after)
	}
	code, stdout, stderr := run(t, "", vars, "users", "normalize")
	_, trail, _ := run(t, "", vars, "audit", "--json")
	if code != 1 || strings.Count(trail, "email-respelled") != 3 || strings.Contains(stderr+trail, "@") {
		t.Errorf("exit code %d, %s%s%s", code, stdout, stderr, trail)
	}
	for id, says := range map[string]string{
		"1": "respelled", "3": "clash", "5": "respelled", "6": "respelled", "7": "no address: email: a dot before", "8": "clash", "9": "clash",
	} {
		if !strings.Contains(lineOf(stdout, "00000000-0000-4000-8000-00000000000"+id), says) {
			t.Errorf("user %s: %s", id, stdout)
		}
	}
	want := "idn@xn--bcher-kva.example verified, ann@example.org verified, two@bücher.example verified, two@xn--bcher-kva.example verified, " +
		"zé@example.org verified, zé@xn--bcher-kva.example , a..b@example.org verified, x@bücher.example verified, x@bu\u0308cher.example verified"
	if got := emailsOf(t, pg); got != want {
		t.Errorf("addresses are\n%s, want\n%s", got, want)
	}
	// The verb names the accounts that are left by their stored address; every form
	// finds them.
	for _, ref := range []string{"a..b@example.org", "x@bu\u0308cher.example", "IDN@Bücher.example"} {
		if code, _, stderr := run(t, "", vars, "users", "show", ref); code != 0 {
			t.Errorf("show %s: %s", ref, stderr)
		}
	}
	for part, want := range map[string]int{"bücher.example": 4, "IDN@BÜCHER.example": 1, "bu\u0308cher": 4, "é": 1, "xn--": 2} {
		_, stdout, stderr := run(t, "", vars, "users", "list", "--email", part)
		if got := strings.Count(stdout, "@"); got != want {
			t.Errorf("list --email %s: %d users, want %d\n%s%s", part, got, want, stdout, stderr)
		}
	}
	pg.Exec(t, "app", `DELETE FROM public.users WHERE id::text ~ '[3789]$'`)
	if code, stdout, stderr := run(t, "", vars, "users", "normalize"); code != 0 || !strings.Contains(stdout, "every address is in its form") {
		t.Errorf("at the end: exit code %d, %s%s", code, stdout, stderr)
	}
}

func lineOf(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func emailsOf(t *testing.T, pg *testserver.Postgres) (emails string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.URL("app"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(t.Context(), `
		SELECT string_agg(email || CASE WHEN email_verified_at IS NULL THEN ' ' ELSE ' verified' END, ', ' ORDER BY id)
		FROM public.users LEFT JOIN auth.accounts ON user_id = id`).Scan(&emails)
	if err != nil {
		t.Fatal(err)
	}
	return emails
}
