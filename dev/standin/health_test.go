package standin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

func (e *engine) get(t testing.TB, path string) (int, any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, _, body := send(t, req, nil)
	return status, body
}

func TestHealth_InconsistentMetadataFailsTheStrictCheckOnly(t *testing.T) {
	users := func(cfg *standin.Config) *metadata.Table { return &cfg.Metadata.Sources[0].Tables[0] }
	for name, tc := range map[string]struct {
		change  func(*standin.Config)
		problem string
	}{
		"a column that is not there": {func(c *standin.Config) {
			users(c).SelectPermissions[0].Permission.Columns.Names = []string{"password"}
		}, `"password" does not exist`},
		"a filter on a column that is not there": {func(c *standin.Config) {
			users(c).UpdatePermissions[0].Permission.Filter = map[string]any{"_and": []any{map[string]any{"owner": map[string]any{"_eq": 1}}}}
		}, `"owner" does not exist`},
		"an unknown operator": {func(c *standin.Config) {
			users(c).SelectPermissions[0].Permission.Filter = map[string]any{"_not": map[string]any{"id": map[string]any{"_is": 1}}}
		}, `operator "_is" is not served`},
		"a table that is not there": {func(c *standin.Config) { users(c).Table.Name = "people" }, "no such table/view exists in source: public.people"},
		"an environment variable that is not set": {func(c *standin.Config) {
			c.Env = environment(map[string]string{"ACTION_SECRET": "shared"})
		}, "Value for environment variables not found: [LOGIN_URL]"},
		"something the stand-in does not serve": {func(c *standin.Config) { c.Metadata.Unserved = []string{"remote_schemas"} }, "not served by the stand-in: remote_schemas"},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, tc.change)
			if status, body := e.get(t, "/healthz?strict=true"); status != http.StatusInternalServerError || body != "ERROR: inconsistent objects in schema" {
				t.Errorf("strict: %d %v", status, body)
			}
			if status, body := e.get(t, "/healthz"); status != http.StatusOK || body != "WARN: inconsistent objects in schema" {
				t.Errorf("lenient: %d %v", status, body)
			}
			if all := strings.Join(e.Problems(), "\n"); !strings.Contains(all, tc.problem) {
				t.Errorf("problems are\n%s, want %s", all, tc.problem)
			}
		})
	}
	e := start(t, nil)
	if status, body := e.get(t, "/hasura/healthz?strict=true"); status != http.StatusOK || body != "OK" {
		t.Errorf("the project's own metadata: %d %v %v", status, body, e.Problems())
	}
}

func TestHealth_SaysWhenTheDatabaseIsGone(t *testing.T) {
	e := start(t, nil)
	_ = e.DB.Close()
	if status, body := e.get(t, "/healthz"); status != http.StatusInternalServerError || body != "ERROR" {
		t.Errorf("%d %v", status, body)
	}
	if got := e.query(t, tokenFor(t, annID, nil), `{ users { id } }`); !strings.Contains(got, `"code":"unexpected"`) {
		t.Errorf("a query answers %s", got)
	}
}

func TestNew_RefusesSettingsThatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*standin.Config){
		"no admin secret":     func(c *standin.Config) { c.AdminSecret = "" },
		"no key":              func(c *standin.Config) { c.JWT = &auth.JWT{Type: "RS256"} },
		"key of another kind": func(c *standin.Config) { c.JWT = &auth.JWT{Type: "PS256", Key: publicPEM(t, rsaKey())} },
		"short shared secret": func(c *standin.Config) { c.JWT = &auth.JWT{Type: "HS256", Key: "short"} },
		"keys out of reach":   func(c *standin.Config) { c.JWT = &auth.JWT{JWKURL: "http://127.0.0.1:1/"} },
		"two fields, one name": func(c *standin.Config) {
			c.Metadata.Actions[0].Name = "users"
			c.Metadata.Actions[0].Operation = ast.Query
		},
		"database is closed": func(c *standin.Config) { _ = c.DB.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, nil)
			cfg := standin.Config{
				Metadata: projectMetadata(t), DB: e.DB, Dialect: standin.SQLite, AdminSecret: adminSecret,
				Env: environment(map[string]string{"LOGIN_URL": "http://x", "ACTION_SECRET": "s"}),
				JWT: &auth.JWT{Type: "RS256", Key: publicPEM(t, rsaKey())},
			}
			change(&cfg)
			if _, err := standin.New(t.Context(), cfg); err == nil {
				t.Error("it started")
			}
		})
	}
}
