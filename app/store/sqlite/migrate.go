package sqlite

import "context"

// upgrades change the tables of a file that an earlier build made; schema.sql only adds
// missing tables. Each upgrade runs if its table exists without its column.
var upgrades = []struct{ table, column, statements string }{
	{"auth_accounts", "session_version", `
		ALTER TABLE auth_accounts RENAME COLUMN session_epoch TO session_version`},
	{"auth_sessions", "version", `
		ALTER TABLE auth_sessions RENAME COLUMN epoch TO version`},
	{"auth_mail_tokens", "version", `
		ALTER TABLE auth_mail_tokens RENAME COLUMN epoch TO version`},
	{"auth_challenges", "version", `
		ALTER TABLE auth_challenges RENAME COLUMN epoch TO version`},
	{"auth_accounts", "signouts", `
		ALTER TABLE auth_accounts ADD COLUMN signouts INTEGER NOT NULL DEFAULT 0`},
	{"auth_accounts", "unopened", `
		ALTER TABLE auth_accounts ADD COLUMN unopened INTEGER NOT NULL DEFAULT 0`},
	{"auth_sessions", "family_hash", `
		ALTER TABLE auth_sessions ADD COLUMN family_hash BLOB;
		ALTER TABLE auth_sessions ADD COLUMN token_hash BLOB;
		ALTER TABLE auth_sessions ADD COLUMN token_nonce BLOB;
		ALTER TABLE auth_sessions ADD COLUMN parent_hash BLOB;
		ALTER TABLE auth_sessions ADD COLUMN recent BLOB;
		ALTER TABLE auth_sessions ADD COLUMN exchanged_at INTEGER`},
	{"auth_sessions", "amr", `
		ALTER TABLE auth_sessions ADD COLUMN amr TEXT NOT NULL DEFAULT '';
		ALTER TABLE auth_sessions ADD COLUMN elevated_at INTEGER`},
	{"auth_sessions", "origin_id", `
		ALTER TABLE auth_sessions ADD COLUMN origin_id TEXT`},
	{"auth_sessions", "authenticated_at", `
		ALTER TABLE auth_sessions ADD COLUMN authenticated_at INTEGER`},
	// SQLite cannot change a unique constraint.
	{"auth_mail_tokens", "slot", `
		CREATE TABLE auth_mail_tokens_new (
			hash       BLOB    NOT NULL PRIMARY KEY,
			user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
			purpose    TEXT    NOT NULL,
			email      TEXT    NOT NULL,
			version    INTEGER NOT NULL,
			created_at INTEGER NOT NULL,
			expires_at INTEGER NOT NULL,
			slot       INTEGER NOT NULL DEFAULT 0,
			spent_at   INTEGER,
			UNIQUE (user_id, purpose, slot)
		) STRICT, WITHOUT ROWID;
		INSERT INTO auth_mail_tokens_new (hash, user_id, purpose, email, version, created_at, expires_at)
			SELECT hash, user_id, purpose, email, version, created_at, expires_at FROM auth_mail_tokens;
		DROP TABLE auth_mail_tokens;
		ALTER TABLE auth_mail_tokens_new RENAME TO auth_mail_tokens`},
}

func makeTables(ctx context.Context, tx *transaction) error {
	const lacks = `
		SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1))
			AND NOT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)`
	for _, u := range upgrades {
		var needed bool
		if err := tx.conn.QueryRowContext(ctx, lacks, u.table, u.column).Scan(&needed); err != nil {
			return err
		}
		if !needed {
			continue
		}
		if _, err := tx.conn.ExecContext(ctx, u.statements); err != nil {
			return err
		}
	}
	_, err := tx.conn.ExecContext(ctx, schema)
	return err
}
