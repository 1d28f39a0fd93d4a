package devstack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/cmd"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

// running is a stack on free ports.
type running struct {
	API, GraphQL, Ops string
	data              string
	out               testserver.Output
	stop              context.CancelFunc
	ended             chan int
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	return startWith(t, nil, args...)
}

// startWith starts a stack with settings.
func startWith(t *testing.T, settings []string, args ...string) *running {
	t.Helper()
	r := &running{
		API: testserver.Addr(testserver.FreePort(t)), GraphQL: testserver.Addr(testserver.FreePort(t)), Ops: testserver.Addr(testserver.FreePort(t)),
		data: t.TempDir(), ended: make(chan int, 1),
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	args = append([]string{"--data", r.data, "--listen", r.API, "--graphql", r.GraphQL, "--ops", r.Ops}, args...)
	go func() {
		r.ended <- devstack.Main(ctx, args, cmd.Environment{Vars: settings, Stdin: strings.NewReader(""), Stdout: &r.out, Stderr: &r.out, Version: "v0-test"})
	}()
	t.Cleanup(func() { stop(); <-r.ended })
	return r
}

func (r *running) awaitGreeting(t *testing.T) {
	t.Helper()
	testserver.Eventually(t, "the stack serves", func() bool {
		select {
		case code := <-r.ended:
			r.ended <- code
			t.Fatalf("it ended with %d: %s", code, r.out.String())
		default:
		}
		return strings.Contains(r.out.String(), "Ctrl-C stops it")
	})
}

// post sends JSON and decodes the answer.
func post(t *testing.T, url, token string, body any) map[string]any {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	_ = json.NewDecoder(res.Body).Decode(&answer)
	return answer
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func (r *running) query(t *testing.T, token, query string) string {
	t.Helper()
	b, err := json.Marshal(post(t, "http://"+r.GraphQL+"/v1/graphql", token, map[string]string{"query": query}))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (r *running) signUp(t *testing.T, email string) (token string) {
	t.Helper()
	answer := post(t, "http://"+r.API+"/auth/signup", "", map[string]string{"email": email, "name": "Ann", "password": "correct horse staple"})
	token, _ = answer["token"].(string)
	if token == "" {
		t.Fatalf("sign-up: %v", answer)
	}
	return token
}

// notes is a table of one's own, in the layout that --add takes.
func notes(t *testing.T, sqlite bool) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"migrations/default/1900000000000_notes/up.sql": `CREATE TABLE public.notes (
			id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL REFERENCES public.users (id) ON DELETE CASCADE, text text NOT NULL);`,
		"metadata/databases/default/tables/public_notes.yaml": `
table: {schema: public, name: notes}
object_relationships:
  - {name: user, using: {foreign_key_constraint_on: user_id}}
select_permissions:
  - {role: user, permission: {columns: [id, text], filter: {user_id: {_eq: X-Hasura-User-Id}}}}
insert_permissions:
  - {role: user, permission: {columns: [text], set: {user_id: X-Hasura-User-Id}, check: {}}}
`,
	}
	if sqlite {
		files["sqlite/notes.sql"] = `CREATE TABLE IF NOT EXISTS notes (
			id text PRIMARY KEY DEFAULT (lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))),
			user_id text NOT NULL REFERENCES users (id) ON DELETE CASCADE, text text NOT NULL);`
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	addNote  = `mutation { insert_notes_one(object: {text: "milk"}) { text user { email } } }`
	noteSeen = `{"data":{"insert_notes_one":{"text":"milk","user":{"email":"ann@example.org"}}}}`
)

func TestRun_OnPostgresMigratesOnceAndServesOwnTables(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	args := []string{"--database-url", pg.URL("app"), "--add", notes(t, false)}
	first := start(t, args...)
	first.awaitGreeting(t)
	if got := first.query(t, first.signUp(t, "ann@example.org"), addNote); got != noteSeen {
		t.Errorf("the own table answers %s", got)
	}
	if out := first.out.String(); !strings.Contains(out, "migration 1764000000000_init\n") || !strings.Contains(out, "migration 1900000000000_notes\n") || strings.Contains(out, "inconsistent") {
		t.Errorf("the first start says: %s", out)
	}
	first.stop()
	second := start(t, args...)
	second.awaitGreeting(t)
	if out := second.out.String(); strings.Contains(out, "\nmigration ") || strings.HasPrefix(out, "migration ") {
		t.Errorf("the second start migrates again: %s", out)
	}
	grant := post(t, "http://"+second.API+"/auth/signin", "", map[string]string{"email": "ann@example.org", "password": "correct horse staple"})
	token, _ := grant["token"].(string)
	var listed testserver.Output
	code := devstack.Main(t.Context(), []string{"users", "list", "--data", t.TempDir()}, cmd.Environment{
		Stdin: strings.NewReader(""), Stdout: &listed, Stderr: &listed, Vars: []string{"DATABASE_URL=" + pg.URL("app")},
	})
	if code != 0 || !strings.Contains(listed.String(), "ann@example.org") {
		t.Errorf("users list: exit code %d, %s", code, listed.String())
	}
	if got := second.query(t, token, `{ notes { text } }`); got != `{"data":{"notes":[{"text":"milk"}]}}` {
		t.Errorf("after a restart: %s", got)
	}
}

func TestRun_OnSQLiteServesTheTablesThatAFolderHasForIt(t *testing.T) {
	r := start(t, "--add", notes(t, true))
	r.awaitGreeting(t)
	if got := r.query(t, r.signUp(t, "ann@example.org"), addNote); got != noteSeen {
		t.Errorf("the own table answers %s", got)
	}
}

// A person opens what the terminal shows, so it says localhost: cookies and passkeys of
// that name do not work at 127.0.0.1, and no browser opens [::].
func TestRun_ShowsAddressesThatABrowserOpensAndMailsOfTheVerbs(t *testing.T) {
	port := testserver.FreePort(t)
	r := startWith(t, []string{"LOGIN_SIGNUP=invited"}, "--listen", fmt.Sprintf(":%d", port))
	r.awaitGreeting(t)
	_, graphql, _ := net.SplitHostPort(r.GraphQL)
	_, greeting, _ := strings.Cut(r.out.String(), "Hasura Login, for development:")
	greeting, _, _ = strings.Cut(greeting, "Ctrl-C stops it")
	for _, address := range []string{fmt.Sprintf("http://localhost:%d/auth/pages/signin", port), "http://localhost:" + graphql + "/console"} {
		if !strings.Contains(greeting, address) {
			t.Errorf("%s is missing: %s", address, greeting)
		}
	}
	if strings.Contains(greeting, "[::]") || strings.Contains(greeting, "127.0.0.1") {
		t.Errorf("an address that is not localhost: %s", greeting)
	}
	verb := func(args ...string) {
		var out testserver.Output
		code := devstack.Main(t.Context(), append(args, "--data", r.data), cmd.Environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
		if code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, out.String())
		}
	}
	verb("users", "create", "ann@example.org", "--name", "Ann", "--no-password")
	verb("users", "invite", "bob@example.org")
	verb("users", "invite-reset", "--all")
	testserver.Eventually(t, "both mails are in the inbox", func() bool {
		body := get(t, "http://"+r.GraphQL+"/inbox")
		return strings.Contains(body, "bob@example.org") && strings.Contains(body, "ann@example.org")
	})
	if body := get(t, "http://"+r.GraphQL+"/inbox"); !strings.Contains(body, fmt.Sprintf("http://localhost:%d/auth/pages/", port)) {
		t.Errorf("the links lead elsewhere: %s", body)
	}
}

func TestRun_TracksOrganizationsIfTheSettingSaysSo(t *testing.T) {
	const create = `mutation { createOrganization(name: "Example") { name role } }`
	const seen = `{ organizations { name } memberships { role } }`
	r := startWith(t, []string{"LOGIN_ORGANIZATIONS=true"})
	r.awaitGreeting(t)
	grant := post(t, "http://"+r.API+"/auth/signup", "", map[string]string{"email": "ann@example.org", "name": "Ann", "password": "correct horse staple"})
	token, _ := grant["token"].(string)
	if got := r.query(t, token, create); got != `{"data":{"createOrganization":{"name":"Example","role":"owner"}}}` {
		t.Fatalf("creating one: %s", got)
	}
	if got := r.query(t, token, seen); got != `{"data":{"memberships":[],"organizations":[]}}` {
		t.Errorf("with the token from before: %s", got)
	}
	grant = post(t, "http://"+r.API+"/auth/refresh", "", map[string]string{"refreshToken": grant["refreshToken"].(string)})
	token, _ = grant["token"].(string)
	if got := r.query(t, token, seen); got != `{"data":{"memberships":[{"role":"owner"}],"organizations":[{"name":"Example"}]}}` {
		t.Errorf("after a refresh: %s", got)
	}
	off := start(t)
	off.awaitGreeting(t)
	token = off.signUp(t, "ann@example.org")
	if got := off.query(t, token, create); !strings.Contains(got, "organizations-disabled") {
		t.Errorf("switched off: %s", got)
	}
	if got := off.query(t, token, seen); !strings.Contains(got, "not found in type: 'query_root'") {
		t.Errorf("switched off, the tables answer %s", got)
	}
}

func TestRun_SaysWhatIsWrongAndWhatToDo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	inUse := func(flag string) string {
		return fmt.Sprintf("%s is in use by another program. Stop it, or choose another address with %s ", taken.Addr(), flag)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "config.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"the API's port":        {[]string{"--listen", taken.Addr().String()}, inUse("--listen")},
		"the stand-in's port":   {[]string{"--graphql", taken.Addr().String()}, inUse("--graphql")},
		"the ops port":          {[]string{"--ops", taken.Addr().String()}, inUse("--ops")},
		"an API without a port": {[]string{"--listen", "127.0.0.1"}, "--listen must be an address with a port"},
		"ops without a port":    {[]string{"--ops", "9100"}, "--ops must be an address with a port"},
		"a port that is none":   {[]string{"--graphql", "127.0.0.1:70000"}, "--graphql must be an address with a port"},
		"another machine's":     {[]string{"--graphql", "192.0.2.1:8080"}, "--graphql: listen tcp 192.0.2.1:8080: "},
		"plain http to others":  {[]string{"--listen", "192.0.2.1:3000"}, "--listen 192.0.2.1:3000: without https, pages work only on this machine"},
		"another for ops":       {[]string{"--ops", "192.0.2.1:9100"}, "--ops: listen tcp 192.0.2.1:9100: "},
		"a folder not there":    {[]string{"--add", filepath.Join(other, "gone")}, "--add: stat "},
		"a file of the project": {[]string{"--add", other}, "the project has a file config.yaml already"},
		"no URL":                {[]string{"--database-url", "app"}, "--database-url: must be a URL such as postgres://postgres@localhost/app"},
		"no database there":     {[]string{"--database-url", "postgres://ann:" + "secret@127.0.0.1:1/app"}, "--database-url: failed to connect"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, tc.args...)
			code := <-r.ended
			r.ended <- code
			if out := r.out.String(); code != 1 || !strings.Contains(out, tc.want) || strings.Contains(out, "secret") {
				t.Errorf("exit code %d, output %s; want %q", code, out, tc.want)
			}
		})
	}
}

