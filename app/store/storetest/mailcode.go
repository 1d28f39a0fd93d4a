package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var mailCodeTests = map[string]func(*kit){
	"ComesBack": mailCode, "TakesFiveTries": mailCodeTries, "EndsOnce": mailCodeEndsOnce, "IsReplaced": mailCodeReplaced, "IsSwept": mailCodeSwept,
	"SignsInOnce": signInOnce, "SignInIsVoidAfterAChange": signInVoid, "TakesOverOnce": takesOver, "TakesNoVerifiedAccountOver": takesNoVerifiedOver,
	"SpentSignInConfirmsNothing": spentSignIn, "VerifiesTheMailboxThatWasRead": verifiesMailbox,
}

func (k *kit) mailCode() login.MailCode {
	return login.MailCode{
		Hash: newToken(), Purpose: login.MailCodeSignIn, MailID: uuid.NewString(), Email: "ann@example.org", Device: "d",
		NewAccount: true, ExpiresAt: k.now.Add(login.MailCodeLife),
	}
}

func (k *kit) tryCode(c login.MailCode, want error) {
	k.Helper()
	_, err := k.mail().TryMailCode(k.ctx, c.Hash, c.Purpose, k.now)
	k.is(err, want)
}

func mailCode(k *kit) {
	c := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, c))
	got, err := k.mail().TryMailCode(k.ctx, c.Hash, c.Purpose, k.now)
	k.ok(err)
	c.ExpiresAt = stored(c.ExpiresAt)
	k.equal("code", c, got)
	other := c
	other.Hash = newToken()
	k.tryCode(other, login.ErrTokenUnknown)
	other = c
	other.Purpose = login.MailCodeElevate
	k.tryCode(other, login.ErrTokenUnknown)
	k.later(login.MailCodeLife)
	k.tryCode(c, login.ErrTokenUnknown)
}

func mailCodeTries(k *kit) {
	c := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, c))
	errs := parallel(3*login.MailCodeTries, func(int) error {
		_, err := k.mail().TryMailCode(k.ctx, c.Hash, c.Purpose, k.now)
		return err
	})
	k.equal("tries and refusals", []int{login.MailCodeTries, 2 * login.MailCodeTries}, k.count(errs, nil, login.ErrTokenUnknown))
	for range 2 * login.MailCodeTries { // more than were ever taken
		k.ok(k.mail().RefundMailCodeTry(k.ctx, c.Hash))
	}
	for range login.MailCodeTries {
		k.tryCode(c, nil)
	}
	k.tryCode(c, login.ErrTokenUnknown)
	k.ok(k.mail().RefundMailCodeTry(k.ctx, newToken()))
}

func mailCodeEndsOnce(k *kit) {
	c := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, c))
	errs := parallel(8, func(int) error { return k.mail().EndMailCode(k.ctx, c.Hash) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.tryCode(c, login.ErrTokenUnknown)
}

func mailCodeReplaced(k *kit) {
	c := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, c))
	for range login.MailCodeTries {
		k.tryCode(c, nil)
	}
	k.tryCode(c, login.ErrTokenUnknown)
	c.MailID, c.Email, c.Device, c.NewAccount = uuid.NewString(), "bob@example.org", "", false
	k.ok(k.mail().AddMailCode(k.ctx, c))
	got, err := k.mail().TryMailCode(k.ctx, c.Hash, c.Purpose, k.now)
	k.ok(err)
	c.ExpiresAt = stored(c.ExpiresAt)
	k.equal("code", c, got)
}

func mailCodeSwept(k *kit) {
	old := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, old))
	k.later(login.MailCodeLife + time.Second)
	fresh := k.mailCode()
	k.ok(k.mail().AddMailCode(k.ctx, fresh))
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	k.is(k.mail().EndMailCode(k.ctx, old.Hash), login.ErrTokenUnknown)
	k.tryCode(fresh, nil)
}

// signInOnce: code and link of one mail spend the same token, on two replicas at once.
func signInOnce(k *kit) {
	ua := k.user("ann@example.org")
	t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
	k.is(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, t)), login.ErrTokenUnknown)
	_, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	errs := parallel(8, func(int) error { return k.mail().SpendSignIn(k.ctx, t.Hash, false, k.now) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.equal("account", ua.Account, k.userAccount(ua).Account)
	reset, _ := k.mailToken(ua)
	k.is(k.mail().SpendSignIn(k.ctx, reset.Hash, false, k.now), login.ErrTokenUnknown)
}

func signInVoid(k *kit) {
	disabled, hash := true, "another"
	for _, change := range []login.AccountChange{{Password: &hash}, {Disabled: &disabled}} {
		ua := k.user(uuid.NewString() + "@example.org")
		t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
		k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, change, k.now))
		k.is(k.mail().SpendSignIn(k.ctx, t.Hash, true, k.now), login.ErrTokenUnknown)
	}
	ua := k.user("ann@example.org")
	t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
	k.later(t.ExpiresAt.Sub(k.now))
	k.is(k.mail().SpendSignIn(k.ctx, t.Hash, false, k.now), login.ErrTokenUnknown)
}

func takesOver(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	k.session(ua)
	k.link(ua, "1") // by somebody else, perhaps
	kept := k.link(other, "2")
	t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
	errs := parallel(4, func(int) error { return k.mail().SpendSignIn(k.ctx, t.Hash, true, k.now) })
	k.equal("successes and refusals", []int{1, 3}, k.count(errs, nil, login.ErrTokenUnknown))
	got := k.userAccount(ua)
	k.equal("hash", "", got.Account.Password)
	k.equal("epoch", ua.Account.SessionVersion+1, got.Account.SessionVersion)
	k.equal("verified", stored(k.now), got.Account.EmailVerifiedAt)
	k.equal("live sessions", 0, k.alive(got))
	k.equal("the other's", other.Account, k.userAccount(other).Account)
	k.equal("identities", 0, len(k.linked(ua)))
	k.equal("the other's identities", []login.ProviderIdentity{kept}, k.linked(other))
}

func takesNoVerifiedOver(k *kit) {
	ua := k.user("ann@example.org")
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{EmailVerified: true}, k.now))
	ua = k.userAccount(ua)
	k.session(ua)
	kept := k.link(ua, "1")
	t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
	k.ok(k.mail().SpendSignIn(k.ctx, t.Hash, true, k.now))
	k.equal("identities", []login.ProviderIdentity{kept}, k.linked(ua))
	k.equal("account", ua.Account, k.userAccount(ua).Account)
	k.equal("live sessions", 1, k.alive(ua))
}

func spentSignIn(k *kit) {
	ua := k.user("ann@example.org")
	t := k.linkTo(ua, login.PurposeSignIn, ua.User.Email)
	k.ok(k.mail().SpendSignIn(k.ctx, t.Hash, true, k.now))
	_, _, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
}

func verifiesMailbox(k *kit) {
	ua := k.user("ann@example.org")
	k.is(k.mail().VerifyMailbox(k.ctx, ua.User.ID, "before@example.org", k.now), login.ErrNotFound)
	k.equal("verified", time.Time{}, k.userAccount(ua).Account.EmailVerifiedAt)
	k.ok(k.mail().VerifyMailbox(k.ctx, ua.User.ID, ua.User.Email, k.now))
	first := k.userAccount(ua).Account.EmailVerifiedAt
	k.equal("verified", stored(k.now), first)
	k.later(time.Minute)
	k.ok(k.mail().VerifyMailbox(k.ctx, ua.User.ID, ua.User.Email, k.now))
	k.equal("verified", first, k.userAccount(ua).Account.EmailVerifiedAt)
}
