package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var invitationTests = map[string]func(*kit){
	"ComesBackAndIsSpentOnce": invitationOnce, "OfParallelUsesOneSucceeds": invitationRace, "IsForOneAddress": invitationAddress,
	"Expires": invitationExpires, "NewerReplacesOlder": invitationReplaced, "IsRevoked": invitationRevoked, "OnlyByRole": invitationRoles, "OfAnOwnerIsReplacedByOwnersOnly": invitationKept, "OwnersAndAdminsWhoInviteAtOnceLeaveTheOwners": invitationKeptRace,
	"EndsWithItsInviter": invitationInviterGoes, "OfADisabledSenderIsVoid": invitationOfDisabled, "DoesNotLeadARemovedMemberBack": invitationBack, "OfParallelRemovalAndUseTheRemovalHolds": invitationBackRace, "MakesAUserOnce": invitedUser, "ReplacesAnUnopenedAccount": invitedUnopened,
	"OfADisabledAccountIsNotSpent": invitationDisabled, "OfAMemberKeepsTheRole": invitationOfMember, "OnlyToSignUp": signUpInvitation,
	"TheMostIsExact": invitationsMost, "IsSweptOnceExpired": invitationsSwept, "IsRenewedWhileItIsThere": invitationRenewed, "QueuesItsMail": invitationMail,
}

func (k *kit) invitations() login.InvitationStore { return part[login.InvitationStore](k) }

func (k *kit) newInvitation(o login.Organization, by login.UserAccount, address string, role login.MemberRole) login.Invitation {
	return login.Invitation{
		ID: uuid.NewString(), Hash: newToken(), Email: address, Organization: o, Role: role, InvitedBy: by.User.ID,
		CreatedAt: k.now, ExpiresAt: k.now.Add(login.InvitationLife),
	}
}

func (k *kit) addInvitation(i login.Invitation) error {
	return k.invitations().AddInvitation(k.ctx, i, login.QueuedMail{ID: i.ID, Kind: login.MailVerifyEmail, Recipient: i.Email, CreatedAt: i.CreatedAt})
}

// invite adds an invitation.
func (k *kit) invite(o login.Organization, by login.UserAccount, address string, role login.MemberRole) login.Invitation {
	k.Helper()
	i := k.newInvitation(o, by, address, role)
	k.ok(k.addInvitation(i))
	i.CreatedAt, i.ExpiresAt = stored(i.CreatedAt), stored(i.ExpiresAt)
	return i
}

func (k *kit) accept(i login.Invitation, ua login.UserAccount) error {
	_, err := k.invitations().AcceptInvitation(k.ctx, i.Hash, ua.User.ID, k.now)
	return err
}

func invitationOnce(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	i := k.invite(o, ann, "bob@example.org", login.RoleAdmin)
	got, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.ok(err)
	k.equal("invitation", i, got)
	by, err := k.invitations().InvitedBy(k.ctx, "bob@example.org", k.now)
	k.ok(err)
	k.equal("invited by", login.InviterMember, by)
	got, err = k.invitations().AcceptInvitation(k.ctx, i.Hash, bob.User.ID, k.now)
	k.ok(err)
	k.equal("accepted", i, got)
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner, "bob": login.RoleAdmin}, k.roles(o, bob))
	k.equal("verified", stored(k.now), k.userAccount(bob).Account.EmailVerifiedAt)
	k.is(k.accept(i, bob), login.ErrTokenUnknown)
	_, err = k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	_, err = k.invitations().Invitation(k.ctx, newToken(), k.now)
	k.is(err, login.ErrTokenUnknown)
}

func invitationRace(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	for range 5 {
		i := k.invite(o, ann, "bob@example.org", login.RoleMember)
		errs := parallel(8, func(int) error { return k.accept(i, bob) })
		k.equal("used and refused", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	}
	// One is revoked while it is used.
	for range 10 {
		k.ok(k.change(o, ann, bob, ""))
		i := k.invite(o, ann, "bob@example.org", login.RoleMember)
		errs := parallel(2, func(n int) error {
			if n == 0 {
				return k.invitations().RevokeInvitation(k.ctx, o.ID, ann.User.ID, i.ID)
			}
			return k.accept(i, bob)
		})
		if errs[0] == nil {
			k.is(errs[1], login.ErrTokenUnknown)
			k.ok(k.accept(k.invite(o, ann, "bob@example.org", login.RoleMember), bob))
		} else {
			k.is(errs[0], login.ErrNotFound)
			k.ok(errs[1])
		}
	}
}

func invitationAddress(k *kit) {
	ann, eve := k.user("ann@example.org"), k.user("eve@example.org")
	o := k.organization(ann)
	i := k.invite(o, ann, "bob@example.org", login.RoleMember)
	k.is(k.accept(i, eve), login.ErrStale)
	k.is(k.accept(i, ann), login.ErrStale)
	fresh := k.newUserAccount("mallory@example.org")
	_, _, err := k.invitations().CreateInvitedUser(k.ctx, fresh, nil, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	_, err = k.store.UserAccountByEmail(k.ctx, "mallory@example.org")
	k.is(err, login.ErrNotFound)
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner}, k.roles(o, ann))
	k.ok(k.accept(i, k.user("bob@example.org"))) // it is not spent
}

