package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// Raising the version is enough to end every session of an account. The statements also
// mark the sessions as ended, to record when; one that was inserted at the same moment
// is dead anyway.

// UpdateAccount implements login.Store.
func (s *Store) UpdateAccount(ctx context.Context, userID string, c login.AccountChange, now time.Time) error {
	const query = `
		WITH changed AS (
			UPDATE auth.accounts SET
				password      = COALESCE($2, password),
				roles         = COALESCE($3, roles),
				default_role  = COALESCE($4, default_role),
				claims        = COALESCE($9, claims),
				disabled_at   = CASE WHEN $5::boolean THEN COALESCE(disabled_at, $7) WHEN NOT $5 THEN NULL ELSE disabled_at END,
				email_verified_at = CASE WHEN $8::boolean THEN COALESCE(email_verified_at, $7) ELSE email_verified_at END,
				unopened      = false,
				session_version = session_version + CASE WHEN $6::boolean THEN 1 ELSE 0 END
			WHERE user_id = $1
			RETURNING user_id
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $7
			FROM changed WHERE s.user_id = changed.user_id AND s.ended_at IS NULL AND $6::boolean
		)
		SELECT FROM changed`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	claims, err := newClaims(c.Claims)
	if err != nil {
		return err
	}
	raise := c.Password != nil || c.Roles != nil || c.DefaultRole != nil || c.Disabled != nil || c.EndSessions || c.ResetFactors
	args := []any{id, c.Password, c.Roles, c.DefaultRole, c.Disabled, raise, now, c.EmailVerified, claims}
	if c.ResetFactors {
		return s.resetFactors(ctx, query, args)
	}
	return s.exec(ctx, "changing an account", login.ErrNotFound, query, args...)
}

// newClaims is NULL where claims stay.
func newClaims(claims map[string]string) (*string, error) {
	if claims == nil {
		return nil, nil
	}
	encoded, err := sqlvalue.EncodeClaims(claims)
	return &encoded, err
}

// EndAllSessions implements login.Store.
func (s *Store) EndAllSessions(ctx context.Context, userID string, now time.Time) error {
	const query = `
		WITH changed AS (
			UPDATE auth.accounts SET session_version = session_version + 1, signouts = signouts + 1
			WHERE user_id = $1
			RETURNING user_id
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $2
			FROM changed WHERE s.user_id = changed.user_id AND s.ended_at IS NULL
		)
		SELECT FROM changed`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "ending all sessions", login.ErrNotFound, query, id, now)
}

// ReplaceHash implements login.Store.
func (s *Store) ReplaceHash(ctx context.Context, userID, oldHash, newHash string) error {
	const query = `UPDATE auth.accounts SET password = $3 WHERE user_id = $1 AND password = $2`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "replacing a hash", login.ErrStale, query, id, oldHash, newHash)
}

// ChangePassword implements login.Store.
func (s *Store) ChangePassword(ctx context.Context, c login.PasswordChange) error {
	const query = `
		WITH changed AS (
			UPDATE auth.accounts SET password = $4, session_version = session_version + 1
			WHERE user_id = $1 AND password = $2 AND session_version = $3 AND disabled_at IS NULL
			RETURNING user_id, session_version
		), ended AS (
			UPDATE auth.sessions s SET ended_at = $5
			FROM changed WHERE s.user_id = changed.user_id AND s.ended_at IS NULL
		)
		INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, client_name, client_prefix, family_hash, token_hash, amr, elevated_at)
		SELECT $6, user_id, session_version, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 FROM changed`
	id, ok := sqlvalue.ID(c.UserID)
	if !ok {
		return login.ErrStale
	}
	n := c.Session.Session
	args := []any{
		id, c.OldHash, c.SessionVersion, c.NewHash, c.Now,
		n.ID, n.CreatedAt, n.LastUsedAt, n.IdleUntil, n.ExpiresAt, sqlvalue.Text(n.ClientName), sqlvalue.Text(n.ClientPrefix),
		c.Session.Token.Family[:], c.Session.Token.Token[:], strings.Join(n.AMR, " "), orNull(n.ElevatedAt),
	}
	if c.NewHash != "" || c.OtherWayIn {
		return s.exec(ctx, "changing a password", login.ErrStale, query, args...)
	}
	return s.changeCredentials(ctx, "removing a password", c.UserID, c.SessionVersion, func(ctx context.Context, tx pgx.Tx, id any) error {
		if err := execIn(ctx, tx, login.ErrStale, query, args...); err != nil {
			return err
		}
		return keepWayIn(ctx, tx, id)
	})
}
