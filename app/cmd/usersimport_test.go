package cmd_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// moved is a database to move into, and the settings of the verbs.
type moved struct {
	pg   *testserver.Postgres
	dir  string
	vars []string
}

func newMoved(t *testing.T) *moved {
	t.Helper()
	return newMovedOn(t, testserver.StartPostgres(t))
}

func newMovedOn(t *testing.T, pg *testserver.Postgres) *moved {
	t.Helper()
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	dir := t.TempDir()
	return &moved{pg: pg, dir: dir, vars: []string{
		"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_AUDIT_DIR=" + filepath.Join(dir, "audit"), "LOGIN_TOTP_SECRET=" + strings.Repeat("t", 32),
	}}
}

func (m *moved) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (m *moved) users(t *testing.T) int {
	t.Helper()
	n, err := m.count(t, `SELECT count(*) FROM public.users JOIN auth.accounts ON user_id = id`)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (m *moved) count(t *testing.T, query string) (n int, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.pg.URL("app"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(t.Context(), query).Scan(&n)
	return n, err
}

const aHash = "$2b$10$srNl09aPtc2qr.0Vl.NtjekJRt/NxRxYQm3qd3OvfcKsJgVnr6.Ve"

func manyUsers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"email":"user%d@example.org","passwordHash":%q}`+"\n", i, aHash)
	}
	return b.String()
}

func TestUsersImport_SaysWhatItDidAndWritesAReport(t *testing.T) {
	m := newMoved(t)
	file := m.file(t, "users.ndjson", manyUsers(3)+`{"email":"USER1@example.org"}`+"\n"+`{"email":"none@example.org"}`+"\n"+`{"email":"half@exa`)
	code, stdout, stderr := run(t, "", m.vars, "users", "import", "--from", "ndjson", "--dry-run", file)
	if code != 1 || !strings.Contains(stdout, "6 records: 4 would be added, 0 were there before, 2 rejected") || m.users(t) != 0 {
		t.Fatalf("dry run: %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, "", m.vars, "users", "import", "--from", "ndjson", "--ids", filepath.Join(m.dir, "ids"), file)
	if code != 1 || !strings.Contains(stdout, "6 records: 4 added, 0 were there before, 2 rejected") || !strings.Contains(stdout, "1 of those added must set a new password") || m.users(t) != 4 {
		t.Fatalf("%d, %s%s", code, stdout, stderr)
	}
	report, err := os.ReadFile(file + ".report.ndjson")
	want := `{"line":4,"outcome":"rejected","reason":"the address is that of line 2 too, in one form or another"}` + "\n" +
		`{"line":6,"outcome":"rejected","reason":"the file ends in the middle of this record: is it whole?"}` + "\n"
	if err != nil || string(report) != want {
		t.Errorf("report: %v\n%s", err, report)
	}
	if strings.Contains(stdout+stderr+string(report), "$2b$") || strings.Contains(stdout+stderr+string(report), "@example.org") {
		t.Errorf("an address or a hash is told: %s%s%s", stdout, stderr, report)
	}
	// From stdin, existing accounts stay, and without a finding there is no report.
	path := filepath.Join(m.dir, "report")
	code, stdout, stderr = run(t, manyUsers(5), m.vars, "users", "import", "--from", "ndjson", "--report", path, "-")
	if _, err := os.Stat(path); code != 0 || !strings.Contains(stdout, "5 records: 2 added, 3 were there before, 0 rejected") || !os.IsNotExist(err) {
		t.Errorf("%d, %s%s, report %v", code, stdout, stderr, err)
	}
	code, stdout, stderr = run(t, `{"email":"none"}`, m.vars, "users", "import", "--from", "ndjson", "--report", "-", "-")
	if code != 1 || !strings.Contains(stdout, "1 record: 0 added") || !strings.Contains(stderr, `{"line":1,"outcome":"rejected"`) || !strings.Contains(stderr, "1 record was rejected: stderr says which") {
		t.Errorf("%d, %s%s", code, stdout, stderr)
	}
	_, trail, _ := run(t, "", m.vars, "audit", "--json")
	if strings.Count(trail, "users-imported") != 6 || strings.Contains(trail, "@") {
		t.Errorf("audit trail: %s", trail)
	}
}

func TestUsersImport_RefusesBeforeItBegins(t *testing.T) {
	m := newMoved(t)
	good := m.file(t, "good", manyUsers(2))
	const earlier = "the report of an earlier run\n"
	report := m.file(t, "good.report.ndjson", earlier)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no format":                  {[]string{good}, 2, "--from is missing"},
		"no such format":             {[]string{"--from", "okta", good}, 1, "no format"},
		"no such file":               {[]string{"--from", "ndjson", good + "x"}, 1, "no such file"},
		"a folder":                   {[]string{"--from", "ndjson", m.dir}, 1, "folder"},
		"gzip":                       {[]string{"--from", "ndjson", m.file(t, "gz", "\x1f\x8b\x08\x00")}, 1, "gunzip"},
		"another format":             {[]string{"--from", "keycloak", good}, 1, `no list "users"`},
		"a report that cannot be":    {[]string{"--from", "ndjson", "--report", filepath.Join(m.dir, "no", "report"), good}, 1, "no such file"},
		"Firebase without key":       {[]string{"--from", "firebase", good}, 1, "--firebase-parameters"},
		"passkeys of another domain": {[]string{"--from", "ndjson", "--passkey-domain", "example.com", good}, 1, "--passkey-domain"},
		"an audit trail that cannot": {[]string{"--from", "ndjson", good}, 1, "could not be recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			vars := m.vars
			if strings.HasPrefix(name, "an audit") {
				vars = append(vars[:len(vars):len(vars)], "LOGIN_AUDIT_DIR=/dev/null")
			}
			code, stdout, stderr := run(t, "", vars, append([]string{"users", "import"}, c.args...)...)
			if code != c.code || !strings.Contains(stderr, c.says) || m.users(t) != 0 {
				t.Errorf("%d, %s%s", code, stdout, stderr)
			}
			if kept, err := os.ReadFile(report); err != nil || string(kept) != earlier {
				t.Errorf("the report of an earlier run is now %q, %v", kept, err)
			}
		})
	}
}

// An import that ends in the middle, because the database stops or the disk is full,
// leaves whole accounts, and the next run adds the rest.
func TestUsersImport_EndedInTheMiddleGoesOn(t *testing.T) {
	m := newMoved(t)
	const users = 12_000
	file := m.file(t, "users.ndjson", manyUsers(users))
	ended := make(chan struct{})
	stop, stopped := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		for stop.Err() == nil {
			m.pg.Exec(t, "app", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hasura_login_a'`)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	code, stdout, stderr := run(t, "", m.vars, "users", "import", "--from", "ndjson", file)
	stopped()
	<-ended
	if code == 0 || !strings.Contains(stderr, "run it again") {
		t.Fatalf("it was not ended: %d, %s%s", code, stdout, stderr)
	}
	// A report that finds no room ends it too.
	bad := m.file(t, "bad.ndjson", manyUsers(6000)+strings.Repeat("broken\n", 2000))
	code, stdout, stderr = run(t, "", m.vars, "users", "import", "--from", "ndjson", "--report", "/dev/full", bad)
	if code != 1 || !strings.Contains(stderr, "no space left") || !strings.Contains(stderr, "run it again") {
		t.Errorf("a full disk: %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = run(t, "", m.vars, "users", "import", "--from", "ndjson", file)
	if code != 0 || m.users(t) != users {
		t.Fatalf("again: %d, %d users, %s%s", code, m.users(t), stdout, stderr)
	}
}

// The disk of the database fills up in the middle: no account is there in part, and once
// there is room again, the next run adds the rest.
func TestUsersImport_FullDiskOfTheDatabase(t *testing.T) {
	pg := testserver.StartPostgresOn(t, 400)
	m := newMovedOn(t, pg)
	const users = 40_000
	file := m.file(t, "users.ndjson", manyUsers(users))
	filled := make(chan func(), 1)
	go func() {
		for {
			if n, err := m.count(t, `SELECT count(*) FROM public.users`); err != nil || n > 0 {
				break
			}
		}
		filled <- testserver.FillDisk(t, pg.SocketDir())
	}()
	code, stdout, stderr := run(t, "", m.vars, "users", "import", "--from", "ndjson", file)
	empty := <-filled
	if code != 1 || !strings.Contains(stderr, "run it again") || strings.Contains(stderr, "@example.org") {
		t.Errorf("the import: %d, %s%s", code, stdout, stderr)
	}
	empty()
	// Without room for its log, Postgres stops. Docker starts it again.
	pg.Stop()
	pg.Restart(t)
	if before := m.users(t); before == 0 || before == users {
		t.Fatalf("%d users: the disk was not full in the middle", before)
	}
	parts, err := m.count(t, `SELECT count(*) FROM public.users WHERE id NOT IN (SELECT user_id FROM auth.accounts)`)
	if err != nil || parts > 0 {
		t.Errorf("%d users have no account, %v", parts, err)
	}
	code, stdout, stderr = run(t, "", m.vars, "users", "import", "--from", "ndjson", file)
	if code != 0 || m.users(t) != users {
		t.Errorf("again: %d, %d users, %s%s", code, m.users(t), stdout, stderr)
	}
}

func TestUsersExport_IsAPrivateFileThatAgeOpens(t *testing.T) {
	m := newMoved(t)
	in := m.file(t, "in", manyUsers(3))
	if code, _, stderr := run(t, "", m.vars, "users", "import", "--from", "ndjson", in); code != 0 {
		t.Fatal(stderr)
	}
	plain := filepath.Join(m.dir, "plain")
	code, stdout, stderr := run(t, "", m.vars, "users", "export", plain)
	info, err := os.Stat(plain)
	if code != 0 || err != nil || info.Mode().Perm() != 0o600 || stdout != "" || !strings.Contains(stderr, "3 users") {
		t.Fatalf("%d, %v, %s%s", code, err, stdout, stderr)
	}
	if code, _, stderr := run(t, "", m.vars, "users", "export", plain); code != 1 || !strings.Contains(stderr, "exists") {
		t.Errorf("over a file that is there: %d, %s", code, stderr)
	}
	key := filepath.Join(m.dir, "key")
	out, err := exec.Command(testserver.Binary(t, "age-keygen", "age"), "-o", key).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	recipient := "age1" + strings.TrimSpace(strings.Split(string(out), "age1")[1])
	code, sealed, stderr := run(t, "", m.vars, "users", "export", "--age", recipient, "-")
	if code != 0 || strings.Contains(sealed, "example.org") || !strings.HasPrefix(sealed, "age-encryption.org/") {
		t.Fatalf("%d, %s", code, stderr)
	}
	open := exec.Command(testserver.Binary(t, "age", "age"), "-d", "-i", key)
	open.Stdin = strings.NewReader(sealed)
	opened, err := open.Output()
	written, _ := os.ReadFile(plain)
	if err != nil || string(opened) != string(written) || strings.Count(string(opened), aHash) != 3 {
		t.Errorf("decrypted: %v\n%s", err, opened)
	}
	for args, says := range map[string]string{"--age nobody -": "--age", "--to okta -": "no target"} {
		if code, _, stderr := run(t, "", m.vars, append([]string{"users", "export"}, strings.Fields(args)...)...); code != 1 || !strings.Contains(stderr, says) {
			t.Errorf("%s: %d, %s", args, code, stderr)
		}
	}
}
