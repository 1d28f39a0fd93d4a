package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
)

// grow makes users from one number to another, with an account, a live session that was
// refreshed, and a mail that was sent.
const grow = `
	SET session_replication_role = replica; -- no triggers: the addresses are right
	CREATE TEMP TABLE fresh AS SELECT gen_random_uuid() AS id, n FROM generate_series(%d, %d) AS n;
	INSERT INTO public.users (id, email, name) SELECT id, 'user' || n || '@example' || n %% 100 || '.org', 'User' FROM fresh;
	INSERT INTO auth.accounts (user_id, password) SELECT id, '$2a$10$' || repeat('x', 53) FROM fresh;
	INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, family_hash, token_hash)
		SELECT gen_random_uuid(), id, 1, now(), now(), now() + interval '14 days', now() + interval '30 days', sha256(id::text::bytea), sha256(n::text::bytea) FROM fresh;
	UPDATE auth.sessions SET idle_check_at = idle_until;
	INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at, sent_at)
		SELECT gen_random_uuid(), id, 'new-device', 'x', '{}', now(), now(), now() FROM fresh;
	DROP TABLE fresh`

// Reports of the kind "the user list times out with many users" (Keycloak, Supabase
// Studio): the frequent queries of operators and replicas read only the rows that they
// return, not every user, session or mail.
func TestGrowth_CallsReadOnlyWhatTheyFind(t *testing.T) {
	pg := testserver.StartCountingPostgres(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	store, err := postgres.Open(t.Context(), func() (string, error) { return pg.URLFor("hasura_login_a", "app"), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	list := func(f login.UserFilter, want int) func() error {
		return func() error {
			users, err := store.ListUsers(context.Background(), f)
			if err == nil && len(users) != want {
				err = fmt.Errorf("%d users, want %d", len(users), want)
			}
			return err
		}
	}
	calls := map[string]func() error{
		"search":        list(login.UserFilter{EmailContains: []string{"ser1234@"}, Limit: 100}, 1),
		"whole address": list(login.UserFilter{EmailContains: []string{"user1234@example34.org"}, Limit: 100}, 1),
		"search of two": list(login.UserFilter{EmailContains: []string{"ser1234@", "ser1235@"}, Limit: 100}, 2),
		"no match":      list(login.UserFilter{EmailContains: []string{"nobody"}, Limit: 100}, 0),
		"page":          list(login.UserFilter{AfterEmail: "user15", Limit: 100}, 100),
		"sweep": func() error {
			_, err := store.Sweep(context.Background(), login.Sweep{Now: time.Now(), NonceGrace: time.Hour, KeepEnded: time.Hour, Batch: 100})
			return err
		},
		"queued mails": func() error { _, err := store.QueuedMails(context.Background(), time.Now()); return err },
	}
	// More often than Postgres plans a prepared statement for its values; then it may take
	// one plan for any values.
	const times = 6
	blocks := func() map[string]float64 {
		counted := map[string]float64{}
		for name, call := range calls {
			counted[name] = pg.BlocksOf(t, "app", times, func() {
				if err := call(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			})
		}
		return counted
	}
	growTo := func(from, to int) {
		pg.Exec(t, "app", fmt.Sprintf(grow, from, to))
		pg.Exec(t, "app", "VACUUM ANALYZE public.users, auth.accounts, auth.sessions, auth.outbox")
	}
	growTo(1, 2_000)
	few := blocks()
	growTo(2_001, 20_000)
	many := blocks()
	for name := range calls {
		t.Logf("%s: %.0f blocks at 2000 users, %.0f at 20000", name, few[name], many[name])
		if many[name] > 2*few[name]+40 {
			t.Errorf("%s reads %.0f blocks at 2000 users and %.0f at 20000", name, few[name], many[name])
		}
	}
}
