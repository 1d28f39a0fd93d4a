package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// A statement that spends a live token begins with spendIf and spent; further
// conditions go between them. Of two calls with one token only the first can mark it,
// and the statement does nothing without the mark. A spent token also counts as
// expired: its slot is free, and the previous release, which lacks that column, refuses
// it.
//
// #nosec G101 -- a statement
const (
	spendIf = `
	WITH spent AS (
		UPDATE auth.mail_tokens t SET spent_at = $2, expires_at = $2
		FROM auth.accounts a JOIN public.users u ON u.id = a.user_id
		WHERE a.user_id = t.user_id AND` + liveToken
	spent = `
		RETURNING t.user_id, t.email, t.email = u.email AS proves_address
	)`
)

// verifies goes on with the address that the token was sent to.
const verifies = `, verified AS (
		UPDATE auth.accounts a SET email_verified_at = $2, unopened = false FROM spent WHERE a.user_id = spent.user_id
	)`

// spendToken runs a statement that begins with spendIf, whose first argument is the
// token, and returns the owner that it selects. The account is locked before, so
// that the statement sees what every other change of it before has done, to its
// version as to its address: a statement that waits itself looks again only at the
// row it waited for.
func (s *Store) spendToken(ctx context.Context, doing, query string, args ...any) (userID string, err error) {
	const lock = `
		SELECT FROM auth.accounts WHERE user_id = (SELECT user_id FROM auth.mail_tokens WHERE hash = $1)
		FOR NO KEY UPDATE`
	err = s.call(ctx, doing, func(ctx context.Context) error {
		var batch pgx.Batch
		batch.Queue(lock, args[0])
		batch.Queue(query, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&userID) })
		err := s.pool.SendBatch(ctx, &batch)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return login.ErrTokenUnknown
		case violates(err, uniqueViolation, "users_email_key"):
			return login.ErrEmailTaken
		case violates(err, checkViolation, "users_email_form"):
			return login.ErrTokenUnknown // asked for before addresses had one form
		}
		return err
	})
	return userID, err
}

// VerifyEmail implements login.MailStore.
func (s *Store) VerifyEmail(ctx context.Context, token login.TokenHash, now time.Time) (userID string, err error) {
	const query = spendIf + ` AND t.purpose = '` + string(login.PurposeVerifyEmail) + `'` + spent + verifies + ` SELECT user_id FROM spent`
	return s.spendToken(ctx, "verifying an address", query, token[:], now)
}

// ChangeEmail implements login.MailStore.
func (s *Store) ChangeEmail(ctx context.Context, c login.EmailChange) error {
	const query = spendIf + ` AND t.purpose = '` + string(login.PurposeChangeEmail) + `'` + spent + verifies + `, changed AS (
			UPDATE public.users u SET email = spent.email FROM spent WHERE u.id = spent.user_id
			RETURNING u.id
		), voided AS (
			DELETE FROM auth.mail_tokens t USING changed WHERE t.user_id = changed.id AND t.hash <> $1
		), notice AS (
			INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at)
			SELECT $3, id, $4, $5, $6, $2, $2 FROM changed WHERE $3::uuid IS NOT NULL
		)
		SELECT id FROM changed`
	notice := make([]any, 4)
	if m := c.Notice; m != nil {
		payload, err := sqlvalue.EncodePayload(m.Payload)
		if err != nil {
			return err
		}
		notice = []any{m.ID, string(m.Kind), m.Recipient, payload}
	}
	args := append([]any{c.Token[:], c.Now}, notice...)
	_, err := s.spendToken(ctx, "changing an address", query, args...)
	return err
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
	payload, err := sqlvalue.EncodePayload(m.Payload)
	if err != nil {
		return false, err
	}
	owner, ok := sqlvalue.ID(m.UserID)
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
