package login

import (
	"context"
	"time"
)

const (
	// InvitationLife is how long an invitation works, and the link to set a password that
	// operators mail. It is counted from the last attempt to send the mail.
	InvitationLife = 7 * 24 * time.Hour
	// MaxInvitations is the most invitations of an organisation that can be open at once.
	MaxInvitations = 100
)

// Invitation is a row of auth.invitations: it lets the reader of a mailbox sign up, or
// become a member of an organisation.
type Invitation struct {
	ID           string    // UUID; also that of its mail, from which the token is derived
	Hash         TokenHash // of the token in the mail
	MadeWith     string    // see MailSecret.Only; only the mail keeps it
	Email        string
	Organization Organization // zero: only to sign up
	Role         MemberRole   // in the organisation
	InvitedBy    string       // a user's id; empty: an operator
	CreatedAt    time.Time
	ExpiresAt    time.Time
}

// inviter says who has sent the invitation.
func (i Invitation) inviter() Inviter {
	if i.Organization.ID == "" {
		return InviterOperator
	}
	return InviterMember
}

// InvitationStore keeps invitations. An expired one counts as unknown, and so does one of
// a member whose account is disabled or whose role no longer MayManage the invitation's,
// except in the list of an organisation. Methods return ErrUnavailable as those of Store do.
type InvitationStore interface {
	// AddInvitation stores an invitation and queues its mail. It replaces an earlier one
	// of the address to the same organisation, or to sign up. If it is of a member:
	// ErrNotFound unless InvitedBy is a member, ErrForbidden unless that role
	// MayManage the invitation's and that of an open one it replaces, and ErrTooMany
	// if the organisation has MaxInvitations.
	AddInvitation(ctx context.Context, i Invitation, m QueuedMail) error
	// Invitation returns the one with this token; ErrTokenUnknown.
	Invitation(ctx context.Context, token TokenHash, now time.Time) (Invitation, error)
	// Invitations lists the open ones of an organisation, by address. ErrNotFound unless
	// by is a member; ErrForbidden unless that role MayManage a member. An empty
	// organizationID lists those that are only to sign up, for operators.
	Invitations(ctx context.Context, organizationID, by string, now time.Time) ([]Invitation, error)
	// RevokeInvitation removes one of an organisation. ErrNotFound; ErrForbidden as of
	// AddInvitation.
	RevokeInvitation(ctx context.Context, organizationID, by, id string) error
	// EndSignUpInvitation removes the invitation of an address that is only to sign up;
	// ErrNotFound.
	EndSignUpInvitation(ctx context.Context, email string) error
	// InvitedBy says who has sent an open invitation to an address.
	InvitedBy(ctx context.Context, email string, now time.Time) (Inviter, error)
	// AcceptInvitation spends an invitation: the user becomes a member, and the address
	// is verified. A member keeps the role, and the invitation that is returned has the
	// role that the user has now. ErrTokenUnknown; ErrStale if the address is
	// not the user's, or the account is disabled; ErrTooMany as of CreateOrganization.
	// Of parallel calls with one token exactly one succeeds.
	AcceptInvitation(ctx context.Context, token TokenHash, userID string, now time.Time) (Invitation, error)
	// CreateInvitedUser adds a user as Store.CreateUser does and spends an invitation of
	// the address, as AcceptInvitation does. It replaces an account that
	// Store.ReplaceUnopened would replace, and returns its id. ErrEmailTaken;
	// ErrTokenUnknown.
	CreateInvitedUser(ctx context.Context, ua UserAccount, first *NewSession, token TokenHash, now time.Time) (accepted Invitation, unopened string, err error)
}
