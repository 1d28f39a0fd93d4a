package testserver

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a real server with a superuser "postgres" that needs no password.
type Postgres struct {
	*Process
	Port int
	dir  string
	disk []string // settings
}

// StartPostgres makes a fresh cluster on a free loopback port. It does not wait
// for the disk: a killed server loses nothing by that, only a killed machine.
func StartPostgres(t testing.TB) *Postgres {
	t.Helper()
	return startCluster(t, "fsync=off")
}

// StartDurablePostgres waits for the disk as production does.
func StartDurablePostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	// Long statements are shown whole, so that a benchmark can repeat them.
	return startCluster(t, append(settings, "fsync=on", "wal_writer_delay=50ms", "track_activity_query_size=8192")...)
}

// CountingBlocks is a setting with which the server can count the blocks of 8 kB that
// statements read and write, see BlocksOf.
const CountingBlocks = "shared_preload_libraries=pg_stat_statements"

// StartCountingPostgres is StartPostgres with CountingBlocks.
func StartCountingPostgres(t testing.TB) *Postgres {
	t.Helper()
	return startCluster(t, "fsync=off", CountingBlocks)
}

// BlocksOf is how many blocks a call of f reads and writes in a database, on average of n.
func (pg *Postgres) BlocksOf(t testing.TB, database string, n int, f func()) float64 {
	t.Helper()
	pg.Exec(t, database, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
	for range n {
		f()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, pg.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	var blocks float64
	err = c.QueryRow(ctx, `
		SELECT COALESCE(sum(shared_blks_hit + shared_blks_read + temp_blks_read + temp_blks_written), 0)::float8
		FROM pg_stat_statements WHERE userid <> 'postgres'::regrole`).Scan(&blocks)
	if err != nil {
		t.Fatal(err)
	}
	return blocks / float64(n)
}

// StartPostgresOn is StartPostgres on a file system of that many megabytes.
func StartPostgresOn(t testing.TB, megabytes int) *Postgres {
	t.Helper()
	return startIn(t, SmallDisk(t, megabytes), "fsync=off")
}

func startCluster(t testing.TB, disk ...string) *Postgres {
	t.Helper()
	return startIn(t, TempDir(t), disk...)
}

func startIn(t testing.TB, dir string, disk ...string) *Postgres {
	t.Helper()
	data := filepath.Join(dir, "data")
	initdb := exec.Command(Binary(t, "initdb", "postgresql"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	RunAs(t, initdb, "postgres", dir)
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	pg := &Postgres{Port: FreePort(t), dir: dir, disk: disk}
	pg.start(t)
	return pg
}

func (pg *Postgres) start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(Binary(t, "postgres", "postgresql"), "-D", filepath.Join(pg.dir, "data"),
		"-h", "127.0.0.1", "-p", fmt.Sprint(pg.Port), "-k", pg.dir,
		"-c", "max_connections=200", "-c", "shared_buffers=128MB")
	for _, setting := range pg.disk {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	RunAs(t, cmd, "postgres", pg.dir)
	pg.Process = Start(t, cmd)
	pg.StopSignal = syscall.SIGQUIT // at once, without a checkpoint: the data is thrown away
	pg.WaitReady(t, 30*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c, err := pgx.Connect(ctx, pg.URL("postgres"))
		if err != nil {
			return err
		}
		return c.Close(ctx)
	})
}

// StartStandby starts a server that follows this one and only reads until Promote.
func (pg *Postgres) StartStandby(t testing.TB) *Postgres {
	t.Helper()
	standby := &Postgres{Port: FreePort(t), dir: TempDir(t), disk: pg.disk}
	// #nosec G204 -- a test's own server
	backup := exec.Command(Binary(t, "pg_basebackup", "postgresql"), "-h", "127.0.0.1", "-p", fmt.Sprint(pg.Port), "-U", "postgres",
		"-D", filepath.Join(standby.dir, "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	RunAs(t, backup, "postgres", standby.dir)
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	standby.start(t)
	return standby
}

// Promote makes a standby a primary.
func (pg *Postgres) Promote(t testing.TB) {
	t.Helper()
	pg.Exec(t, "postgres", "SELECT pg_promote()")
}

// Restart starts the server again on its old data and port after Stop or Kill.
func (pg *Postgres) Restart(t testing.TB) {
	t.Helper()
	pg.start(t)
}

// URL is the superuser's connection URL for a database.
func (pg *Postgres) URL(database string) string { return pg.URLFor("postgres", database) }

// URLFor is a role's connection URL for a database; no password is needed.
func (pg *Postgres) URLFor(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Host: Addr(pg.Port), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// SocketDir is where the server's Unix socket is.
func (pg *Postgres) SocketDir() string { return pg.dir }

// RequirePasswords lets no role but the superuser in over the network without
// its password from now on, as in production.
func (pg *Postgres) RequirePasswords(t testing.TB) {
	t.Helper()
	rules := "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(pg.dir, "data/pg_hba.conf"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	pg.Exec(t, "postgres", "SELECT pg_reload_conf()")
}

// CreateDatabase makes an empty database.
func (pg *Postgres) CreateDatabase(t testing.TB, name string) {
	t.Helper()
	pg.Exec(t, "postgres", "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
}

// Exec runs SQL, several statements allowed, as the superuser.
func (pg *Postgres) Exec(t testing.TB, database, sql string) {
	t.Helper()
	pg.execAs(t, "postgres", database, sql)
}

func (pg *Postgres) execAs(t testing.TB, role, database, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, pg.URLFor(role, database))
	if err != nil {
		t.Fatalf("connecting to %s: %v", database, err)
	}
	defer c.Close(ctx)
	if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatalf("running SQL in %s: %v", database, err)
	}
}

// Migrate brings a database to the product's tables as production does: the
// roles of ops/postgres, then, as Hasura's role, every up.sql in order, each in
// one transaction.
func (pg *Postgres) Migrate(t testing.TB, database string) {
	t.Helper()
	root := RepoRoot(t)
	pg.Exec(t, database, readFile(t, filepath.Join(root, "ops/postgres/roles.sql")))
	files, err := filepath.Glob(filepath.Join(root, "hasura/migrations/default/*/up.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations found under %s (%v)", root, err)
	}
	pg.applyAll(t, database, files)
}

// MigrateOrganizations adds the tables of organisations to a migrated database.
func (pg *Postgres) MigrateOrganizations(t testing.TB, database string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(RepoRoot(t), "hasura/organizations/migrations/default/*/up.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations of organisations found (%v)", err)
	}
	pg.applyAll(t, database, files)
}

func (pg *Postgres) applyAll(t testing.TB, database string, files []string) {
	t.Helper()
	sort.Strings(files)
	for _, f := range files {
		pg.execAs(t, "hasura_engine_a", database, "BEGIN;\n"+readFile(t, f)+"\nCOMMIT;")
	}
}

// RepoRoot is the folder that holds go.mod.
func RepoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path) // #nosec G304 -- the project's own files
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Freeze stops every process of the server, which then hangs: it accepts connections and
// answers nothing. The function that it returns lets the server go on.
func (pg *Postgres) Freeze(t testing.TB) (thaw func()) {
	t.Helper()
	children, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(pg.Pid())).Output() // #nosec G204 -- a test's own server
	if err != nil {
		t.Fatal(err)
	}
	pids := []int{pg.Pid()}
	for _, field := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	signal := func(sig syscall.Signal) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, sig) // a process that has ended meanwhile is fine
		}
	}
	signal(syscall.SIGSTOP)
	thaw = func() { signal(syscall.SIGCONT) }
	t.Cleanup(thaw)
	return thaw
}
