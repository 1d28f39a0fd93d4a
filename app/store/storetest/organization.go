package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var organizationTests = map[string]func(*kit){
	"ComesBackWithItsMembers": organizationComesBack, "IsSeenByItsMembersOnly": organizationOfOthers, "RolesAreCompared": rolesCompared,
	"KeepsAnOwner": keepsOwner, "KeepsAnOwnerWhenUsersAreDeleted": keepsOwnerOfUsers, "OfOwnersWhoLeaveAtOnceOneStays": ownersLeaveRace,
	"OwnersWhoDemoteEachOtherLeaveOne": ownersDemoteRace, "DeletedUsersAndLeavingOwnersLeaveOne": ownersDeleteRace,
	"TheMostIsExactAtOnce": membershipsRace, "GoesWithItsMembersAndInvitations": organizationGoes, "GoesWithItsLastOwner": organizationGoesWithOwner, "IsHandedOver": organizationHandedOver,
}

func (k *kit) organizations() login.OrganizationStore {
	k.Helper()
	return part[login.OrganizationStore](k)
}

// organization creates one that a user owns.
func (k *kit) organization(owner login.UserAccount) login.Organization {
	k.Helper()
	o := login.Organization{ID: uuid.NewString(), Name: "Example & Söhne", CreatedAt: k.now}
	k.ok(k.organizations().CreateOrganization(k.ctx, o, owner.User.ID))
	o.CreatedAt = stored(o.CreatedAt)
	return o
}

// member adds a user with a role to an organisation, by an invitation.
func (k *kit) member(o login.Organization, owner login.UserAccount, address string, role login.MemberRole) login.UserAccount {
	k.Helper()
	ua := k.user(address)
	i := k.invite(o, owner, address, role)
	_, err := k.invitations().AcceptInvitation(k.ctx, i.Hash, ua.User.ID, k.now)
	k.ok(err)
	return ua
}

func (k *kit) change(o login.Organization, by, member login.UserAccount, role login.MemberRole) error {
	_, err := k.organizations().ChangeMember(k.ctx, login.MembershipChange{OrganizationID: o.ID, By: by.User.ID, UserID: member.User.ID, Role: role})
	return err
}

// roles are those of an organisation's members, by name of the user's mailbox.
func (k *kit) roles(o login.Organization, by login.UserAccount) map[string]login.MemberRole {
	k.Helper()
	members, err := k.organizations().Members(k.ctx, o.ID, by.User.ID, "", 1000)
	k.ok(err)
	roles := map[string]login.MemberRole{}
	for _, m := range members {
		name, _, _ := strings.Cut(m.Email, "@")
		roles[name] = m.Role
	}
	return roles
}

