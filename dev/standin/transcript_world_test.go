package standin_test

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

const publicID = "0d0c0b0a-0000-4000-8000-000000000003"

// transcriptTables are the tables that the cases speak of.
const transcriptTables = `
	CREATE EXTENSION citext;
	CREATE TABLE users (
	  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	  email text CONSTRAINT users_email_key UNIQUE CONSTRAINT users_email_check CHECK (email LIKE '%@%.%'),
	  name text NOT NULL, password text NOT NULL);
	INSERT INTO users VALUES
	  ('` + annID + `', 'a@example.com', 'Ann', 'h'), ('` + bobID + `', 'b@example.com', 'Bob', 'h'),
	  ('` + publicID + `', 'c@example.com', 'Public', 'h');
	CREATE SCHEMA auth;
	CREATE TABLE auth.sessions (id uuid PRIMARY KEY, refresh_hash text NOT NULL, spent_at timestamptz);
	INSERT INTO auth.sessions VALUES ('0d0c0b0a-0000-4000-8000-000000000002', 'abc', NULL);
	CREATE TABLE demo (u uuid, ts timestamptz, js jsonb, tags text[], ci citext);
	INSERT INTO demo VALUES ('` + annID + `', '2015-10-17T14:42:43Z', '{"a":[1,null]}', '{a,b}', 'Mixed@Example.com');`

const transcriptTypes = `
	type AuthPayload { id: String! token: String! tokenExpiresAt: String! refreshToken: String! refreshTokenExpiresAt: String! }`

// changesRows tells the cases that need a database of their own.
var changesRows = regexp.MustCompile(`^data-(update|insert|delete|transaction|other-schema|column-in-two)|^action-mixed|^ws-transport-live-query`)

// world is the engine of one case, with what the case changes about it.
type world struct {
	*transcript
	engine  *engine
	handler *handler
	cfg     standin.Config
	signin  *metadata.Action
	signup  *metadata.Action
	users   *metadata.Table
	before  map[int]func() // what happens before a frame is awaited
	env     map[string]string
	jwt     string // the engine's own setting, as the case has it
	check   func(t testing.TB, asked []handled, answered http.Header)
}

