package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ interface {
	login.MailStore
	login.Outbox
} = (*Store)(nil)

// putToken stores a token in the first of the slots $8 to $9 that is free: slot 0
// always is, another one when its token is no longer live. The condition stands
// twice, for a parallel call may take the slot after this one has found it free.
//
// #nosec G101 -- a statement
const putToken = `
	INSERT INTO auth.mail_tokens AS t (hash, user_id, purpose, email, version, created_at, expires_at, slot)
	SELECT $1::bytea, u.id, $3, $4, $5, $6, $7, free.slot
	FROM public.users u CROSS JOIN LATERAL (
		SELECT n AS slot FROM generate_series($8::int, $9::int) AS n
		WHERE NOT EXISTS (
			SELECT FROM auth.mail_tokens t
			WHERE t.user_id = u.id AND t.purpose = $3 AND t.slot = n AND` + taken + `)
		ORDER BY n LIMIT 1
	) AS free
	WHERE u.id = $2::uuid
	ON CONFLICT ON CONSTRAINT mail_tokens_user_id_purpose_key DO UPDATE SET
		hash = EXCLUDED.hash, email = EXCLUDED.email, version = EXCLUDED.version,
		created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at, spent_at = NULL
	WHERE NOT (` + taken + `)`

// taken is true for a slot's token t that a new one must not replace.
const taken = ` t.slot > 0 AND t.expires_at > $6 AND t.version = $5 AND t.email = $4 `

// tokenValues are the arguments of putToken.
func tokenValues(t *login.MailToken, first, last int) []any {
	if t == nil {
		return make([]any, 9)
	}
	id, _ := sqlvalue.ID(t.UserID)
	return []any{t.Hash[:], id, string(t.Purpose), t.Email, t.SessionVersion, t.CreatedAt, t.ExpiresAt, first, last}
}

// QueueMail implements login.MailStore: one statement, with a token or without.
func (s *Store) QueueMail(ctx context.Context, m login.QueuedMail, t *login.MailToken) error {
	const query = `WITH token AS (` + putToken + ` RETURNING t.hash)
		INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at, sent_at)
		SELECT $10::uuid, CASE WHEN wanted THEN $11::uuid END,
			CASE WHEN wanted THEN $12::text ELSE '` + string(login.MailDecoy) + `' END,
			CASE WHEN wanted THEN $13::text ELSE '' END, CASE WHEN wanted THEN $14::jsonb ELSE '{}' END,
			$15::timestamptz, $15, CASE WHEN wanted THEN $16::timestamptz ELSE $15 END
		FROM (SELECT $1 IS NULL OR EXISTS (SELECT FROM token) AS wanted) AS w`
	payload, err := sqlvalue.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	var owner *uuid.UUID
	if id, ok := sqlvalue.ID(m.UserID); ok {
		owner = &id
	}
	first, last := 0, 0
	if t != nil && t.Purpose.Links() > 0 {
		first, last = 1, t.Purpose.Links()
	}
	args := append(tokenValues(t, first, last), m.ID, owner, string(m.Kind), m.Recipient, payload, m.CreatedAt, orNull(m.SentAt))
	return s.call(ctx, "queueing a mail", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, query, args...)
		if violates(err, foreignKeyViolation, "") {
			return login.ErrNotFound // deleted meanwhile
		}
		return err
	})
}

// AddMailToken implements login.MailStore.
func (s *Store) AddMailToken(ctx context.Context, t login.MailToken) error {
	return s.exec(ctx, "adding a mail token", login.ErrNotFound, putToken, tokenValues(&t, 0, 0)...)
}

// liveToken holds of a token t of the account a of the user u at the time $2.
//
// #nosec G101 -- a condition
const liveToken = ` t.hash = $1 AND t.spent_at IS NULL AND t.expires_at > $2 AND` + rightVersion + `AND` + rightAddress

// rightVersion is true for a token t of the account a as
// login.Account.SessionVersionFor says.
const rightVersion = ` a.disabled_at IS NULL
	AND t.version = a.session_version - CASE t.purpose WHEN '` + string(login.PurposeChangeEmail) + `' THEN 0 ELSE a.signouts END `

// rightAddress is true for a token t of the user u if it was sent to the user's present
// address, is for a change of address, or was not sent by mail.
const rightAddress = ` (t.email IN (u.email, '') OR t.purpose = '` + string(login.PurposeChangeEmail) + `') `

