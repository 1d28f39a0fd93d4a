package sqlite

import (
	"context"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// wayIn is true if there is a way to sign in to an account. Each kind of credential
// that can open a session has a line here.
const wayIn = `
	SELECT EXISTS (SELECT 1 FROM auth_accounts WHERE user_id = ?1 AND password <> '')
		OR EXISTS (SELECT 1 FROM auth_passkeys WHERE user_id = ?1)
		OR EXISTS (SELECT 1 FROM auth_identities WHERE user_id = ?1)`

// changeCredentials runs f in a transaction; ErrStale if the account is of another
// version or disabled.
func (s *Store) changeCredentials(ctx context.Context, doing, userID string, version int, f func(ctx context.Context, tx *transaction, id string) error) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, doing, func(ctx context.Context, tx *transaction) error {
		var is bool
		if err := tx.QueryRowContext(ctx, `SELECT `+current, id.String(), version).Scan(&is); err != nil {
			return err
		}
		if !is {
			return login.ErrStale
		}
		return f(ctx, tx, id.String())
	})
}

// keepWayIn answers ErrLastWayIn, which rolls the transaction back, if it has removed
// the last.
func keepWayIn(ctx context.Context, tx *transaction, userID string) error {
	var remains bool
	err := tx.QueryRowContext(ctx, wayIn, userID).Scan(&remains)
	if err == nil && !remains {
		return login.ErrLastWayIn
	}
	return err
}
