package e2e_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"hasura-login/app/testserver"
)

// appliance is a stack laid out as an operator's folder, on which the scripts work.
type appliance struct {
	*stack
	root    string
	network string // the first three bytes of its containers' addresses
	redis   *testserver.Redis
	engine  *engine
	env     []string // of the scripts

	clock    func() time.Time
	keyCycle time.Duration
	engines  int // containers of Hasura started so far
}

const (
	nginxUID = 101 // who reads secrets/nginx, as the compose file says
	// oldWorkers is how long nginx' workers of before a reload keep WebSockets,
	// 10 minutes in production.
	oldWorkers = "3s"
	// connectionLife is how long a connection of Hasura to the database lives, 10
	// minutes in production.
	connectionLife = 3 * time.Second
)

// startAppliance installs and starts everything, each secret as init-secrets makes it.
func startAppliance(t *testing.T, clock func() time.Time, keyCycle time.Duration) *appliance {
	t.Helper()
	root := testserver.TempDir(t)
	a := &appliance{root: root, network: freeNetwork(t), clock: clock, keyCycle: keyCycle, stack: &stack{
		t: t, dir: filepath.Join(root, "secrets/login"), keys: filepath.Join(root, "keys"), database: "hasura",
	}}
	a.engine = &engine{t: t, start: a.startContainer, inside: a.inside}
	a.postgres = testserver.StartPostgres(t)
	a.postgres.CreateDatabase(t, a.database)
	a.postgres.Migrate(t, a.database)
	redisPort := testserver.FreePort(t)
	a.env = append(a.engine.listen(), "HOME="+root, "HASURA_LOGIN_ROOT="+root, "HASURA_LOGIN_PAUSE=0.2",
		"HASURA_LOGIN_POSTGRES="+testserver.Addr(a.postgres.Port), "HASURA_LOGIN_REDIS="+testserver.Addr(redisPort),
		"HASURA_LOGIN_METRICS="+a.network+"11:9100")

	gate := a.layOut()
	a.script("init-secrets")
	a.setPasswords()
	a.redis = testserver.StartRedisWithUsers(t, redisPort, filepath.Join(root, "secrets/redis/users.acl"))
	a.run("keys", "rotate")
	a.login = a.startLoginAt(a.network+"11:3000", a.network+"11:9100", map[string]string{
		"LOGIN_ACCESS_TTL": "1h", "LOGIN_HASH_QUEUE_MAX_WAIT": "20s", // other tests may keep the cores busy
	})
	first, err := a.startContainer("hasura")
	check(t, err)
	a.hasura = first.name + ":8080"
	a.startGate(gate)
	a.engine.add(
		&container{service: "postgres", name: "hasura-login-postgres-1"},
		&container{service: "redis", name: "hasura-login-redis-1"},
		&container{service: "nginx", name: "hasura-login-nginx-1", env: a.nginx.Env()},
		&container{service: "login", name: a.network + "11", healthy: func() error { return ok("http://" + a.login.ops + "/livez") }, env: a.login.Env(), logs: a.login.Output},
		first,
	)
	a.awaitReady()
	// No client of the tests holds a connection without saying something.
	wait := "0.2"
	kept, err := os.ReadFile(filepath.Join(a.nginx.Dir(), "run/site/keepalive.conf"))
	check(t, err)
	if len(kept) > 0 {
		wait = "6" // nginx keeps those in use for 5 s
	}
	a.env = append(a.env, "HASURA_LOGIN_CONNECTIONS_END="+wait)
	return a
}

// freeNetwork finds loopback addresses on which the appliance's fixed ports are free.
func freeNetwork(t *testing.T) string {
	t.Helper()
	for range 100 {
		network := fmt.Sprintf("127.%d.%d.", 1+rand.IntN(254), rand.IntN(255))
		if ln, err := net.Listen("tcp", network+"11:3000"); err == nil {
			check(t, ln.Close())
			return network
		}
	}
	t.Fatal("no loopback network is free")
	return ""
}

// layOut makes the operator's folder. nginx and its secrets are where the test
// kit put them.
func (a *appliance) layOut() *exec.Cmd {
	a.t.Helper()
	var cmd *exec.Cmd
	a.nginx, cmd = testserver.PrepareNginx(a.t, testserver.NginxSettings{
		Login: a.network + "11:3000", Hasura: a.network + "21:8080", CORSOrigins: "https://app.example.org",
	})
	check(a.t, os.Remove(filepath.Join(a.nginx.Dir(), "secrets/edge_secret.conf"))) // init-secrets makes it
	check(a.t, os.Mkdir(filepath.Join(a.root, "secrets"), 0o711))
	check(a.t, os.Symlink(filepath.Join(a.nginx.Dir(), "secrets"), filepath.Join(a.root, "secrets/nginx")))
	check(a.t, os.Symlink(filepath.Join(a.nginx.Dir(), "config"), filepath.Join(a.root, "nginx")))
	for from, to := range map[string]string{"docker-compose.prod.yml": "docker-compose.prod.yml", ".env.example": ".env"} {
		b, err := os.ReadFile(filepath.Join(testserver.RepoRoot(a.t), from))
		check(a.t, err)
		check(a.t, os.WriteFile(filepath.Join(a.root, to), b, 0o600))
	}
	path := filepath.Join(a.root, "nginx/nginx.conf")
	b, err := os.ReadFile(path)
	check(a.t, err)
	const setting = "worker_shutdown_timeout 10m;"
	if !strings.Contains(string(b), setting) {
		a.t.Fatalf("nginx.conf has no %q to shorten", setting)
	}
	check(a.t, os.WriteFile(path, []byte(strings.Replace(string(b), setting, "worker_shutdown_timeout "+oldWorkers+";", 1)), 0o644))
	return cmd
}

