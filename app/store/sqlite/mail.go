package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ interface {
	login.MailStore
	login.Outbox
} = (*Store)(nil)

// putToken stores a token in the first of the slots first to last that is free: slot
// 0 always is, another one when its token is no longer live. It answers none if
// there is no free one, or no such user.
func putToken(ctx context.Context, tx *transaction, t login.MailToken, first, last int, none error) error {
	id, ok := sqlvalue.ID(t.UserID)
	if !ok {
		return none
	}
	return execOne(ctx, tx, none, `
		WITH RECURSIVE slots (n) AS (SELECT ?8 UNION ALL SELECT n + 1 FROM slots WHERE n < ?9)
		INSERT INTO auth_mail_tokens (hash, user_id, purpose, email, version, created_at, expires_at, slot)
		SELECT ?1, u.id, ?3, ?4, ?5, ?6, ?7, n FROM users u, slots
		WHERE u.id = ?2 AND NOT EXISTS (
			SELECT 1 FROM auth_mail_tokens t
			WHERE t.user_id = u.id AND t.purpose = ?3 AND t.slot = n
				AND t.slot > 0 AND t.expires_at > ?6 AND t.version = ?5 AND t.email = ?4)
		ORDER BY n LIMIT 1
		ON CONFLICT (user_id, purpose, slot) DO UPDATE SET
			hash = excluded.hash, email = excluded.email, version = excluded.version,
			created_at = excluded.created_at, expires_at = excluded.expires_at, spent_at = NULL`,
		t.Hash[:], id.String(), string(t.Purpose), t.Email, t.SessionVersion, micros(t.CreatedAt), micros(t.ExpiresAt), first, last)
}

// errNoSlot : as many links are live as may be.
var errNoSlot = errors.New("no slot is free")

// QueueMail implements login.MailStore.
func (s *Store) QueueMail(ctx context.Context, m login.QueuedMail, t *login.MailToken) error {
	return s.update(ctx, "queueing a mail", func(ctx context.Context, tx *transaction) error {
		if t != nil {
			first, last := 0, 0
			if t.Purpose.Links() > 0 {
				first, last = 1, t.Purpose.Links()
			}
			err := putToken(ctx, tx, *t, first, last, errNoSlot)
			if errors.Is(err, errNoSlot) {
				m, err = login.QueuedMail{ID: m.ID, Kind: login.MailDecoy, CreatedAt: m.CreatedAt, SentAt: m.CreatedAt}, nil
			}
			if err != nil {
				return err
			}
		}
		return insertMail(ctx, tx, m)
	})
}

