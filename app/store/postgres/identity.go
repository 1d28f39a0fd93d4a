package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.IdentityStore = (*Store)(nil)

const identityColumns = `i.id, i.user_id, i.provider, i.issuer, i.subject, i.email, i.created_at, i.last_used_at`

func identityTargets(i *login.ProviderIdentity) []any {
	return []any{&i.ID, &i.UserID, &i.Provider, &i.Issuer, &i.Subject, &i.Email, &i.CreatedAt, &i.LastUsedAt}
}

func identityValue(i login.ProviderIdentity) login.ProviderIdentity {
	i.CreatedAt, i.LastUsedAt = i.CreatedAt.UTC(), i.LastUsedAt.UTC()
	return i
}

// executor is a pool or a transaction.
type executor interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

func insertIdentity(ctx context.Context, db executor, i login.ProviderIdentity) error {
	const query = `
		INSERT INTO auth.identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := db.Exec(ctx, query, i.ID, i.UserID, i.Provider, sqlvalue.Text(i.Issuer), sqlvalue.Text(i.Subject), sqlvalue.Text(i.Email), i.CreatedAt, i.LastUsedAt)
	if violates(err, uniqueViolation, "identities_issuer_subject_key") {
		return login.ErrCredentialExists
	}
	return err
}

// IdentityUserAccount implements login.IdentityStore.
func (s *Store) IdentityUserAccount(ctx context.Context, issuer, subject string) (login.ProviderIdentity, login.UserAccount, error) {
	const query = `SELECT ` + identityColumns + `, ` + userAccountColumns + `
		FROM auth.identities i
		JOIN public.users u ON u.id = i.user_id
		JOIN auth.accounts a ON a.user_id = i.user_id
		WHERE i.issuer = $1 AND i.subject = $2`
	if sqlvalue.Text(issuer) != issuer || sqlvalue.Text(subject) != subject {
		return login.ProviderIdentity{}, login.UserAccount{}, login.ErrNotFound
	}
	var identity login.ProviderIdentity
	var account userAccountRow
	err := s.queryRow(ctx, "reading an identity", login.ErrNotFound, query, []any{issuer, subject}, func() []any {
		identity, account = login.ProviderIdentity{}, userAccountRow{}
		return append(identityTargets(&identity), account.targets()...)
	})
	if err != nil {
		return login.ProviderIdentity{}, login.UserAccount{}, err
	}
	return identityValue(identity), account.value(), nil
}

// Identities implements login.IdentityStore.
func (s *Store) Identities(ctx context.Context, userID string) ([]login.ProviderIdentity, error) {
	const query = `SELECT ` + identityColumns + ` FROM auth.identities i WHERE i.user_id = $1 ORDER BY i.created_at, i.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing identities", func(r pgx.CollectableRow) (login.ProviderIdentity, error) {
		var i login.ProviderIdentity
		err := r.Scan(identityTargets(&i)...)
		return identityValue(i), err
	}, query, id)
}

// CreateUserWithIdentity implements login.IdentityStore.
func (s *Store) CreateUserWithIdentity(ctx context.Context, ua login.UserAccount, i login.ProviderIdentity, first *login.NewSession) error {
	args, err := newUserValues(ua, first)
	if err != nil {
		return err
	}
	return s.call(ctx, "creating a user with an identity", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, createUser, args...); err != nil {
				return orTaken(err)
			}
			return insertIdentity(ctx, tx, i)
		})
	})
}

// AddIdentity implements login.IdentityStore.
func (s *Store) AddIdentity(ctx context.Context, version int, i login.ProviderIdentity) error {
	return s.changeCredentials(ctx, "linking an identity", i.UserID, version, func(ctx context.Context, tx pgx.Tx, _ any) error {
		return insertIdentity(ctx, tx, i)
	})
}

// UseIdentity implements login.IdentityStore.
func (s *Store) UseIdentity(ctx context.Context, id, email string, now time.Time) error {
	const query = `UPDATE auth.identities SET email = $2, last_used_at = $3 WHERE id = $1`
	key, ok := sqlvalue.ID(id)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "noting the use of an identity", login.ErrNotFound, query, key, sqlvalue.Text(email), now)
}

// RemoveIdentity implements login.IdentityStore.
func (s *Store) RemoveIdentity(ctx context.Context, userID string, version int, identity string) (gone login.ProviderIdentity, err error) {
	const query = `DELETE FROM auth.identities i WHERE i.id = $2 AND i.user_id = $1 RETURNING ` + identityColumns
	err = s.changeCredentials(ctx, "removing an identity", userID, version, func(ctx context.Context, tx pgx.Tx, id any) error {
		key, ok := sqlvalue.ID(identity)
		if !ok {
			return login.ErrNotFound
		}
		gone = login.ProviderIdentity{}
		err := tx.QueryRow(ctx, query, id, key).Scan(identityTargets(&gone)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return login.ErrNotFound
		}
		if err != nil {
			return err
		}
		return keepWayIn(ctx, tx, id)
	})
	if err != nil {
		return login.ProviderIdentity{}, err
	}
	return identityValue(gone), nil
}

// SpendFlow implements login.IdentityStore.
func (s *Store) SpendFlow(ctx context.Context, flow login.TokenHash, expires time.Time) error {
	const query = `INSERT INTO auth.spent_flows (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	return s.exec(ctx, "spending a flow", login.ErrTokenUnknown, query, flow[:], expires)
}