// startGate starts nginx as the user whom init-secrets gave its secrets.
func (a *appliance) startGate(cmd *exec.Cmd) {
	a.t.Helper()
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nginxUID, Gid: nginxUID}
		check(a.t, filepath.WalkDir(a.nginx.Dir(), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chown(path, nginxUID, nginxUID)
		}))
	}
	a.nginx.Process = testserver.Start(a.t, cmd)
	a.t.Cleanup(func() { _ = syscall.Kill(-a.nginx.Pid(), syscall.SIGTERM) })
	a.nginx.WaitReady(a.t, 20*time.Second, func() error { return testserver.Dial(testserver.Addr(a.nginx.StatusPort)) })
}

// setPasswords gives the roles theirs, as Postgres' first start does.
func (a *appliance) setPasswords() {
	a.t.Helper()
	files, err := filepath.Glob(filepath.Join(a.root, "secrets/postgres/hasura_*"))
	check(a.t, err)
	for _, file := range files {
		a.postgres.Exec(a.t, a.database, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", filepath.Base(file), a.read("postgres/"+filepath.Base(file))))
	}
	a.postgres.RequirePasswords(a.t)
}

// read is a secret's value.
func (a *appliance) read(name string) string {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join(a.root, "secrets", name))
	check(a.t, err)
	return string(b)
}

// script runs one of the operator's scripts and returns what it said; it must succeed.
func (a *appliance) script(name string, args ...string) string {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(testserver.RepoRoot(a.t), "scripts", name), args...)
	cmd.Env = a.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		a.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// startContainer starts Hasura from the secrets of now.
func (a *appliance) startContainer(service string) (*container, error) {
	if service != "hasura" {
		return nil, fmt.Errorf("only hasura is started here, not %s", service)
	}
	secrets := map[string]string{}
	for _, name := range []string{"action_secret", "admin_secret"} {
		b, err := os.ReadFile(filepath.Join(a.root, "secrets/hasura", name))
		if err != nil {
			return nil, err
		}
		secrets[name] = string(b)
	}
	db := sql.OpenDB(connector{filepath.Join(a.root, "secrets/hasura/database_url")})
	db.SetConnMaxLifetime(connectionLife)
	host := fmt.Sprintf("%s%d", a.network, 21+a.engines)
	a.engines++
	p, err := a.runStandin(standinSettings{
		listen: host + ":8080", actionSecret: secrets["action_secret"], adminSecret: secrets["admin_secret"],
		db: db, clock: a.clock, keyCycle: a.keyCycle,
	})
	if err != nil {
		return nil, err
	}
	return &container{
		service: service, name: host, stop: p.stop, logs: func() string { return "" },
		healthy: func() error { return ok("http://" + p.addr + "/healthz?strict=true") },
	}, nil
}

// connector opens each connection with the URL that is in a file then, as
// Hasura does with dynamic-from-file.
type connector struct{ path string }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	url, err := os.ReadFile(c.path)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(string(url))
	if err != nil {
		return nil, err
	}
	return stdlib.GetConnector(*config).Connect(ctx)
}

func (c connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// inside maps a program in a container to one here. Where the program would use the
// container's own network or process list, it gets the names of the servers and of
// nginx' processes here.
func (a *appliance) inside(c *container, argv []string) *program {
	path := "PATH=" + os.Getenv("PATH")
	nginx := append([]string{testserver.Binary(a.t, "nginx", "nginx")}, append(argv[1:], "-c", filepath.Join(a.root, "nginx/nginx.conf"))...)
	shell := func(code string) []string { return append([]string{"sh", "-c", code}, argv[3:]...) }
	isShell := len(argv) > 2 && argv[0] == "sh" && argv[1] == "-c"
	switch {
	case c.service == "login" && argv[0] == "/hasura-login":
		return &program{Argv: append([]string{binary}, argv[1:]...), Env: c.env}
	case c.service == "nginx" && argv[0] == "curl":
		return &program{Argv: argv, Env: []string{path}}
	case c.service == "nginx" && slices.Equal(argv, []string{"sh", "/etc/nginx/reload.sh"}):
		return &program{Argv: []string{"sh", filepath.Join(a.root, "nginx/reload.sh")}, Env: c.env, UID: nginxUID}
	case c.service == "nginx" && argv[0] == "nginx":
		return &program{Argv: nginx, Env: []string{path}, UID: nginxUID}
	case c.service == "nginx" && isShell:
		return &program{Argv: shell(strings.ReplaceAll(argv[2], "/proc/[0-9]*", a.nginxProcesses())), Env: []string{path}}
	case c.service == "postgres" && argv[0] == "psql":
		return &program{Argv: argv, Env: []string{path, "PGHOST=" + a.postgres.SocketDir(), fmt.Sprintf("PGPORT=%d", a.postgres.Port)}}
	case c.service == "postgres" && isShell:
		return &program{Argv: shell(strings.ReplaceAll(argv[2], "--host=postgres", "--host=127.0.0.1")), Env: []string{path, fmt.Sprintf("PGPORT=%d", a.postgres.Port)}}
	case c.service == "redis" && isShell:
		return &program{Argv: shell(strings.ReplaceAll(argv[2], "exec redis-cli", fmt.Sprintf("exec redis-cli -p %d", a.redis.Port))), Env: []string{path}}
	}
	return nil
}

// nginxProcesses are the folders of /proc that nginx' container would have.
func (a *appliance) nginxProcesses() string {
	pid := a.nginx.Pid()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		a.t.Errorf("nginx' workers: %v", err)
	}
	folders := fmt.Sprintf("/proc/%d", pid)
	for _, child := range strings.Fields(string(children)) {
		folders += " /proc/" + child
	}
	return folders
}
