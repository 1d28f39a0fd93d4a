package standin_test

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
	"hasura-login/app/token"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

// block is a named code block of a page in docs/.
func block(t *testing.T, page, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```\\w+ " + regexp.QuoteMeta(name) + "\n(.*?)^```$").FindStringSubmatch(string(b))
	if m == nil {
		t.Fatalf("docs/%s has no block %s", page, name)
	}
	return m[1]
}

// withNotes is the project with the table that docs/hasura.md adds.
func withNotes(t *testing.T) *metadata.Metadata {
	t.Helper()
	const tables = "metadata/databases/default/tables/"
	project := fstest.MapFS{tables + "public_notes.yaml": {Data: []byte(block(t, "hasura.md", "public_notes.yaml"))}}
	err := fs.WalkDir(hasura.Project(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(hasura.Project(), path)
		if path == tables+"tables.yaml" {
			b = append(b, "- \"!include public_notes.yaml\"\n"...)
		}
		project[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Load(project)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDocs_TheTableOfTheExampleWorksOnPostgres(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	migration := block(t, "hasura.md", "up.sql")
	pg.Exec(t, "app", migration)
	pg.Exec(t, "app", migration) // it may run twice
	pg.Exec(t, "app", `INSERT INTO users (id, email, name) VALUES ('`+annID+`', 'a@example.com', 'Ann'), ('`+bobID+`', 'b@example.com', 'Bob');
		INSERT INTO notes (user_id, text) VALUES ('`+annID+`', 'mine'), ('`+bobID+`', 'theirs')`)
	db, err := sql.Open("pgx", pg.URL("app"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	e := startOver(t, db, standin.Postgres, func(c *standin.Config) { c.Metadata = withNotes(t) })
	if problems := e.Problems(); len(problems) > 0 {
		t.Errorf("problems: %v", problems)
	}
	ann := tokenFor(t, annID, nil)
	for _, step := range []struct{ query, want string }{
		{`{ notes { text } }`, `{"data":{"notes":[{"text":"mine"}]}}`},
		{`mutation { update_notes(where: {}, _set: {text: "changed"}) { affected_rows returning { text } } }`,
			`{"data":{"update_notes":{"affected_rows":1,"returning":[{"text":"changed"}]}}}`},
		{`mutation { insert_notes_one(object: {text: "new"}) { text } }`, `{"data":{"insert_notes_one":{"text":"new"}}}`},
		{`mutation { insert_notes_one(object: {text: "new", user_id: "` + bobID + `"}) { text } }`,
			refusal("$.selectionSet.insert_notes_one.args.object.user_id", "field 'user_id' not found in type: 'notes_insert_input'")},
		{`{ notes(where: {text: {_eq: "new"}}) { text } }`, `{"data":{"notes":[{"text":"new"}]}}`},
		{`mutation { delete_notes(where: {text: {_neq: "changed"}}) { affected_rows } }`, `{"data":{"delete_notes":{"affected_rows":1}}}`},
		{`{ notes { user_id } }`, refusal("$.selectionSet.notes.selectionSet.user_id", "field 'user_id' not found in type: 'notes'")},
	} {
		if got := e.query(t, ann, step.query); got != step.want {
			t.Errorf("%s: %s", step.query, got)
		}
	}
	if got := e.query(t, "", `{ notes { text } }`); !strings.Contains(got, "not found in type: 'query_root'") {
		t.Errorf("public reads notes: %s", got)
	}
}

// The example's column and owner are those of users here.
func TestDocs_ThePermissionThatTakesAnElevatedSessionRefusesOthers(t *testing.T) {
	permission := strings.NewReplacer("iban", "name", "user_id", "id").Replace(block(t, "second-factors.md", "elevated.yaml"))
	project := fstest.MapFS{}
	err := fs.WalkDir(hasura.Project(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(hasura.Project(), path)
		if strings.HasSuffix(path, "/public_users.yaml") {
			own, _, _ := strings.Cut(string(b), "update_permissions:")
			b = []byte(own + permission)
		}
		project[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := metadata.Load(project)
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, func(c *standin.Config) { c.Metadata = m })
	const change = `mutation { update_users(where: {}, _set: {name: "Changed"}) { affected_rows } }`
	session := func(elevated string) string {
		claims := map[string]any{"x-hasura-user-id": annID, "x-hasura-default-role": "user", "x-hasura-allowed-roles": []string{"user"}}
		if elevated != "" {
			claims["x-hasura-auth-elevated"] = elevated
		}
		return tokenFor(t, annID, jwt.MapClaims{auth.DefaultNamespace: claims})
	}
	if got := e.query(t, session(annID), change); got != `{"data":{"update_users":{"affected_rows":1}}}` {
		t.Errorf("elevated: %s", got)
	}
	if got := e.query(t, session(bobID), change); got != `{"data":{"update_users":{"affected_rows":0}}}` {
		t.Errorf("with somebody else's: %s", got)
	}
	if got := e.query(t, session(""), change); !strings.Contains(got, "x-hasura-auth-elevated") || !strings.Contains(got, `"errors"`) {
		t.Errorf("not elevated: %s", got)
	}
}

func TestDocs_UsersOfTheTutorialMoveWithTheirIDs(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	pg.Exec(t, "app", `CREATE SCHEMA old; CREATE TABLE old.users (id uuid, email text PRIMARY KEY, name text, password text);
		INSERT INTO old.users VALUES ('`+annID+`', 'Ann@Example.com', 'Ann', 'ua')`)
	pg.Exec(t, "app", block(t, "from-the-tutorial.md", "move.sql"))
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	hasher, err := password.New(password.Config{Cost: 10, Workers: 1, MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hasher.Close)
	userAccount, err := store.UserAccountByEmail(t.Context(), "ann@example.com")
	if err != nil || userAccount.User.ID != annID {
		t.Fatalf("%s %v", userAccount.User.ID, err)
	}
	if ok, _, err := hasher.Verify(t.Context(), login.HashRequest{Operation: login.OpSignIn}, userAccount.Account.Password, "!"); ok || err != nil {
		t.Errorf("before a password is set one fits (%v, %v)", ok, err)
	}
	operator := login.Operator{Store: store, Hasher: hasher, Policy: password.NewPolicy(8), Tokens: token.Names{}, Audit: noAudit{}}
	if err := operator.SetPassword(t.Context(), "ann@example.com", "correct horse staple"); err != nil {
		t.Error(err)
	}
}

func TestDocs_TheRolesForAnExistingHasuraAreEnough(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Exec(t, "app", block(t, "existing-hasura.md", "roles.sql"))
	migrations, err := fs.Glob(hasura.Project(), "migrations/default/*/up.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range migrations { // Glob sorts
		content, err := fs.ReadFile(hasura.Project(), name)
		if err != nil {
			t.Fatal(err)
		}
		pg.Exec(t, "app", string(content))
	}
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

type noAudit struct{}

func (noAudit) RecordAct(context.Context, login.Event) error { return nil }
