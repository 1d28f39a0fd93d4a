package login

import "context"

// MembershipChange gives a member another role, or removes the member.
type MembershipChange struct {
	OrganizationID string
	By             string     // the id of the user who asks
	UserID         string     // the member; may be By
	Role           MemberRole // empty: the member is removed
}

// Bequest says what became of the organisations whose only owner was deleted.
type Bequest struct {
	Deleted []string // the ids of those that went too
	Heirs   []Heir
}

// Heir is the new owner of an organisation.
type Heir struct {
	OrganizationID, UserID string
	Before                 MemberRole
}

// OrganizationStore keeps organisations and their members. An organisation always has
// an owner, exactly under parallel calls. Methods return ErrUnavailable as those of
// Store do.
type OrganizationStore interface {
	// CreateOrganization adds an organisation whose only member is the owner.
	// ErrTooMany if the user is a member of MaxOrganizations; ErrNotFound if there is no
	// such enabled user.
	CreateOrganization(ctx context.Context, o Organization, ownerID string) error
	// OrganizationIDs lists the ids of a user's organisations, sorted, at most
	// MaxOrganizations.
	OrganizationIDs(ctx context.Context, userID string) ([]string, error)
	// Memberships lists a user's organisations, those joined first first.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
	// Members lists the members of an organisation whose ids follow one, sorted by id.
	// ErrNotFound unless by is a member.
	Members(ctx context.Context, organizationID, by, after string, limit int) ([]Member, error)
	// ChangeMember applies a change and returns the role that the member had. Roles are
	// compared with MayManage at the moment of the change; leaving takes no role.
	// ErrNotFound unless By and UserID are members; ErrForbidden; ErrLastOwner.
	// Invitations that the member has sent for the organisation and may no longer send
	// are revoked, and so are those to the address of a member who goes.
	ChangeMember(ctx context.Context, c MembershipChange) (MemberRole, error)
	// DeleteOrganization removes an organisation with its members and invitations.
	// ErrNotFound unless by is a member; ErrForbidden unless by is an owner.
	DeleteOrganization(ctx context.Context, organizationID, by string) error
	// DeleteUserAndOrganizations is Store.DeleteUser for a user of any version. It also
	// removes the organisations that would have no owner. With handOver it first makes
	// another member owner where there is one: the admin who joined first, or else the
	// member who did.
	DeleteUserAndOrganizations(ctx context.Context, userID string, handOver bool) (Bequest, error)
}

// Allowed reports whether a member with the role own may make this change to a member
// with the role before. Everyone may leave, and give up the role for one that it
// MayManage: an owner for any role, an admin for a lower one, a member for none. A change to another
// member takes a role that MayManage the one before and the one after.
func (c MembershipChange) Allowed(own, before MemberRole) bool {
	if c.By == c.UserID && (c.Role == "" || own.MayManage(c.Role)) {
		return true
	}
	return own.MayManage(before) && (c.Role == "" || own.MayManage(c.Role))
}
