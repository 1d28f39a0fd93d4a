package sqlite

import (
	"context"
	"database/sql"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.EmailStore = (*Store)(nil)

// ListEmails implements login.EmailStore.
func (s *Store) ListEmails(ctx context.Context, afterID string, limit int) ([]login.User, error) {
	return listOf(ctx, s, "listing addresses", func(row scanner) (u login.User, err error) {
		err = row.Scan(&u.ID, &u.Email)
		return u, err
	}, `SELECT id, email FROM users WHERE id > ? ORDER BY id LIMIT ?`, afterID, limit)
}

// RespellEmail implements login.EmailStore. A change of address clears the mark of
// verification, so it is set again.
func (s *Store) RespellEmail(ctx context.Context, userID, from, to string) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "respelling an address", func(ctx context.Context, tx *transaction) error {
		var verified sql.NullInt64
		err := tx.QueryRowContext(ctx, `
			SELECT a.email_verified_at FROM users u LEFT JOIN auth_accounts a ON a.user_id = u.id WHERE u.id = ? AND u.email = ?`,
			id.String(), from).Scan(&verified)
		if err != nil {
			return orOutcome(err, login.ErrStale)
		}
		if err := replaceEmail(ctx, tx, id.String(), to); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE auth_accounts SET email_verified_at = ? WHERE user_id = ?`, verified, id.String())
		return err
	})
}
