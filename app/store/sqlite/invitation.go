package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.InvitationStore = (*Store)(nil)

const invitationColumns = `
	i.id, i.hash, i.email, COALESCE(i.organization_id, ''), COALESCE(o.name, ''), COALESCE(o.created_at, ''), i.role,
	COALESCE(i.invited_by, ''), i.created_at, i.expires_at, (
		SELECT m.role FROM memberships m JOIN auth_accounts a ON a.user_id = m.user_id
		WHERE m.organization_id = i.organization_id AND m.user_id = i.invited_by AND a.disabled_at IS NULL)
	FROM auth_invitations i LEFT JOIN organizations o ON o.id = i.organization_id `

// invitation is a row with the role that its sender has now, which is NULL if the account
// of the sender is disabled.
type invitation struct {
	login.Invitation
	sender sql.NullString
}

// standing is the invitation; ErrTokenUnknown unless its sender could send it now.
func (i invitation) standing() (login.Invitation, error) {
	if i.Organization.ID != "" && (!i.sender.Valid || !login.MemberRole(i.sender.String).MayManage(i.Role)) {
		return login.Invitation{}, login.ErrTokenUnknown
	}
	return i.Invitation, nil
}

func scanInvitation(row scanner) (i invitation, err error) {
	var hash []byte
	var organizationCreated string
	var created, expires sql.NullInt64
	err = row.Scan(&i.ID, &hash, &i.Email, &i.Organization.ID, &i.Organization.Name, &organizationCreated, &i.Role, &i.InvitedBy, &created, &expires, &i.sender)
	copy(i.Hash[:], hash)
	i.CreatedAt, i.ExpiresAt = timeOf(created), timeOf(expires)
	if organizationCreated != "" {
		i.Organization.CreatedAt = timeOfText(organizationCreated)
	}
	return i, err
}

// textOrNull is NULL for a text that is not a UUID.
func textOrNull(s string) sql.NullString {
	id, ok := sqlvalue.ID(s)
	return sql.NullString{String: id.String(), Valid: ok}
}

// revokeUnmanaged removes the invitations of a member that a member with the new role
// could not send. An empty role means a person who is no longer a member: that also
// removes earlier invitations to the address of this person, which would lead back.
func revokeUnmanaged(ctx context.Context, tx *transaction, organizationID, userID string, role login.MemberRole) error {
	const roles = `SELECT json_group_array(DISTINCT role) FROM auth_invitations WHERE organization_id = ? AND invited_by = ?`
	const revoke = `DELETE FROM auth_invitations WHERE organization_id = ? AND invited_by = ? AND role = ?`
	const back = `DELETE FROM auth_invitations WHERE organization_id = ?1 AND email = (SELECT email FROM users WHERE id = ?2)`
	if role == "" {
		if _, err := tx.ExecContext(ctx, back, organizationID, userID); err != nil {
			return err
		}
	}
	var invited []login.MemberRole
	if err := readList(ctx, tx, &invited, roles, organizationID, userID); err != nil {
		return err
	}
	for _, each := range invited {
		if role != "" && role.MayManage(each) {
			continue
		}
		if _, err := tx.ExecContext(ctx, revoke, organizationID, userID, string(each)); err != nil {
			return err
		}
	}
	return nil
}

// AddInvitation implements login.InvitationStore.
func (s *Store) AddInvitation(ctx context.Context, i login.Invitation, m login.QueuedMail) error {
	const put = `
		INSERT INTO auth_invitations (id, hash, email, organization_id, role, invited_by, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (email, COALESCE(organization_id, '')) DO UPDATE SET
			id = excluded.id, hash = excluded.hash, role = excluded.role, invited_by = excluded.invited_by,
			created_at = excluded.created_at, expires_at = excluded.expires_at`
	organization, by := textOrNull(i.Organization.ID), textOrNull(i.InvitedBy)
	return s.update(ctx, "adding an invitation", func(ctx context.Context, tx *transaction) error {
		if organization.Valid {
			if err := mayInvite(ctx, tx, organization.String, by.String, i); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, put, i.ID, i.Hash[:], i.Email, organization, string(i.Role), by, micros(i.CreatedAt), micros(i.ExpiresAt))
		if err != nil {
			return err
		}
		return insertMail(ctx, tx, m)
	})
}

