package postgres

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// AddMailCode implements login.MailCodeStore.
func (s *Store) AddMailCode(ctx context.Context, c login.MailCode) error {
	const query = `
		INSERT INTO auth.mail_codes (hash, purpose, mail_id, email, device, new_account, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (hash) DO UPDATE SET
			purpose = EXCLUDED.purpose, mail_id = EXCLUDED.mail_id, email = EXCLUDED.email, device = EXCLUDED.device,
			new_account = EXCLUDED.new_account, tries = 0, expires_at = EXCLUDED.expires_at`
	return s.call(ctx, "storing a mailed code", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, query, c.Hash[:], string(c.Purpose), c.MailID, sqlvalue.Text(c.Email), c.Device, c.NewAccount, c.ExpiresAt)
		return err
	})
}

// TryMailCode implements login.MailCodeStore.
func (s *Store) TryMailCode(ctx context.Context, hash login.TokenHash, p login.MailCodePurpose, now time.Time) (login.MailCode, error) {
	const query = `
		UPDATE auth.mail_codes SET tries = tries + 1
		WHERE hash = $1 AND purpose = $2 AND expires_at > $3 AND tries < $4
		RETURNING mail_id::text, email, device, new_account, expires_at`
	c := login.MailCode{Hash: hash, Purpose: p}
	err := s.queryRow(ctx, "reading a mailed code", login.ErrTokenUnknown, query,
		[]any{hash[:], string(p), now, login.MailCodeTries}, func() []any {
			return []any{&c.MailID, &c.Email, &c.Device, &c.NewAccount, &c.ExpiresAt}
		})
	if err != nil {
		return login.MailCode{}, err
	}
	c.ExpiresAt = c.ExpiresAt.UTC()
	return c, nil
}

// RefundMailCodeTry implements login.MailCodeStore.
func (s *Store) RefundMailCodeTry(ctx context.Context, hash login.TokenHash) error {
	return s.exec(ctx, "taking back a try of a mailed code", nil, `UPDATE auth.mail_codes SET tries = tries - 1 WHERE hash = $1 AND tries > 0`, hash[:])
}

// EndMailCode implements login.MailCodeStore.
func (s *Store) EndMailCode(ctx context.Context, hash login.TokenHash) error {
	const query = `DELETE FROM auth.mail_codes WHERE hash = $1`
	return s.exec(ctx, "ending a mailed code", login.ErrTokenUnknown, query, hash[:])
}

// SpendSignIn implements login.MailCodeStore.
func (s *Store) SpendSignIn(ctx context.Context, token login.TokenHash, takeOver bool, now time.Time) error {
	const query = spendIf + ` AND t.purpose = '` + string(login.PurposeSignIn) + `'` + spent + `, taken AS (
			UPDATE auth.accounts a SET password = '', session_version = a.session_version + 1, unopened = false, email_verified_at = $2
			FROM spent WHERE a.user_id = spent.user_id AND $3 AND a.email_verified_at IS NULL
			RETURNING a.user_id
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $2
			FROM taken WHERE s.user_id = taken.user_id AND s.ended_at IS NULL
		), unlinked AS (
			DELETE FROM auth.identities i USING taken WHERE i.user_id = taken.user_id
		)
		SELECT user_id FROM spent`
	_, err := s.spendToken(ctx, "signing in by mail", query, token[:], now, takeOver)
	return err
}

// VerifyMailbox implements login.MailCodeStore.
func (s *Store) VerifyMailbox(ctx context.Context, userID, email string, now time.Time) error {
	const query = `
		UPDATE auth.accounts a SET email_verified_at = COALESCE(a.email_verified_at, $3), unopened = false
		FROM public.users u WHERE u.id = a.user_id AND a.user_id = $1 AND u.email = $2`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "verifying a mailbox", login.ErrNotFound, query, id, email, now)
}
