package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/store/storetest"
)

// crash ends the server with an immediate shutdown: data that is only in memory is
// lost, and no process is left over.
func (f *fixture) crash(t *testing.T) {
	t.Helper()
	if err := f.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	<-f.Done()
}

// onDisk waits until all that was committed so far is.
func (f *fixture) onDisk(t *testing.T, database string) {
	t.Helper()
	f.Exec(t, database, "CREATE TABLE public.waits_for_the_log (); DROP TABLE public.waits_for_the_log")
}

// crashes come last: a server that was started again ends with this test.
func (f *fixture) crashes(t *testing.T) {
	f.crashAfterExchange(t)
	f.crashAfterReuse(t)
	f.downAndUp(t)
}

// crashAfterExchange may lose the exchange, because nothing waited for the disk. The
// old token works either way.
func (f *fixture) crashAfterExchange(t *testing.T) {
	database := f.newDatabase(t)
	family := storetest.NewFamily(t, f.open(t, database), "ann@example.org")
	for range 3 {
		f.onDisk(t, database)
		if err := family.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.crash(t)
		f.Restart(t)
		family.Back()
		if err := family.Step(t.Context()); err != nil {
			t.Fatalf("the old token after a crash: %v", err)
		}
	}
}

// crashAfterReuse must not bring the session back that a stolen token has ended.
func (f *fixture) crashAfterReuse(t *testing.T) {
	family := storetest.NewFamily(t, f.open(t, f.newDatabase(t)), "ann@example.org")
	if _, err := family.Steps(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := family.Reuse(t.Context()); !errors.Is(err, login.ErrTokenReused) {
		t.Fatalf("a spent token after the grace: %v, want ErrTokenReused", err)
	}
	f.crash(t)
	f.Restart(t)
	if err := family.Step(t.Context()); !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("the ended session after a crash: %v, want ErrTokenUnknown", err)
	}
}

// downAndUp kills and restarts the shared server.
func (f *fixture) downAndUp(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	family := storetest.NewFamily(t, store, "ann@example.org")
	step := func(want error) {
		t.Helper()
		if err := family.Step(t.Context()); !errors.Is(err, want) {
			t.Fatalf("refresh: %v, want %v", err, want)
		}
	}
	step(nil)
	f.onDisk(t, database)
	f.crash(t)
	step(login.ErrUnavailable)
	if err := store.Ping(t.Context()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("Ping while down: %v, want ErrUnavailable", err)
	}
	late := f.open(t, database) // while the server is down
	if _, err := late.UserAccountByEmail(t.Context(), "ann@example.org"); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("a store opened while down: %v, want ErrUnavailable", err)
	}
	f.Restart(t)
	step(nil)
	if _, err := late.UserAccountByEmail(t.Context(), "ann@example.org"); err != nil {
		t.Errorf("a store opened while down, now up: %v", err)
	}
}

// deadConnections leaves the pool with connections that the server has closed:
// no call may be lost to them.
func (f *fixture) deadConnections(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	families := newFamilies(t, store, 15)
	for range 5 {
		for _, r := range stepAll(t.Context(), families, 3) {
			if r.err != nil || r.unavailable > 0 {
				t.Fatalf("refreshing: %v, unavailable %d times", r.err, r.unavailable)
			}
		}
		f.disconnect(t, database)
	}
}

// killedConnections breaks connections in the middle of exchanges. Each exchange may
// fail, but every client must keep a token that works.
func (f *fixture) killedConnections(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	families := newFamilies(t, store, 10)
	killer, err := pgx.Connect(t.Context(), f.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = killer.Close(context.Background()) }()
	done := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		// Not without end: a slow machine may need longer to connect than to kill.
		for range 200 {
			select {
			case <-done:
				return
			default:
			}
			_, err := killer.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = $1 AND usename LIKE 'hasura_login_%' ORDER BY random() LIMIT 2`, database)
			if err != nil {
				t.Errorf("killing: %v", err)
				return
			}
		}
	})
	failures := 0
	for _, r := range stepAll(t.Context(), families, 60) {
		failures += r.unavailable
		if r.err != nil {
			t.Error(r.err)
		}
	}
	close(done)
	killing.Wait()
	if failures == 0 {
		t.Error("no exchange was hit: nothing was shown")
	}
	t.Logf("%d of %d exchanges failed and were made good", failures, 60*len(families))
}

// heldLock blocks a statement, by a lock that somebody else holds.
func (f *fixture) heldLock(t *testing.T) {
	database := f.newDatabase(t)
	store := openURL(t, func() (string, error) {
		return f.URLFor(role, database) + "&statement_timeout=100&pool_max_conns=3", nil
	})
	patient := f.open(t, database)
	storetest.NewFamily(t, store, "ann@example.org")
	ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	other, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	if _, err := other.Exec(t.Context(), "BEGIN; SELECT FROM auth.accounts FOR UPDATE"); err != nil {
		t.Fatal(err)
	}

	if err := store.EndAllSessions(t.Context(), ua.User.ID, time.Now()); !errors.Is(err, login.ErrUnavailable) {
		t.Errorf("blocked for longer than statement_timeout: %v, want ErrUnavailable", err)
	}
	deadline, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = patient.EndAllSessions(deadline, ua.User.ID, time.Now())
	if !errors.Is(err, login.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("blocked for longer than the caller's deadline: %v, want ErrUnavailable and DeadlineExceeded", err)
	}
	leaving, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	err = patient.EndAllSessions(leaving, ua.User.ID, time.Now())
	if errors.Is(err, login.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("caller left: %v, want Canceled and not ErrUnavailable", err)
	}
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := store.EndAllSessions(t.Context(), ua.User.ID, time.Now()); err != nil {
		t.Errorf("no longer blocked: %v", err)
	}
}

// disconnect ends every connection to a database and waits until it is gone.
func (f *fixture) disconnect(t *testing.T, database string) {
	t.Helper()
	f.Exec(t, "postgres", fmt.Sprintf(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'`, database))
	f.waitGone(t, database, "%")
}

// waitGone waits until no role like the given one is connected to a database.
func (f *fixture) waitGone(t *testing.T, database, roleLike string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	eventually(t, roleLike+" is gone from pg_stat_activity", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND usename LIKE $2`,
			database, roleLike).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

func newFamilies(t *testing.T, store *postgres.Store, n int) []*storetest.Family {
	t.Helper()
	families := make([]*storetest.Family, n)
	for i := range families {
		families[i] = storetest.NewFamily(t, store, fmt.Sprintf("user%02d@example.org", i))
	}
	return families
}

type stepped struct {
	unavailable int
	err         error
}

// stepAll lets every family make n steps, all at once.
func stepAll(ctx context.Context, families []*storetest.Family, n int) []stepped {
	results := make([]stepped, len(families))
	var running sync.WaitGroup
	for i, family := range families {
		running.Go(func() { results[i].unavailable, results[i].err = family.Steps(ctx, n) })
	}
	running.Wait()
	return results
}

func TestOpen_DoesNotRepeatAPassword(t *testing.T) {
	for _, url := range []string{"postgres://login:s3cret@[::1", "host=db password=s3cret port=none", "s3cret", "postgres://login:s3c%ret@db/app"} {
		store, err := postgres.Open(t.Context(), func() (string, error) { return url, nil })
		if err == nil {
			_ = store.Close()
			t.Errorf("Open took %q", url)
		} else if strings.Contains(err.Error(), "s3c") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
