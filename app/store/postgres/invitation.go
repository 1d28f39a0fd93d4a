package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.InvitationStore = (*Store)(nil)

// invitation is a row without the name of its organisation, which is in a table that
// there may not be.
type invitation struct {
	login.Invitation
	organization, by *string
}

const invitationColumns = `i.id, i.hash, i.email, i.organization_id::text, i.role, i.invited_by::text, i.created_at, i.expires_at`

func (i *invitation) scan(row pgx.Row) error {
	var hash []byte
	err := row.Scan(&i.ID, &hash, &i.Email, &i.organization, &i.Role, &i.by, &i.CreatedAt, &i.ExpiresAt)
	if err != nil {
		return err
	}
	copy(i.Hash[:], hash)
	i.CreatedAt, i.ExpiresAt = i.CreatedAt.UTC(), i.ExpiresAt.UTC()
	if i.organization != nil {
		i.Organization.ID = *i.organization
	}
	if i.by != nil {
		i.InvitedBy = *i.by
	}
	return nil
}

// named reads the organisation of an invitation. ErrTokenUnknown unless its sender is
// enabled and could send it now.
func (i *invitation) named(ctx context.Context, tx pgx.Tx) (login.Invitation, error) {
	const query = `
		SELECT o.name, o.created_at, m.role FROM public.organizations o
		JOIN public.memberships m ON m.organization_id = o.id JOIN auth.accounts a ON a.user_id = m.user_id
		WHERE o.id = $1 AND m.user_id = $2 AND a.disabled_at IS NULL`
	if i.organization == nil {
		return i.Invitation, nil
	}
	o, sender := &i.Organization, login.MemberRole("")
	err := tx.QueryRow(ctx, query, i.organization, i.by).Scan(&o.Name, &o.CreatedAt, &sender)
	o.CreatedAt = o.CreatedAt.UTC()
	if err == nil && !sender.MayManage(i.Role) {
		err = login.ErrTokenUnknown
	}
	return i.Invitation, orUnknown(err)
}

// revokeUnmanaged removes the invitations of a member that a member with the new role
// could not send. An empty role means a person who is no longer a member: that also
// removes earlier invitations to the address of this person, which would lead back.
func revokeUnmanaged(ctx context.Context, tx pgx.Tx, organizationID, userID any, role login.MemberRole) error {
	const roles = `SELECT DISTINCT role FROM auth.invitations WHERE organization_id = $1 AND invited_by = $2`
	const revoke = `DELETE FROM auth.invitations WHERE organization_id = $1 AND invited_by = $2 AND role = ANY($3)`
	const back = `DELETE FROM auth.invitations i USING public.users u WHERE i.organization_id = $1 AND u.id = $2 AND i.email = u.email`
	if role == "" {
		if _, err := tx.Exec(ctx, back, organizationID, userID); err != nil {
			return err
		}
	}
	invited, err := collectIn(ctx, tx, pgx.RowTo[string], roles, organizationID, userID)
	if err != nil {
		return err
	}
	var unmanaged []string
	for _, each := range invited {
		if role == "" || !role.MayManage(login.MemberRole(each)) {
			unmanaged = append(unmanaged, each)
		}
	}
	_, err = tx.Exec(ctx, revoke, organizationID, userID, list(unmanaged))
	return err
}

// AddInvitation implements login.InvitationStore.
func (s *Store) AddInvitation(ctx context.Context, i login.Invitation, m login.QueuedMail) error {
	const put = `
		INSERT INTO auth.invitations (id, hash, email, organization_id, role, invited_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (email, COALESCE(organization_id, '00000000-0000-0000-0000-000000000000')) DO UPDATE SET
			id = EXCLUDED.id, hash = EXCLUDED.hash, role = EXCLUDED.role, invited_by = EXCLUDED.invited_by,
			created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at`
	const queue = `
		INSERT INTO auth.outbox (id, kind, recipient, payload, created_at, next_attempt_at)
		VALUES ($1, $2, $3, $4, $5, $5)`
	payload, err := sqlvalue.EncodePayload(m.Payload)
	if err != nil {
		return err
	}
	organization, by := keyOf(i.Organization.ID), keyOf(i.InvitedBy)
	return s.call(ctx, "adding an invitation", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if organization != nil {
				if err := mayInvite(ctx, tx, organization, by, i); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, put, i.ID, i.Hash[:], i.Email, organization, string(i.Role), by, i.CreatedAt, i.ExpiresAt)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, queue, m.ID, string(m.Kind), m.Recipient, payload, m.CreatedAt)
			return err
		})
	})
}

