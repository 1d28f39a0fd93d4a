package postgres

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/column"
)

// spend begins a statement that uses up a live token and verifies the address it
// was sent to. The update of the account waits for whoever else changes it and
// then looks at the epoch again; of two calls with one token only the first
// finds the token to delete.
//
// #nosec G101 -- a statement
const spend = `
	WITH verified AS (
		UPDATE auth.accounts a SET email_verified_at = $3
		FROM auth.mail_tokens t JOIN public.users u ON u.id = t.user_id
		WHERE t.user_id = a.user_id AND` + liveToken + `
		RETURNING a.user_id
	), spent AS (
		DELETE FROM auth.mail_tokens t USING verified v WHERE t.hash = $1 AND t.user_id = v.user_id
		RETURNING t.user_id, t.email
	)`

// VerifyEmail implements login.MailStore.
func (s *Store) VerifyEmail(ctx context.Context, token login.TokenHash, now time.Time) (userID string, err error) {
	const query = spend + ` SELECT user_id FROM spent`
	err = s.queryRow(ctx, "verifying an address", login.ErrTokenUnknown, query,
		[]any{token[:], string(login.PurposeVerifyEmail), now}, func() []any { return []any{&userID} })
	return userID, err
}

// ChangeEmail implements login.MailStore.
func (s *Store) ChangeEmail(ctx context.Context, c login.EmailChange) error {
	const query = spend + `, changed AS (
			UPDATE public.users u SET email = spent.email FROM spent WHERE u.id = spent.user_id
			RETURNING u.id
		), voided AS (
			DELETE FROM auth.mail_tokens t USING changed WHERE t.user_id = changed.id AND t.hash <> $1
		), notice AS (
			INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at)
			SELECT $4, id, $5, $6, $7, $3, $3 FROM changed WHERE $4::uuid IS NOT NULL
		)
		SELECT FROM changed`
	notice := make([]any, 4)
	if m := c.Notice; m != nil {
		payload, err := column.EncodePayload(m.Payload)
		if err != nil {
			return err
		}
		notice = []any{m.ID, string(m.Kind), m.Recipient, payload}
	}
	args := append([]any{c.Token[:], string(login.PurposeChangeEmail), c.Now}, notice...)
	return s.call(ctx, "changing an address", func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, query, args...)
		switch {
		case violates(err, uniqueViolation, "users_email_key"):
			return login.ErrEmailTaken
		case err == nil && tag.RowsAffected() == 0:
			return login.ErrTokenUnknown
		}
		return err
	})
}

// QueueNotice implements login.MailStore. The row of auth.notices is what
// parallel calls wait for.
func (s *Store) QueueNotice(ctx context.Context, m login.QueuedMail, rate login.NoticeRate) (queued bool, err error) {
	const query = `
		WITH turn AS (
			INSERT INTO auth.notices AS n (user_id, kind, since, count)
			SELECT u.id, $3, $4, 1 FROM public.users u WHERE u.id = $2
			ON CONFLICT (user_id, kind) DO UPDATE SET
				since = CASE WHEN n.since <= $7 THEN EXCLUDED.since ELSE n.since END,
				count = CASE WHEN n.since <= $7 THEN 1 ELSE n.count + 1 END
			WHERE n.since <= $7 OR n.count < $8
			RETURNING user_id
		)
		INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at)
		SELECT $1, user_id, $3, $5, $6, $4, $4 FROM turn`
	payload, err := column.EncodePayload(m.Payload)
	if err != nil {
		return false, err
	}
	owner, ok := column.ID(m.UserID)
	if !ok {
		return false, login.ErrNotFound
	}
	args := []any{m.ID, owner, string(m.Kind), m.CreatedAt, m.Recipient, payload, m.CreatedAt.Add(-rate.Every), rate.Most}
	err = s.call(ctx, "queueing a notice", func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, query, args...)
		queued = tag.RowsAffected() > 0
		if violates(err, foreignKeyViolation, "") {
			return nil // deleted meanwhile
		}
		return err
	})
	return queued, err
}
