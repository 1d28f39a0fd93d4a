package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// lockAccount keeps others from changing an account's credentials until the
// transaction ends. Statements that follow see what was changed before.
const lockAccount = `
	SELECT FROM auth.accounts WHERE user_id = $1 AND session_version = $2 AND disabled_at IS NULL FOR NO KEY UPDATE`

// wayIn is true if there is a way to sign in to an account. Each kind of credential
// that can open a session has a line here.
const wayIn = `
	SELECT EXISTS (SELECT FROM auth.accounts WHERE user_id = $1 AND password <> '')
		OR EXISTS (SELECT FROM auth.passkeys WHERE user_id = $1)
		OR EXISTS (SELECT FROM auth.identities WHERE user_id = $1)`

// changeCredentials runs f with the account locked; ErrStale if it is of another
// version or disabled.
func (s *Store) changeCredentials(ctx context.Context, doing, userID string, version int, f func(ctx context.Context, tx pgx.Tx, id any) error) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.call(ctx, doing, func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if err := execIn(ctx, tx, login.ErrStale, lockAccount, id, version); err != nil {
				return err
			}
			return f(ctx, tx, id)
		})
	})
}

// execIn runs one statement of a transaction and answers none if it touched no row.
func execIn(ctx context.Context, tx pgx.Tx, none error, query string, args ...any) error {
	tag, err := tx.Exec(ctx, query, args...)
	if err == nil && tag.RowsAffected() == 0 {
		return none
	}
	return err
}

// keepWayIn answers ErrLastWayIn, which rolls the transaction back, if it has removed
// the last.
func keepWayIn(ctx context.Context, tx pgx.Tx, id any) error {
	var remains bool
	err := tx.QueryRow(ctx, wayIn, id).Scan(&remains)
	if err == nil && !remains {
		return login.ErrLastWayIn
	}
	return err
}