// confirmed is true for a spent token t if the address that it confirmed is still
// confirmed.
const confirmed = ` t.hash = $1 AND t.spent_at IS NOT NULL AND t.purpose IN ('` + string(login.PurposeVerifyEmail) + `', '` + string(login.PurposeChangeEmail) + `')
	AND t.email = u.email AND a.email_verified_at IS NOT NULL AND a.disabled_at IS NULL `

// resets is true for a token t that lets its bearer set a new password.
const resets = ` (t.purpose = '` + string(login.PurposeResetPassword) + `'
	OR t.purpose = '` + string(login.PurposeVerifyEmail) + `' AND a.email_verified_at IS NULL) `

// MailTokenUserAccount implements login.MailStore.
func (s *Store) MailTokenUserAccount(ctx context.Context, token login.TokenHash, now time.Time) (login.MailToken, login.UserAccount, error) {
	const query = `SELECT t.user_id, t.purpose, t.email, t.version, t.created_at, t.expires_at, t.spent_at, ` + userAccountColumns + `
		FROM auth.mail_tokens t
		JOIN public.users u ON u.id = t.user_id
		JOIN auth.accounts a ON a.user_id = t.user_id
		WHERE` + liveToken + `OR` + confirmed
	t := login.MailToken{Hash: token}
	var row userAccountRow
	var spent *time.Time
	err := s.queryRow(ctx, "reading a mail token", login.ErrTokenUnknown, query, []any{token[:], now}, func() []any {
		row, spent = userAccountRow{}, nil
		return append([]any{&t.UserID, &t.Purpose, &t.Email, &t.SessionVersion, &t.CreatedAt, &t.ExpiresAt, &spent}, row.targets()...)
	})
	if err != nil {
		return login.MailToken{}, login.UserAccount{}, err
	}
	t.CreatedAt, t.ExpiresAt, t.SpentAt = t.CreatedAt.UTC(), t.ExpiresAt.UTC(), utc(spent)
	return t, row.value(), nil
}

// ResetPassword implements login.MailStore.
func (s *Store) ResetPassword(ctx context.Context, r login.PasswordReset) error {
	const query = spendIf + ` AND` + resets + `AND a.user_id = $3 AND a.session_version = $4` + spent + `, changed AS (
			UPDATE auth.accounts a SET password = $5, session_version = a.session_version + 1, unopened = false,
				email_verified_at = CASE WHEN spent.proves_address THEN COALESCE(a.email_verified_at, $2) ELSE a.email_verified_at END
			FROM spent WHERE a.user_id = spent.user_id
			RETURNING a.user_id, a.session_version
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $2
			FROM changed WHERE s.user_id = changed.user_id AND s.ended_at IS NULL
		), unlinked AS (
			DELETE FROM auth.identities i USING spent, auth.accounts a
			WHERE i.user_id = spent.user_id AND a.user_id = spent.user_id AND a.email_verified_at IS NULL
		), no_passkeys AS (
			DELETE FROM auth.passkeys f USING spent, auth.accounts a
			WHERE f.user_id = spent.user_id AND a.user_id = spent.user_id AND spent.proves_address AND a.email_verified_at IS NULL
		), no_totp AS (
			DELETE FROM auth.totp f USING spent, auth.accounts a
			WHERE f.user_id = spent.user_id AND a.user_id = spent.user_id AND spent.proves_address AND a.email_verified_at IS NULL
		), no_recovery_codes AS (
			DELETE FROM auth.recovery_codes f USING spent, auth.accounts a
			WHERE f.user_id = spent.user_id AND a.user_id = spent.user_id AND spent.proves_address AND a.email_verified_at IS NULL
		), opened AS (
			INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, client_name, client_prefix, family_hash, token_hash, amr)
			SELECT $6::uuid, user_id, session_version, $7, $8, $9, $10, $11, $12, $13, $14, $15 FROM changed WHERE $6::uuid IS NOT NULL
		)
		SELECT user_id FROM changed`
	id, ok := sqlvalue.ID(r.UserID)
	if !ok {
		return login.ErrTokenUnknown
	}
	session := make([]any, 10)
	if r.Session != nil {
		n := r.Session.Session
		session = []any{
			n.ID, n.CreatedAt, n.LastUsedAt, n.IdleUntil, n.ExpiresAt, sqlvalue.Text(n.ClientName), sqlvalue.Text(n.ClientPrefix),
			r.Session.Token.Family[:], r.Session.Token.Token[:], strings.Join(n.AMR, " "),
		}
	}
	args := append([]any{r.Token[:], r.Now, id, r.SessionVersion, r.NewHash}, session...)
	_, err := s.spendToken(ctx, "resetting a password", query, args...)
	return err
}