func organizationComesBack(k *kit) {
	ann := k.user("ann@example.org")
	ids, err := k.organizations().OrganizationIDs(k.ctx, ann.User.ID)
	k.ok(err)
	k.equal("ids of none", []string{}, ids)
	first := k.organization(ann)
	k.later(time.Minute)
	second := k.organization(ann)
	joined := k.now
	bob := k.member(second, ann, "bob@example.org", "billing")
	all, err := k.organizations().Memberships(k.ctx, ann.User.ID)
	k.ok(err)
	k.equal("memberships", []login.Membership{
		{Organization: first, Role: login.RoleOwner, JoinedAt: first.CreatedAt}, {Organization: second, Role: login.RoleOwner, JoinedAt: second.CreatedAt},
	}, all)
	ids, err = k.organizations().OrganizationIDs(k.ctx, ann.User.ID)
	k.ok(err)
	want := []string{first.ID, second.ID}
	slices.Sort(want)
	k.equal("ids", want, ids)
	members, err := k.organizations().Members(k.ctx, second.ID, bob.User.ID, "", 10)
	k.ok(err)
	wanted := []login.Member{
		{UserID: ann.User.ID, Name: ann.User.Name, Email: ann.User.Email, Role: login.RoleOwner, JoinedAt: second.CreatedAt},
		{UserID: bob.User.ID, Name: bob.User.Name, Email: bob.User.Email, Role: "billing", JoinedAt: stored(joined)},
	}
	slices.SortFunc(wanted, func(a, b login.Member) int { return strings.Compare(a.UserID, b.UserID) })
	k.equal("members", wanted, members)
	page, err := k.organizations().Members(k.ctx, second.ID, bob.User.ID, members[0].UserID, 10)
	k.ok(err)
	k.equal("the next page", members[1:], page)
	page, err = k.organizations().Members(k.ctx, second.ID, bob.User.ID, members[1].UserID, 10)
	k.ok(err)
	k.equal("after the last", 0, len(page))
	for _, nobody := range []string{"", "no-uuid", uuid.NewString()} {
		ids, err := k.organizations().OrganizationIDs(k.ctx, nobody)
		k.ok(err)
		k.equal("ids of nobody", 0, len(ids))
		k.is(k.organizations().CreateOrganization(k.ctx, login.Organization{ID: uuid.NewString(), Name: "x", CreatedAt: k.now}, nobody), login.ErrNotFound)
	}
	disabled := true
	k.ok(k.store.UpdateAccount(k.ctx, bob.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	k.is(k.organizations().CreateOrganization(k.ctx, login.Organization{ID: uuid.NewString(), Name: "x", CreatedAt: k.now}, bob.User.ID), login.ErrNotFound)
}

func organizationOfOthers(k *kit) {
	ann, eve := k.user("ann@example.org"), k.user("eve@example.org")
	o := k.organization(ann)
	own := k.organization(eve)
	for _, id := range []string{o.ID, "", "no-uuid", uuid.NewString()} {
		_, err := k.organizations().Members(k.ctx, id, eve.User.ID, "", 10)
		k.is(err, login.ErrNotFound)
		_, err = k.organizations().Members(k.ctx, id, eve.User.ID, eve.User.ID, 10)
		if err == nil {
			err = login.ErrNotFound // an empty page tells nothing
		}
		k.is(err, login.ErrNotFound)
		_, err = k.organizations().ChangeMember(k.ctx, login.MembershipChange{OrganizationID: id, By: eve.User.ID, UserID: ann.User.ID})
		k.is(err, login.ErrNotFound)
		_, err = k.organizations().ChangeMember(k.ctx, login.MembershipChange{OrganizationID: id, By: eve.User.ID, UserID: eve.User.ID, Role: login.RoleOwner})
		k.is(err, login.ErrNotFound)
		k.is(k.organizations().DeleteOrganization(k.ctx, id, eve.User.ID), login.ErrNotFound)
	}
	k.is(k.change(own, eve, ann, ""), login.ErrNotFound)
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner}, k.roles(o, ann))
}

func rolesCompared(k *kit) {
	owner := k.user("owner@example.org")
	o := k.organization(owner)
	people := map[login.MemberRole]login.UserAccount{login.RoleOwner: owner}
	for _, role := range []login.MemberRole{login.RoleAdmin, login.RoleMember, "billing"} {
		people[role] = k.member(o, owner, string(role)+"@example.org", role)
	}
	other := map[login.MemberRole]login.UserAccount{}
	for _, role := range []login.MemberRole{login.RoleOwner, login.RoleAdmin, login.RoleMember, "billing"} {
		other[role] = k.member(o, owner, "other-"+string(role)+"@example.org", role)
	}
	allowed := map[string]bool{}
	for _, c := range []string{ // who > whom > what
		"admin>member>member", "admin>member>billing", "admin>billing>member", "admin>billing>billing",
	} {
		allowed[c] = true
	}
	everyone := []login.MemberRole{login.RoleOwner, login.RoleAdmin, login.RoleMember, "billing"}
	for _, by := range everyone {
		for _, whom := range everyone {
			for _, to := range everyone {
				want := error(nil)
				if by != login.RoleOwner && !allowed[fmt.Sprint(by, ">", whom, ">", to)] {
					want = login.ErrForbidden
				}
				if err := k.change(o, people[by], other[whom], to); !errors.Is(err, want) {
					k.Errorf("%s makes %s %s: %v, want %v", by, whom, to, err, want)
				}
				k.ok(k.change(o, owner, other[whom], whom))
			}
		}
	}
	for _, c := range []struct {
		by, whom login.MemberRole
		want     error
	}{
		{login.RoleAdmin, login.RoleOwner, login.ErrForbidden}, {login.RoleAdmin, login.RoleAdmin, login.ErrForbidden}, {login.RoleMember, login.RoleMember, login.ErrForbidden},
		{"billing", login.RoleMember, login.ErrForbidden}, {login.RoleAdmin, login.RoleMember, nil}, {login.RoleOwner, login.RoleAdmin, nil}, {login.RoleOwner, login.RoleOwner, nil},
	} {
		k.is(k.change(o, people[c.by], other[c.whom], ""), c.want)
	}
	// A member may leave, and give up a role, but not take one.
	for _, role := range []login.MemberRole{login.RoleMember, "billing"} {
		k.is(k.change(o, people[role], people[role], login.RoleOwner), login.ErrForbidden)
		k.is(k.change(o, people[role], people[role], "editor"), login.ErrForbidden)
		k.ok(k.change(o, people[role], people[role], ""))
	}
	k.is(k.change(o, people[login.RoleAdmin], people[login.RoleAdmin], login.RoleOwner), login.ErrForbidden)
	k.ok(k.change(o, people[login.RoleAdmin], people[login.RoleAdmin], login.RoleMember))
	k.is(k.organizations().DeleteOrganization(k.ctx, o.ID, people[login.RoleAdmin].User.ID), login.ErrForbidden)
}

