package postgres_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// replaceClaims is a migration of the project's owner.
const replaceClaims = `CREATE OR REPLACE FUNCTION auth.claims(user_id uuid) RETURNS jsonb LANGUAGE `

// engine runs SQL as the role of the migrations.
func (f *fixture) engine(t testing.TB, database, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), f.URLFor("hasura_engine_a", database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// account is a user as the store reads it.
func account(t testing.TB, store *postgres.Store) login.UserAccount {
	t.Helper()
	now := time.Now()
	ua := login.UserAccount{
		User:    login.User{ID: uuid.NewString(), Email: uuid.NewString() + "@example.org", Name: "Ann", CreatedAt: now, UpdatedAt: now},
		Account: login.Account{Password: "hash", Roles: []string{"user"}, DefaultRole: "user", SessionVersion: 1, PasswordVersion: 1},
	}
	if err := store.CreateUser(t.Context(), ua, nil); err != nil {
		t.Fatal(err)
	}
	ua, err := store.UserAccountByID(t.Context(), ua.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	return ua
}

func (f *fixture) claimsFunction(t *testing.T) {
	database := f.newDatabase(t)
	f.engine(t, database, `CREATE TABLE granted (id text); CREATE TABLE secrets (id text); CREATE TABLE locked (id text);
		GRANT ALL ON granted TO hasura_claims; GRANT SELECT ON locked TO hasura_claims`)
	holder, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close(t.Context())
	store := f.open(t, database)
	ua := account(t, store)
	if claims, err := store.CallClaims(t.Context(), ua.User.ID); claims != nil || err != nil || ua.Account.AsksForClaims {
		t.Errorf("the default: %v, %v, asks for claims: %t", claims, err, ua.Account.AsksForClaims)
	}
	list := func(elements string) string {
		return `sql AS $$ SELECT jsonb_build_object('x-hasura-l', ` + elements + `) $$`
	}
	for name, c := range map[string]struct {
		replaced string // what follows replaceClaims
		want     map[string]string
		reason   login.ClaimsReason // of the fault; empty: none
		detail   string             // is part of the fault's
	}{
		"none":        {`sql AS $$ SELECT '{}'::jsonb $$`, map[string]string{}, "", ""},
		"a string":    {`sql AS $$ SELECT '{"x-hasura-org-id": "7"}'::jsonb $$`, map[string]string{"x-hasura-org-id": "7"}, "", ""},
		"of the user": {`sql STABLE AS $$ SELECT jsonb_build_object('x-hasura-me', user_id) $$`, map[string]string{"x-hasura-me": "ID"}, "", ""},
		"no elements": {list(`'[]'::jsonb`), map[string]string{"x-hasura-l": "{}"}, "", ""},
		"one element": {list(`'["a"]'::jsonb`), map[string]string{"x-hasura-l": "{a}"}, "", ""},
		"several":     {list(`'["a", "b"]'::jsonb`), map[string]string{"x-hasura-l": "{a,b}"}, "", ""},

		"in plpgsql":              {`plpgsql AS $$ BEGIN RETURN '{"x-hasura-a": "1"}'; END $$`, map[string]string{"x-hasura-a": "1"}, "", ""},
		"as a standard body":      {`sql RETURN '{"x-hasura-a": "1"}'::jsonb`, map[string]string{"x-hasura-a": "1"}, "", ""},
		"tables of public":        {`sql AS $$ SELECT '{"x-hasura-a": "1"}'::jsonb FROM (SELECT count(*) FROM granted) AS t $$`, map[string]string{"x-hasura-a": "1"}, "", ""},
		"it runs as":              {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', current_user) $$`, map[string]string{"x-hasura-a": "hasura_claims"}, "", ""},
		"just small enough":       {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', repeat('x', 4096 - 18)) $$`, map[string]string{"x-hasura-a": strings.Repeat("x", 4096-18)}, "", ""},
		"a byte more":             {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', repeat('x', 4096 - 17)) $$`, nil, login.ClaimsTooLarge, "4097 bytes"},
		"a hundred megabytes":     {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', repeat('x', 100000000)) $$`, nil, "", ""}, // slow or too large
		"it fails":                {`plpgsql AS $$ BEGIN RAISE EXCEPTION 'no such member: ann@example.org'; END $$`, nil, login.ClaimsFailed, "SQLSTATE P0001"},
		"a row that is not there": {`plpgsql AS $$ DECLARE a text; BEGIN SELECT id INTO STRICT a FROM granted; RETURN '{}'; END $$`, nil, login.ClaimsFailed, "SQLSTATE P0002"},
		"division by zero":        {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', 1/0) $$`, nil, login.ClaimsFailed, "SQLSTATE 22012"},
		"it is slow":              {`plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN '{}'; END $$`, nil, login.ClaimsSlow, ""},
		"it lifts the limit":      {`plpgsql AS $$ BEGIN PERFORM set_config('statement_timeout', '0', false), pg_sleep(2); RETURN '{}'; END $$`, nil, login.ClaimsSlow, ""},
		"it waits for a lock":     {`sql AS $$ SELECT '{}'::jsonb FROM (SELECT count(*) FROM locked) AS t $$`, nil, login.ClaimsSlow, ""},
		"it never ends":           {`plpgsql AS $$ BEGIN LOOP END LOOP; END $$`, nil, login.ClaimsSlow, ""},
		"endless recursion":       {`plpgsql AS $$ BEGIN RETURN auth.claims(user_id); END $$`, nil, "", ""}, // slow or failed
		"a table without a grant": {`sql AS $$ SELECT '{}'::jsonb FROM (SELECT count(*) FROM secrets) AS t $$`, nil, login.ClaimsFailed, "permission denied for table secrets"},
		"the hashes":              {`sql AS $$ SELECT jsonb_build_object('x-hasura-a', password) FROM auth.accounts a WHERE a.user_id = $1 $$`, nil, login.ClaimsFailed, "permission denied for schema auth"},
		"another role":            {`plpgsql AS $$ BEGIN SET ROLE hasura_login; RETURN '{}'; END $$`, nil, login.ClaimsFailed, "SQLSTATE 42501"},
		"it writes":               {`plpgsql AS $$ BEGIN INSERT INTO granted VALUES ('x'); RETURN '{}'; END $$`, nil, login.ClaimsFailed, "read-only transaction"},
		"a table that went":       {`plpgsql AS $$ BEGIN PERFORM FROM nowhere; RETURN '{}'; END $$`, nil, login.ClaimsFailed, `relation "nowhere" does not exist`},
		"NULL":                    {`sql AS $$ SELECT NULL::jsonb $$`, nil, login.ClaimsMalformed, "NULL"},
		"no row":                  {`sql AS $$ SELECT '{}'::jsonb WHERE false $$`, nil, login.ClaimsMalformed, "NULL"},
		"JSON's null":             {`sql AS $$ SELECT 'null'::jsonb $$`, nil, login.ClaimsMalformed, "not a JSON object"},
		"a list":                  {`sql AS $$ SELECT '["x-hasura-a"]'::jsonb $$`, nil, login.ClaimsMalformed, "not a JSON object"},
		"a text":                  {`sql AS $$ SELECT '"x"'::jsonb $$`, nil, login.ClaimsMalformed, "not a JSON object"},
		"a number":                {list(`'7'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"a truth":                 {list(`'true'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"a null":                  {list(`'null'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"an object":               {list(`'{}'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"a null in a list":        {list(`'["a", null]'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"a number in a list":      {list(`'["a", 7]'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
		"a list in a list":        {list(`'[["a"]]'::jsonb`), nil, login.ClaimsMalformed, `"x-hasura-l" is neither`},
	} {
		t.Run(name, func(t *testing.T) {
			f.engine(t, database, replaceClaims+c.replaced)
			if ua, err := store.UserAccountByID(t.Context(), ua.User.ID); err != nil || !ua.Account.AsksForClaims {
				t.Errorf("asks for claims: %t, %v", ua.Account.AsksForClaims, err)
			}
			if _, err := holder.Exec(t.Context(), "BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE"); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			got, err := store.CallClaims(t.Context(), ua.User.ID)
			if took := time.Since(begun); took > 1500*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			if _, err := holder.Exec(t.Context(), "ROLLBACK"); err != nil {
				t.Fatal(err)
			}
			var fault *login.ClaimsFault
			switch failed := errors.As(err, &fault); {
			case !failed && err != nil:
				t.Fatal(err)
			case failed != (c.want == nil), failed && c.reason != "" && fault.Reason != c.reason, failed && !strings.Contains(fault.Detail, c.detail):
				t.Fatalf("%v, %v, want %s %q", got, err, c.reason, c.detail)
			case failed && (strings.Contains(err.Error(), "ann@") || errors.Is(err, login.ErrUnavailable)):
				t.Errorf("the error says too much, or something else: %v", err)
			}
			for name, value := range c.want {
				c.want[name] = strings.ReplaceAll(value, "ID", ua.User.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			// The limits were of one transaction.
			if limit, err := store.StatementTimeout(t.Context()); limit != "5s" || err != nil {
				t.Errorf("the time limit afterwards: %s, %v", limit, err)
			}
			account(t, store) // and it can write
		})
	}
}

// Reports of lists in claims are about elements that came apart: at a comma, at a brace, as
// NULL. Postgres itself must read back what went in.
func (f *fixture) claimsLists(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	ua := account(t, store)
	f.engine(t, database, `CREATE TABLE lists (list jsonb); GRANT SELECT ON lists TO hasura_claims; `+
		replaceClaims+`sql AS $$ SELECT jsonb_build_object('x-hasura-l', list) FROM lists $$`)
	reader, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close(t.Context())
	for _, list := range [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", "b"}, {"a,b"}, {"{a}"}, {"{", "}"}, {`"`}, {`\`}, {`\"`, `"a"`}, {"NULL"}, {"null", "Null"}, {" a "}, {"a b"},
		{"\t\n\r\v\f"}, {"\u00a0"}, {"ü", "名前", "😀"}, {"'"}, {"$$"}, {"\\\\"}, {"a\\,b"}, {uuid.NewString(), uuid.NewString()}, {"\u0001"}, {"[1:2]={a}"},
	} {
		if _, err := reader.Exec(t.Context(), "DELETE FROM lists"); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Exec(t.Context(), "INSERT INTO lists SELECT to_jsonb($1::text[])", list); err != nil {
			t.Fatal(err)
		}
		claims, err := store.CallClaims(t.Context(), ua.User.ID)
		if err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		var read []string
		if err := reader.QueryRow(t.Context(), "SELECT $1::text::text[]", claims["x-hasura-l"]).Scan(&read); err != nil || !cmp.Equal(list, read) {
			t.Errorf("%q became %s, which is %q (%v)", list, claims["x-hasura-l"], read, err)
		}
	}
}

// The project's function can be replaced, and not be lost: without it, claims would be
// left out.
func (f *fixture) claimsStay(t *testing.T) {
	database := f.newDatabase(t)
	c, err := pgx.Connect(t.Context(), f.URLFor("hasura_engine_a", database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for sql, want := range map[string]string{
		"DROP FUNCTION auth.claims(uuid)": "other objects depend on it",
		`CREATE OR REPLACE FUNCTION auth.claims(user_id uuid) RETURNS json LANGUAGE sql AS $$ SELECT '{}'::json $$`: "cannot change return type",
		`CREATE OR REPLACE FUNCTION auth.claims(id uuid) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$`:    "cannot change name of input parameter",
	} {
		if _, err := c.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	// The migrations may run again, after the project's own.
	f.engine(t, database, replaceClaims+`sql AS $$ SELECT '{"x-hasura-a": "1"}'::jsonb $$`)
	f.Migrate(t, database)
	store := f.open(t, database)
	if claims, err := store.CallClaims(t.Context(), account(t, store).User.ID); err != nil || claims["x-hasura-a"] != "1" {
		t.Errorf("%v, %v", claims, err)
	}
	f.engine(t, database, "ALTER FUNCTION auth.claims(uuid) RENAME TO claims_of_before")
	ua := account(t, store)
	if claims, err := store.CallClaims(t.Context(), ua.User.ID); err != nil || claims["x-hasura-a"] != "1" || !ua.Account.AsksForClaims {
		t.Errorf("renamed: %v, %v, asks for claims: %t", claims, err, ua.Account.AsksForClaims)
	}
	f.engine(t, database, "ALTER FUNCTION auth.claims_of_before(uuid) RENAME TO claims")
	var may string
	err = c.QueryRow(t.Context(), `
		SELECT concat_ws(' ', has_schema_privilege('hasura_claims', 'auth', 'CREATE'), has_schema_privilege('hasura_claims', 'auth', 'USAGE'),
			pg_has_role('hasura_login', 'hasura_claims', 'USAGE'), has_function_privilege('hasura_login', 'auth.call_claims(uuid)', 'EXECUTE'),
			has_function_privilege('hasura_exporter', 'auth.call_claims(uuid)', 'EXECUTE'), has_function_privilege('hasura_login', 'auth.claims(uuid)', 'EXECUTE'))`).Scan(&may)
	if err != nil || may != "f f f t f f" {
		t.Errorf("rights: %s, %v", may, err)
	}
}

// A new release of login may start before the migrations, and behind a pooler.
func (f *fixture) claimsBeforeTheMigration(t *testing.T) {
	database := f.newDatabase(t)
	f.engine(t, database, "DROP FUNCTION auth.call_claims(uuid); DROP FUNCTION auth.claims(uuid)")
	store := f.open(t, database)
	if ua := account(t, store); ua.Account.AsksForClaims {
		t.Error("asks for claims")
	}
}

func (f *fixture) claimsThroughPgBouncer(t *testing.T) {
	database := f.newDatabase(t)
	pooler := testserver.StartPgBouncer(t, f.Postgres, role)
	store := openURL(t, func() (string, error) { return pooler.URL(f.Postgres, f.URLFor(role, database)), nil })
	ua := account(t, store)
	for i := range 3 {
		f.engine(t, database, replaceClaims+fmt.Sprintf(`sql AS $$ SELECT '{"x-hasura-a": "%d"}'::jsonb $$`, i))
		if claims, err := store.CallClaims(t.Context(), ua.User.ID); err != nil || claims["x-hasura-a"] != fmt.Sprint(i) {
			t.Errorf("%v, %v", claims, err)
		}
	}
	f.engine(t, database, replaceClaims+`plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN '{}'; END $$`)
	var fault *login.ClaimsFault
	if _, err := store.CallClaims(t.Context(), ua.User.ID); !errors.As(err, &fault) || fault.Reason != login.ClaimsSlow {
		t.Errorf("%v", err)
	}
	account(t, store)
}

// The example of docs/hasura.md.
func (f *fixture) claimsExample(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "docs/hasura.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(page), "```sql claims.sql\n")
	example, _, closed := strings.Cut(example, "```")
	if !found || !closed {
		t.Fatal("docs/hasura.md has no claims.sql")
	}
	database := f.newDatabase(t)
	f.engine(t, database, example)
	store := f.open(t, database)
	ua := account(t, store)
	for _, step := range []struct{ do, want string }{
		{"", "{}"}, {"INSERT INTO teams_users VALUES ('red', $1)", "{red}"}, {"INSERT INTO teams_users VALUES ('deep blue', $1)", `{"deep blue",red}`}, {"DELETE FROM teams_users WHERE user_id = $1", "{}"},
	} {
		f.engine(t, database, strings.ReplaceAll(step.do, "$1", "'"+ua.User.ID+"'"))
		if claims, err := store.CallClaims(t.Context(), ua.User.ID); err != nil || !cmp.Equal(claims, map[string]string{"x-hasura-teams": step.want}) {
			t.Errorf("after %q: %v, %v", step.do, claims, err)
		}
	}
}
