package sqlite

import "context"

// chainColumns are what a file of the release before lacks.
var chainColumns = []string{
	"family_hash BLOB", "token_hash BLOB", "token_nonce BLOB", "parent_hash BLOB", "recent BLOB", "exchanged_at INTEGER",
}

// addColumns brings the sessions of an older file to today's form. SQLite cannot
// add a column only if it is missing, so one of them stands for all: they come in
// one transaction.
func addColumns(ctx context.Context, tx *transaction) error {
	const there = `SELECT count(*) FROM pragma_table_info('auth_sessions') WHERE name = 'family_hash'`
	var n int
	if err := tx.conn.QueryRowContext(ctx, there).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		for _, column := range chainColumns {
			if _, err := tx.conn.ExecContext(ctx, "ALTER TABLE auth_sessions ADD COLUMN "+column); err != nil {
				return err
			}
		}
	}
	_, err := tx.conn.ExecContext(ctx, `CREATE UNIQUE INDEX IF NOT EXISTS auth_sessions_family_hash_idx ON auth_sessions (family_hash)`)
	return err
}
