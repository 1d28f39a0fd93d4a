package login

import (
	"regexp"
	"time"
)

// MaxOrganizations is the most organisations that a user can be a member of: their ids
// are in every access token.
const MaxOrganizations = 10

// MaxOrganizationRunes is the maximum length of an organisation's name, in characters.
const MaxOrganizationRunes = 60

// Organization is a row of public.organizations.
type Organization struct {
	ID        string // UUID
	Name      string
	CreatedAt time.Time
}

// MemberRole says what a member may do in an organisation. An application may add
// roles, which have the rights of a member here.
type MemberRole string

// The roles that this service knows.
const (
	RoleOwner  MemberRole = "owner"  // may do everything
	RoleAdmin  MemberRole = "admin"  // may invite, change and remove those who are neither owner nor admin
	RoleMember MemberRole = "member" // may leave
)

// Membership is a row of public.memberships with its organisation.
type Membership struct {
	Organization Organization
	Role         MemberRole
	JoinedAt     time.Time
}

// Member is a member of an organisation as the others see it.
type Member struct {
	UserID   string
	Name     string
	Email    string
	Role     MemberRole
	JoinedAt time.Time
}

var memberRole = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// ParseMemberRole checks the form of a member's role.
func ParseMemberRole(raw string) (MemberRole, error) {
	if !memberRole.MatchString(raw) {
		return "", Invalid("role", "must be owner, admin, member, or a role of the application: a small letter, then up to 31 small letters, digits, _ and -")
	}
	return MemberRole(raw), nil
}

func (r MemberRole) rank() int {
	switch r {
	case RoleOwner:
		return 2
	case RoleAdmin:
		return 1
	}
	return 0
}

// MayManage reports whether a member of this role may invite a person with the other
// role, remove a member who has it, and give or take it. Admins are below owners only:
// otherwise an admin could make more of them, or remove the other admins.
func (r MemberRole) MayManage(other MemberRole) bool {
	return r == RoleOwner || r.rank() > other.rank()
}
