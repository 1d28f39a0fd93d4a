package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/store/postgres"
)

// The index of the migration has the expression that the store asks for: looking for
// imported hashes among a million accounts reads none of ours.
func (f *fixture) importedIndex(t *testing.T) {
	database := f.newDatabase(t)
	f.Exec(t, database, `
		INSERT INTO public.users (email, name) SELECT 'user' || n || '@example.org', 'Ann' FROM generate_series(1, 3000) n;
		INSERT INTO auth.accounts (user_id, password) SELECT id, '$2a$10$' || id FROM public.users;
		ANALYZE auth.accounts`)
	conn, err := pgx.Connect(t.Context(), f.URLFor(role, database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), "EXPLAIN "+postgres.ImportedQuery)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "accounts_imported_idx") {
		t.Errorf("the index is not used:\n%s", text)
	}
}
