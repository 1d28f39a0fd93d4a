package login

import (
	"context"
	"errors"
	"strings"
)

// claimOrganizations is a Postgres array of the ids of the user's organisations: {},
// {a}, {a,b}.
const claimOrganizations = "x-hasura-org-ids"

// OrganizationClaims puts the ids of a user's organisations into tokens.
type OrganizationClaims struct{ Store OrganizationStore }

// Claims implements ClaimSource.
func (c OrganizationClaims) Claims(ctx context.Context, ua UserAccount) (map[string]string, error) {
	ids, err := c.Store.OrganizationIDs(ctx, ua.User.ID)
	if err != nil {
		return nil, err
	}
	return map[string]string{claimOrganizations: "{" + strings.Join(ids, ",") + "}"}, nil
}

// authorizeMember finds the caller's live session, if the service keeps organisations.
func (s *Service) authorizeMember(ctx context.Context, id Identity) (Session, UserAccount, error) {
	if s.Organizations == nil {
		return Session{}, UserAccount{}, errOrganizationsDisabled()
	}
	return s.authorize(ctx, id)
}

// CreateOrganization makes an organisation whose only member is the caller, its owner.
func (s *Service) CreateOrganization(ctx context.Context, id Identity, name string, c Client) (Membership, error) {
	const op = OpCreateOrganization
	session, ua, err := s.authorizeMember(ctx, id)
	if err != nil {
		return Membership{}, err
	}
	if name, err = normalizeName(name, MaxOrganizationRunes); err != nil {
		return Membership{}, err
	}
	o := Organization{Name: name, CreatedAt: s.Now().UTC()}
	if o.ID, err = newID(s.Random); err != nil {
		return Membership{}, err
	}
	if err := s.Organizations.CreateOrganization(ctx, o, ua.User.ID); err != nil {
		return Membership{}, s.organizationRefused(ctx, op, id, c, err)
	}
	s.recordOrganization(ctx, EventOrganizationCreated, op, session, o.ID, "", c)
	return Membership{Organization: o, Role: RoleOwner, JoinedAt: o.CreatedAt}, nil
}

// ListOrganizations lists the caller's organisations, those joined first first.
func (s *Service) ListOrganizations(ctx context.Context, id Identity) ([]Membership, error) {
	if _, _, err := s.authorizeMember(ctx, id); err != nil {
		return nil, err
	}
	return s.Organizations.Memberships(ctx, id.UserID)
}

// MembersPage is the most members that one call lists.
const MembersPage = 100

// ListMembers lists members of one of the caller's organisations, sorted by id, from the
// one after the id given. Addresses are only for those who manage members.
func (s *Service) ListMembers(ctx context.Context, id Identity, organizationID, after string, c Client) ([]Member, error) {
	const op = OpOrganizationMembers
	if _, _, err := s.authorizeMember(ctx, id); err != nil {
		return nil, err
	}
	if after != "" && !isUUID(after) {
		return nil, Invalid("after", "must be the id of a user")
	}
	own, err := s.membershipOf(ctx, id, organizationID)
	if err != nil {
		return nil, s.organizationRefused(ctx, op, id, c, err)
	}
	members, err := s.Organizations.Members(ctx, organizationID, id.UserID, after, MembersPage)
	if err != nil {
		return nil, s.organizationRefused(ctx, op, id, c, err)
	}
	for i := range members {
		if !own.Role.MayManage(RoleMember) && members[i].UserID != id.UserID {
			members[i].Email = ""
		}
	}
	return members, nil
}

// membershipOf is the caller's in one organisation; ErrNotFound.
func (s *Service) membershipOf(ctx context.Context, id Identity, organizationID string) (Membership, error) {
	all, err := s.Organizations.Memberships(ctx, id.UserID)
	if err != nil {
		return Membership{}, err
	}
	for _, m := range all {
		if strings.EqualFold(m.Organization.ID, organizationID) {
			return m, nil
		}
	}
	return Membership{}, ErrNotFound
}

// ChangeMemberRole gives a member of an organisation another role.
func (s *Service) ChangeMemberRole(ctx context.Context, id Identity, organizationID, userID, role string, c Client) error {
	parsed, err := ParseMemberRole(role)
	if err != nil {
		return err
	}
	return s.changeMember(ctx, OpChangeMemberRole, EventMemberRoleChanged, id, MembershipChange{OrganizationID: organizationID, UserID: userID, Role: parsed}, c)
}