func invitationExpires(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	i := k.invite(o, ann, "bob@example.org", login.RoleMember)
	k.later(login.InvitationLife)
	_, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.is(k.accept(i, bob), login.ErrTokenUnknown)
	fresh := k.newUserAccount("eve@example.org")
	expired := k.invite(o, ann, "eve@example.org", login.RoleMember)
	k.later(login.InvitationLife)
	_, _, err = k.invitations().CreateInvitedUser(k.ctx, fresh, nil, expired.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	by, err := k.invitations().InvitedBy(k.ctx, "eve@example.org", k.now)
	k.ok(err)
	k.equal("invited by", login.InviterNone, by)
	open, err := k.invitations().Invitations(k.ctx, o.ID, ann.User.ID, k.now)
	k.ok(err)
	k.equal("open", 0, len(open))
}

func invitationReplaced(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o, other := k.organization(ann), k.organization(ann)
	first := k.invite(o, ann, "bob@example.org", login.RoleMember)
	elsewhere := k.invite(other, ann, "bob@example.org", login.RoleMember)
	second := k.invite(o, ann, "bob@example.org", login.RoleAdmin)
	k.is(k.accept(first, bob), login.ErrTokenUnknown)
	k.ok(k.accept(second, bob))
	k.ok(k.accept(elsewhere, bob))
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner, "bob": login.RoleAdmin}, k.roles(o, ann))
}

func invitationRevoked(k *kit) {
	ann, bob, eve := k.user("ann@example.org"), k.user("bob@example.org"), k.user("eve@example.org")
	o, others := k.organization(ann), k.organization(eve)
	i := k.invite(o, ann, "bob@example.org", login.RoleMember)
	k.is(k.invitations().RevokeInvitation(k.ctx, o.ID, eve.User.ID, i.ID), login.ErrNotFound)
	k.is(k.invitations().RevokeInvitation(k.ctx, others.ID, eve.User.ID, i.ID), login.ErrNotFound)
	for _, id := range []string{"", "no-uuid", uuid.NewString()} {
		k.is(k.invitations().RevokeInvitation(k.ctx, o.ID, ann.User.ID, id), login.ErrNotFound)
		k.is(k.invitations().RevokeInvitation(k.ctx, id, ann.User.ID, i.ID), login.ErrNotFound)
	}
	k.ok(k.invitations().RevokeInvitation(k.ctx, o.ID, ann.User.ID, i.ID))
	k.is(k.invitations().RevokeInvitation(k.ctx, o.ID, ann.User.ID, i.ID), login.ErrNotFound)
	k.is(k.accept(i, bob), login.ErrTokenUnknown)
}

func invitedUser(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	i := k.invite(o, ann, "bob@example.org", "billing")
	users := make([]login.UserAccount, 4)
	sessions := make([]login.NewSession, 4)
	for n := range users {
		users[n] = k.newUserAccount("bob@example.org")
		sessions[n] = k.newSession(users[n])
	}
	errs := parallel(4, func(n int) error {
		_, _, err := k.invitations().CreateInvitedUser(k.ctx, users[n], &sessions[n], i.Hash, k.now)
		return err
	})
	counts := k.count(errs, nil, login.ErrTokenUnknown, login.ErrEmailTaken)
	k.equal("made", 1, counts[0])
	bob, err := k.store.UserAccountByEmail(k.ctx, "bob@example.org")
	k.ok(err)
	k.equal("verified", stored(k.now), bob.Account.EmailVerifiedAt)
	k.equal("live sessions", 1, k.alive(bob))
	k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner, "bob": "billing"}, k.roles(o, bob))
	// An address that has an account signs in and accepts.
	again := k.invite(o, ann, "bob@example.org", login.RoleMember)
	fresh := k.newUserAccount("bob@example.org")
	_, _, err = k.invitations().CreateInvitedUser(k.ctx, fresh, nil, again.Hash, k.now)
	k.is(err, login.ErrEmailTaken)
	k.ok(k.accept(again, bob))
}

func invitedUnopened(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	squatter := k.unopened("bob@example.org")
	i := k.invite(o, ann, "bob@example.org", login.RoleMember)
	fresh := k.newUserAccount("bob@example.org")
	_, _, err := k.invitations().CreateInvitedUser(k.ctx, fresh, nil, newToken(), k.now)
	k.is(err, login.ErrTokenUnknown)
	_, err = k.store.UserAccountByID(k.ctx, squatter.User.ID)
	k.ok(err) // a wrong token changes nothing
	_, removed, err := k.invitations().CreateInvitedUser(k.ctx, fresh, nil, i.Hash, k.now)
	k.ok(err)
	k.equal("removed", squatter.User.ID, removed)
	bob, err := k.store.UserAccountByEmail(k.ctx, "bob@example.org")
	k.ok(err)
	k.equal("id", fresh.User.ID, bob.User.ID)
	_, err = k.store.UserAccountByID(k.ctx, squatter.User.ID)
	k.is(err, login.ErrNotFound)
}

