package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// unopened is true for an account a that may give way. It also looks for sessions,
// because the previous release opens sessions without clearing the column.
const unopened = ` a.unopened AND a.email_verified_at IS NULL AND a.disabled_at IS NULL
	AND NOT EXISTS (SELECT FROM auth.sessions s WHERE s.user_id = a.user_id) `

// replaceUnopened locks the account first, as every statement that opens one does, and
// checks the condition again after the wait. The links of an unopened account are all of
// its present version, because whatever voids links also opens the account.
const replaceUnopened = `
	WITH account AS (
		SELECT a.user_id FROM auth.accounts a JOIN public.users u ON u.id = a.user_id
		WHERE u.email = $1 AND` + unopened + `FOR UPDATE OF a
	), changed AS (
		UPDATE auth.accounts a SET
			password = $3, roles = $4, default_role = $5, claims = $6, session_version = a.session_version + 1,
			email_verified_at = $8, unopened = $9
		FROM account WHERE a.user_id = account.user_id
		RETURNING a.user_id, a.session_version - a.signouts AS version
	), named AS (
		UPDATE public.users u SET name = $2, created_at = $7 FROM changed WHERE u.id = changed.user_id
	), unlinked AS (
		DELETE FROM auth.identities i USING changed WHERE i.user_id = changed.user_id
	), kept AS (
		UPDATE auth.mail_tokens t SET version = changed.version FROM changed WHERE t.user_id = changed.user_id
	)
	SELECT user_id FROM changed`

func replaceUnopenedValues(ua login.UserAccount) ([]any, error) {
	claims, err := sqlvalue.EncodeClaims(ua.Account.Claims)
	return []any{
		ua.User.Email, ua.User.Name, ua.Account.Password, list(ua.Account.Roles), ua.Account.DefaultRole, claims, ua.User.CreatedAt,
		orNull(ua.Account.EmailVerifiedAt), ua.Account.Unopened,
	}, err
}

// ReplaceUnopened implements login.Store.
func (s *Store) ReplaceUnopened(ctx context.Context, ua login.UserAccount) (userID string, err error) {
	args, err := replaceUnopenedValues(ua)
	if err != nil {
		return "", err
	}
	err = s.queryRow(ctx, "replacing an unopened account", login.ErrEmailTaken, replaceUnopened, args, func() []any { return []any{&userID} })
	return userID, err
}

// ReplaceUnopenedWithIdentity implements login.IdentityStore.
func (s *Store) ReplaceUnopenedWithIdentity(ctx context.Context, ua login.UserAccount, i login.ProviderIdentity) (userID string, err error) {
	args, err := replaceUnopenedValues(ua)
	if err != nil {
		return "", err
	}
	err = s.call(ctx, "replacing an unopened account", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			err := tx.QueryRow(ctx, replaceUnopened, args...).Scan(&userID)
			if errors.Is(err, pgx.ErrNoRows) {
				return login.ErrEmailTaken
			}
			if err != nil {
				return err
			}
			i.UserID = userID
			return insertIdentity(ctx, tx, i)
		})
	})
	if err != nil {
		return "", err
	}
	return userID, nil
}

// removeUnopenedOf makes room for a person who has proved that the mailbox is theirs.
const removeUnopenedOf = `
	WITH old AS MATERIALIZED (
		SELECT a.user_id FROM auth.accounts a JOIN public.users u ON u.id = a.user_id
		WHERE u.email = $1 AND` + unopened + `FOR UPDATE OF a
	)
	DELETE FROM public.users u USING old WHERE u.id = old.user_id RETURNING u.id::text`

// RemoveUnopened implements login.Store.
func (s *Store) RemoveUnopened(ctx context.Context, before time.Time, batch int) ([]string, error) {
	const query = `
		WITH old AS MATERIALIZED (
			SELECT a.user_id FROM auth.accounts a JOIN public.users u ON u.id = a.user_id
			WHERE` + unopened + `AND u.created_at < $1
			LIMIT $2 FOR UPDATE OF a SKIP LOCKED
		)
		DELETE FROM public.users u USING old WHERE u.id = old.user_id
		RETURNING u.id::text`
	return listOf(ctx, s, "removing unopened accounts", pgx.RowTo[string], query, before, batch)
}
