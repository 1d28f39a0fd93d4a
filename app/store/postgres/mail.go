package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/column"
)

var _ interface {
	login.MailStore
	login.Outbox
} = (*Store)(nil)

// putToken takes the place of the user's token of the same purpose.
//
// #nosec G101 -- a statement
const putToken = `
	INSERT INTO auth.mail_tokens (hash, user_id, purpose, email, epoch, created_at, expires_at)
	SELECT $1::bytea, u.id, $3, $4, $5, $6, $7 FROM public.users u WHERE u.id = $2::uuid
	ON CONFLICT ON CONSTRAINT mail_tokens_user_id_purpose_key DO UPDATE SET
		hash = EXCLUDED.hash, email = EXCLUDED.email, epoch = EXCLUDED.epoch,
		created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at`

func tokenValues(t *login.MailToken) []any {
	if t == nil {
		return make([]any, 7)
	}
	id, _ := column.ID(t.UserID)
	return []any{t.Hash[:], id, string(t.Purpose), t.Email, t.Epoch, t.CreatedAt, t.ExpiresAt}
}

// QueueMail implements login.MailStore: one statement, with a token or without.
func (s *Store) QueueMail(ctx context.Context, m login.QueuedMail, t *login.MailToken) error {
	const query = `WITH token AS (` + putToken + `)
		INSERT INTO auth.outbox (id, user_id, kind, recipient, payload, created_at, next_attempt_at, sent_at)
		VALUES ($8, $9, $10, $11, $12, $13, $13, $14)`
	payload, err := column.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	var owner *uuid.UUID
	if id, ok := column.ID(m.UserID); ok {
		owner = &id
	}
	args := append(tokenValues(t), m.ID, owner, string(m.Kind), m.Recipient, payload, m.CreatedAt, orNull(m.SentAt))
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
	return s.exec(ctx, "adding a mail token", login.ErrNotFound, putToken, tokenValues(&t)...)
}

// liveToken holds of a token t of the account a of the user u at the time $3.
//
// #nosec G101 -- a condition
const liveToken = ` t.hash = $1 AND t.purpose = $2 AND t.expires_at > $3
	AND t.epoch = a.session_epoch AND a.disabled_at IS NULL AND` + rightAddress

// rightAddress holds of a token t of the user u that was sent to the address the
// user has, that is to bring another, or that was sent to none.
const rightAddress = ` (t.email IN (u.email, '') OR t.purpose = '` + string(login.PurposeChangeEmail) + `') `

// MailTokenHolder implements login.MailStore.
func (s *Store) MailTokenHolder(ctx context.Context, p login.MailPurpose, token login.TokenHash, now time.Time) (login.MailToken, login.Holder, error) {
	const query = `SELECT t.user_id, t.email, t.epoch, t.created_at, t.expires_at, ` + holderColumns + `
		FROM auth.mail_tokens t
		JOIN public.users u ON u.id = t.user_id
		JOIN auth.accounts a ON a.user_id = t.user_id
		WHERE` + liveToken
	t := login.MailToken{Hash: token, Purpose: p}
	var row holderRow
	err := s.queryRow(ctx, "reading a mail token", login.ErrTokenUnknown, query, []any{token[:], string(p), now}, func() []any {
		row = holderRow{}
		return append([]any{&t.UserID, &t.Email, &t.Epoch, &t.CreatedAt, &t.ExpiresAt}, row.targets()...)
	})
	if err != nil {
		return login.MailToken{}, login.Holder{}, err
	}
	t.CreatedAt, t.ExpiresAt = t.CreatedAt.UTC(), t.ExpiresAt.UTC()
	return t, row.value(), nil
}

// ResetPassword implements login.MailStore.
func (s *Store) ResetPassword(ctx context.Context, r login.PasswordReset) error {
	const query = spendIf + ` AND a.user_id = $4 AND a.session_epoch = $5` + spent + `, changed AS (
			UPDATE auth.accounts a SET password = $6, session_epoch = a.session_epoch + 1,
				email_verified_at = CASE WHEN spent.proves_address THEN COALESCE(a.email_verified_at, $3) ELSE a.email_verified_at END
			FROM spent WHERE a.user_id = spent.user_id
			RETURNING a.user_id, a.session_epoch
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $3
			FROM changed WHERE s.user_id = changed.user_id AND s.ended_at IS NULL
		), opened AS (
			INSERT INTO auth.sessions (id, user_id, epoch, created_at, last_used_at, idle_until, expires_at, client_name, client_prefix, family_hash, token_hash)
			SELECT $7, user_id, session_epoch, $8, $9, $10, $11, $12, $13, $14, $15 FROM changed
		)
		SELECT user_id FROM changed`
	id, ok := column.ID(r.UserID)
	if !ok {
		return login.ErrTokenUnknown
	}
	n := r.Session.Session
	_, err := s.spendToken(ctx, "resetting a password", query,
		r.Token[:], string(login.PurposeResetPassword), r.Now, id, r.Epoch, r.NewHash,
		n.ID, n.CreatedAt, n.LastUsedAt, n.IdleUntil, n.ExpiresAt, column.Text(n.ClientName), column.Text(n.ClientPrefix),
		r.Session.Token.Family[:], r.Session.Token.Token[:])
	return err
}