// A mistyped --data must not look like a database that has lost its users.
func TestVerbs_RefuseAFolderInWhichNothingHasRun(t *testing.T) {
	empty := t.TempDir()
	for name, tc := range map[string]struct {
		args []string
		vars []string
		want string
	}{
		"the list of users":      {[]string{"users", "list", "--data", filepath.Join(empty, "typo")}, nil, filepath.Join(empty, "typo", "login.db") + " is not there"},
		"an import":              {[]string{"users", "import", "--from", "ndjson", "-", "--data", filepath.Join(empty, "typo")}, nil, "--data: "},
		"keys":                   {[]string{"keys", "list", "--data", empty}, nil, "login.db is not there"},
		"the audit trail":        {[]string{"audit", "--data", filepath.Join(empty, "typo")}, nil, "--data: "},
		"the list, of Postgres'": {[]string{"users", "list", "--data", filepath.Join(empty, "typo")}, []string{"DATABASE_URL=postgres://127.0.0.1:1/app"}, "typo is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			var out testserver.Output
			code := devstack.Main(t.Context(), tc.args, cmd.Environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Vars: tc.vars})
			if code != 1 || !strings.Contains(out.String(), tc.want) {
				t.Errorf("exit code %d, %s; want %q", code, out.String(), tc.want)
			}
			if made, err := os.ReadDir(empty); err != nil || len(made) != 0 {
				t.Errorf("it has made %v, %v", made, err)
			}
		})
	}
}

