package sqlite

import (
	"context"
	"database/sql"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// open is true for a mail that is neither sent nor given up.
const open = ` sent_at IS NULL AND failed_at IS NULL `

// due is true for an open mail that no one has claimed at the time ?1.
const due = open + ` AND next_attempt_at <= ?1 AND (locked_until IS NULL OR locked_until <= ?1) `

// ClaimMail implements login.Outbox. It reads before it takes the write lock, because
// most of the time there is nothing to send.
func (s *Store) ClaimMail(ctx context.Context, now time.Time, lease time.Duration) (m login.QueuedMail, err error) {
	const waiting = `SELECT EXISTS (SELECT 1 FROM auth_outbox WHERE` + due + `)`
	const query = `
		UPDATE auth_outbox SET locked_until = ?2, attempts = attempts + 1
		WHERE id = (SELECT id FROM auth_outbox WHERE` + due + `ORDER BY next_attempt_at LIMIT 1)
		RETURNING id, COALESCE(user_id, ''), kind, recipient, payload, created_at, attempts`
	err = s.view(ctx, "looking for mails", func(ctx context.Context, db *reader) error {
		var some bool
		if err := db.QueryRowContext(ctx, waiting, micros(now)).Scan(&some); err != nil || some {
			return err
		}
		return login.ErrNotFound
	})
	if err != nil {
		return m, err
	}
	err = s.update(ctx, "claiming a mail", func(ctx context.Context, tx *transaction) error {
		var payload string
		var created sql.NullInt64
		err := tx.QueryRowContext(ctx, query, micros(now), micros(now.Add(lease))).
			Scan(&m.ID, &m.UserID, &m.Kind, &m.Recipient, &payload, &created, &m.Attempts)
		m.Payload, m.CreatedAt = sqlvalue.DecodePayload([]byte(payload)), timeOf(created)
		return orOutcome(err, login.ErrNotFound)
	})
	if err != nil {
		return login.QueuedMail{}, err
	}
	return m, nil
}

// RenewMailToken implements login.Outbox.
func (s *Store) RenewMailToken(ctx context.Context, p login.MailPurpose, token login.TokenHash, expiresAt time.Time) error {
	if p == login.PurposeInvitation {
		return s.renewInvitation(ctx, token, expiresAt)
	}
	const query = `
		UPDATE auth_mail_tokens AS t SET expires_at = ?3
		WHERE t.hash = ?1 AND t.purpose = ?2 AND t.spent_at IS NULL AND EXISTS (
			SELECT 1 FROM auth_accounts a JOIN users u ON u.id = a.user_id
			WHERE a.user_id = t.user_id AND` + rightVersion + `AND` + rightAddress + `)`
	return s.execMail(ctx, "renewing a mail token", login.ErrTokenUnknown, query, token[:], string(p), micros(expiresAt))
}

// MailSent implements login.Outbox.
func (s *Store) MailSent(ctx context.Context, id string, now time.Time) error {
	const query = `UPDATE auth_outbox SET sent_at = COALESCE(sent_at, ?2), locked_until = NULL WHERE id = ?1`
	return s.execMail(ctx, "marking a mail as sent", login.ErrNotFound, query, id, micros(now))
}

// PostponeMail implements login.Outbox.
func (s *Store) PostponeMail(ctx context.Context, id string, attempts int, next time.Time) error {
	const query = `UPDATE auth_outbox SET next_attempt_at = ?3, locked_until = NULL WHERE id = ?1 AND attempts = ?2 AND` + open
	return s.execMail(ctx, "postponing a mail", login.ErrStale, query, id, attempts, micros(next))
}

// AbandonMail implements login.Outbox.
func (s *Store) AbandonMail(ctx context.Context, id string, attempts int, now time.Time) error {
	const query = `UPDATE auth_outbox SET failed_at = ?3, locked_until = NULL WHERE id = ?1 AND attempts = ?2 AND` + open
	return s.execMail(ctx, "giving a mail up", login.ErrStale, query, id, attempts, micros(now))
}

func (s *Store) execMail(ctx context.Context, doing string, none error, query string, args ...any) error {
	return s.update(ctx, doing, func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, none, query, args...)
	})
}

// QueuedMails implements login.Outbox.
func (s *Store) QueuedMails(ctx context.Context, now time.Time) (n int, err error) {
	err = s.view(ctx, "counting mails", func(ctx context.Context, db *reader) error {
		const query = `SELECT count(*) FROM (SELECT 1 FROM auth_outbox WHERE created_at <= ? AND` + open + ` LIMIT ?)`
		return db.QueryRowContext(ctx, query, micros(now), login.MaxQueuedMails).Scan(&n)
	})
	return n, err
}

// MailsOf implements login.Outbox.
func (s *Store) MailsOf(ctx context.Context, userID string) ([]login.MailFate, error) {
	const query = `
		SELECT kind, created_at, attempts, sent_at, failed_at FROM auth_outbox
		WHERE user_id = ?1 AND kind <> ?2 ORDER BY created_at DESC, id LIMIT 100`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing a user's mails", func(row scanner) (m login.MailFate, err error) {
		var created, sent, failed sql.NullInt64
		err = row.Scan(&m.Kind, &created, &m.Attempts, &sent, &failed)
		m.CreatedAt, m.SentAt, m.FailedAt = timeOf(created), timeOf(sent), timeOf(failed)
		return m, err
	}, query, id.String(), string(login.MailDecoy))
}

// SweepMail implements login.Outbox.
func (s *Store) SweepMail(ctx context.Context, before time.Time, batch int) (int, error) {
	// #nosec G101 -- a statement
	const tokens = `
		DELETE FROM auth_mail_tokens WHERE hash IN (
			SELECT hash FROM auth_mail_tokens WHERE expires_at < ?1 LIMIT ?2)`
	const mails = `
		DELETE FROM auth_outbox WHERE id IN (
			SELECT id FROM auth_outbox WHERE COALESCE(sent_at, failed_at) < ?1 LIMIT ?2)`
	var gone int64
	err := s.update(ctx, "sweeping mails", func(ctx context.Context, tx *transaction) error {
		for _, query := range []string{tokens, mails} {
			result, err := tx.ExecContext(ctx, query, micros(before), batch)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			gone += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(gone), nil
}
