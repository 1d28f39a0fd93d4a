package sqlite

import (
	"context"
	"database/sql"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/column"
)

var _ interface {
	login.MailStore
	login.Outbox
} = (*Store)(nil)

func putToken(ctx context.Context, tx *sql.Tx, t login.MailToken) error {
	id, ok := column.ID(t.UserID)
	if !ok {
		return login.ErrNotFound
	}
	return execOne(ctx, tx, login.ErrNotFound, `
		INSERT INTO auth_mail_tokens (hash, user_id, purpose, email, epoch, created_at, expires_at)
		SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7 FROM users u WHERE u.id = ?2
		ON CONFLICT (user_id, purpose) DO UPDATE SET
			hash = excluded.hash, email = excluded.email, epoch = excluded.epoch,
			created_at = excluded.created_at, expires_at = excluded.expires_at`,
		t.Hash[:], id.String(), string(t.Purpose), t.Email, t.Epoch, micros(t.CreatedAt), micros(t.ExpiresAt))
}

// QueueMail implements login.MailStore.
func (s *Store) QueueMail(ctx context.Context, m login.QueuedMail, t *login.MailToken) error {
	payload, err := column.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	owner := sql.NullString{}
	if id, ok := column.ID(m.UserID); ok {
		owner = sql.NullString{String: id.String(), Valid: true}
	}
	return s.update(ctx, "queueing a mail", func(ctx context.Context, tx *sql.Tx) error {
		if t != nil {
			if err := putToken(ctx, tx, *t); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO auth_outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at, sent_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)`,
			m.ID, owner, string(m.Kind), m.Recipient, payload, micros(m.CreatedAt), microsOrNull(m.SentAt))
		return err
	})
}

// AddMailToken implements login.MailStore.
func (s *Store) AddMailToken(ctx context.Context, t login.MailToken) error {
	return s.update(ctx, "adding a mail token", func(ctx context.Context, tx *sql.Tx) error { return putToken(ctx, tx, t) })
}

// liveToken holds of a token t of the account a at the time ?3.
//
// #nosec G101 -- a condition
const liveToken = ` t.hash = ?1 AND t.purpose = ?2 AND t.expires_at > ?3 AND t.epoch = a.session_epoch AND a.disabled_at IS NULL `

// MailTokenHolder implements login.MailStore.
func (s *Store) MailTokenHolder(ctx context.Context, p login.MailPurpose, token login.TokenHash, now time.Time) (h login.Holder, err error) {
	const query = `SELECT ` + holderColumns + `
		FROM auth_mail_tokens t
		JOIN users u ON u.id = t.user_id
		JOIN auth_accounts a ON a.user_id = t.user_id
		WHERE` + liveToken
	var row holderRow
	err = s.view(ctx, "reading a mail token", func(ctx context.Context, db *sql.DB) error {
		err := db.QueryRowContext(ctx, query, token[:], string(p), micros(now)).Scan(row.targets()...)
		return orOutcome(err, login.ErrTokenUnknown)
	})
	if err != nil {
		return login.Holder{}, err
	}
	return row.value()
}

// ResetPassword implements login.MailStore.
func (s *Store) ResetPassword(ctx context.Context, r login.PasswordReset) error {
	const query = `
		UPDATE auth_accounts AS a SET password = ?6, session_epoch = session_epoch + 1
		WHERE a.user_id = ?4 AND a.session_epoch = ?5
			AND EXISTS (SELECT 1 FROM auth_mail_tokens t WHERE t.user_id = a.user_id AND` + liveToken + `)`
	id, ok := column.ID(r.UserID)
	if !ok {
		return login.ErrTokenUnknown
	}
	return s.update(ctx, "resetting a password", func(ctx context.Context, tx *sql.Tx) error {
		err := execOne(ctx, tx, login.ErrTokenUnknown, query,
			r.Token[:], string(login.PurposeResetPassword), micros(r.Now), id.String(), r.Epoch, r.NewHash)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_mail_tokens WHERE hash = ?`, r.Token[:]); err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, id.String(), r.Now); err != nil {
			return err
		}
		n := r.Session
		n.Session.UserID, n.Session.Epoch = id.String(), r.Epoch+1
		return insertSession(ctx, tx, n)
	})
}
