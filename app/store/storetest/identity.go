package storetest

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var identityTests = map[string]func(*kit){
	"ComesBackWithItsOwner": identityComesBack, "IsCreatedWithItsUser": identityCreated, "BelongsToOneAccount": identityOnce, "LinkComparesTheVersion": identityStale,
	"TheLastWayInStays": lastWayIn, "OfTwoParallelRemovalsOneStays": lastWayInRace, "OthersCannotRemoveIt": identityOfOthers, "GoesWithItsUser": identityGoes,
	"ResetOfAnUnverifiedAccountUnlinks": resetUnlinks, "ResetOfAVerifiedAccountDoesNot": resetKeepsLinks, "ReplacingAnUnopenedAccountUnlinks": replacedUnlinks, "ReplacingAnUnopenedAccountIsOneChange": replacedByAnIdentity, "FlowIsSpentOnce": flowOnce, "SpentFlowsAreSwept": flowsSwept,
}

func (k *kit) identities() login.IdentityStore { return part[login.IdentityStore](k) }

func (k *kit) newIdentity(ua login.UserAccount, subject string) login.ProviderIdentity {
	return login.ProviderIdentity{
		ID: uuid.NewString(), UserID: ua.User.ID, Provider: "corp", Issuer: "https://id.example.org", Subject: subject,
		Email: "ann@id.example.org", CreatedAt: k.now, LastUsedAt: k.now,
	}
}

func (k *kit) link(ua login.UserAccount, subject string) login.ProviderIdentity {
	k.Helper()
	i := k.newIdentity(ua, subject)
	k.ok(k.identities().AddIdentity(k.ctx, ua.Account.SessionVersion, i))
	i.CreatedAt, i.LastUsedAt = stored(i.CreatedAt), stored(i.LastUsedAt)
	return i
}

func (k *kit) linked(ua login.UserAccount) []login.ProviderIdentity {
	k.Helper()
	all, err := k.identities().Identities(k.ctx, ua.User.ID)
	k.ok(err)
	return all
}

func identityComesBack(k *kit) {
	ua := k.user("ann@example.org")
	k.equal("identities", 0, len(k.linked(ua)))
	first := k.link(ua, "1")
	k.later(time.Second)
	second := k.link(ua, "2")
	k.equal("identities", []login.ProviderIdentity{first, second}, k.linked(ua))
	got, account, err := k.identities().IdentityUserAccount(k.ctx, first.Issuer, "1")
	k.ok(err)
	k.equal("identity", first, got)
	k.equal("account", k.userAccount(ua), account)

	k.later(time.Hour)
	k.ok(k.identities().UseIdentity(k.ctx, first.ID, "new@id.example.org", k.now))
	got, _, err = k.identities().IdentityUserAccount(k.ctx, first.Issuer, "1")
	k.ok(err)
	first.Email, first.LastUsedAt = "new@id.example.org", stored(k.now)
	k.equal("used identity", first, got)
	k.is(k.identities().UseIdentity(k.ctx, uuid.NewString(), "", k.now), login.ErrNotFound)

	for _, unknown := range [][2]string{{first.Issuer, "3"}, {first.Issuer + "/", "1"}, {"", ""}, {first.Issuer, "1\x00"}, {first.Issuer, "1\xff"}} {
		_, _, err := k.identities().IdentityUserAccount(k.ctx, unknown[0], unknown[1])
		k.is(err, login.ErrNotFound)
	}
}

func identityCreated(k *kit) {
	ua := k.newUserAccount("ann@example.org")
	ua.Account.Password = ""
	n := k.newSession(ua)
	k.ok(k.identities().CreateUserWithIdentity(k.ctx, ua, k.newIdentity(ua, "1"), &n))
	k.rotate(n.Token)
	_, got, err := k.identities().IdentityUserAccount(k.ctx, "https://id.example.org", "1")
	k.ok(err)
	k.equal("password", "", got.Account.Password)

	// One that fails leaves nothing of the user.
	other := k.newUserAccount("bob@example.org")
	k.is(k.identities().CreateUserWithIdentity(k.ctx, other, k.newIdentity(other, "1"), nil), login.ErrCredentialExists)
	_, err = k.store.UserAccountByEmail(k.ctx, "bob@example.org")
	k.is(err, login.ErrNotFound)
	same := k.newUserAccount("ann@example.org")
	k.is(k.identities().CreateUserWithIdentity(k.ctx, same, k.newIdentity(same, "2"), nil), login.ErrEmailTaken)
}

