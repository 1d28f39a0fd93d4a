package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/storetest"
	"hasura-login/app/testserver"
)

// pgbouncer runs the whole suite through a pooler in transaction mode, as many run
// their databases: reports of "unsupported startup parameter" (pgbouncer itself,
// PostgREST, GoTrue) and of "prepared statement already exists" (jackc/pgx, Prisma,
// Supabase) come from there.
func (f *fixture) pgbouncer(t *testing.T) {
	pooler := testserver.StartPgBouncer(t, f.Postgres, role)
	url := func(database, parameters string) func() (string, error) {
		return func() (string, error) { return pooler.URL(f.Postgres, f.URLFor(role, database)) + parameters, nil }
	}
	t.Run("Conforms", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) login.Store {
			store := openURL(t, url(f.newDatabase(t), ""))
			store.UseOrganizations()
			return store
		})
	})
	t.Run("ManyAtOnceLoseNoCall", func(t *testing.T) {
		store := openURL(t, url(f.newDatabase(t), ""))
		for _, r := range stepAll(t.Context(), newFamilies(t, store, 30), 20) {
			if r.err != nil || r.unavailable > 0 {
				t.Fatalf("refreshing: %v, unavailable %d times", r.err, r.unavailable)
			}
		}
	})
	t.Run("StatementsHaveATimeLimitThatLeaksNowhere", func(t *testing.T) {
		database := f.newDatabase(t)
		store := openURL(t, url(database, "&statement_timeout=150"))
		storetest.NewFamily(t, store, "ann@example.org")
		ua, err := store.UserAccountByEmail(t.Context(), "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		other, err := pgx.Connect(t.Context(), f.URL(database))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.Close(t.Context()) }()
		if _, err := other.Exec(t.Context(), "BEGIN; SELECT FROM auth.accounts FOR UPDATE"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := store.EndAllSessions(t.Context(), ua.User.ID, time.Now()); !errors.Is(err, login.ErrUnavailable) {
			t.Errorf("blocked for longer than statement_timeout: %v, want ErrUnavailable", err)
		}
		if took := time.Since(start); took > 4*time.Second {
			t.Errorf("given up after %s, want 150ms", took)
		}
		if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		neighbour, err := pgx.ParseConfig(pooler.URL(f.Postgres, f.URLFor(role, database)))
		if err != nil {
			t.Fatal(err)
		}
		neighbour.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		conn, err := pgx.ConnectConfig(t.Context(), neighbour)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(t.Context()) }()
		var limit string
		if err := conn.QueryRow(t.Context(), "SHOW statement_timeout").Scan(&limit); err != nil || limit != "5s" {
			t.Errorf("a neighbour's statement_timeout is %s, %v, want that of its role, 5s", limit, err)
		}
	})
}

// directLimit shows that a direct connection still has the limit of its session.
func (f *fixture) directLimit(t *testing.T) {
	database := f.newDatabase(t)
	store := f.open(t, database)
	if err := store.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	limit, err := store.StatementTimeout(t.Context())
	if err != nil || limit != "5s" {
		t.Errorf("statement_timeout %s, %v, want 5s", limit, err)
	}
}
