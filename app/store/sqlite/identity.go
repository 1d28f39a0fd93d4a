package sqlite

import (
	"context"
	"database/sql"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.IdentityStore = (*Store)(nil)

const identityColumns = `i.id, i.user_id, i.provider, i.issuer, i.subject, i.email, i.created_at, i.last_used_at`

type identityRow struct {
	identity      login.ProviderIdentity
	created, used sql.NullInt64
}

func (r *identityRow) targets() []any {
	i := &r.identity
	return []any{&i.ID, &i.UserID, &i.Provider, &i.Issuer, &i.Subject, &i.Email, &r.created, &r.used}
}

func (r *identityRow) value() login.ProviderIdentity {
	i := r.identity
	i.CreatedAt, i.LastUsedAt = timeOf(r.created), timeOf(r.used)
	return i
}

func insertIdentity(ctx context.Context, tx *transaction, i login.ProviderIdentity) error {
	const query = `
		INSERT INTO auth_identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	_, err := tx.ExecContext(ctx, query, i.ID, i.UserID, i.Provider, sqlvalue.Text(i.Issuer), sqlvalue.Text(i.Subject), sqlvalue.Text(i.Email), micros(i.CreatedAt), micros(i.LastUsedAt))
	if isUniqueViolation(err, "auth_identities.issuer") {
		return login.ErrCredentialExists
	}
	return err
}

// IdentityUserAccount implements login.IdentityStore.
func (s *Store) IdentityUserAccount(ctx context.Context, issuer, subject string) (i login.ProviderIdentity, ua login.UserAccount, err error) {
	const query = `SELECT ` + identityColumns + `, ` + userAccountColumns + `
		FROM auth_identities i
		JOIN users u ON u.id = i.user_id
		JOIN auth_accounts a ON a.user_id = i.user_id
		WHERE i.issuer = ? AND i.subject = ?`
	err = s.view(ctx, "reading an identity", func(ctx context.Context, db *reader) error {
		var identity identityRow
		var account userAccountRow
		err := db.QueryRowContext(ctx, query, issuer, subject).Scan(append(identity.targets(), account.targets()...)...)
		if err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		i = identity.value()
		ua, err = account.value()
		return err
	})
	return i, ua, err
}

// Identities implements login.IdentityStore.
func (s *Store) Identities(ctx context.Context, userID string) ([]login.ProviderIdentity, error) {
	const query = `SELECT ` + identityColumns + ` FROM auth_identities i WHERE i.user_id = ? ORDER BY i.created_at, i.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing identities", func(row scanner) (login.ProviderIdentity, error) {
		var r identityRow
		err := row.Scan(r.targets()...)
		return r.value(), err
	}, query, id.String())
}

// CreateUserWithIdentity implements login.IdentityStore.
func (s *Store) CreateUserWithIdentity(ctx context.Context, ua login.UserAccount, i login.ProviderIdentity, first *login.NewSession) error {
	return s.update(ctx, "creating a user with an identity", func(ctx context.Context, tx *transaction) error {
		if err := insertUser(ctx, tx, ua, first); err != nil {
			return err
		}
		return insertIdentity(ctx, tx, i)
	})
}

// AddIdentity implements login.IdentityStore.
func (s *Store) AddIdentity(ctx context.Context, version int, i login.ProviderIdentity) error {
	return s.changeCredentials(ctx, "linking an identity", i.UserID, version, func(ctx context.Context, tx *transaction, _ string) error {
		return insertIdentity(ctx, tx, i)
	})
}

// UseIdentity implements login.IdentityStore.
func (s *Store) UseIdentity(ctx context.Context, id, email string, now time.Time) error {
	const query = `UPDATE auth_identities SET email = ?2, last_used_at = ?3 WHERE id = ?1`
	return s.change(ctx, "noting the use of an identity", id, login.ErrNotFound, query, sqlvalue.Text(email), micros(now))
}

// RemoveIdentity implements login.IdentityStore.
func (s *Store) RemoveIdentity(ctx context.Context, userID string, version int, identity string) (gone login.ProviderIdentity, err error) {
	const query = `DELETE FROM auth_identities AS i WHERE i.id = ?2 AND i.user_id = ?1 RETURNING id, user_id, provider, issuer, subject, email, created_at, last_used_at`
	err = s.changeCredentials(ctx, "removing an identity", userID, version, func(ctx context.Context, tx *transaction, id string) error {
		key, ok := sqlvalue.ID(identity)
		if !ok {
			return login.ErrNotFound
		}
		var r identityRow
		if err := tx.QueryRowContext(ctx, query, id, key.String()).Scan(r.targets()...); err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		gone = r.value()
		return keepWayIn(ctx, tx, id)
	})
	if err != nil {
		return login.ProviderIdentity{}, err
	}
	return gone, nil
}

// SpendFlow implements login.IdentityStore.
func (s *Store) SpendFlow(ctx context.Context, flow login.TokenHash, expires time.Time) error {
	return s.update(ctx, "spending a flow", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrTokenUnknown, `INSERT INTO auth_spent_flows (hash, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING`, flow[:], micros(expires))
	})
}