func mayInvite(ctx context.Context, tx pgx.Tx, organization, by any, i login.Invitation) error {
	const earlier = `SELECT role FROM auth.invitations WHERE organization_id = $1 AND email = $2 AND expires_at > $3`
	const count = `SELECT count(*) FROM auth.invitations WHERE organization_id = $1 AND email <> $2 AND expires_at > $3`
	own, err := lockOrganization(ctx, tx, organization, by)
	if err != nil {
		return err
	}
	var replaced login.MemberRole // empty if there is none, which every admin may replace
	err = tx.QueryRow(ctx, earlier, organization, i.Email, i.CreatedAt).Scan(&replaced)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if !own.MayManage(i.Role) || !own.MayManage(replaced) {
		return login.ErrForbidden
	}
	var open int
	err = tx.QueryRow(ctx, count, organization, i.Email, i.CreatedAt).Scan(&open)
	if err == nil && open >= login.MaxInvitations {
		err = login.ErrTooMany
	}
	return err
}

// Invitation implements login.InvitationStore.
func (s *Store) Invitation(ctx context.Context, token login.TokenHash, now time.Time) (found login.Invitation, err error) {
	const query = `SELECT ` + invitationColumns + ` FROM auth.invitations i WHERE i.hash = $1 AND i.expires_at > $2`
	err = s.call(ctx, "reading an invitation", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			var i invitation
			if err := i.scan(tx.QueryRow(ctx, query, token[:], now)); err != nil {
				return orUnknown(err)
			}
			found, err = i.named(ctx, tx)
			return err
		})
	})
	if err != nil {
		return login.Invitation{}, err
	}
	return found, nil
}

// orUnknown is the error of a statement that should have found an invitation.
func orUnknown(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return login.ErrTokenUnknown
	}
	return err
}

// Invitations implements login.InvitationStore.
func (s *Store) Invitations(ctx context.Context, organizationID, by string, now time.Time) (all []login.Invitation, err error) {
	const query = `SELECT ` + invitationColumns + `
		FROM auth.invitations i WHERE i.organization_id IS NOT DISTINCT FROM $1 AND i.expires_at > $2 ORDER BY i.email LIMIT $3`
	const most = 10 * login.MaxInvitations // of an operator's
	organization := keyOf(organizationID)
	if organization == nil && organizationID != "" {
		return nil, login.ErrNotFound
	}
	err = s.call(ctx, "listing invitations", func(ctx context.Context) error {
		all = nil
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if organization != nil {
				role, err := roleIn(ctx, tx, organization, keyOf(by))
				if err != nil {
					return err
				}
				if !role.MayManage(login.RoleMember) {
					return login.ErrForbidden
				}
			}
			list, err := invitationsOf(ctx, tx, query, organization, now, most)
			for _, i := range list {
				all = append(all, i.Invitation)
			}
			return err
		})
	})
	return all, err
}

// RevokeInvitation implements login.InvitationStore.
func (s *Store) RevokeInvitation(ctx context.Context, organizationID, by, id string) error {
	const query = `SELECT role FROM auth.invitations WHERE id = $1 AND organization_id = $2 FOR UPDATE`
	organization, key := keyOf(organizationID), keyOf(id)
	if organization == nil || key == nil {
		return login.ErrNotFound
	}
	return s.call(ctx, "revoking an invitation", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			own, err := roleIn(ctx, tx, organization, keyOf(by))
			if err != nil {
				return err
			}
			var role login.MemberRole
			err = tx.QueryRow(ctx, query, key, organization).Scan(&role)
			switch {
			case !own.MayManage(login.RoleMember), err == nil && !own.MayManage(role):
				return login.ErrForbidden
			case errors.Is(err, pgx.ErrNoRows):
				return login.ErrNotFound
			case err != nil:
				return err
			}
			_, err = tx.Exec(ctx, `DELETE FROM auth.invitations WHERE id = $1`, key)
			return err
		})
	})
}

// EndSignUpInvitation implements login.InvitationStore.
func (s *Store) EndSignUpInvitation(ctx context.Context, email string) error {
	const query = `DELETE FROM auth.invitations WHERE email = $1 AND organization_id IS NULL`
	return s.exec(ctx, "ending an invitation", login.ErrNotFound, query, email)
}