func mayInvite(ctx context.Context, tx *transaction, organizationID, by string, i login.Invitation) error {
	const earlier = `SELECT role FROM auth_invitations WHERE organization_id = ? AND email = ? AND expires_at > ?`
	const count = `SELECT count(*) FROM auth_invitations WHERE organization_id = ? AND email <> ? AND expires_at > ?`
	own, err := roleIn(ctx, tx, organizationID, by)
	if err != nil {
		return err
	}
	var replaced login.MemberRole // empty if there is none, which every admin may replace
	err = tx.QueryRowContext(ctx, earlier, organizationID, i.Email, micros(i.CreatedAt)).Scan(&replaced)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if !own.MayManage(i.Role) || !own.MayManage(replaced) {
		return login.ErrForbidden
	}
	var open int
	err = tx.QueryRowContext(ctx, count, organizationID, i.Email, micros(i.CreatedAt)).Scan(&open)
	if err == nil && open >= login.MaxInvitations {
		err = login.ErrTooMany
	}
	return err
}

// Invitation implements login.InvitationStore.
func (s *Store) Invitation(ctx context.Context, token login.TokenHash, now time.Time) (found login.Invitation, err error) {
	const query = `SELECT ` + invitationColumns + ` WHERE i.hash = ? AND i.expires_at > ?`
	err = s.view(ctx, "reading an invitation", func(ctx context.Context, db *reader) error {
		i, err := scanInvitation(db.QueryRowContext(ctx, query, token[:], micros(now)))
		if err == nil {
			found, err = i.standing()
		}
		return orOutcome(err, login.ErrTokenUnknown)
	})
	return found, err
}

