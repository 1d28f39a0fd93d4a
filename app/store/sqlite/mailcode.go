package sqlite

import (
	"context"
	"database/sql"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// AddMailCode implements login.MailCodeStore.
func (s *Store) AddMailCode(ctx context.Context, c login.MailCode) error {
	const query = `
		INSERT OR REPLACE INTO auth_mail_codes (hash, purpose, mail_id, email, device, new_account, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`
	return s.update(ctx, "storing a mailed code", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, query, c.Hash[:], string(c.Purpose), c.MailID, sqlvalue.Text(c.Email), c.Device, c.NewAccount, micros(c.ExpiresAt))
		return err
	})
}

// TryMailCode implements login.MailCodeStore.
func (s *Store) TryMailCode(ctx context.Context, hash login.TokenHash, p login.MailCodePurpose, now time.Time) (login.MailCode, error) {
	const query = `
		UPDATE auth_mail_codes SET tries = tries + 1
		WHERE hash = ?1 AND purpose = ?2 AND expires_at > ?3 AND tries < ?4
		RETURNING mail_id, email, device, new_account, expires_at`
	c := login.MailCode{Hash: hash, Purpose: p}
	var expires sql.NullInt64
	err := s.update(ctx, "reading a mailed code", func(ctx context.Context, tx *transaction) error {
		err := tx.QueryRowContext(ctx, query, hash[:], string(p), micros(now), login.MailCodeTries).
			Scan(&c.MailID, &c.Email, &c.Device, &c.NewAccount, &expires)
		return orOutcome(err, login.ErrTokenUnknown)
	})
	if err != nil {
		return login.MailCode{}, err
	}
	c.ExpiresAt = timeOf(expires)
	return c, nil
}

// RefundMailCodeTry implements login.MailCodeStore.
func (s *Store) RefundMailCodeTry(ctx context.Context, hash login.TokenHash) error {
	return s.update(ctx, "taking back a try of a mailed code", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE auth_mail_codes SET tries = tries - 1 WHERE hash = ? AND tries > 0`, hash[:])
		return err
	})
}

// EndMailCode implements login.MailCodeStore.
func (s *Store) EndMailCode(ctx context.Context, hash login.TokenHash) error {
	return s.update(ctx, "ending a mailed code", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrTokenUnknown, `DELETE FROM auth_mail_codes WHERE hash = ?`, hash[:])
	})
}

// SpendSignIn implements login.MailCodeStore.
func (s *Store) SpendSignIn(ctx context.Context, token login.TokenHash, takeOver bool, now time.Time) error {
	const query = `
		UPDATE auth_accounts SET password = '', session_version = session_version + 1, unopened = 0, email_verified_at = ?2
		WHERE user_id = ?1`
	return s.update(ctx, "signing in by mail", func(ctx context.Context, tx *transaction) error {
		t, row, err := spend(ctx, tx, token, now, login.PurposeSignIn)
		if err != nil || !takeOver || row.verified.Valid {
			return err
		}
		if _, err := tx.ExecContext(ctx, query, t.UserID, micros(now)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_identities WHERE user_id = ?`, t.UserID); err != nil {
			return err
		}
		return endSessionsOf(ctx, tx, t.UserID, now)
	})
}

// VerifyMailbox implements login.MailCodeStore.
func (s *Store) VerifyMailbox(ctx context.Context, userID, email string, now time.Time) error {
	const query = `
		UPDATE auth_accounts SET email_verified_at = COALESCE(email_verified_at, ?3), unopened = 0
		WHERE user_id = ?1 AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND email = ?2)`
	return s.change(ctx, "verifying a mailbox", userID, login.ErrNotFound, query, email, micros(now))
}
