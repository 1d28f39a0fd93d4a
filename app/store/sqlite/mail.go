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

func putToken(ctx context.Context, tx *transaction, t login.MailToken) error {
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
	return s.update(ctx, "queueing a mail", func(ctx context.Context, tx *transaction) error {
		if t != nil {
			if err := putToken(ctx, tx, *t); err != nil {
				return err
			}
		}
		return insertMail(ctx, tx, m)
	})
}

func insertMail(ctx context.Context, tx *transaction, m login.QueuedMail) error {
	payload, err := column.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	owner := sql.NullString{}
	if id, ok := column.ID(m.UserID); ok {
		owner = sql.NullString{String: id.String(), Valid: true}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO auth_outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at, sent_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)`,
		m.ID, owner, string(m.Kind), m.Recipient, payload, micros(m.CreatedAt), microsOrNull(m.SentAt))
	return err
}

// AddMailToken implements login.MailStore.
func (s *Store) AddMailToken(ctx context.Context, t login.MailToken) error {
	return s.update(ctx, "adding a mail token", func(ctx context.Context, tx *transaction) error { return putToken(ctx, tx, t) })
}

// liveToken holds of a token t of the account a of the user u at the time ?3.
//
// #nosec G101 -- a condition
const liveToken = ` t.hash = ?1 AND t.purpose = ?2 AND t.expires_at > ?3
	AND t.epoch = a.session_epoch AND a.disabled_at IS NULL AND` + rightAddress

// rightAddress holds of a token t of the user u that was sent to the address the
// user has, that is to bring another, or that was sent to none.
const rightAddress = ` (t.email IN (u.email, '') OR t.purpose = '` + string(login.PurposeChangeEmail) + `') `

// MailTokenHolder implements login.MailStore.
func (s *Store) MailTokenHolder(ctx context.Context, p login.MailPurpose, token login.TokenHash, now time.Time) (t login.MailToken, h login.Holder, err error) {
	var row holderRow
	err = s.view(ctx, "reading a mail token", func(ctx context.Context, db *reader) error {
		t, row, err = readToken(ctx, db, p, token, now)
		return err
	})
	if err != nil {
		return login.MailToken{}, login.Holder{}, err
	}
	h, err = row.value()
	return t, h, err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readToken(ctx context.Context, q querier, p login.MailPurpose, token login.TokenHash, now time.Time) (login.MailToken, holderRow, error) {
	const query = `SELECT t.user_id, t.email, t.epoch, t.created_at, t.expires_at, ` + holderColumns + `
		FROM auth_mail_tokens t
		JOIN users u ON u.id = t.user_id
		JOIN auth_accounts a ON a.user_id = t.user_id
		WHERE` + liveToken
	t := login.MailToken{Hash: token, Purpose: p}
	var row holderRow
	var created, expires sql.NullInt64
	err := q.QueryRowContext(ctx, query, token[:], string(p), micros(now)).
		Scan(append([]any{&t.UserID, &t.Email, &t.Epoch, &created, &expires}, row.targets()...)...)
	t.CreatedAt, t.ExpiresAt = timeOf(created), timeOf(expires)
	return t, row, orOutcome(err, login.ErrTokenUnknown)
}

// ResetPassword implements login.MailStore.
func (s *Store) ResetPassword(ctx context.Context, r login.PasswordReset) error {
	const query = `
		UPDATE auth_accounts SET password = ?3, session_epoch = session_epoch + 1,
			email_verified_at = CASE WHEN ?4 THEN COALESCE(email_verified_at, ?5) ELSE email_verified_at END
		WHERE user_id = ?1 AND session_epoch = ?2`
	id, ok := column.ID(r.UserID)
	if !ok {
		return login.ErrTokenUnknown
	}
	return s.update(ctx, "resetting a password", func(ctx context.Context, tx *transaction) error {
		t, row, err := readToken(ctx, tx, login.PurposeResetPassword, r.Token, r.Now)
		if err != nil {
			return err
		}
		if t.UserID != id.String() {
			return login.ErrTokenUnknown
		}
		err = execOne(ctx, tx, login.ErrTokenUnknown, query,
			id.String(), r.Epoch, r.NewHash, t.Email == row.holder.User.Email, micros(r.Now))
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