// Invitations implements login.InvitationStore.
func (s *Store) Invitations(ctx context.Context, organizationID, by string, now time.Time) (all []login.Invitation, err error) {
	const query = `SELECT ` + invitationColumns + ` WHERE i.organization_id IS ? AND i.expires_at > ? ORDER BY i.email LIMIT ?`
	const most = 10 * login.MaxInvitations // of an operator's
	organization := textOrNull(organizationID)
	if organizationID != "" {
		if !organization.Valid {
			return nil, login.ErrNotFound
		}
		err := s.update(ctx, "listing invitations", func(ctx context.Context, tx *transaction) error {
			role, err := roleIn(ctx, tx, organization.String, textOrNull(by).String)
			if err == nil && !role.MayManage(login.RoleMember) {
				err = login.ErrForbidden
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return listOf(ctx, s, "listing invitations", func(row scanner) (login.Invitation, error) {
		i, err := scanInvitation(row)
		i.Organization.Name, i.Organization.CreatedAt = "", time.Time{}
		return i.Invitation, err
	}, query, organization, micros(now), most)
}

// RevokeInvitation implements login.InvitationStore.
func (s *Store) RevokeInvitation(ctx context.Context, organizationID, by, id string) error {
	const query = `SELECT role FROM auth_invitations WHERE id = ? AND organization_id = ?`
	organization, key := textOrNull(organizationID), textOrNull(id)
	return s.update(ctx, "revoking an invitation", func(ctx context.Context, tx *transaction) error {
		own, err := roleIn(ctx, tx, organization.String, textOrNull(by).String)
		if err != nil {
			return err
		}
		var role login.MemberRole
		err = tx.QueryRowContext(ctx, query, key, organization).Scan(&role)
		if !own.MayManage(login.RoleMember) || err == nil && !own.MayManage(role) {
			return login.ErrForbidden
		}
		if err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM auth_invitations WHERE id = ?`, key)
		return err
	})
}

// EndSignUpInvitation implements login.InvitationStore.
func (s *Store) EndSignUpInvitation(ctx context.Context, email string) error {
	return s.update(ctx, "ending an invitation", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrNotFound, `DELETE FROM auth_invitations WHERE email = ? AND organization_id IS NULL`, email)
	})
}

// InvitedBy implements login.InvitationStore.
func (s *Store) InvitedBy(ctx context.Context, email string, now time.Time) (by login.Inviter, err error) {
	const query = `SELECT ` + invitationColumns + ` WHERE i.email = ? AND i.expires_at > ?`
	all, err := listOf(ctx, s, "looking for an invitation", scanInvitation, query, email, micros(now))
	for _, i := range all {
		switch _, void := i.standing(); {
		case void != nil:
		case i.Organization.ID == "":
			by = login.InviterOperator
		default:
			by = max(by, login.InviterMember)
		}
	}
	return by, err
}

// AcceptInvitation implements login.InvitationStore.
func (s *Store) AcceptInvitation(ctx context.Context, token login.TokenHash, userID string, now time.Time) (accepted login.Invitation, err error) {
	err = s.update(ctx, "accepting an invitation", func(ctx context.Context, tx *transaction) (err error) {
		accepted, err = accept(ctx, tx, token, textOrNull(userID).String, now)
		return err
	})
	if err != nil {
		return login.Invitation{}, err
	}
	return accepted, nil
}

// accept spends an invitation of the user's address.
func accept(ctx context.Context, tx *transaction, token login.TokenHash, userID string, now time.Time) (login.Invitation, error) {
	const find = `SELECT ` + invitationColumns + ` WHERE i.hash = ? AND i.expires_at > ?`
	const verify = `
		UPDATE auth_accounts SET email_verified_at = COALESCE(email_verified_at, ?3), unopened = 0
		WHERE user_id = ?1 AND disabled_at IS NULL AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND email = ?2)`
	row, err := scanInvitation(tx.QueryRowContext(ctx, find, token[:], micros(now)))
	if err != nil {
		return login.Invitation{}, orOutcome(err, login.ErrTokenUnknown)
	}
	i, err := row.standing()
	if err != nil {
		return i, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM auth_invitations WHERE id = ?`, i.ID); err != nil {
		return i, err
	}
	if err := execOne(ctx, tx, login.ErrStale, verify, userID, i.Email, micros(now)); err != nil || i.Organization.ID == "" {
		return i, err
	}
	has, err := roleIn(ctx, tx, i.Organization.ID, userID)
	if !errors.Is(err, login.ErrNotFound) { // a member keeps the role
		i.Role = has
		return i, err
	}
	return i, join(ctx, tx, i.Organization.ID, userID, i.Role, now)
}

// CreateInvitedUser implements login.InvitationStore.
func (s *Store) CreateInvitedUser(ctx context.Context, ua login.UserAccount, first *login.NewSession, token login.TokenHash, now time.Time) (accepted login.Invitation, removed string, err error) {
	const makeRoom = `
		DELETE FROM users WHERE email = ? AND id IN (
			SELECT a.user_id FROM auth_accounts a WHERE` + unopened + `) RETURNING id`
	err = s.update(ctx, "creating an invited user", func(ctx context.Context, tx *transaction) (err error) {
		err = tx.QueryRowContext(ctx, makeRoom, ua.User.Email).Scan(&removed)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := insertUser(ctx, tx, ua, first); err != nil {
			return err
		}
		accepted, err = accept(ctx, tx, token, ua.User.ID, now)
		if errors.Is(err, login.ErrStale) { // the invitation is for another address
			err = login.ErrTokenUnknown
		}
		return err
	})
	if err != nil {
		return login.Invitation{}, "", err
	}
	return accepted, removed, nil
}

// renewInvitation is RenewMailToken for the token of an invitation.
func (s *Store) renewInvitation(ctx context.Context, token login.TokenHash, expiresAt time.Time) error {
	return s.update(ctx, "renewing an invitation", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrTokenUnknown, `UPDATE auth_invitations SET expires_at = ? WHERE hash = ?`, micros(expiresAt), token[:])
	})
}