func identityOnce(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	errs := parallel(8, func(i int) error {
		ua := []login.UserAccount{ann, bob}[i%2]
		return k.identities().AddIdentity(k.ctx, ua.Account.SessionVersion, k.newIdentity(ua, "1"))
	})
	k.equal("links and refusals", []int{1, 7}, k.count(errs, nil, login.ErrCredentialExists))
	// The same subject at another issuer is somebody else.
	other := k.newIdentity(bob, "1")
	other.Issuer = "https://other.example.org"
	k.ok(k.identities().AddIdentity(k.ctx, bob.Account.SessionVersion, other))
}

func identityStale(k *kit) {
	ua := k.user("ann@example.org")
	i := k.link(ua, "1")
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.is(k.identities().AddIdentity(k.ctx, ua.Account.SessionVersion, k.newIdentity(ua, "2")), login.ErrStale)
	_, err := k.identities().RemoveIdentity(k.ctx, ua.User.ID, ua.Account.SessionVersion, i.ID)
	k.is(err, login.ErrStale)
	disabled := true
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	k.is(k.identities().AddIdentity(k.ctx, k.userAccount(ua).Account.SessionVersion, k.newIdentity(ua, "2")), login.ErrStale)
	nobody := k.newUserAccount("bob@example.org")
	k.is(k.identities().AddIdentity(k.ctx, 1, k.newIdentity(nobody, "3")), login.ErrStale)
}

// passwordless is a user whose only credentials are identities.
func (k *kit) passwordless(email string, subjects ...string) (ua login.UserAccount, all []login.ProviderIdentity) {
	k.Helper()
	ua = k.newUserAccount(email)
	ua.Account.Password = ""
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	for _, subject := range subjects {
		all = append(all, k.link(ua, subject))
	}
	return ua, all
}

func lastWayIn(k *kit) {
	ua, all := k.passwordless("ann@example.org", "1", "2")
	gone, err := k.identities().RemoveIdentity(k.ctx, ua.User.ID, ua.Account.SessionVersion, all[0].ID)
	k.ok(err)
	k.equal("removed", all[0], gone)
	_, err = k.identities().RemoveIdentity(k.ctx, ua.User.ID, ua.Account.SessionVersion, all[1].ID)
	k.is(err, login.ErrLastWayIn)
	k.equal("left", all[1:], k.linked(ua))
	_, err = k.identities().RemoveIdentity(k.ctx, ua.User.ID, ua.Account.SessionVersion, all[0].ID)
	k.is(err, login.ErrNotFound)

	protected := k.user("bob@example.org") // by a password
	only := k.link(protected, "3")
	_, err = k.identities().RemoveIdentity(k.ctx, protected.User.ID, protected.Account.SessionVersion, only.ID)
	k.ok(err)
}

func lastWayInRace(k *kit) {
	ua, all := k.passwordless("ann@example.org", "1", "2")
	errs := parallel(2, func(i int) error {
		_, err := k.identities().RemoveIdentity(k.ctx, ua.User.ID, ua.Account.SessionVersion, all[i].ID)
		return err
	})
	k.equal("removals and refusals", []int{1, 1}, k.count(errs, nil, login.ErrLastWayIn))
}

func identityOfOthers(k *kit) {
	ann, bob := k.user("ann@example.org"), k.user("bob@example.org")
	i := k.link(ann, "1")
	for _, id := range []string{i.ID, "", "no-uuid", strings.ToUpper(uuid.NewString())} {
		_, err := k.identities().RemoveIdentity(k.ctx, bob.User.ID, bob.Account.SessionVersion, id)
		k.is(err, login.ErrNotFound)
	}
	k.equal("identities", 1, len(k.linked(ann)))
}

