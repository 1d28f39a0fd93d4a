package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// ClaimMail implements login.Outbox. Rows that another replica is claiming are
// passed over, not waited for.
func (s *Store) ClaimMail(ctx context.Context, now time.Time, lease time.Duration) (login.QueuedMail, error) {
	const query = `
		UPDATE auth.outbox SET locked_until = $2, attempts = attempts + 1
		WHERE id = (
			SELECT id FROM auth.outbox
			WHERE sent_at IS NULL AND failed_at IS NULL AND next_attempt_at <= $1 AND (locked_until IS NULL OR locked_until <= $1)
			ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id, COALESCE(user_id::text, ''), kind, recipient, payload, created_at, attempts`
	var m login.QueuedMail
	var payload []byte
	err := s.queryRow(ctx, "claiming a mail", login.ErrNotFound, query, []any{now, now.Add(lease)}, func() []any {
		m, payload = login.QueuedMail{}, nil
		return []any{&m.ID, &m.UserID, &m.Kind, &m.Recipient, &payload, &m.CreatedAt, &m.Attempts}
	})
	if err != nil {
		return login.QueuedMail{}, err
	}
	m.Payload, m.CreatedAt = sqlvalue.DecodePayload(payload), m.CreatedAt.UTC()
	return m, nil
}

// RenewMailToken implements login.Outbox.
func (s *Store) RenewMailToken(ctx context.Context, p login.MailPurpose, token login.TokenHash, expiresAt time.Time) error {
	if p == login.PurposeInvitation {
		return s.renewInvitation(ctx, token, expiresAt)
	}
	const query = `
		UPDATE auth.mail_tokens t SET expires_at = $3
		FROM auth.accounts a JOIN public.users u ON u.id = a.user_id
		WHERE a.user_id = t.user_id AND t.hash = $1 AND t.purpose = $2 AND t.spent_at IS NULL AND` + rightVersion + `AND` + rightAddress
	return s.exec(ctx, "renewing a mail token", login.ErrTokenUnknown, query, token[:], string(p), expiresAt)
}

// MailSent implements login.Outbox.
func (s *Store) MailSent(ctx context.Context, id string, now time.Time) error {
	const query = `UPDATE auth.outbox SET sent_at = COALESCE(sent_at, $2), locked_until = NULL WHERE id = $1`
	key, ok := sqlvalue.ID(id)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "marking a mail as sent", login.ErrNotFound, query, key, now)
}

// PostponeMail implements login.Outbox.
func (s *Store) PostponeMail(ctx context.Context, id string, attempts int, next time.Time) error {
	const query = `
		UPDATE auth.outbox SET next_attempt_at = $3, locked_until = NULL
		WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND failed_at IS NULL`
	key, ok := sqlvalue.ID(id)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "postponing a mail", login.ErrStale, query, key, attempts, next)
}

// AbandonMail implements login.Outbox.
func (s *Store) AbandonMail(ctx context.Context, id string, attempts int, now time.Time) error {
	const query = `
		UPDATE auth.outbox SET failed_at = $3, locked_until = NULL
		WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND failed_at IS NULL`
	key, ok := sqlvalue.ID(id)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "giving a mail up", login.ErrStale, query, key, attempts, now)
}

// QueuedMails implements login.Outbox.
func (s *Store) QueuedMails(ctx context.Context, now time.Time) (n int, err error) {
	const query = `
		SELECT count(*) FROM (
			SELECT FROM auth.outbox WHERE sent_at IS NULL AND failed_at IS NULL AND created_at <= $1 LIMIT $2
		) AS queued`
	err = s.queryRow(ctx, "counting mails", login.ErrNotFound, query, []any{now, login.MaxQueuedMails}, func() []any { return []any{&n} })
	return n, err
}

// MailsOf implements login.Outbox.
func (s *Store) MailsOf(ctx context.Context, userID string) ([]login.MailFate, error) {
	const query = `
		SELECT kind, created_at, attempts, sent_at, failed_at FROM auth.outbox
		WHERE user_id = $1 AND kind <> $2 ORDER BY created_at DESC, id LIMIT 100`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing a user's mails", func(r pgx.CollectableRow) (m login.MailFate, err error) {
		var sent, failed *time.Time
		err = r.Scan(&m.Kind, &m.CreatedAt, &m.Attempts, &sent, &failed)
		m.CreatedAt, m.SentAt, m.FailedAt = m.CreatedAt.UTC(), orZero(sent), orZero(failed)
		return m, err
	}, query, id, string(login.MailDecoy))
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// SweepMail implements login.Outbox.
func (s *Store) SweepMail(ctx context.Context, before time.Time, batch int) (int, error) {
	// #nosec G101 -- a statement
	const tokens = `
		DELETE FROM auth.mail_tokens WHERE hash IN (
			SELECT hash FROM auth.mail_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
	const mails = `
		DELETE FROM auth.outbox WHERE id IN (
			SELECT id FROM auth.outbox
			WHERE (sent_at IS NOT NULL OR failed_at IS NOT NULL) AND COALESCE(sent_at, failed_at) < $1
			ORDER BY COALESCE(sent_at, failed_at) LIMIT $2 FOR UPDATE SKIP LOCKED)`
	gone := 0
	err := s.call(ctx, "sweeping mails", func(ctx context.Context) error {
		gone = 0
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			for _, query := range []string{tokens, mails} {
				n, err := sweepStep(ctx, tx, query, before, batch)
				if err != nil {
					return err
				}
				gone += n
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return gone, nil
}