func keepsOwner(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	k.is(k.change(o, ann, ann, ""), login.ErrLastOwner)
	bob := k.member(o, ann, "bob@example.org", login.RoleAdmin)
	k.is(k.change(o, ann, ann, ""), login.ErrLastOwner)
	k.is(k.change(o, ann, ann, login.RoleMember), login.ErrLastOwner)
	k.ok(k.change(o, ann, ann, login.RoleOwner))
	k.ok(k.change(o, ann, bob, login.RoleOwner))
	k.ok(k.change(o, ann, ann, ""))
	k.is(k.change(o, bob, bob, ""), login.ErrLastOwner)
	k.equal("members", map[string]login.MemberRole{"bob": login.RoleOwner}, k.roles(o, bob))
}

func keepsOwnerOfUsers(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	bob := k.member(o, ann, "bob@example.org", login.RoleMember)
	for _, version := range []int{-1, ann.Account.SessionVersion} {
		k.is(k.store.DeleteUser(k.ctx, ann.User.ID, version), login.ErrLastOwner)
	}
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner, "bob": login.RoleMember}, k.roles(o, ann))
	k.ok(k.change(o, ann, bob, login.RoleOwner))
	k.ok(k.store.DeleteUser(k.ctx, ann.User.ID, -1))
	k.equal("members", map[string]login.MemberRole{"bob": login.RoleOwner}, k.roles(o, bob))
}

// owners makes an organisation of so many owners.
func (k *kit) owners(round, n int) (login.Organization, []login.UserAccount) {
	k.Helper()
	owners := []login.UserAccount{k.user(fmt.Sprintf("owner%d-0@example.org", round))}
	o := k.organization(owners[0])
	for i := range n - 1 {
		owners = append(owners, k.member(o, owners[0], fmt.Sprintf("owner%d-%d@example.org", round, i+1), login.RoleOwner))
	}
	return o, owners
}

// hasOwner fails unless some of the users is an owner.
func (k *kit) hasOwner(o login.Organization, users []login.UserAccount) {
	k.Helper()
	for _, ua := range users {
		all, err := k.organizations().Memberships(k.ctx, ua.User.ID)
		k.ok(err)
		for _, m := range all {
			if m.Organization.ID == o.ID && m.Role == login.RoleOwner {
				return
			}
		}
	}
	k.Fatal("the organization has no owner")
}

func ownersLeaveRace(k *kit) {
	for round := range 10 {
		o, owners := k.owners(round, 4)
		errs := parallel(4, func(i int) error { return k.change(o, owners[i], owners[i], "") })
		k.equal("left and stayed", []int{3, 1}, k.count(errs, nil, login.ErrLastOwner))
		k.hasOwner(o, owners)
	}
}

func ownersDemoteRace(k *kit) {
	for round := range 10 {
		o, owners := k.owners(round, 2)
		errs := parallel(2, func(i int) error { return k.change(o, owners[i], owners[1-i], login.RoleMember) })
		k.equal("the first wins", []int{1, 1}, k.count(errs, nil, login.ErrForbidden))
		k.hasOwner(o, owners)
	}
}

func ownersDeleteRace(k *kit) {
	for round := range 10 {
		o, owners := k.owners(round, 3)
		errs := parallel(3, func(i int) error {
			switch i {
			case 0:
				return k.store.DeleteUser(k.ctx, owners[0].User.ID, -1)
			case 1:
				return k.change(o, owners[1], owners[1], "")
			default:
				return k.change(o, owners[2], owners[2], login.RoleMember)
			}
		})
		k.equal("gone and refused", []int{2, 1}, k.count(errs, nil, login.ErrLastOwner))
		k.hasOwner(o, owners)
	}
}