// A person presses Ctrl-C in a terminal; make must not report an error then.
func TestMakeRun_EndsWithStatusZeroOnCtrlCAndLogsReadableLines(t *testing.T) {
	r := &running{API: testserver.Addr(testserver.FreePort(t)), GraphQL: testserver.Addr(testserver.FreePort(t)), Ops: testserver.Addr(testserver.FreePort(t))}
	c := exec.CommandContext(t.Context(), "script", "--quiet", "--return", "--command",
		fmt.Sprintf("make run ARGS='--data %s --listen %s --graphql %s --ops %s'", t.TempDir(), r.API, r.GraphQL, r.Ops), "/dev/null") // #nosec G204 -- the test's own addresses
	c.Dir, c.Stdout, c.Stderr = testserver.RepoRoot(t), &r.out, &r.out
	keyboard, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for deadline := time.Now().Add(3 * time.Minute); !strings.Contains(r.out.String(), "Ctrl-C stops it"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("make run does not come up: %s", r.out.String())
		}
	}
	r.signUp(t, "ann@example.org")
	testserver.Eventually(t, "the request is logged", func() bool { return strings.Contains(r.out.String(), "POST   /auth/signup  201") })
	if _, err := keyboard.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Ctrl-C ends it with %v: %s", err, r.out.String())
	}
	if out := r.out.String(); strings.Contains(out, `{"level"`) {
		t.Errorf("JSON on a terminal: %s", out)
	}
}
