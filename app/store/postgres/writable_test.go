package postgres_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// Readiness that only reads stays green while every sign-in fails: reports of pods
// that stay in rotation with a read-only database after a failover (Patroni,
// CloudNativePG, RDS) or on a full disk.

// readOnly has the database refuse to write: an operator or the provider has
// switched it, as some do when the disk is nearly full.
func (f *fixture) readOnly(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	wantWritable(t, store, "at first")
	f.Exec(t, "postgres", "ALTER DATABASE "+database+" SET default_transaction_read_only = on")
	f.disconnect(t, database)
	wantNotWritable(t, store, "25006", "read-only")
	f.Exec(t, "postgres", "ALTER DATABASE "+database+" RESET default_transaction_read_only")
	eventually(t, "ready again by itself", func() bool { return store.Ping(t.Context()) == nil })
	wantWritable(t, store, "afterwards")
}

// pingsLeaveNothing counts the rows and locks that a thousand pings leave behind.
func (f *fixture) pingsLeaveNothing(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	conn, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	size := func() (n int64) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT pg_database_size($1)", database).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	wantWritable(t, store, "at first")
	before := size()
	start := time.Now()
	for range 1000 {
		if err := store.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s a ping", time.Since(start)/1000)
	if after := size(); after > before {
		t.Errorf("1000 pings leave %d bytes behind", after-before)
	}
}

// temporaryFilesRefused is no full disk: some servers let roles write none.
func (f *fixture) temporaryFilesRefused(t *testing.T) {
	database := f.newDatabase(t)
	f.Exec(t, "postgres", "ALTER DATABASE "+database+" SET temp_file_limit = 0")
	store := f.open(t, database)
	wantWritable(t, store, "where temporary files are refused")
	f.Exec(t, "postgres", "ALTER DATABASE "+database+" SET default_transaction_read_only = on")
	f.disconnect(t, database)
	wantNotWritable(t, store, "25006", "read-only, with temporary files refused")
}

func TestPing_FullDisk(t *testing.T) {
	f := &fixture{Postgres: testserver.StartPostgresOn(t, 200)}
	f.CreateDatabase(t, template)
	f.Migrate(t, template)
	f.MigrateOrganizations(t, template)
	store := f.open(t, f.newDatabase(t))
	wantWritable(t, store, "at first")
	empty := testserver.FillDisk(t, f.SocketDir())
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("Ping with a full disk: %v, want ErrUnavailable and the reason", err)
	}
	empty()
	eventually(t, "ready again by itself", func() bool { return store.Ping(t.Context()) == nil })
	wantWritable(t, store, "afterwards")
}

// The old primary still answers on the connections that the pool has, and only reads;
// what leads to the primary, here a relay, leads to the new one.
func TestFailover_IsFollowedWithoutARestart(t *testing.T) {
	f := newFixture(t)
	database := f.newDatabase(t)
	standby := f.StartStandby(t)
	relay := newRelay(t, testserver.Addr(f.Port))
	store := openURL(t, func() (string, error) {
		return strings.Replace(f.URLFor(role, database), testserver.Addr(f.Port), relay.addr, 1), nil
	})
	families := newFamilies(t, store, 10) // and as many connections
	for _, r := range stepAll(t.Context(), families, 2) {
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
	waitForReplay(t, f.Postgres, standby, database)
	f.Exec(t, "postgres", "ALTER SYSTEM SET default_transaction_read_only = on")
	f.Exec(t, "postgres", "SELECT pg_reload_conf()")
	relay.leadTo(testserver.Addr(standby.Port))
	eventually(t, "a standby is not ready", func() bool { return errors.Is(store.Ping(t.Context()), login.ErrUnavailable) })
	wantNotWritable(t, store, "25006", "a standby")
	standby.Promote(t)
	eventually(t, "ready after the promotion", func() bool { return store.Ping(t.Context()) == nil })
	for _, r := range stepAll(t.Context(), families, 3) {
		if r.err != nil || r.unavailable > 0 {
			t.Errorf("refreshing at the new primary: %v, unavailable %d times", r.err, r.unavailable)
		}
	}
}

// A URL with several servers means the one that can write, in whatever order they
// stand: libpq's target_session_attrs=read-write without having to say it.
func TestOpen_SeveralServersMeanTheOneThatWrites(t *testing.T) {
	f := newFixture(t)
	database := f.newDatabase(t)
	standby := f.StartStandby(t)
	url := func(parameters string) string {
		return fmt.Sprintf("postgres://%s@127.0.0.1:%d,127.0.0.1:%d/%s?sslmode=disable%s", role, standby.Port, f.Port, database, parameters)
	}
	for _, parameters := range []string{"", "&target_session_attrs=read-write"} {
		store := openURL(t, func() (string, error) { return url(parameters), nil })
		wantWritable(t, store, url(parameters))
	}
	store := openURL(t, func() (string, error) { return url("&target_session_attrs=any"), nil })
	if err := store.Ping(t.Context()); err == nil {
		t.Error("target_session_attrs=any, the operator's own word, was not taken")
	}
}

func wantWritable(t *testing.T, store *postgres.Store, when string) {
	t.Helper()
	if err := store.Ping(t.Context()); err != nil {
		t.Fatalf("Ping %s: %v", when, err)
	}
}

func wantNotWritable(t *testing.T, store *postgres.Store, reason, when string) {
	t.Helper()
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) || !strings.Contains(err.Error(), reason) {
		t.Errorf("Ping of a server that is %s: %v, want ErrUnavailable and %s", when, err, reason)
	}
}

// waitForReplay waits until the standby has all that the primary has.
func waitForReplay(t *testing.T, primary, standby *testserver.Postgres, database string) {
	t.Helper()
	chainsSeen := func(pg *testserver.Postgres) (n int) {
		conn, err := pgx.Connect(t.Context(), pg.URL(database))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM auth.sessions WHERE parent_hash IS NOT NULL").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	primary.Exec(t, database, "CREATE TABLE public.last (); DROP TABLE public.last")
	eventually(t, "the standby has followed", func() bool { return chainsSeen(standby) == chainsSeen(primary) })
}

// relay passes connections on, as a load balancer does.
type relay struct {
	addr   string
	target atomic.Pointer[string]
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	r := &relay{addr: ln.Addr().String()}
	r.leadTo(target)
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go r.pass(client)
		}
	}()
	return r
}

func (r *relay) leadTo(target string) { r.target.Store(&target) }

func (r *relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", *r.target.Load())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