// InvitedBy implements login.InvitationStore.
func (s *Store) InvitedBy(ctx context.Context, email string, now time.Time) (by login.Inviter, err error) {
	const query = `SELECT ` + invitationColumns + `
		FROM auth.invitations i WHERE i.email = $1 AND i.expires_at > $2 ORDER BY i.organization_id IS NOT NULL`
	err = s.call(ctx, "looking for an invitation", func(ctx context.Context) error {
		by = login.InviterNone
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			all, err := invitationsOf(ctx, tx, query, email, now)
			if err != nil {
				return err
			}
			for _, i := range all {
				if i.organization == nil {
					by = login.InviterOperator
					return nil
				}
				if _, err := i.named(ctx, tx); !errors.Is(err, login.ErrTokenUnknown) {
					by = login.InviterMember
					return err
				}
			}
			return nil
		})
	})
	return by, err
}

func invitationsOf(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]invitation, error) {
	return collectIn(ctx, tx, func(r pgx.CollectableRow) (i invitation, err error) {
		err = i.scan(r)
		return i, err
	}, query, args...)
}

// AcceptInvitation implements login.InvitationStore.
func (s *Store) AcceptInvitation(ctx context.Context, token login.TokenHash, userID string, now time.Time) (accepted login.Invitation, err error) {
	user := keyOf(userID)
	if user == nil {
		return login.Invitation{}, login.ErrStale
	}
	err = s.call(ctx, "accepting an invitation", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			accepted, err = accept(ctx, tx, token, user, now)
			return err
		})
	})
	if err != nil {
		return login.Invitation{}, err
	}
	return accepted, nil
}

// accept spends an invitation of the user's address.
func accept(ctx context.Context, tx pgx.Tx, token login.TokenHash, user any, now time.Time) (login.Invitation, error) {
	const spend = `DELETE FROM auth.invitations i WHERE i.hash = $1 AND i.expires_at > $2 RETURNING ` + invitationColumns
	const verify = `
		UPDATE auth.accounts a SET email_verified_at = COALESCE(a.email_verified_at, $3), unopened = false
		FROM public.users u WHERE u.id = a.user_id AND a.user_id = $1 AND u.email = $2 AND a.disabled_at IS NULL`
	var i invitation
	if err := i.scan(tx.QueryRow(ctx, spend, token[:], now)); err != nil {
		return login.Invitation{}, orUnknown(err)
	}
	if err := execIn(ctx, tx, login.ErrStale, verify, user, i.Email, now); err != nil {
		return login.Invitation{}, err
	}
	named, err := i.named(ctx, tx)
	if err != nil || i.organization == nil {
		return named, err
	}
	has, err := roleIn(ctx, tx, *i.organization, user)
	if !errors.Is(err, login.ErrNotFound) { // a member keeps the role
		named.Role = has
		return named, err
	}
	return named, join(ctx, tx, *i.organization, user, i.Role, now)
}

// CreateInvitedUser implements login.InvitationStore.
func (s *Store) CreateInvitedUser(ctx context.Context, ua login.UserAccount, first *login.NewSession, token login.TokenHash, now time.Time) (accepted login.Invitation, removed string, err error) {
	args, err := newUserValues(ua, first)
	if err != nil {
		return login.Invitation{}, "", err
	}
	err = s.call(ctx, "creating an invited user", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			removed = ""
			if err := tx.QueryRow(ctx, removeUnopenedOf, ua.User.Email).Scan(&removed); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
			if _, err := tx.Exec(ctx, createUser, args...); err != nil {
				return orTaken(err)
			}
			accepted, err = accept(ctx, tx, token, ua.User.ID, now)
			if errors.Is(err, login.ErrStale) { // the invitation is for another address
				err = login.ErrTokenUnknown
			}
			return err
		})
	})
	if err != nil {
		return login.Invitation{}, "", err
	}
	return accepted, removed, nil
}

// renewInvitation is RenewMailToken for the token of an invitation.
func (s *Store) renewInvitation(ctx context.Context, token login.TokenHash, expiresAt time.Time) error {
	const query = `UPDATE auth.invitations SET expires_at = $2 WHERE hash = $1`
	return s.exec(ctx, "renewing an invitation", login.ErrTokenUnknown, query, token[:], expiresAt)
}

// keyOf is nil for a text that is not a UUID.
func keyOf(text string) any {
	if id, ok := sqlvalue.ID(text); ok {
		return id
	}
	return nil
}
