package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.EmailStore = (*Store)(nil)

// ListEmails implements login.EmailStore.
func (s *Store) ListEmails(ctx context.Context, afterID string, limit int) ([]login.User, error) {
	const query = `SELECT id::text AS id, email FROM public.users WHERE id > $1 ORDER BY id LIMIT $2`
	after, _ := sqlvalue.ID(afterID) // the zero UUID: from the start
	return listOf(ctx, s, "listing addresses", func(r pgx.CollectableRow) (u login.User, err error) {
		err = r.Scan(&u.ID, &u.Email)
		return u, err
	}, query, after, limit)
}

// RespellEmail implements login.EmailStore.
func (s *Store) RespellEmail(ctx context.Context, userID, from, to string) error {
	const query = `
		WITH changed AS (
			UPDATE public.users SET email = $3 WHERE id = $1 AND email = $2 RETURNING id
		), voided AS (
			DELETE FROM auth.mail_tokens t USING changed WHERE t.user_id = changed.id AND t.spent_at IS NULL
		)
		SELECT FROM changed`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	err := s.exec(ctx, "respelling an address", login.ErrStale, query, id, from, to)
	if violates(err, uniqueViolation, "users_email_key") {
		return login.ErrEmailTaken
	}
	return err
}