func identityGoes(k *kit) {
	ua := k.user("ann@example.org")
	k.link(ua, "1")
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, -1))
	_, _, err := k.identities().IdentityUserAccount(k.ctx, "https://id.example.org", "1")
	k.is(err, login.ErrNotFound)
	k.link(k.user("ann@example.org"), "1")
}

// resetUnlinks: a person who reads the mailbox takes over an account that somebody else
// made with its address, and the other loses every way in.
func resetUnlinks(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	k.link(ua, "1")
	kept := k.link(other, "2")
	reset := k.passwordReset(ua, k.linkTo(ua, login.PurposeResetPassword, ua.User.Email))
	k.ok(k.mail().ResetPassword(k.ctx, reset))
	k.equal("identities", 0, len(k.linked(ua)))
	k.equal("the other's", []login.ProviderIdentity{kept}, k.linked(other))
}

func resetKeepsLinks(k *kit) {
	ua := k.newUserAccount("ann@example.org")
	ua.Account.EmailVerifiedAt = k.now
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	kept := k.link(ua, "1")
	k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, k.linkTo(ua, login.PurposeResetPassword, ua.User.Email))))
	k.equal("identities", []login.ProviderIdentity{kept}, k.linked(ua))
}

func flowOnce(k *kit) {
	flow := newToken()
	errs := parallel(8, func(int) error { return k.identities().SpendFlow(k.ctx, flow, k.now.Add(time.Minute)) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.ok(k.identities().SpendFlow(k.ctx, newToken(), k.now))
}

func flowsSwept(k *kit) {
	old, fresh := newToken(), newToken()
	k.ok(k.identities().SpendFlow(k.ctx, old, k.now))
	k.ok(k.identities().SpendFlow(k.ctx, fresh, k.now.Add(time.Hour)))
	k.later(time.Minute)
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	k.ok(k.identities().SpendFlow(k.ctx, old, k.now))
	k.is(k.identities().SpendFlow(k.ctx, fresh, k.now), login.ErrTokenUnknown)
}

func replacedUnlinks(k *kit) {
	ua := k.unopened("ann@example.org")
	k.link(ua, "1")
	_, err := k.store.ReplaceUnopened(k.ctx, ua)
	k.ok(err)
	k.equal("identities", 0, len(k.linked(ua)))
}

func replacedByAnIdentity(k *kit) {
	ua, taken := k.unopened("ann@example.org"), k.link(k.user("bob@example.org"), "2")
	k.link(ua, "1")
	fresh := k.again(ua)
	fresh.Account.Password, fresh.Account.Unopened, fresh.Account.EmailVerifiedAt = "", false, stored(k.now)
	before := k.userAccount(ua)
	_, err := k.identities().ReplaceUnopenedWithIdentity(k.ctx, fresh, k.newIdentity(login.UserAccount{}, taken.Subject))
	k.is(err, login.ErrCredentialExists)
	k.equal("account after a refusal", before, k.userAccount(ua))
	k.equal("identities after a refusal", 1, len(k.linked(ua)))

	id, err := k.identities().ReplaceUnopenedWithIdentity(k.ctx, fresh, k.newIdentity(login.UserAccount{}, "3"))
	k.ok(err)
	k.equal("whose account", ua.User.ID, id)
	got := k.userAccount(ua)
	k.equal("name", "Another", got.User.Name)
	k.equal("verified at", fresh.Account.EmailVerifiedAt, got.Account.EmailVerifiedAt)
	k.equal("password", "", got.Account.Password)
	k.equal("unopened", false, got.Account.Unopened)
	linked := k.linked(ua)
	if len(linked) != 1 || linked[0].Subject != "3" || linked[0].UserID != ua.User.ID {
		k.Errorf("%+v", linked)
	}
	_, err = k.identities().ReplaceUnopenedWithIdentity(k.ctx, fresh, k.newIdentity(login.UserAccount{}, "4"))
	k.is(err, login.ErrEmailTaken)
	k.equal("identities of an open account", 1, len(k.linked(ua)))
}
