package sqlite

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// VerifyEmail implements login.MailStore.
func (s *Store) VerifyEmail(ctx context.Context, token login.TokenHash, now time.Time) (userID string, err error) {
	err = s.update(ctx, "verifying an address", func(ctx context.Context, tx *transaction) error {
		t, err := verify(ctx, tx, login.PurposeVerifyEmail, token, now)
		userID = t.UserID
		return err
	})
	return userID, err
}

// verify uses up a live token and verifies the address it was sent to.
func verify(ctx context.Context, tx *transaction, p login.MailPurpose, token login.TokenHash, now time.Time) (login.MailToken, error) {
	t, _, err := spend(ctx, tx, token, now, p)
	if err != nil {
		return t, err
	}
	return t, markVerified(ctx, tx, t.UserID, now)
}

func markVerified(ctx context.Context, tx *transaction, userID string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE auth_accounts SET email_verified_at = ?, unopened = 0 WHERE user_id = ?`, micros(now), userID)
	return err
}

// ChangeEmail implements login.MailStore. The address changes before it is
// verified: the change itself leaves it unverified.
func (s *Store) ChangeEmail(ctx context.Context, c login.EmailChange) error {
	return s.update(ctx, "changing an address", func(ctx context.Context, tx *transaction) error {
		t, _, err := spend(ctx, tx, c.Token, c.Now, login.PurposeChangeEmail)
		if err != nil {
			return err
		}
		if err := replaceEmail(ctx, tx, t.UserID, t.Email); err != nil {
			if isRaised(err, "users_email_form") {
				return login.ErrTokenUnknown // asked for before addresses had one form
			}
			return err
		}
		if err := markVerified(ctx, tx, t.UserID, c.Now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_mail_tokens WHERE user_id = ? AND hash <> ?`, t.UserID, c.Token[:]); err != nil || c.Notice == nil {
			return err
		}
		m := *c.Notice
		m.UserID, m.CreatedAt = t.UserID, c.Now
		return insertMail(ctx, tx, m)
	})
}

func replaceEmail(ctx context.Context, tx *transaction, userID, email string) error {
	_, err := tx.ExecContext(ctx, `UPDATE users SET email = ? WHERE id = ?`, email, userID)
	if isUniqueViolation(err, "users.email") {
		return login.ErrEmailTaken
	}
	return err
}

// QueueNotice implements login.MailStore.
func (s *Store) QueueNotice(ctx context.Context, m login.QueuedMail, rate login.NoticeRate) (queued bool, err error) {
	const query = `
		INSERT INTO auth_notices (user_id, kind, since, count)
		SELECT u.id, ?2, ?3, 1 FROM users u WHERE u.id = ?1
		ON CONFLICT (user_id, kind) DO UPDATE SET
			since = CASE WHEN since <= ?4 THEN excluded.since ELSE since END,
			count = CASE WHEN since <= ?4 THEN 1 ELSE count + 1 END
		WHERE since <= ?4 OR count < ?5`
	id, ok := sqlvalue.ID(m.UserID)
	if !ok {
		return false, login.ErrNotFound
	}
	err = s.update(ctx, "queueing a notice", func(ctx context.Context, tx *transaction) error {
		result, err := tx.ExecContext(ctx, query, id.String(), string(m.Kind), micros(m.CreatedAt), micros(m.CreatedAt.Add(-rate.Every)), rate.Most)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if queued = n > 0; err != nil || !queued {
			return err
		}
		return insertMail(ctx, tx, m)
	})
	return queued && err == nil, err
}