func membershipsRace(k *kit) {
	ann := k.user("ann@example.org")
	errs := parallel(login.MaxOrganizations+5, func(int) error {
		return k.organizations().CreateOrganization(k.ctx, login.Organization{ID: uuid.NewString(), Name: "x", CreatedAt: k.now}, ann.User.ID)
	})
	k.equal("made and refused", []int{login.MaxOrganizations, 5}, k.count(errs, nil, login.ErrTooMany))
	ids, err := k.organizations().OrganizationIDs(k.ctx, ann.User.ID)
	k.ok(err)
	k.equal("ids", login.MaxOrganizations, len(ids))
	bob := k.user("bob@example.org")
	i := k.invite(k.organization(bob), bob, "ann@example.org", login.RoleMember)
	_, err = k.invitations().AcceptInvitation(k.ctx, i.Hash, ann.User.ID, k.now)
	k.is(err, login.ErrTooMany)
	// The invitation is not spent.
	k.ok(k.organizations().DeleteOrganization(k.ctx, ids[0], ann.User.ID))
	_, err = k.invitations().AcceptInvitation(k.ctx, i.Hash, ann.User.ID, k.now)
	k.ok(err)
}

func organizationGoes(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	bob := k.member(o, ann, "bob@example.org", login.RoleMember)
	i := k.invite(o, ann, "eve@example.org", login.RoleMember)
	k.ok(k.organizations().DeleteOrganization(k.ctx, o.ID, ann.User.ID))
	for _, ua := range []login.UserAccount{ann, bob} {
		ids, err := k.organizations().OrganizationIDs(k.ctx, ua.User.ID)
		k.ok(err)
		k.equal("ids", 0, len(ids))
	}
	_, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.is(k.organizations().DeleteOrganization(k.ctx, o.ID, ann.User.ID), login.ErrNotFound)
	k.ok(k.store.DeleteUser(k.ctx, ann.User.ID, -1))
}

func organizationGoesWithOwner(k *kit) {
	ann := k.user("ann@example.org")
	alone, shared := k.organization(ann), k.organization(ann)
	bob := k.member(shared, ann, "bob@example.org", login.RoleOwner)
	eve := k.member(alone, ann, "eve@example.org", login.RoleAdmin)
	left, err := k.organizations().DeleteUserAndOrganizations(k.ctx, ann.User.ID, false)
	k.ok(err)
	k.equal("deleted", []string{alone.ID}, left.Deleted)
	k.equal("heirs", 0, len(left.Heirs))
	k.equal("members", map[string]login.MemberRole{"bob": login.RoleOwner}, k.roles(shared, bob))
	ids, err := k.organizations().OrganizationIDs(k.ctx, eve.User.ID)
	k.ok(err)
	k.equal("ids", 0, len(ids))
	for _, nobody := range []string{ann.User.ID, "", uuid.NewString()} {
		_, err := k.organizations().DeleteUserAndOrganizations(k.ctx, nobody, true)
		k.is(err, login.ErrNotFound)
	}
}

func organizationHandedOver(k *kit) {
	ann := k.user("ann@example.org")
	alone, admins, members, shared := k.organization(ann), k.organization(ann), k.organization(ann), k.organization(ann)
	bob := k.member(admins, ann, "bob@example.org", login.RoleMember)
	k.later(time.Minute)
	carl := k.member(admins, ann, "carl@example.org", login.RoleAdmin)
	k.later(time.Minute)
	k.member(admins, ann, "dora@example.org", login.RoleAdmin)
	eve := k.member(members, ann, "eve@example.org", "billing")
	k.later(time.Minute)
	k.member(members, ann, "fred@example.org", login.RoleMember)
	gina := k.member(shared, ann, "gina@example.org", login.RoleOwner)
	k.member(shared, ann, "hans@example.org", login.RoleAdmin)
	left, err := k.organizations().DeleteUserAndOrganizations(k.ctx, ann.User.ID, true)
	k.ok(err)
	k.equal("deleted", []string{alone.ID}, left.Deleted)
	slices.SortFunc(left.Heirs, func(a, b login.Heir) int { return strings.Compare(string(a.Before), string(b.Before)) })
	k.equal("heirs", []login.Heir{
		{OrganizationID: admins.ID, UserID: carl.User.ID, Before: login.RoleAdmin}, {OrganizationID: members.ID, UserID: eve.User.ID, Before: "billing"},
	}, left.Heirs)
	k.equal("with admins", map[string]login.MemberRole{"bob": login.RoleMember, "carl": login.RoleOwner, "dora": login.RoleAdmin}, k.roles(admins, bob))
	k.equal("with members", map[string]login.MemberRole{"eve": login.RoleOwner, "fred": login.RoleMember}, k.roles(members, eve))
	k.equal("with an owner", map[string]login.MemberRole{"gina": login.RoleOwner, "hans": login.RoleAdmin}, k.roles(shared, gina))
	k.is(k.organizations().DeleteOrganization(k.ctx, alone.ID, carl.User.ID), login.ErrNotFound)
}