func insertMail(ctx context.Context, tx *transaction, m login.QueuedMail) error {
	payload, err := sqlvalue.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	owner := sql.NullString{}
	if id, ok := sqlvalue.ID(m.UserID); ok {
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
	return s.update(ctx, "adding a mail token", func(ctx context.Context, tx *transaction) error {
		return putToken(ctx, tx, t, 0, 0, login.ErrNotFound)
	})
}

// liveToken holds of a token t of the account a of the user u at the time ?2.
//
// #nosec G101 -- a condition
const liveToken = ` t.hash = ?1 AND t.spent_at IS NULL AND t.expires_at > ?2 AND` + rightVersion + `AND` + rightAddress

// rightVersion is true for a token t of the account a as
// login.Account.SessionVersionFor says.
const rightVersion = ` a.disabled_at IS NULL
	AND t.version = a.session_version - CASE t.purpose WHEN '` + string(login.PurposeChangeEmail) + `' THEN 0 ELSE a.signouts END `

// rightAddress is true for a token t of the user u if it was sent to the user's present
// address, is for a change of address, or was not sent by mail.
const rightAddress = ` (t.email IN (u.email, '') OR t.purpose = '` + string(login.PurposeChangeEmail) + `') `

// confirmed is true for a spent token t if the address that it confirmed is still
// confirmed.
const confirmed = ` t.hash = ?1 AND t.spent_at IS NOT NULL AND t.purpose IN ('` + string(login.PurposeVerifyEmail) + `', '` + string(login.PurposeChangeEmail) + `')
	AND t.email = u.email AND a.email_verified_at IS NOT NULL AND a.disabled_at IS NULL `

// MailTokenUserAccount implements login.MailStore.
func (s *Store) MailTokenUserAccount(ctx context.Context, token login.TokenHash, now time.Time) (t login.MailToken, ua login.UserAccount, err error) {
	var row userAccountRow
	err = s.view(ctx, "reading a mail token", func(ctx context.Context, db *reader) error {
		t, row, err = readToken(ctx, db, token, now)
		return err
	})
	if err != nil {
		return login.MailToken{}, login.UserAccount{}, err
	}
	ua, err = row.value()
	return t, ua, err
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readToken(ctx context.Context, q querier, token login.TokenHash, now time.Time) (login.MailToken, userAccountRow, error) {
	const query = `SELECT t.user_id, t.purpose, t.email, t.version, t.created_at, t.expires_at, t.spent_at, ` + userAccountColumns + `
		FROM auth_mail_tokens t
		JOIN users u ON u.id = t.user_id
		JOIN auth_accounts a ON a.user_id = t.user_id
		WHERE (` + liveToken + `) OR (` + confirmed + `)`
	t := login.MailToken{Hash: token}
	var row userAccountRow
	var created, expires, spent sql.NullInt64
	err := q.QueryRowContext(ctx, query, token[:], micros(now)).
		Scan(append([]any{&t.UserID, &t.Purpose, &t.Email, &t.SessionVersion, &created, &expires, &spent}, row.targets()...)...)
	t.CreatedAt, t.ExpiresAt, t.SpentAt = timeOf(created), timeOf(expires), timeOf(spent)
	return t, row, orOutcome(err, login.ErrTokenUnknown)
}

// spend uses up a live token of one of the purposes.
func spend(ctx context.Context, tx *transaction, token login.TokenHash, now time.Time, purposes ...login.MailPurpose) (login.MailToken, userAccountRow, error) {
	t, row, err := readToken(ctx, tx, token, now)
	if err == nil && (!t.SpentAt.IsZero() || !slices.Contains(purposes, t.Purpose)) {
		err = login.ErrTokenUnknown
	}
	if err != nil {
		return t, row, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE auth_mail_tokens SET spent_at = ?2, expires_at = ?2 WHERE hash = ?1`, token[:], micros(now))
	return t, row, err
}

// ResetPassword implements login.MailStore.
func (s *Store) ResetPassword(ctx context.Context, r login.PasswordReset) error {
	const query = `
		UPDATE auth_accounts SET password = ?3, session_version = session_version + 1, unopened = 0,
			email_verified_at = CASE WHEN ?4 THEN COALESCE(email_verified_at, ?5) ELSE email_verified_at END
		WHERE user_id = ?1 AND session_version = ?2`
	id, ok := sqlvalue.ID(r.UserID)
	if !ok {
		return login.ErrTokenUnknown
	}
	return s.update(ctx, "resetting a password", func(ctx context.Context, tx *transaction) error {
		t, row, err := spend(ctx, tx, r.Token, r.Now, login.PurposeResetPassword, login.PurposeVerifyEmail)
		if err != nil {
			return err
		}
		if t.UserID != id.String() || t.Purpose == login.PurposeVerifyEmail && row.verified.Valid {
			return login.ErrTokenUnknown
		}
		err = execOne(ctx, tx, login.ErrTokenUnknown, query,
			id.String(), r.SessionVersion, r.NewHash, t.Email == row.userAccount.User.Email, micros(r.Now))
		if err != nil {
			return err
		}
		taken := []string{}
		if !row.verified.Valid {
			taken = append(taken, "auth_identities")
			if t.Email == row.userAccount.User.Email {
				taken = append(taken, "auth_passkeys", "auth_totp", "auth_recovery_codes")
			}
		}
		for _, table := range taken {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE user_id = ?`, id.String()); err != nil {
				return err
			}
		}
		if err := endSessionsOf(ctx, tx, id.String(), r.Now); err != nil || r.Session == nil {
			return err
		}
		n := *r.Session
		n.Session.UserID, n.Session.SessionVersion = id.String(), r.SessionVersion+1
		return insertSession(ctx, tx, n)
	})
}
