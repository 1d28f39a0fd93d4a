package storetest

import (
	"hasura-login/app/login"
	"strings"
)

func invitationRoles(k *kit) {
	owner, eve := k.user("owner@example.org"), k.user("eve@example.org")
	o := k.organization(owner)
	admin := k.member(o, owner, "admin@example.org", login.RoleAdmin)
	member := k.member(o, owner, "member@example.org", login.RoleMember)
	for n, c := range []struct {
		by   login.UserAccount
		role login.MemberRole
		want error
	}{
		{owner, login.RoleOwner, nil}, {owner, login.RoleMember, nil}, {admin, login.RoleMember, nil}, {admin, "billing", nil},
		{admin, login.RoleAdmin, login.ErrForbidden}, {admin, login.RoleOwner, login.ErrForbidden},
		{member, login.RoleMember, login.ErrForbidden}, {eve, login.RoleMember, login.ErrNotFound}, {login.UserAccount{}, login.RoleMember, login.ErrNotFound},
	} {
		k.is(k.addInvitation(k.newInvitation(o, c.by, email(n), c.role)), c.want)
	}
	o = k.organization(owner)
	admin, member = k.member(o, owner, "admin2@example.org", login.RoleAdmin), k.member(o, owner, "member2@example.org", login.RoleMember)
	i := k.invite(o, owner, "bob@example.org", login.RoleAdmin)
	k.is(k.invitations().RevokeInvitation(k.ctx, o.ID, admin.User.ID, i.ID), login.ErrForbidden)
	k.is(k.invitations().RevokeInvitation(k.ctx, o.ID, member.User.ID, i.ID), login.ErrForbidden)
	for _, c := range []struct {
		by   login.UserAccount
		want error
	}{{owner, nil}, {admin, nil}, {member, login.ErrForbidden}, {eve, login.ErrNotFound}} {
		_, err := k.invitations().Invitations(k.ctx, o.ID, c.by.User.ID, k.now)
		k.is(err, c.want)
	}
	open, err := k.invitations().Invitations(k.ctx, o.ID, admin.User.ID, k.now)
	k.ok(err)
	i.Organization = login.Organization{ID: o.ID}
	k.equal("open", []login.Invitation{i}, open)
}

// invitationKept: replacing an invitation takes the role that revoking it takes.
func invitationKept(k *kit) {
	owner := k.user("owner@example.org")
	o := k.organization(owner)
	admin := k.member(o, owner, "admin@example.org", login.RoleAdmin)
	for n, role := range []login.MemberRole{login.RoleOwner, login.RoleAdmin} {
		i := k.invite(o, owner, email(n), role)
		k.is(k.addInvitation(k.newInvitation(o, admin, email(n), login.RoleMember)), login.ErrForbidden)
		got, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
		k.ok(err)
		k.equal("invitation", i, got)
		k.ok(k.addInvitation(k.newInvitation(o, owner, email(n), login.RoleMember)))
		k.ok(k.addInvitation(k.newInvitation(o, admin, email(n), login.RoleMember)))
	}
	k.invite(o, owner, "expired@example.org", login.RoleOwner)
	k.later(login.InvitationLife)
	k.ok(k.addInvitation(k.newInvitation(o, admin, "expired@example.org", login.RoleMember)))
}

func invitationKeptRace(k *kit) {
	owner := k.user("owner@example.org")
	o := k.organization(owner)
	admin := k.member(o, owner, "admin@example.org", login.RoleAdmin)
	for n := range 10 {
		byOwner := k.newInvitation(o, owner, email(n), login.RoleOwner)
		errs := parallel(2, func(each int) error {
			if each == 0 {
				return k.addInvitation(byOwner)
			}
			return k.addInvitation(k.newInvitation(o, admin, email(n), login.RoleMember))
		})
		k.ok(errs[0])
		if errs[1] != nil {
			k.is(errs[1], login.ErrForbidden)
		}
		_, err := k.invitations().Invitation(k.ctx, byOwner.Hash, k.now)
		k.ok(err)
	}
}

