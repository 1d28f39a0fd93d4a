package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.OrganizationStore = (*Store)(nil)

// orLastOwner names the refusal of the triggers that keep an owner in each organisation.
func orLastOwner(err error) error {
	if isRaised(err, "memberships_owner") {
		return login.ErrLastOwner
	}
	return err
}

// join adds a member.
func join(ctx context.Context, tx *transaction, organizationID, userID string, role login.MemberRole, now time.Time) error {
	const enabled = `SELECT (SELECT count(*) FROM memberships WHERE user_id = ?1) FROM auth_accounts WHERE user_id = ?1 AND disabled_at IS NULL`
	var n int
	if err := tx.QueryRowContext(ctx, enabled, userID).Scan(&n); err != nil {
		return orOutcome(err, login.ErrNotFound)
	}
	if n >= login.MaxOrganizations {
		return login.ErrTooMany
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO memberships (organization_id, user_id, role, created_at) VALUES (?, ?, ?, ?)`,
		organizationID, userID, string(role), text(now))
	return err
}

// CreateOrganization implements login.OrganizationStore.
func (s *Store) CreateOrganization(ctx context.Context, o login.Organization, ownerID string) error {
	owner, ok := sqlvalue.ID(ownerID)
	if !ok {
		return login.ErrNotFound
	}
	return s.update(ctx, "creating an organization", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO organizations (id, name, created_at) VALUES (?, ?, ?)`, o.ID, o.Name, text(o.CreatedAt))
		if err != nil {
			return err
		}
		return join(ctx, tx, o.ID, owner.String(), login.RoleOwner, o.CreatedAt)
	})
}

// OrganizationIDs implements login.OrganizationStore.
func (s *Store) OrganizationIDs(ctx context.Context, userID string) (ids []string, err error) {
	const query = `
		SELECT json_group_array(organization_id)
		FROM (SELECT organization_id FROM memberships WHERE user_id = ? ORDER BY organization_id LIMIT ?)`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	err = s.view(ctx, "reading the ids of organizations", func(ctx context.Context, db *reader) error {
		var list string
		if err := db.QueryRowContext(ctx, query, id.String(), login.MaxOrganizations).Scan(&list); err != nil {
			return err
		}
		return json.Unmarshal([]byte(list), &ids)
	})
	return ids, err
}

// Memberships implements login.OrganizationStore.
func (s *Store) Memberships(ctx context.Context, userID string) (all []login.Membership, err error) {
	const query = `
		SELECT o.id, o.name, o.created_at, m.role, m.created_at
		FROM memberships m JOIN organizations o ON o.id = m.organization_id
		WHERE m.user_id = ? ORDER BY m.created_at, o.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing organizations", func(row scanner) (m login.Membership, err error) {
		var created, joined string
		err = row.Scan(&m.Organization.ID, &m.Organization.Name, &created, &m.Role, &joined)
		m.Organization.CreatedAt, m.JoinedAt = timeOfText(created), timeOfText(joined)
		return m, err
	}, query, id.String())
}

// timeOfText reads what text wrote; anything else is zero.
func timeOfText(s string) time.Time {
	t, _ := time.Parse(time.RFC3339, s)
	return t.UTC()
}

// Members implements login.OrganizationStore.
func (s *Store) Members(ctx context.Context, organizationID, by, after string, limit int) (all []login.Member, err error) {
	const query = `
		SELECT u.id, u.name, u.email, m.role, m.created_at
		FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.organization_id = ?1 AND m.user_id > ?3
			AND EXISTS (SELECT 1 FROM memberships WHERE organization_id = ?1 AND user_id = ?2)
		ORDER BY m.user_id LIMIT ?4`
	organization, ok := sqlvalue.ID(organizationID)
	member, ok2 := sqlvalue.ID(by)
	if !ok || !ok2 {
		return nil, login.ErrNotFound
	}
	from := ""
	if id, ok := sqlvalue.ID(after); ok {
		from = id.String()
	}
	all, err = listOf(ctx, s, "listing members", func(row scanner) (m login.Member, err error) {
		var joined string
		err = row.Scan(&m.UserID, &m.Name, &m.Email, &m.Role, &joined)
		m.JoinedAt = timeOfText(joined)
		return m, err
	}, query, organization.String(), member.String(), from, max(limit, 0))
	if err == nil && len(all) == 0 && from == "" {
		err = login.ErrNotFound
	}
	return all, err
}

// roleIn returns the role of a member; ErrNotFound.
func roleIn(ctx context.Context, tx *transaction, organizationID, userID string) (role login.MemberRole, err error) {
	const query = `SELECT role FROM memberships WHERE organization_id = ? AND user_id = ?`
	err = tx.QueryRowContext(ctx, query, organizationID, userID).Scan(&role)
	return role, orOutcome(err, login.ErrNotFound)
}

// ChangeMember implements login.OrganizationStore.
func (s *Store) ChangeMember(ctx context.Context, c login.MembershipChange) (before login.MemberRole, err error) {
	const remove = `DELETE FROM memberships WHERE organization_id = ? AND user_id = ?`
	const change = `UPDATE memberships SET role = ?3 WHERE organization_id = ?1 AND user_id = ?2`
	organization, ok1 := sqlvalue.ID(c.OrganizationID)
	by, ok2 := sqlvalue.ID(c.By)
	member, ok3 := sqlvalue.ID(c.UserID)
	if !ok1 || !ok2 || !ok3 {
		return "", login.ErrNotFound
	}
	err = s.update(ctx, "changing a member", func(ctx context.Context, tx *transaction) error {
		own, err := roleIn(ctx, tx, organization.String(), by.String())
		if err != nil {
			return err
		}
		if before, err = roleIn(ctx, tx, organization.String(), member.String()); err != nil {
			return err
		}
		if !c.Allowed(own, before) {
			return login.ErrForbidden
		}
		if c.Role == "" {
			_, err = tx.ExecContext(ctx, remove, organization.String(), member.String())
		} else {
			_, err = tx.ExecContext(ctx, change, organization.String(), member.String(), string(c.Role))
		}
		if err != nil {
			return orLastOwner(err)
		}
		return revokeUnmanaged(ctx, tx, organization.String(), member.String(), c.Role)
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
	return s.update(ctx, "deleting an organization", func(ctx context.Context, tx *transaction) error {
		role, err := roleIn(ctx, tx, organization.String(), member.String())
		if err != nil {
			return err
		}
		if role != login.RoleOwner {
			return login.ErrForbidden
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM organizations WHERE id = ?`, organization.String())
		return err
	})
}

