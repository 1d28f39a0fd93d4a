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

// again is a later sign-up with ua's address.
func (k *kit) again(ua login.UserAccount) login.UserAccount {
	next := k.newUserAccount(ua.User.Email)
	next.User.Name, next.Account.Password, next.Account.Unopened = "Another", "another hash", true
	return next
}