func newWorld(t testing.TB, pg *testserver.Postgres, c *transcript, launch launcher) *world {
	t.Helper()
	database := sharedDatabase
	if changesRows.MatchString(c.Name) {
		database = strings.ReplaceAll(c.Name, "-", "_")
		pg.CreateDatabase(t, database)
		pg.Exec(t, database, transcriptTables)
	}
	db, err := sql.Open("pgx", pg.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{transcript: c, handler: newHandler(t), before: map[int]func(){}}
	actions := transcriptActions()
	w.signin, w.signup = &actions[0], &actions[1]
	tables := transcriptPermissions()
	w.users = &tables[0]
	w.cfg = standin.Config{
		Metadata: &metadata.Metadata{Sources: []metadata.Source{{Name: "default", Tables: tables}}, Actions: actions, Types: sdlTypes(t, transcriptTypes)},
		DB:       db, Dialect: standin.Postgres, AdminSecret: adminSecret, UnauthorizedRole: "public",
		JWT:     &auth.JWT{Type: "RS256", Key: publicPEM(t, rsaKey())},
		Refetch: 50 * time.Millisecond, InitTimeout: time.Minute,
		Report: func(err error) { t.Logf("reported: %v", err) },
	}
	env := map[string]string{"LOGIN_URL": w.handler.URL, "ACTION_SECRET": "shared"}
	if c.Config != nil {
		w.cfg.UnauthorizedRole = c.Config.UnauthorizedRole
		w.cfg.JWT = w.jwtConfig(t)
	}
	w.handler.answers(w.recordedAnswers(t))
	adjust := adjustments[c.Name]
	if adjust == nil && (c.Setup.Differs != "" || c.Setup.Auth != "") {
		t.Fatalf("the case changes its set-up (%s%s), and the test does not know how", c.Setup.Differs, c.Setup.Auth)
	}
	if adjust != nil {
		adjust(t, w, env)
	}
	if strings.HasSuffix(c.Name, "-init-timeout") {
		w.cfg.InitTimeout = 0 // the engine's
	}
	if strings.Contains(c.Setup.State, "inconsistent object") {
		w.users.SelectPermissions[0].Permission.Columns.Names = []string{"gone"}
	}
	w.cfg.Env, w.env = environment(env), env
	w.engine = &engine{URL: launch(t, w, pg.URL(database)), DB: db, Handler: w.handler}
	return w
}

func transcriptActions() []metadata.Action {
	text := func(names ...string) ast.ArgumentDefinitionList {
		var list ast.ArgumentDefinitionList
		for _, n := range names {
			list = append(list, &ast.ArgumentDefinition{Name: n, Type: ast.NonNullNamedType("String", nil)})
		}
		return list
	}
	action := func(name string, operation ast.Operation, args ast.ArgumentDefinitionList) metadata.Action {
		return metadata.Action{
			Name: name, Operation: operation, Arguments: args, Output: ast.NamedType("AuthPayload", nil), Roles: []string{"public"},
			Handler: "{{LOGIN_URL}}/actions/" + name, Timeout: 30 * time.Second,
			Headers: []metadata.Header{{Name: "X-Hasura-Action-Secret", ValueFromEnv: "ACTION_SECRET"}},
		}
	}
	return []metadata.Action{action("signin", ast.Query, text("email", "password")), action("signup", ast.Mutation, text("email", "name", "password"))}
}

func transcriptPermissions() []metadata.Table {
	own := map[string]any{"id": map[string]any{"_eq": "X-Hasura-User-Id"}}
	all := metadata.Columns{All: true}
	selects := func(role string, columns metadata.Columns, filter map[string]any) metadata.SelectPermission {
		return metadata.SelectPermission{Role: role, Permission: metadata.SelectDefinition{Columns: columns, Filter: filter}}
	}
	updates := func(role string, columns metadata.Columns, filter map[string]any) metadata.UpdatePermission {
		return metadata.UpdatePermission{Role: role, Permission: metadata.UpdateDefinition{Columns: columns, Filter: filter}}
	}
	inserts := []metadata.InsertPermission{{Role: "login_service", Permission: metadata.InsertDefinition{Columns: &all, Check: map[string]any{}}}}
	deletes := []metadata.DeletePermission{{Role: "login_service", Permission: metadata.DeleteDefinition{Filter: map[string]any{}}}}
	return []metadata.Table{
		{
			Table: metadata.TableName{Schema: "public", Name: "users"},
			SelectPermissions: []metadata.SelectPermission{
				selects("user", metadata.Columns{Names: []string{"id", "email", "name"}}, own),
				selects("login_service", all, nil),
				selects("anonymous", metadata.Columns{Names: []string{"id"}}, map[string]any{"name": map[string]any{"_eq": "Public"}}),
			},
			UpdatePermissions: []metadata.UpdatePermission{
				updates("user", metadata.Columns{Names: []string{"name"}}, own),
				updates("login_service", all, nil),
			},
			InsertPermissions: inserts, DeletePermissions: deletes,
		},
		{
			Table:             metadata.TableName{Schema: "auth", Name: "sessions"},
			SelectPermissions: []metadata.SelectPermission{selects("login_service", all, nil)},
			UpdatePermissions: []metadata.UpdatePermission{updates("login_service", all, nil)},
			InsertPermissions: inserts, DeletePermissions: deletes,
		},
		{
			Table:             metadata.TableName{Schema: "public", Name: "demo"},
			SelectPermissions: []metadata.SelectPermission{selects("login_service", all, nil)},
		},
	}
}

func sdlTypes(t testing.TB, text string) ast.DefinitionList {
	t.Helper()
	doc, err := parser.ParseSchema(&ast.Source{Input: text})
	if err != nil {
		t.Fatal(err)
	}
	return doc.Definitions
}

// jwtConfig is the case's JWT setting with the test's own key or key set.
func (w *world) jwtConfig(t testing.TB) *auth.JWT {
	t.Helper()
	var setting map[string]any
	if err := json.Unmarshal(w.Config.JWT, &setting); err != nil {
		t.Fatal(err)
	}
	if setting == nil {
		return nil
	}
	if setting["key"] != nil {
		setting["key"] = publicPEM(t, rsaKey())
	}
	if url, ok := setting["jwk_url"].(string); ok {
		keys := []any{&rsaKey().PublicKey}
		if strings.Contains(url, "empty set") {
			keys = nil
		}
		setting["jwk_url"] = serveKeys(t, keys...)
	}
	b, err := json.Marshal(setting)
	if err != nil {
		t.Fatal(err)
	}
	w.jwt = string(b)
	cfg, err := auth.ParseJWT(w.jwt)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// serveKeys answers a JWKS of the public keys.
func serveKeys(t testing.TB, keys ...any) string {
	t.Helper()
	set := jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{}}
	for _, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: "known"}})
		if err != nil {
			t.Fatal(err)
		}
		set.Keys = append(set.Keys, jwk.Marshal())
	}
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, _ = w.Write(body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// recordedAnswers replays the answers of the case's handler in order.
func (w *world) recordedAnswers(t testing.TB) http.HandlerFunc {
	t.Helper()
	type answer struct {
		Status  int               `json:"status"`
		Body    json.RawMessage   `json:"body"`
		Headers map[string]string `json:"headers"`
	}
	var list []answer
	if w.Handler != nil {
		var one answer
		if json.Unmarshal(w.Handler.Answers, &list) != nil && json.Unmarshal(w.Handler.Answers, &one) == nil {
			list = []answer{one}
		}
	}
	next := 0
	return func(res http.ResponseWriter, _ *http.Request) {
		if next >= len(list) {
			res.WriteHeader(http.StatusTeapot)
			return
		}
		a := list[next]
		next++
		for name, value := range a.Headers {
			res.Header().Set(name, value)
		}
		res.WriteHeader(a.Status)
		// A string is sent as a JSON string, unless the case wants invalid JSON.
		var text string
		if json.Unmarshal(a.Body, &text) == nil && (text == "" || text[0] == '<') && string(a.Body) != "null" {
			_, _ = io.WriteString(res, text)
			return
		}
		_, _ = res.Write(a.Body)
	}
}

// onOwnTables rewrites an auth-* case, which asks the engine's own test tables,
// to the same decision on users.
func onOwnTables(text string) string {
	return strings.NewReplacer(
		`query { user { id } }`, `query { users { id } }`,
		`query { article(where: {is_published: {_eq: false}}) { id title content is_published author { id name } } }`, `query { users { id email name } }`,
		`"user": [`, `"users": [`, `"article": [`, `"users": [`,
		`"x-hasura-user-id": "1"`, `"x-hasura-user-id": "`+annID+`"`, `"X-Hasura-User-Id": "1"`, `"X-Hasura-User-Id": "`+annID+`"`,
		`"x-hasura-user-id": "2"`, `"x-hasura-user-id": "`+bobID+`"`,
	).Replace(text)
}