func invitationDisabled(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	o := k.organization(ann)
	i := k.invite(o, ann, "bob@example.org", login.RoleMember)
	disabled, enabled := true, false
	k.ok(k.store.UpdateAccount(k.ctx, bob.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	k.is(k.accept(i, bob), login.ErrStale)
	k.ok(k.store.UpdateAccount(k.ctx, bob.User.ID, login.AccountChange{Disabled: &enabled}, k.now))
	k.ok(k.accept(i, bob))
}

func invitationOfMember(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	bob := k.member(o, ann, "bob@example.org", login.RoleAdmin)
	for _, role := range []login.MemberRole{login.RoleMember, login.RoleOwner} {
		i := k.invite(o, ann, "bob@example.org", role)
		accepted, err := k.invitations().AcceptInvitation(k.ctx, i.Hash, bob.User.ID, k.now)
		k.ok(err)
		k.equal("role that the answer names", login.RoleAdmin, accepted.Role)
		k.equal("members", map[string]login.MemberRole{"ann": login.RoleOwner, "bob": login.RoleAdmin}, k.roles(o, ann))
		k.is(k.accept(i, bob), login.ErrTokenUnknown)
	}
}

func signUpInvitation(k *kit) {
	i := k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	got, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.ok(err)
	k.equal("invitation", i, got)
	all, err := k.invitations().Invitations(k.ctx, "", "", k.now)
	k.ok(err)
	k.equal("open", []login.Invitation{i}, all)
	by, err := k.invitations().InvitedBy(k.ctx, "bob@example.org", k.now)
	k.ok(err)
	k.equal("invited by", login.InviterOperator, by)
	newer := k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	_, err = k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	bob := k.newUserAccount("bob@example.org")
	_, _, err = k.invitations().CreateInvitedUser(k.ctx, bob, nil, newer.Hash, k.now)
	k.ok(err)
	k.is(k.invitations().EndSignUpInvitation(k.ctx, "bob@example.org"), login.ErrNotFound)
	k.invite(login.Organization{}, login.UserAccount{}, "eve@example.org", "")
	k.ok(k.invitations().EndSignUpInvitation(k.ctx, "eve@example.org"))
	by, err = k.invitations().InvitedBy(k.ctx, "eve@example.org", k.now)
	k.ok(err)
	k.equal("invited by", login.InviterNone, by)
}

func invitationsMost(k *kit) {
	ann := k.user("ann@example.org")
	o := k.organization(ann)
	for n := range login.MaxInvitations - 2 {
		k.invite(o, ann, email(n), login.RoleMember)
	}
	errs := parallel(6, func(n int) error { return k.addInvitation(k.newInvitation(o, ann, email(1000+n), login.RoleMember)) })
	k.equal("added and refused", []int{2, 4}, k.count(errs, nil, login.ErrTooMany))
	k.invite(o, ann, email(0), login.RoleMember) // in the place of the earlier one
	k.later(login.InvitationLife)
	k.invite(o, ann, email(5000), login.RoleMember) // expired ones do not count
}

func invitationsSwept(k *kit) {
	i := k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	sweep := func() {
		_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: time.Hour, Batch: 10})
		k.ok(err)
	}
	sweep()
	k.ok(k.mail().RenewMailToken(k.ctx, login.PurposeInvitation, i.Hash, k.now.Add(login.InvitationLife)))
	k.later(login.InvitationLife + time.Second)
	sweep()
	k.is(k.mail().RenewMailToken(k.ctx, login.PurposeInvitation, i.Hash, k.now), login.ErrTokenUnknown)
}

func invitationRenewed(k *kit) {
	i := k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	k.later(login.InvitationLife - time.Minute)
	k.ok(k.mail().RenewMailToken(k.ctx, login.PurposeInvitation, i.Hash, k.now.Add(login.InvitationLife)))
	k.later(time.Hour)
	_, err := k.invitations().Invitation(k.ctx, i.Hash, k.now)
	k.ok(err)
	k.is(k.mail().RenewMailToken(k.ctx, login.PurposeInvitation, newToken(), k.now), login.ErrTokenUnknown)
}

func invitationMail(k *kit) {
	i := k.invite(login.Organization{}, login.UserAccount{}, "bob@example.org", "")
	m, err := k.mail().ClaimMail(k.ctx, k.now, time.Minute)
	k.ok(err)
	k.equal("mail", []string{i.ID, "bob@example.org", ""}, []string{m.ID, m.Recipient, m.UserID})
	// One that is refused queues none.
	eve := k.user("eve@example.org")
	k.is(k.addInvitation(k.newInvitation(login.Organization{ID: uuid.NewString()}, eve, "ann@example.org", login.RoleMember)), login.ErrNotFound)
	_, err = k.mail().ClaimMail(k.ctx, k.now, time.Minute)
	k.is(err, login.ErrNotFound)
}
