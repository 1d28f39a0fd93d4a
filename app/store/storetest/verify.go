package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

// linkTo stores a token for ua that was sent to an address.
func (k *kit) linkTo(ua login.UserAccount, p login.MailPurpose, address string) login.MailToken {
	k.Helper()
	t := k.newMailToken(ua)
	t.Purpose, t.Email, t.ExpiresAt = p, address, k.now.Add(p.Life())
	k.ok(k.mail().AddMailToken(k.ctx, t))
	return t
}

func (k *kit) userAccount(ua login.UserAccount) login.UserAccount {
	k.Helper()
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	return got
}

func resetVerifies(k *kit) {
	for i, address := range []string{email(0), "", "former@example.org"} {
		ua := k.user(email(i))
		t := k.linkTo(ua, login.PurposeResetPassword, address)
		err := k.mail().ResetPassword(k.ctx, k.passwordReset(ua, t))
		switch address {
		case email(0):
			k.ok(err)
			k.equal("verified", stored(k.now), k.userAccount(ua).Account.EmailVerifiedAt)
		case "":
			k.ok(err)
			k.equal("verified", time.Time{}, k.userAccount(ua).Account.EmailVerifiedAt)
		default:
			k.is(err, login.ErrTokenUnknown)
			k.is(k.mail().RenewMailToken(k.ctx, t.Purpose, t.Hash, t.ExpiresAt), login.ErrTokenUnknown)
		}
	}
}

func verifyEmail(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	session := k.session(ua)
	t := k.linkTo(ua, login.PurposeVerifyEmail, ua.User.Email)
	k.is(k.mail().ChangeEmail(k.ctx, login.EmailChange{Token: t.Hash, Now: k.now}), login.ErrTokenUnknown)
	id, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.ok(err)
	k.equal("whose address", ua.User.ID, id)
	k.equal("verified", stored(k.now), k.userAccount(ua).Account.EmailVerifiedAt)
	k.equal("the other's", time.Time{}, k.userAccount(other).Account.EmailVerifiedAt)
	k.rotate(session.Token)
	_, err = k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.remembered(t, true)

	late := k.linkTo(other, login.PurposeVerifyEmail, other.User.Email)
	_, err = k.mail().VerifyEmail(k.ctx, late.Hash, k.now.Add(login.VerifyTokenLife))
	k.is(err, login.ErrTokenUnknown)
	elsewhere := k.linkTo(other, login.PurposeVerifyEmail, "former@example.org")
	_, err = k.mail().VerifyEmail(k.ctx, elsewhere.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.equal("the other's", time.Time{}, k.userAccount(other).Account.EmailVerifiedAt)
}

func verifyRace(k *kit) {
	ua := k.user("ann@example.org")
	t := k.linkTo(ua, login.PurposeVerifyEmail, ua.User.Email)
	errs := parallel(8, func(int) error {
		_, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
		return err
	})
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
}

// emailChange is one with a notice to the address that ua has.
func (k *kit) emailChange(ua login.UserAccount, t login.MailToken) login.EmailChange {
	return login.EmailChange{Token: t.Hash, Now: k.now, Notice: &login.QueuedMail{
		ID: uuid.NewString(), UserID: ua.User.ID, Kind: login.MailEmailChanged, Recipient: ua.User.Email,
		Payload: login.MailPayload{At: stored(k.now), From: "192.0.2.7/32"}, CreatedAt: k.now,
	}}
}

func changeEmail(k *kit) {
	ua := k.user("ann@example.org")
	session := k.session(ua)
	reset := k.linkTo(ua, login.PurposeResetPassword, ua.User.Email)
	t := k.linkTo(ua, login.PurposeChangeEmail, "ann@new.example")
	k.ok(k.mail().RenewMailToken(k.ctx, t.Purpose, t.Hash, t.ExpiresAt))
	read, _, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now)
	k.ok(err)
	k.equal("address", "ann@new.example", read.Email)
	change := k.emailChange(ua, t)
	k.ok(k.mail().ChangeEmail(k.ctx, change))
	got := k.userAccount(ua)
	k.equal("address", "ann@new.example", got.User.Email)
	k.equal("verified", stored(k.now), got.Account.EmailVerifiedAt)
	k.equal("version", ua.Account.SessionVersion, got.Account.SessionVersion)
	k.claim(change.Notice, 1)
	k.claim(nil, 0)
	k.tokenIs(reset, login.ErrTokenUnknown)
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(ua, t)), login.ErrTokenUnknown)
	k.rotate(session.Token)
	k.user("ann@example.org") // the address is free
	k.remembered(t, true)

	t = k.linkTo(got, login.PurposeChangeEmail, "ann@third.example")
	k.ok(k.mail().ChangeEmail(k.ctx, login.EmailChange{Token: t.Hash, Now: k.now}))
	k.remembered(login.MailToken{Hash: change.Token}, false)
	k.claim(nil, 0)
	t = k.linkTo(got, login.PurposeChangeEmail, "ann@fourth.example")
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(got, t)), login.ErrTokenUnknown)
	k.equal("address", "ann@third.example", k.userAccount(ua).User.Email)
}