// DeleteUserAndOrganizations implements login.OrganizationStore.
func (s *Store) DeleteUserAndOrganizations(ctx context.Context, userID string, handOver bool) (left login.Bequest, err error) {
	const heirs = `
		SELECT json_group_array(json_object('OrganizationID', organization_id, 'UserID', user_id, 'Before', role))
		FROM memberships WHERE (organization_id, user_id) IN (
			SELECT own.organization_id, (
				SELECT m.user_id FROM memberships m WHERE m.organization_id = own.organization_id AND m.user_id <> ?1
				ORDER BY m.role <> 'admin', m.created_at, m.user_id LIMIT 1)
			FROM memberships own WHERE own.user_id = ?1 AND own.role = 'owner' AND NOT EXISTS (
				SELECT 1 FROM memberships o WHERE o.organization_id = own.organization_id AND o.user_id <> ?1 AND o.role = 'owner'))`
	const owned = `
		SELECT json_group_array(id) FROM organizations WHERE
			EXISTS (SELECT 1 FROM memberships m WHERE m.organization_id = organizations.id AND m.user_id = ?1 AND m.role = 'owner')
			AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.organization_id = organizations.id AND m.user_id <> ?1 AND m.role = 'owner')`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return left, login.ErrNotFound
	}
	err = s.update(ctx, "deleting a user with organizations", func(ctx context.Context, tx *transaction) error {
		if handOver {
			if err := readList(ctx, tx, &left.Heirs, heirs, id.String()); err != nil {
				return err
			}
			for _, h := range left.Heirs {
				_, err := tx.ExecContext(ctx, `UPDATE memberships SET role = 'owner' WHERE organization_id = ? AND user_id = ?`, h.OrganizationID, h.UserID)
				if err != nil {
					return err
				}
			}
		}
		if err := readList(ctx, tx, &left.Deleted, owned, id.String()); err != nil {
			return err
		}
		for _, organization := range left.Deleted {
			if _, err := tx.ExecContext(ctx, `DELETE FROM organizations WHERE id = ?`, organization); err != nil {
				return err
			}
		}
		return execOne(ctx, tx, login.ErrNotFound, `DELETE FROM users WHERE id = ?1 AND EXISTS (SELECT 1 FROM auth_accounts WHERE user_id = ?1)`, id.String())
	})
	if err != nil {
		return login.Bequest{}, err
	}
	return left, nil
}

// readList reads a JSON array that a statement makes.
func readList(ctx context.Context, tx *transaction, into any, query string, args ...any) error {
	var list string
	if err := tx.QueryRowContext(ctx, query, args...).Scan(&list); err != nil {
		return err
	}
	return json.Unmarshal([]byte(list), into)
}