// invitationInviterGoes: invitations that their inviter could no longer send are void.
func invitationInviterGoes(k *kit) {
	owner := k.user("owner@example.org")
	o := k.organization(owner)
	bob := k.user("bob@example.org")
	for name, c := range map[string]struct {
		invited login.MemberRole
		act     func(admin login.UserAccount)
		want    error
	}{
		"removed":    {login.RoleMember, func(a login.UserAccount) { k.ok(k.change(o, owner, a, "")) }, login.ErrTokenUnknown},
		"left":       {login.RoleMember, func(a login.UserAccount) { k.ok(k.change(o, a, a, "")) }, login.ErrTokenUnknown},
		"demoted":    {login.RoleMember, func(a login.UserAccount) { k.ok(k.change(o, owner, a, login.RoleMember)) }, login.ErrTokenUnknown},
		"deleted":    {login.RoleMember, func(a login.UserAccount) { k.ok(k.store.DeleteUser(k.ctx, a.User.ID, -1)) }, login.ErrTokenUnknown},
		"made owner": {login.RoleMember, func(a login.UserAccount) { k.ok(k.change(o, owner, a, login.RoleOwner)) }, nil},
	} {
		admin := k.member(o, owner, "admin-"+strings.ReplaceAll(name, " ", "-")+"@example.org", login.RoleAdmin)
		i := k.invite(o, admin, "bob@example.org", c.invited)
		c.act(admin)
		k.is(k.accept(i, bob), c.want)
	}
	second := k.member(o, owner, "second@example.org", login.RoleOwner)
	asOwner, asMember := k.invite(o, second, "x@example.org", login.RoleOwner), k.invite(o, second, "y@example.org", login.RoleMember)
	k.ok(k.change(o, owner, second, login.RoleAdmin))
	_, err := k.invitations().Invitation(k.ctx, asOwner.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	_, err = k.invitations().Invitation(k.ctx, asMember.Hash, k.now)
	k.ok(err)
}

// void fails unless the invitation leads nowhere.
func (k *kit) void(i login.Invitation, invited login.UserAccount) {
	k.Helper()
	_, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.is(k.accept(i, invited), login.ErrTokenUnknown)
	by, err := k.invitations().InvitedBy(k.ctx, i.Email, k.now)
	k.ok(err)
	k.equal("invited by", login.InviterNone, by)
}

// invitationOfDisabled: a hijacker has invited accomplices before operators close the account.
func invitationOfDisabled(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	toBob, toNew := k.invite(o, ann, "bob@example.org", login.RoleOwner), k.invite(o, ann, "new@example.org", login.RoleMember)
	disabled, enabled := true, false
	k.ok(k.store.UpdateAccount(k.ctx, ann.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	k.void(toBob, bob)
	_, _, err := k.invitations().CreateInvitedUser(k.ctx, k.newUserAccount("new@example.org"), nil, toNew.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	_, err = k.store.UserAccountByEmail(k.ctx, "new@example.org")
	k.is(err, login.ErrNotFound)
	// An operator's invitation to sign up has no such sender.
	k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	by, err := k.invitations().InvitedBy(k.ctx, "bob@example.org", k.now)
	k.ok(err)
	k.equal("invited by", login.InviterOperator, by)
	k.ok(k.store.UpdateAccount(k.ctx, ann.User.ID, login.AccountChange{Disabled: &enabled}, k.now))
	k.ok(k.accept(toBob, bob))
}

// invitationBack: a member who was invited once more and removed then has to be invited again.
func invitationBack(k *kit) {
	owner, second := k.user("owner@example.org"), k.user("second@example.org")
	o, other := k.organization(owner), k.organization(owner)
	k.ok(k.accept(k.invite(o, owner, "second@example.org", login.RoleOwner), second))
	bob := k.member(o, owner, "bob@example.org", login.RoleMember)
	back := k.invite(o, second, "bob@example.org", login.RoleAdmin)
	k.ok(k.change(o, owner, bob, login.RoleAdmin)) // not by a change of role
	_, err := k.invitations().Invitation(k.ctx, back.Hash, k.now)
	k.ok(err)
	k.ok(k.change(o, owner, bob, ""))
	k.void(back, bob)
	elsewhere, toEve := k.invite(other, owner, "bob@example.org", login.RoleMember), k.invite(o, owner, "eve@example.org", login.RoleMember)
	k.ok(k.accept(k.invite(o, owner, "bob@example.org", login.RoleMember), bob))
	k.ok(k.change(o, owner, bob, ""))
	k.ok(k.accept(elsewhere, bob))
	k.ok(k.accept(toEve, k.user("eve@example.org")))
}

func invitationBackRace(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	for range 10 {
		k.ok(k.accept(k.invite(o, ann, "bob@example.org", login.RoleMember), bob))
		i := k.invite(o, ann, "bob@example.org", login.RoleMember)
		errs := parallel(2, func(n int) error {
			if n == 0 {
				return k.change(o, ann, bob, "")
			}
			return k.accept(i, bob)
		})
		k.ok(errs[0])
		if errs[1] != nil {
			k.is(errs[1], login.ErrTokenUnknown)
		}
		k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner}, k.roles(o, ann))
	}
}