func changeTaken(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	t := k.linkTo(ua, login.PurposeChangeEmail, other.User.Email)
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(ua, t)), login.ErrEmailTaken)
	k.claim(nil, 0)
	k.equal("account", ua.Account, k.userAccount(ua).Account)
	k.ok(k.store.DeleteUser(k.ctx, other.User.ID, -1))
	k.ok(k.mail().ChangeEmail(k.ctx, k.emailChange(ua, t)))
}

func changeRace(k *kit) {
	ua := k.user("ann@example.org")
	t := k.linkTo(ua, login.PurposeChangeEmail, "ann@new.example")
	errs := parallel(8, func(int) error { return k.mail().ChangeEmail(k.ctx, k.emailChange(ua, t)) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.queued(1)
}

func (k *kit) notice(ua login.UserAccount, kind login.MailKind) login.QueuedMail {
	return login.QueuedMail{ID: uuid.NewString(), UserID: ua.User.ID, Kind: kind, Recipient: ua.User.Email, CreatedAt: k.now}
}

func noticeRate(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	rate := login.NoticeRate{Most: 2, Every: time.Hour}
	queue := func(ua login.UserAccount, kind login.MailKind, want bool) {
		k.Helper()
		got, err := k.mail().QueueNotice(k.ctx, k.notice(ua, kind), rate)
		k.ok(err)
		k.equal("queued", want, got)
	}
	queue(ua, login.MailNewDevice, true)
	k.later(30 * time.Minute)
	queue(ua, login.MailNewDevice, true)
	queue(ua, login.MailNewDevice, false)
	queue(ua, login.MailPasswordChanged, true)
	queue(other, login.MailNewDevice, true)
	k.later(30 * time.Minute)
	queue(ua, login.MailNewDevice, true)
	queue(ua, login.MailNewDevice, true)
	queue(ua, login.MailNewDevice, false)
	k.queued(6)
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, -1))
	queue(ua, login.MailSessionsEnded, false)
	k.queued(1)
}

func noticeRace(k *kit) {
	ua := k.user("ann@example.org")
	rate := login.NoticeRate{Most: 3, Every: time.Hour}
	for _, err := range parallel(12, func(int) error {
		_, err := k.mail().QueueNotice(k.ctx, k.notice(ua, login.MailNewDevice), rate)
		return err
	}) {
		k.ok(err)
	}
	k.queued(3)
}

// remembered reports whether a token is known as spent on an address that is still
// confirmed.
func (k *kit) remembered(t login.MailToken, want bool) {
	k.Helper()
	got, ua, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now.Add(time.Hour))
	if !want {
		k.is(err, login.ErrTokenUnknown)
		return
	}
	k.ok(err)
	k.equal("spent at", stored(k.now), got.SpentAt)
	k.equal("confirmed", true, got.Confirmed(ua))
}

// takeOver: a link to a new account's address sets a password, until the address
// is verified.
func takeOver(k *kit) {
	ua := k.user("ann@example.org")
	theirs := k.session(ua)
	t, other := k.linkTo(ua, login.PurposeVerifyEmail, ua.User.Email), k.newMailToken(ua)
	other.Purpose, other.ExpiresAt = login.PurposeVerifyEmail, k.now.Add(login.VerifyTokenLife)
	k.ok(k.mail().QueueMail(k.ctx, k.notice(ua, login.MailVerifyEmail), &other))
	k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, t)))
	k.equal("verified", stored(k.now), k.userAccount(ua).Account.EmailVerifiedAt)
	k.refused(theirs.Token, login.ErrTokenUnknown)
	k.remembered(t, true)
	k.is(k.mail().ResetPassword(k.ctx, k.passwordReset(k.userAccount(ua), t)), login.ErrTokenUnknown)

	ua = k.user("bob@example.org")
	t = k.linkTo(ua, login.PurposeVerifyEmail, ua.User.Email)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{EmailVerified: true}, k.now))
	k.is(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, t)), login.ErrTokenUnknown)
}

