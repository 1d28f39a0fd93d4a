package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/store/storetest"
)

// Without a primary, clients must not wait, and login must be back soon after the
// promotion, although the old primary hangs: then a connection is accepted and never
// answers. An old primary that wakes up must not be taken: what it has of passwords and
// sessions is old. Reports of services that hang until a restart, or that split, come from
// failovers with Patroni and CloudNativePG.
func TestFailover_RequestsAreAnsweredAndThePrimaryIsFollowed(t *testing.T) {
	f := newFixture(t)
	database := f.newDatabase(t)
	standby := f.StartStandby(t)
	f.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'")
	f.Exec(t, "postgres", "SELECT pg_reload_conf()")
	url := fmt.Sprintf("postgres://%s@127.0.0.1:%d,127.0.0.1:%d/%s?sslmode=disable", role, f.Port, standby.Port, database)
	replicas := make([]*replica, 3)
	for i := range replicas {
		replicas[i] = newReplica(t, url, fmt.Sprintf("user%d@example.org", i))
	}
	each := func(what string, limit time.Duration, do func(*replica) error) {
		t.Helper()
		var running sync.WaitGroup
		for _, r := range replicas {
			running.Go(func() {
				begun := time.Now()
				err := do(r)
				if took := time.Since(begun); err != nil || took > limit {
					t.Errorf("%s: %v after %s, want less than %s", what, err, took, limit)
				}
			})
		}
		running.Wait()
	}
	step := func(r *replica) error { return r.family.Step(t.Context()) }
	refused := func(r *replica) error {
		for range 5 {
			begun := time.Now()
			if err := step(r); !errors.Is(err, login.ErrUnavailable) {
				return errors.New(fmt.Sprint("answered ", err, " instead of ErrUnavailable"))
			}
			if took := time.Since(begun); took > 2*time.Second {
				return fmt.Errorf("answered after %s", took)
			}
		}
		return nil
	}
	back := func(r *replica) error {
		for until := time.Now().Add(10 * time.Second); ; {
			err := step(r)
			if err == nil || time.Now().After(until) {
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	each("at first", 5*time.Second, step)

	waitForReplay(t, f.Postgres, standby, database)
	thaw := f.Freeze(t)
	each("while the primary hangs", 2500*time.Millisecond, refused)
	standby.Promote(t)
	each("after the promotion", 2*time.Second, back)
	thaw()
	before := f.exchanges(t, database)
	each("while the old primary is back", 5*time.Second, func(r *replica) error { return errors.Join(step(r), step(r)) })
	late := openURL(t, func() (string, error) { return url, nil }) // a replica that has seen no failover
	if err := late.EndAllSessions(t.Context(), replicas[0].userID, time.Now()); err != nil {
		t.Errorf("signing out at a new replica: %v", err)
	}
	if err := step(replicas[0]); !errors.Is(err, login.ErrTokenUnknown) {
		t.Errorf("a session that a new replica has ended: %v, want ErrTokenUnknown", err)
	}
	if after := f.exchanges(t, database); after != before {
		t.Error("the old primary was written to")
	}

	replicas = replicas[1:]
	standby.Kill()
	f.Kill()
	each("with every server killed", 2*time.Second, refused)
	standby.Restart(t)
	each("after the restart", 2*time.Second, back)
}

// A server that answers is there, even if it has no connection left for the watch.
func (f *fixture) tooManyConnections(t *testing.T) {
	database := f.newDatabase(t)
	r := newReplica(t, f.URLFor(role, database), "ann@example.org")
	f.Exec(t, "postgres", "ALTER ROLE "+role+" CONNECTION LIMIT 1")
	t.Cleanup(func() { f.Exec(t, "postgres", "ALTER ROLE "+role+" CONNECTION LIMIT -1") })
	// The watch loses its connection, and gets no other.
	f.Exec(t, "postgres", `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+database+`' AND query = '-- ping'`)
	for until := time.Now().Add(time.Second); time.Now().Before(until); {
		if err := r.family.Step(t.Context()); err != nil {
			t.Fatalf("refreshing while the server takes no further connection: %v", err)
		}
	}
}

// replica is a store as a running service has it, and a session.
type replica struct {
	store  *postgres.Store
	family *storetest.Family
	userID string
}

func newReplica(t *testing.T, url, email string) *replica {
	t.Helper()
	store := openURL(t, func() (string, error) { return url, nil })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		store.Watch(ctx, func(error) {})
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	r := &replica{store: store, family: storetest.NewFamily(t, store, email)}
	ua, err := store.UserAccountByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	r.userID = ua.User.ID
	return r
}

// exchanges tells whether a server's sessions have changed.
func (f *fixture) exchanges(t *testing.T, database string) (state string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	const query = `SELECT string_agg(encode(token_hash, 'hex') || COALESCE(ended_at::text, ''), ' ' ORDER BY id) FROM auth.sessions`
	if err := conn.QueryRow(t.Context(), query).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}
