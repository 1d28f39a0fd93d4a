package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// system is a database with the appliance's roles, and the engine's environment.
type system struct {
	t   *testing.T
	dir string
	env []string
}

func newSystem(t *testing.T) *system {
	t.Helper()
	pg := testserver.StartPostgres(t)
	pg.CreateDatabase(t, "app")
	roles, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "ops/postgres/roles.sql"))
	check(t, err)
	pg.Exec(t, "app", string(roles))
	s := &system{t: t, dir: t.TempDir()}
	check(t, os.WriteFile(filepath.Join(s.dir, "url"), []byte(pg.URLFor("hasura_engine_a", "app")), 0o400))
	// The metadata names production's path; here the file lies elsewhere.
	project := filepath.Join(s.dir, "project")
	check(t, os.CopyFS(project, os.DirFS(filepath.Join(testserver.RepoRoot(t), "hasura"))))
	databases := filepath.Join(project, "metadata/databases/databases.yaml")
	text, err := os.ReadFile(databases)
	check(t, err)
	check(t, os.WriteFile(databases, []byte(strings.ReplaceAll(string(text), "/run/secrets/database_url", s.dir+"/url")), 0o600))
	s.env = []string{
		"HASURA_GRAPHQL_ADMIN_SECRET=secret", "HASURA_GRAPHQL_METADATA_DATABASE_URL=dynamic-from-file://" + s.dir + "/url",
		"HASURA_GRAPHQL_DYNAMIC_SECRETS_ALLOWED_PATH_PREFIX=" + s.dir + "/", "HASURA_GRAPHQL_UNAUTHORIZED_ROLE=public",
		"HASURA_GRAPHQL_SERVER_HOST=127.0.0.1", "LOGIN_URL=http://127.0.0.1:1", "ACTION_SECRET=action",
	}
	return s
}

// serve starts an engine and returns its URL.
func (s *system) serve(flags ...string) string {
	s.t.Helper()
	addr := testserver.Addr(testserver.FreePort(s.t))
	_, port, _ := strings.Cut(addr, ":")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runEngine(ctx, append([]string{"serve", "--server-port", port}, flags...), s.env) }()
	s.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			s.t.Errorf("the engine ends with %v", err)
		}
	})
	for range 200 {
		if res, err := http.Get("http://" + addr + "/v1/version"); err == nil {
			res.Body.Close()
			return "http://" + addr
		}
		select {
		case err := <-ended:
			s.t.Fatalf("the engine ended: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.t.Fatal("the engine does not listen")
	return ""
}

// cli runs a command as the migrations job does.
func (s *system) cli(endpoint, command string) error {
	s.t.Helper()
	args := append([]string{"--project", filepath.Join(s.dir, "project"), "--skip-update-check"}, strings.Fields(command)...)
	return runCLI(s.t.Context(), args, append(s.env, "HASURA_GRAPHQL_ENDPOINT="+endpoint))
}

func TestEngine_TheMigrationsJobMakesAnEmptySystemConsistent(t *testing.T) {
	s := newSystem(t)
	job := s.serve("--enabled-apis", "metadata")
	check(t, s.cli(job, "metadata apply"))
	if err := s.cli(job, "metadata inconsistency status"); err == nil {
		t.Error("metadata without tables is consistent")
	}
	for range 2 {
		check(t, s.cli(job, "migrate apply --database-name default"))
	}
	check(t, s.cli(job, "metadata reload"))
	check(t, s.cli(job, "metadata inconsistency status"))
	if status, _ := ask(t, job, "{ __typename }"); status != http.StatusNotFound {
		t.Errorf("the job's engine answers GraphQL with %d", status)
	}
}

func TestEngine_TakesUpMetadataThatAnotherProcessApplied(t *testing.T) {
	s := newSystem(t)
	running := s.serve()
	if _, body := ask(t, running, "{ __schema { queryType { fields { name } } } }"); strings.Contains(body, "signin") {
		t.Fatalf("an empty system knows sign-in: %s", body)
	}
	job := s.serve("--enabled-apis=metadata")
	for _, command := range []string{"metadata apply", "migrate apply --database-name default", "metadata reload"} {
		check(t, s.cli(job, command))
	}
	for range 100 {
		if _, body := ask(t, running, "{ __schema { queryType { fields { name } } } }"); strings.Contains(body, "signin") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Error("the running engine has not taken the metadata up")
}

func TestEngine_RefusesWhatTheEngineRefuses(t *testing.T) {
	good := []string{"HASURA_GRAPHQL_ADMIN_SECRET=s", "HASURA_GRAPHQL_METADATA_DATABASE_URL=postgres://x"}
	for name, tc := range map[string]struct{ add, want string }{
		"an empty admin secret":    {"HASURA_GRAPHQL_ADMIN_SECRET=", "admin secret"},
		"a misspelt variable":      {"HASURA_GRAPHQL_CONSOLE=false", "no such variable"},
		"a boolean that is none":   {"HASURA_GRAPHQL_DEV_MODE=1", "neither true nor false"},
		"an unknown API":           {"HASURA_GRAPHQL_ENABLED_APIS=graphql,apis", "unknown API"},
		"an empty role":            {"HASURA_GRAPHQL_UNAUTHORIZED_ROLE=", "role is empty"},
		"a JWT setting with typos": {`HASURA_GRAPHQL_JWT_SECRET={"jwk_uri":"x"}`, "JWT secret"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSettings([]string{"serve"}, append(good[:2:2], tc.add))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// ask sends an anonymous query.
func ask(t *testing.T, url, query string) (int, string) {
	t.Helper()
	res, err := http.Post(url+"/v1/graphql", "application/json", strings.NewReader(`{"query":"`+query+`"}`))
	check(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(t, err)
	return res.StatusCode, string(body)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
