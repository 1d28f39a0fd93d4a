package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// unopened is true for an account a that may give way.
const unopened = ` a.unopened AND a.email_verified_at IS NULL AND a.disabled_at IS NULL
	AND NOT EXISTS (SELECT 1 FROM auth_sessions s WHERE s.user_id = a.user_id) `

// ReplaceUnopened implements login.Store. No link of an unopened account is of an
// version before: what voids links opens it.
func (s *Store) ReplaceUnopened(ctx context.Context, ua login.UserAccount) (userID string, err error) {
	const find = `SELECT a.user_id FROM auth_accounts a JOIN users u ON u.id = a.user_id WHERE u.email = ? AND` + unopened
	const change = `
		UPDATE auth_accounts SET password = ?2, roles = ?3, default_role = ?4, claims = ?5, session_version = session_version + 1
		WHERE user_id = ?1`
	const keep = `
		UPDATE auth_mail_tokens SET version = (SELECT session_version - signouts FROM auth_accounts WHERE user_id = ?1)
		WHERE user_id = ?1`
	roles, err := encodeStrings(ua.Account.Roles)
	if err != nil {
		return "", err
	}
	claims, err := sqlvalue.EncodeClaims(ua.Account.Claims)
	if err != nil {
		return "", err
	}
	err = s.update(ctx, "replacing an unopened account", func(ctx context.Context, tx *transaction) error {
		if err := tx.QueryRowContext(ctx, find, ua.User.Email).Scan(&userID); err != nil {
			return orOutcome(err, login.ErrEmailTaken)
		}
		if _, err := tx.ExecContext(ctx, change, userID, ua.Account.Password, roles, ua.Account.DefaultRole, claims); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE users SET name = ?, created_at = ? WHERE id = ?`, ua.User.Name, text(ua.User.CreatedAt), userID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_identities WHERE user_id = ?`, userID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, keep, userID)
		return err
	})
	if err != nil {
		return "", err
	}
	return userID, nil
}

// RemoveUnopened implements login.Store.
func (s *Store) RemoveUnopened(ctx context.Context, before time.Time, batch int) (ids []string, err error) {
	const find = `
		SELECT COALESCE((SELECT json_group_array(id) FROM (
			SELECT u.id FROM auth_accounts a JOIN users u ON u.id = a.user_id
			WHERE` + unopened + `AND u.created_at < ?1 LIMIT ?2)), '[]')`
	err = s.update(ctx, "removing unopened accounts", func(ctx context.Context, tx *transaction) error {
		var found string
		if err := tx.QueryRowContext(ctx, find, text(before), batch).Scan(&found); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(found), &ids); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id IN (SELECT value FROM json_each(?))`, found)
		return err
	})
	return ids, err
}