func (k *kit) unopened(email string) login.UserAccount {
	k.Helper()
	ua := k.newUserAccount(email)
	ua.Account.Unopened = true
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	return ua
}

// again is a later sign-up with ua's address.
func (k *kit) again(ua login.UserAccount) login.UserAccount {
	next := k.newUserAccount(ua.User.Email)
	next.User.Name, next.Account.Password, next.Account.Unopened = "Another", "another hash", true
	return next
}

func replaceUnopened(k *kit) {
	ua := k.unopened("ann@example.org")
	t := k.linkTo(ua, login.PurposeVerifyEmail, ua.User.Email)
	stale := k.newSession(ua)
	k.later(time.Hour)
	id, err := k.store.ReplaceUnopened(k.ctx, k.again(ua))
	k.ok(err)
	k.equal("whose account", ua.User.ID, id)
	got := k.userAccount(ua)
	k.equal("name", "Another", got.User.Name)
	k.equal("made at", stored(k.now), got.User.CreatedAt)
	k.equal("hash", "another hash", got.Account.Password)
	k.equal("unopened", true, got.Account.Unopened)
	stale.Opens = true
	k.is(k.store.CreateSession(k.ctx, stale), login.ErrStale) // the password it was for is gone
	k.equal("unopened", true, k.userAccount(ua).Account.Unopened)
	_, err = k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.ok(err)
	_, err = k.store.ReplaceUnopened(k.ctx, k.again(ua))
	k.is(err, login.ErrEmailTaken)
	_, err = k.store.ReplaceUnopened(k.ctx, k.newUserAccount("nobody@example.org"))
	k.is(err, login.ErrEmailTaken)
}

func openedStays(k *kit) {
	yes := true
	for i, open := range []func(ua login.UserAccount){
		func(ua login.UserAccount) {
			n := k.newSession(ua)
			n.Opens = true
			k.ok(k.store.CreateSession(k.ctx, n))
			k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
			k.later(40 * 24 * time.Hour)
			k.sweep(100)
			k.sweep(100)
		},
		func(ua login.UserAccount) { k.session(ua) }, // by a service that knows nothing of it
		func(ua login.UserAccount) {
			k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, k.linkTo(ua, login.PurposeResetPassword, ""))))
		},
		func(ua login.UserAccount) {
			k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &yes}, k.now))
		},
		func(ua login.UserAccount) {
			k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Roles: []string{"user"}}, k.now))
		},
		func(ua login.UserAccount) { k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, -1)); k.user(ua.User.Email) }, // an operator's
	} {
		ua := k.unopened(email(i))
		open(ua)
		_, err := k.store.ReplaceUnopened(k.ctx, k.again(ua))
		k.is(err, login.ErrEmailTaken)
		ids, err := k.store.RemoveUnopened(k.ctx, k.now.Add(time.Hour), 100)
		k.ok(err)
		k.equal("removed", []string(nil), ids)
	}
}

func removeUnopened(k *kit) {
	old := k.unopened("ann@example.org")
	k.later(time.Hour)
	k.unopened("bob@example.org")
	k.user("cid@example.org")
	ids, err := k.store.RemoveUnopened(k.ctx, k.now, 100)
	k.ok(err)
	k.equal("removed", []string{old.User.ID}, ids)
	_, err = k.store.UserAccountByID(k.ctx, old.User.ID)
	k.is(err, login.ErrNotFound)
	k.later(time.Hour)
	ids, err = k.store.RemoveUnopened(k.ctx, k.now, 1)
	k.ok(err)
	k.equal("removed", 1, len(ids))
	_, err = k.store.UserAccountByEmail(k.ctx, "cid@example.org")
	k.ok(err)
}

// openingRace: of a session that opens an account, and of a sign-up that replaces
// it, exactly one comes through.
func openingRace(k *kit) {
	for i := range 10 {
		ua := k.unopened(email(i))
		errs := parallel(2, func(n int) error {
			if n == 0 {
				session := k.newSession(ua)
				session.Opens = true
				return k.store.CreateSession(k.ctx, session)
			}
			_, err := k.store.ReplaceUnopened(k.ctx, k.again(ua))
			return err
		})
		opened, replaced := errs[0] == nil, errs[1] == nil
		k.count(errs, nil, login.ErrStale, login.ErrEmailTaken)
		if opened == replaced {
			k.Fatalf("opened %t, replaced %t", opened, replaced)
		}
		k.equal("unopened", replaced, k.userAccount(ua).Account.Unopened)
	}
}
