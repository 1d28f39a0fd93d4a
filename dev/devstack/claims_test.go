package devstack_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hasura-login/app/testserver"
)

// papers adds a table whose rows belong to teams, and the function of docs/hasura.md that
// tells a user's teams.
func papers(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "docs/hasura.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```sql claims.sql\n")
	example, _, found := strings.Cut(example, "```")
	if !found {
		t.Fatal("docs/hasura.md has no claims.sql")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"migrations/default/1900000000000_claims/up.sql": example +
			"CREATE TABLE public.papers (title text PRIMARY KEY, team text NOT NULL);\n" +
			"INSERT INTO papers VALUES ('one', 'a'), ('two', 'b'), ('three', 'c, d'), ('four', 'NULL');",
		"metadata/databases/default/tables/public_papers.yaml": "table: {schema: public, name: papers}\nselect_permissions:\n" +
			"  - {role: user, permission: {columns: [title], filter: {team: {_in: X-Hasura-Teams}}}}\n",
	} {
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

// session is a user with the tokens of the last answer.
type session struct {
	*running
	id, token, refreshToken string
}

func (s *session) take(answer map[string]any) string {
	s.token, _ = answer["token"].(string)
	if s.token == "" {
		code, _ := answer["code"].(string)
		return code
	}
	s.id, s.refreshToken = answer["id"].(string), answer["refreshToken"].(string)
	return ""
}

// refresh returns the code of a refusal, or nothing.
func (s *session) refresh(t *testing.T) string {
	t.Helper()
	return s.take(post(t, "http://"+s.API+"/auth/refresh", "", map[string]string{"refreshToken": s.refreshToken}))
}

func (s *session) signIn(t *testing.T, email string) string {
	t.Helper()
	return s.take(post(t, "http://"+s.API+"/auth/signin", "", map[string]string{"email": email, "password": "correct horse staple"}))
}

// teams is the claim of the token.
func (s *session) teams(t *testing.T) string {
	t.Helper()
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(s.token, ".")[1])
	var claims struct {
		Hasura map[string]any `json:"https://hasura.io/jwt/claims"`
	}
	if err == nil {
		err = json.Unmarshal(body, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(claims.Hasura["x-hasura-teams"])
}

// The function, login, the token and a permission of the engine's, on a real Postgres.
func TestClaimsBySQL_FilterRowsAndShowChangesAtTheNextRefresh(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	r := start(t, "--database-url", pg.URL("app"), "--add", papers(t))
	r.awaitGreeting(t)
	s := &session{running: r}
	r.signUp(t, "ann@example.org")
	if code := s.signIn(t, "ann@example.org"); code != "" {
		t.Fatal(code)
	}
	sql := func(text string) { pg.Exec(t, "app", strings.ReplaceAll(text, "$1", "'"+s.id+"'")) }
	sees := func(claim string, titles ...string) {
		t.Helper()
		if code := s.refresh(t); code != "" || s.teams(t) != claim {
			t.Fatalf("%q: the claim is %s, want %s", code, s.teams(t), claim)
		}
		got := s.query(t, s.token, `{ papers(order_by: {title: asc}) { title } }`)
		slices.Sort(titles)
		want := `{"data":{"papers":[]}}`
		if len(titles) > 0 {
			want = `{"data":{"papers":[{"title":"` + strings.Join(titles, `"},{"title":"`) + `"}]}}`
		}
		if got != want {
			t.Errorf("with %s: %s", claim, got)
		}
	}
	sees("{}")
	sql("INSERT INTO teams_users VALUES ('a', $1)")
	sees("{a}", "one")
	sql("INSERT INTO teams_users VALUES ('b', $1)")
	sees("{a,b}", "one", "two")
	sql("DELETE FROM teams_users; INSERT INTO teams_users VALUES ('c, d', $1), ('NULL', $1)")
	sees(`{"NULL","c, d"}`, "three", "four")
	sql("DELETE FROM teams_users")
	sees("{}")

	const replace = "CREATE OR REPLACE FUNCTION auth.claims(user_id uuid) RETURNS jsonb LANGUAGE "
	for name, body := range map[string]string{
		"it fails":          `plpgsql AS $$ BEGIN RAISE 'no'; END $$`,
		"it is slow":        `plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN '{}'; END $$`,
		"it gives garbage":  `sql AS $$ SELECT '[7]'::jsonb $$`,
		"a reserved name":   `sql AS $$ SELECT '{"x-hasura-allowed-roles": ["admin"], "x-hasura-teams": ["a"]}'::jsonb $$`,
		"it reads a secret": `sql AS $$ SELECT jsonb_build_object('x-hasura-teams', password) FROM auth.accounts LIMIT 1 $$`,
	} {
		pg.Exec(t, "app", replace+body)
		before := *s
		if code := s.refresh(t); code != "unavailable" || s.token != "" {
			t.Errorf("%s: a refresh gives %q %s", name, code, s.token)
		}
		if code := s.signIn(t, "ann@example.org"); code != "unavailable" || s.token != "" {
			t.Errorf("%s: a sign-in gives %q %s", name, code, s.token)
		}
		*s = before
	}
	pg.Exec(t, "app", replace+`sql AS $$ SELECT jsonb_build_object('x-hasura-teams', jsonb_build_array(repeat('x', 3900))) $$`)
	before := *s
	if code := s.refresh(t); code != "token-too-large" {
		t.Errorf("a token of over 4 kB: %q", code)
	}
	*s = before
	pg.Exec(t, "app", replace+`sql AS $$ SELECT '{"x-hasura-teams": ["b"]}'::jsonb $$`)
	sees("{b}", "two")
}

// Each token has the teams of some moment as a whole, and the last one those of the end.
func TestClaimsBySQL_ChangedWhileEightClientsRefresh(t *testing.T) {
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	r := start(t, "--database-url", pg.URL("app"), "--add", papers(t))
	r.awaitGreeting(t)
	r.signUp(t, "ann@example.org")
	clients := make([]*session, 8)
	for i := range clients {
		clients[i] = &session{running: r}
		if code := clients[i].signIn(t, "ann@example.org"); code != "" {
			t.Fatal(code)
		}
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() {
			for i := 0; i < 15; i++ { // the limit of a session is 30 a minute
				select {
				case <-done:
					return
				default:
				}
				if code := c.refresh(t); code != "" {
					t.Errorf("a refresh: %s", code)
					return
				}
				if got := c.teams(t); got != "{}" && got != "{a,b}" {
					t.Errorf("a token has %s", got)
				}
			}
		})
	}
	for range 20 {
		pg.Exec(t, "app", "INSERT INTO teams_users SELECT team, id FROM users, (VALUES ('a'), ('b')) AS t (team)")
		pg.Exec(t, "app", "DELETE FROM teams_users")
	}
	pg.Exec(t, "app", "INSERT INTO teams_users SELECT team, id FROM users, (VALUES ('a'), ('b')) AS t (team)")
	close(done)
	running.Wait()
	for _, c := range clients {
		if code := c.refresh(t); code != "" || c.teams(t) != "{a,b}" {
			t.Errorf("the last token: %q %s", code, c.teams(t))
		}
	}
}
