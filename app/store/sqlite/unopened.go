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

// ReplaceUnopened implements login.Store.
func (s *Store) ReplaceUnopened(ctx context.Context, ua login.UserAccount) (userID string, err error) {
	err = s.update(ctx, "replacing an unopened account", func(ctx context.Context, tx *transaction) (err error) {
		userID, err = replaceUnopened(ctx, tx, ua)
		return err
	})
	return userID, err
}

// ReplaceUnopenedWithIdentity implements login.IdentityStore.
func (s *Store) ReplaceUnopenedWithIdentity(ctx context.Context, ua login.UserAccount, i login.ProviderIdentity) (userID string, err error) {
	err = s.update(ctx, "replacing an unopened account", func(ctx context.Context, tx *transaction) (err error) {
		if i.UserID, err = replaceUnopened(ctx, tx, ua); err != nil {
			return err
		}
		return insertIdentity(ctx, tx, i)
	})
	if err != nil {
		return "", err
	}
	return i.UserID, nil
}

// replaceUnopened relies on this: no link of an unopened account is of an earlier version,
// because whatever voids links also opens the account.
func replaceUnopened(ctx context.Context, tx *transaction, ua login.UserAccount) (userID string, err error) {
	const find = `SELECT a.user_id FROM auth_accounts a JOIN users u ON u.id = a.user_id WHERE u.email = ? AND` + unopened
	const change = `
		UPDATE auth_accounts SET password = ?2, roles = ?3, default_role = ?4, claims = ?5, session_version = session_version + 1,
			email_verified_at = ?6, unopened = ?7
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
	if err := tx.QueryRowContext(ctx, find, ua.User.Email).Scan(&userID); err != nil {
		return "", orOutcome(err, login.ErrEmailTaken)
	}
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{change, []any{userID, ua.Account.Password, roles, ua.Account.DefaultRole, claims, microsOrNull(ua.Account.EmailVerifiedAt), ua.Account.Unopened}},
		{`UPDATE users SET name = ?, created_at = ? WHERE id = ?`, []any{ua.User.Name, text(ua.User.CreatedAt), userID}},
		{`DELETE FROM auth_identities WHERE user_id = ?`, []any{userID}},
		{keep, []any{userID}},
	} {
		if _, err := tx.ExecContext(ctx, statement.query, statement.args...); err != nil {
			return "", err
		}
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
