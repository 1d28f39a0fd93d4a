package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.OrganizationStore = (*Store)(nil)

// UseOrganizations has Ping ask for the tables of organisations, and deletions of users
// look for organisations that would have no owner. It must be called before the first
// call of another method.
func (s *Store) UseOrganizations() { s.organizations = true }

// orLastOwner names the refusal of the trigger that keeps an owner in each organisation.
func orLastOwner(err error) error {
	if violates(err, checkViolation, "memberships_owner") {
		return login.ErrLastOwner
	}
	return err
}

// join adds a member. The account is locked while its memberships are counted.
func join(ctx context.Context, tx pgx.Tx, organizationID, userID any, role login.MemberRole, now time.Time) error {
	const lock = `SELECT FROM auth.accounts WHERE user_id = $1 AND disabled_at IS NULL FOR NO KEY UPDATE`
	const count = `SELECT count(*) FROM public.memberships WHERE user_id = $1`
	const add = `INSERT INTO public.memberships (organization_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)`
	if err := execIn(ctx, tx, login.ErrNotFound, lock, userID); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow(ctx, count, userID).Scan(&n); err != nil {
		return err
	}
	if n >= login.MaxOrganizations {
		return login.ErrTooMany
	}
	_, err := tx.Exec(ctx, add, organizationID, userID, string(role), now)
	return err
}

// CreateOrganization implements login.OrganizationStore.
func (s *Store) CreateOrganization(ctx context.Context, o login.Organization, ownerID string) error {
	const add = `INSERT INTO public.organizations (id, name, created_at) VALUES ($1, $2, $3)`
	owner, ok := sqlvalue.ID(ownerID)
	if !ok {
		return login.ErrNotFound
	}
	return s.call(ctx, "creating an organization", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, add, o.ID, o.Name, o.CreatedAt); err != nil {
				return err
			}
			return join(ctx, tx, o.ID, owner, login.RoleOwner, o.CreatedAt)
		})
	})
}

// OrganizationIDs implements login.OrganizationStore.
func (s *Store) OrganizationIDs(ctx context.Context, userID string) (ids []string, err error) {
	const query = `
		SELECT COALESCE(array_agg(organization_id::text ORDER BY organization_id), '{}')
		FROM (SELECT organization_id FROM public.memberships WHERE user_id = $1 ORDER BY organization_id LIMIT $2) AS m`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	err = s.queryRow(ctx, "reading the ids of organizations", login.ErrNotFound, query, []any{id, login.MaxOrganizations}, func() []any {
		ids = nil
		return []any{&ids}
	})
	return ids, err
}