// RemoveMember removes a member from an organisation.
func (s *Service) RemoveMember(ctx context.Context, id Identity, organizationID, userID string, c Client) error {
	return s.changeMember(ctx, OpRemoveMember, EventMemberRemoved, id, MembershipChange{OrganizationID: organizationID, UserID: userID}, c)
}

// LeaveOrganization ends the caller's membership.
func (s *Service) LeaveOrganization(ctx context.Context, id Identity, organizationID string, c Client) error {
	return s.changeMember(ctx, OpLeaveOrganization, EventOrganizationLeft, id, MembershipChange{OrganizationID: organizationID, UserID: id.UserID}, c)
}

func (s *Service) changeMember(ctx context.Context, op Operation, event EventName, id Identity, change MembershipChange, c Client) error {
	session, _, err := s.authorizeMember(ctx, id)
	if err != nil {
		return err
	}
	if !isUUID(change.OrganizationID) || !isUUID(change.UserID) {
		return s.organizationRefused(ctx, op, id, c, ErrNotFound)
	}
	change.By = id.UserID
	before, err := s.Organizations.ChangeMember(ctx, change)
	if err != nil {
		return s.organizationRefused(ctx, op, id, c, err)
	}
	e := organizationEvent(event, op, session, change.OrganizationID, change.UserID, c)
	e.Role, e.RoleBefore = change.Role, before
	s.Audit.Record(ctx, e)
	return nil
}

// DeleteOrganization removes an organisation and everything in the database that
// belongs to it, so it takes a recent proof of who the owner is.
func (s *Service) DeleteOrganization(ctx context.Context, id Identity, organizationID string, c Client) error {
	const op = OpDeleteOrganization
	if s.Organizations == nil {
		return errOrganizationsDisabled()
	}
	session, _, err := s.authorizeFreshly(ctx, op, id, c)
	if err != nil {
		return err
	}
	if !isUUID(organizationID) {
		return s.organizationRefused(ctx, op, id, c, ErrNotFound)
	}
	if err := s.Organizations.DeleteOrganization(ctx, organizationID, id.UserID); err != nil {
		return s.organizationRefused(ctx, op, id, c, err)
	}
	s.recordOrganization(ctx, EventOrganizationDeleted, op, session, organizationID, "", c)
	return nil
}

// organizationRefused turns the errors of an OrganizationStore into answers. A
// non-member gets the same answer as for an organisation that does not exist.
func (s *Service) organizationRefused(ctx context.Context, op Operation, id Identity, c Client, err error) error {
	var answer *Error
	switch {
	case errors.Is(err, ErrNotFound):
		answer = Errorf(CodeNotFound, "No such organization, member or invitation")
	case errors.Is(err, ErrForbidden):
		answer = Errorf(CodeForbidden, "Your role in the organization does not allow this")
	case errors.Is(err, ErrLastOwner):
		answer = errLastOwner()
	case errors.Is(err, ErrTooMany):
		answer = Errorf(CodeOrganizationLimit, "A user can be a member of %d organizations, and an organization can have %d open invitations", MaxOrganizations, MaxInvitations)
	default:
		return err
	}
	return s.refused(ctx, op, id.UserID, c, answer)
}

// recordOrganization records what the caller did in an organisation, and to whom.
func (s *Service) recordOrganization(ctx context.Context, name EventName, op Operation, session Session, organizationID, member string, c Client) {
	s.Audit.Record(ctx, organizationEvent(name, op, session, organizationID, member, c))
}

func organizationEvent(name EventName, op Operation, session Session, organizationID, member string, c Client) Event {
	e := Event{
		Name: name, Operation: op, UserID: session.UserID, SessionID: session.ID, Organization: strings.ToLower(organizationID),
		ClientPrefix: c.Prefix(), Actor: ActorUser,
	}
	if member = strings.ToLower(member); member != session.UserID {
		e.Member = member
	}
	return e
}

func errOrganizationsDisabled() *Error {
	return Errorf(CodeOrganizationsDisabled, "This service keeps no organizations")
}

func errLastOwner() *Error {
	return Errorf(CodeLastOwner, "An organization needs an owner: make another member owner first, or delete the organization")
}
