// Package e2e_test runs the built binary behind the real nginx, on real
// Postgres and Redis, with the stand-in in Hasura's place, and looks at it from
// outside only.
package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

const (
	actionSecret = "action-secret-0123456789abcdef0123456789"
	edgeSecret   = "edge-secret-0123456789abcdef0123456789ab"
	serverSecret = "server-secret-0123456789abcdef0123456789"
	adminSecret  = "admin-secret-0123456789abcdef0123456789a"
	goodPassword = "correct horse staple"
)

// binary is the program as users get it, devBinary what `make run` starts.
var binary, devBinary string

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "engine" {
		os.Exit(callEngine(os.Args[1:]))
	}
	dir, err := os.MkdirTemp("", "hasura-login-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary, devBinary = filepath.Join(dir, "hasura-login"), filepath.Join(dir, "dev")
	for path, program := range map[string]string{"hasura-login/app": binary, "hasura-login/dev": devBinary} {
		build := exec.Command("go", "build", "-o", program, path) // #nosec G204 -- the two above
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", path, err, out)
			os.Exit(1)
		}
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

var databases atomic.Int64

// stack is one installation.
type stack struct {
	t        *testing.T
	dir      string // login's secrets
	keys     string
	postgres *testserver.Postgres
	database string
	login    *loginProcess
	hasura   string // host:port of the stand-in
	nginx    *testserver.Nginx
}

// options change a stack before it starts.
type options struct {
	env      map[string]string // LOGIN_* besides the usual
	redis    *testserver.Redis
	clock    func() time.Time // of the stand-in
	keyCycle time.Duration    // of the stand-in
	sealed   bool             // the key ring is in the database
}

func start(t *testing.T, o options) *stack {
	t.Helper()
	s := &stack{t: t, dir: testserver.TempDir(t), postgres: testserver.StartPostgres(t), database: fmt.Sprintf("app%d", databases.Add(1))}
	s.keys = filepath.Join(s.dir, "keys")
	s.postgres.CreateDatabase(t, s.database)
	s.postgres.Migrate(t, s.database)
	for _, name := range config.Keys() {
		s.secret(strings.ToLower(name), strings.Repeat("0", 32))
	}
	s.secret("action_secret", actionSecret)
	s.secret("edge_secret", edgeSecret)
	s.secret("server_secret", serverSecret)
	s.secret("database_url", s.postgres.URLFor("hasura_login_a", s.database))
	if o.redis != nil {
		s.secret("redis_url", o.redis.URL())
	}
	if o.sealed {
		s.secret("keys_secret", strings.Repeat("7", 32))
	}
	s.run("keys", "rotate")
	s.login = s.startLogin(o.env)
	s.startStandin(o)
	s.nginx = testserver.StartNginx(t, testserver.NginxSettings{
		Login: s.login.api, Hasura: s.hasura, EdgeSecret: edgeSecret, CORSOrigins: "https://app.example.org",
	})
	s.awaitReady()
	return s
}

// secret writes a secret file as the operator's scripts do: by rename.
func (s *stack) secret(name, value string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(value), 0o400); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

// env is the production environment of the program in this stack.
func (s *stack) env(extra map[string]string) []string {
	vars := map[string]string{
		"LOGIN_LISTEN": "127.0.0.1:0", "LOGIN_OPS_LISTEN": "127.0.0.1:0",
		"LOGIN_KEYS_DIR": s.keys, "LOGIN_AUDIT_DIR": filepath.Join(s.dir, "audit"), "LOGIN_ISSUER": "https://login.example.org", "LOGIN_AUDIENCE": "hasura",
		"LOGIN_CORS_ORIGINS": "https://app.example.org",
	}
	for _, name := range append(config.Keys(), "DATABASE_URL", "REDIS_URL", "KEYS_SECRET") {
		path := filepath.Join(s.dir, strings.ToLower(name))
		if _, err := os.Stat(path); err == nil {
			vars["LOGIN_"+name+"_FILE"] = path
		}
	}
	for name, value := range extra {
		vars[name] = value
	}
	list := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	for name, value := range vars {
		list = append(list, name+"="+value)
	}
	return list
}

// run calls a verb and returns what it printed; it must succeed.
func (s *stack) run(verb string, args ...string) string {
	s.t.Helper()
	out, err := s.try("", verb, args...)
	if err != nil {
		s.t.Fatalf("hasura-login %s %v: %v\n%s", verb, args, err, out)
	}
	return out
}

// try calls a verb with text on stdin.
func (s *stack) try(stdin, verb string, args ...string) (string, error) {
	s.t.Helper()
	cmd := exec.Command(binary, append([]string{verb}, args...)...)
	cmd.Env = s.env(nil)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// loginProcess is a running 'serve'.
type loginProcess struct {
	*testserver.Process
	api, ops string
}

func (s *stack) startLogin(extra map[string]string) *loginProcess {
	s.t.Helper()
	return s.startLoginAt(testserver.Addr(testserver.FreePort(s.t)), testserver.Addr(testserver.FreePort(s.t)), extra)
}

func (s *stack) startLoginAt(api, ops string, extra map[string]string) *loginProcess {
	s.t.Helper()
	p := &loginProcess{api: api, ops: ops}
	cmd := exec.Command(binary, "serve")
	env := map[string]string{"LOGIN_LISTEN": p.api, "LOGIN_OPS_LISTEN": p.ops}
	for name, value := range extra {
		env[name] = value
	}
	cmd.Env = s.env(env)
	p.Process = testserver.Start(s.t, cmd)
	p.WaitReady(s.t, 20*time.Second, func() error { return ok("http://" + p.ops + "/livez") })
	s.t.Cleanup(p.Kill) // another test covers an orderly stop
	return p
}

func (s *stack) startStandin(o options) {
	s.t.Helper()
	db, err := sql.Open("pgx", s.postgres.URLFor("hasura_engine_a", s.database))
	check(s.t, err)
	p, err := s.runStandin(standinSettings{
		listen: "127.0.0.1:0", actionSecret: actionSecret, adminSecret: adminSecret, db: db, clock: o.clock, keyCycle: o.keyCycle,
	})
	check(s.t, err)
	s.hasura = p.addr
}

// standinSettings are what a container of Hasura has of its own.
type standinSettings struct {
	listen                    string
	actionSecret, adminSecret string
	db                        *sql.DB
	clock                     func() time.Time
	keyCycle                  time.Duration
}

// standinProcess is a running stand-in.
type standinProcess struct {
	addr string
	// stop ends it as Hasura ends: it drains requests in flight, then closes the
	// WebSockets.
	stop func(grace time.Duration)
}

func (s *stack) runStandin(set standinSettings) (*standinProcess, error) {
	s.t.Cleanup(func() { _ = set.db.Close() })
	meta, err := metadata.Load(hasura.Project())
	if err != nil {
		return nil, err
	}
	vars := map[string]string{"LOGIN_URL": "http://" + s.login.api, "ACTION_SECRET": set.actionSecret}
	ctx, end := context.WithCancel(context.Background())
	s.t.Cleanup(end)
	engine, err := standin.New(ctx, standin.Config{
		Metadata: meta, Env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		DB: set.db, Dialect: standin.Postgres, AdminSecret: set.adminSecret,
		JWT: &auth.JWT{
			JWKURL: "http://" + s.login.api + "/.well-known/jwks.json",
			Issuer: "https://login.example.org", Audience: auth.Strings{"hasura"}, AllowedSkew: 5,
		},
		UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, Now: set.clock, KeyCycle: set.keyCycle,
		Refetch: 100 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	if problems := engine.Problems(); len(problems) > 0 {
		return nil, fmt.Errorf("the metadata is inconsistent with the migrated database: %v", problems)
	}
	ln, err := net.Listen("tcp", set.listen)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: engine, ReadHeaderTimeout: 10 * time.Second}
	ran := make(chan struct{})
	go func() { engine.Run(ctx); close(ran) }()
	go func() { _ = server.Serve(ln) }()
	s.t.Cleanup(func() { _ = server.Close() })
	return &standinProcess{addr: ln.Addr().String(), stop: func(grace time.Duration) {
		drain, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		_ = server.Shutdown(drain)
		end()
		<-ran
	}}, nil
}

// awaitReady waits until a token is accepted all the way.
func (s *stack) awaitReady() {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ok(s.nginx.URL("/healthz"))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("not ready: %v\n%s", err, s.login.Output())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func ok(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