// Memberships implements login.OrganizationStore.
func (s *Store) Memberships(ctx context.Context, userID string) ([]login.Membership, error) {
	const query = `
		SELECT o.id, o.name, o.created_at, m.role, m.created_at
		FROM public.memberships m JOIN public.organizations o ON o.id = m.organization_id
		WHERE m.user_id = $1 ORDER BY m.created_at, o.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing organizations", func(r pgx.CollectableRow) (m login.Membership, err error) {
		err = r.Scan(&m.Organization.ID, &m.Organization.Name, &m.Organization.CreatedAt, &m.Role, &m.JoinedAt)
		m.Organization.CreatedAt, m.JoinedAt = m.Organization.CreatedAt.UTC(), m.JoinedAt.UTC()
		return m, err
	}, query, id)
}

// Members implements login.OrganizationStore.
func (s *Store) Members(ctx context.Context, organizationID, by, after string, limit int) (all []login.Member, err error) {
	const query = `
		SELECT u.id, u.name, u.email, m.role, m.created_at
		FROM public.memberships m JOIN public.users u ON u.id = m.user_id
		WHERE m.organization_id = $1 AND ($3::uuid IS NULL OR m.user_id > $3)
			AND EXISTS (SELECT FROM public.memberships WHERE organization_id = $1 AND user_id = $2)
		ORDER BY m.user_id LIMIT $4`
	organization, ok := sqlvalue.ID(organizationID)
	member, ok2 := sqlvalue.ID(by)
	if !ok || !ok2 {
		return nil, login.ErrNotFound
	}
	var from any
	if id, ok := sqlvalue.ID(after); ok {
		from = id
	}
	all, err = listOf(ctx, s, "listing members", func(r pgx.CollectableRow) (m login.Member, err error) {
		err = r.Scan(&m.UserID, &m.Name, &m.Email, &m.Role, &m.JoinedAt)
		m.JoinedAt = m.JoinedAt.UTC()
		return m, err
	}, query, organization, member, from, max(limit, 0))
	if err == nil && len(all) == 0 && from == nil {
		err = login.ErrNotFound
	}
	return all, err
}

// lockOrganization keeps others from changing the members of an organisation, and
// returns the role of one of them. ErrNotFound unless the user is a member.
func lockOrganization(ctx context.Context, tx pgx.Tx, organizationID, userID any) (role login.MemberRole, err error) {
	const lock = `SELECT FROM public.organizations WHERE id = $1 FOR NO KEY UPDATE`
	if err := execIn(ctx, tx, login.ErrNotFound, lock, organizationID); err != nil {
		return "", err
	}
	return roleIn(ctx, tx, organizationID, userID)
}

func roleIn(ctx context.Context, tx pgx.Tx, organizationID, userID any) (role login.MemberRole, err error) {
	const query = `SELECT role FROM public.memberships WHERE organization_id = $1 AND user_id = $2`
	err = tx.QueryRow(ctx, query, organizationID, userID).Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		err = login.ErrNotFound
	}
	return role, err
}

// ChangeMember implements login.OrganizationStore.
func (s *Store) ChangeMember(ctx context.Context, c login.MembershipChange) (before login.MemberRole, err error) {
	const remove = `DELETE FROM public.memberships WHERE organization_id = $1 AND user_id = $2`
	const change = `UPDATE public.memberships SET role = $3 WHERE organization_id = $1 AND user_id = $2`
	organization, ok1 := sqlvalue.ID(c.OrganizationID)
	by, ok2 := sqlvalue.ID(c.By)
	member, ok3 := sqlvalue.ID(c.UserID)
	if !ok1 || !ok2 || !ok3 {
		return "", login.ErrNotFound
	}
	err = s.call(ctx, "changing a member", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			own, err := lockOrganization(ctx, tx, organization, by)
			if err != nil {
				return err
			}
			if before, err = roleIn(ctx, tx, organization, member); err != nil {
				return err
			}
			if !c.Allowed(own, before) {
				return login.ErrForbidden
			}
			if c.Role == "" {
				_, err = tx.Exec(ctx, remove, organization, member)
			} else {
				_, err = tx.Exec(ctx, change, organization, member, string(c.Role))
			}
			if err != nil {
				return orLastOwner(err)
			}
			return revokeUnmanaged(ctx, tx, organization, member, c.Role)
		})
	})
	return before, err
}

// DeleteOrganization implements login.OrganizationStore.
func (s *Store) DeleteOrganization(ctx context.Context, organizationID, by string) error {
	organization, ok := sqlvalue.ID(organizationID)
	member, ok2 := sqlvalue.ID(by)
	if !ok || !ok2 {
		return login.ErrNotFound
	}
	return s.call(ctx, "deleting an organization", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			role, err := lockOrganization(ctx, tx, organization, member)
			if err != nil {
				return err
			}
			if role != login.RoleOwner {
				return login.ErrForbidden
			}
			_, err = tx.Exec(ctx, `DELETE FROM public.organizations WHERE id = $1`, organization)
			return err
		})
	})
}

// lockOrganizationsOf locks those that a user is a member of, before the memberships go
// with the user, as every change of members does.
const lockOrganizationsOf = `
	SELECT FROM public.organizations WHERE id IN (SELECT organization_id FROM public.memberships WHERE user_id = $1)
	ORDER BY id FOR NO KEY UPDATE`

// DeleteUserAndOrganizations implements login.OrganizationStore.
func (s *Store) DeleteUserAndOrganizations(ctx context.Context, userID string, handOver bool) (left login.Bequest, err error) {
	const heirs = `
		UPDATE public.memberships h SET role = 'owner' FROM (
			SELECT DISTINCT ON (m.organization_id) m.organization_id, m.user_id, m.role AS before
			FROM public.memberships own JOIN public.memberships m ON m.organization_id = own.organization_id AND m.user_id <> $1
			WHERE own.user_id = $1 AND own.role = 'owner' AND NOT EXISTS (
				SELECT FROM public.memberships o WHERE o.organization_id = own.organization_id AND o.user_id <> $1 AND o.role = 'owner')
			ORDER BY m.organization_id, m.role <> 'admin', m.created_at, m.user_id
		) AS heir WHERE h.organization_id = heir.organization_id AND h.user_id = heir.user_id
		RETURNING h.organization_id::text, h.user_id::text, heir.before`
	const owned = `
		DELETE FROM public.organizations o WHERE EXISTS (
			SELECT FROM public.memberships m WHERE m.organization_id = o.id AND m.user_id = $1 AND m.role = 'owner')
		AND NOT EXISTS (
			SELECT FROM public.memberships m WHERE m.organization_id = o.id AND m.user_id <> $1 AND m.role = 'owner')
		RETURNING o.id::text`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return left, login.ErrNotFound
	}
	err = s.call(ctx, "deleting a user with organizations", func(ctx context.Context) error {
		left = login.Bequest{}
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			if s.organizations {
				if _, err := tx.Exec(ctx, lockOrganizationsOf, id); err != nil {
					return err
				}
				if handOver {
					if left.Heirs, err = collectIn(ctx, tx, pgx.RowToStructByPos[login.Heir], heirs, id); err != nil {
						return err
					}
				}
				if left.Deleted, err = collectIn(ctx, tx, pgx.RowTo[string], owned, id); err != nil {
					return err
				}
			}
			return execIn(ctx, tx, login.ErrNotFound, `DELETE FROM public.users u USING auth.accounts a WHERE u.id = $1 AND a.user_id = u.id`, id)
		})
	})
	if err != nil {
		return login.Bequest{}, err
	}
	return left, nil
}
