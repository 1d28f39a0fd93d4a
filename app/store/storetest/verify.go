package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

// linkTo stores a token for h that was sent to an address.
func (k *kit) linkTo(h login.Holder, p login.MailPurpose, address string) login.MailToken {
	k.Helper()
	t := k.newMailToken(h)
	t.Purpose, t.Email, t.ExpiresAt = p, address, k.now.Add(p.Life())
	k.ok(k.mail().AddMailToken(k.ctx, t))
	return t
}

func (k *kit) holder(h login.Holder) login.Holder {
	k.Helper()
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	return got
}

func resetVerifies(k *kit) {
	for i, address := range []string{email(0), "", "former@example.org"} {
		h := k.user(email(i))
		t := k.linkTo(h, login.PurposeResetPassword, address)
		err := k.mail().ResetPassword(k.ctx, k.passwordReset(h, t))
		switch address {
		case email(0):
			k.ok(err)
			k.equal("verified", stored(k.now), k.holder(h).Account.EmailVerifiedAt)
		case "":
			k.ok(err)
			k.equal("verified", time.Time{}, k.holder(h).Account.EmailVerifiedAt)
		default:
			k.is(err, login.ErrTokenUnknown)
			k.is(k.mail().RenewMailToken(k.ctx, t.Purpose, t.Hash, t.ExpiresAt), login.ErrTokenUnknown)
		}
	}
}

func verifyEmail(k *kit) {
	h, other := k.user("ann@example.org"), k.user("bob@example.org")
	session := k.session(h)
	t := k.linkTo(h, login.PurposeVerifyEmail, h.User.Email)
	k.is(k.mail().ChangeEmail(k.ctx, login.EmailChange{Token: t.Hash, Now: k.now}), login.ErrTokenUnknown)
	id, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.ok(err)
	k.equal("whose address", h.User.ID, id)
	k.equal("verified", stored(k.now), k.holder(h).Account.EmailVerifiedAt)
	k.equal("the other's", time.Time{}, k.holder(other).Account.EmailVerifiedAt)
	k.rotate(session.Token)
	_, err = k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)

	late := k.linkTo(other, login.PurposeVerifyEmail, other.User.Email)
	_, err = k.mail().VerifyEmail(k.ctx, late.Hash, k.now.Add(login.VerifyTokenLife))
	k.is(err, login.ErrTokenUnknown)
	elsewhere := k.linkTo(other, login.PurposeVerifyEmail, "former@example.org")
	_, err = k.mail().VerifyEmail(k.ctx, elsewhere.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.equal("the other's", time.Time{}, k.holder(other).Account.EmailVerifiedAt)
}

func verifyRace(k *kit) {
	h := k.user("ann@example.org")
	t := k.linkTo(h, login.PurposeVerifyEmail, h.User.Email)
	errs := parallel(8, func(int) error {
		_, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
		return err
	})
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
}

// emailChange is one with a notice to the address that h has.
func (k *kit) emailChange(h login.Holder, t login.MailToken) login.EmailChange {
	return login.EmailChange{Token: t.Hash, Now: k.now, Notice: &login.QueuedMail{
		ID: uuid.NewString(), UserID: h.User.ID, Kind: login.MailEmailChanged, Recipient: h.User.Email,
		Payload: login.MailPayload{At: stored(k.now), From: "192.0.2.7/32"}, CreatedAt: k.now,
	}}
}

func changeEmail(k *kit) {
	h := k.user("ann@example.org")
	session := k.session(h)
	reset := k.linkTo(h, login.PurposeResetPassword, h.User.Email)
	t := k.linkTo(h, login.PurposeChangeEmail, "ann@new.example")
	k.ok(k.mail().RenewMailToken(k.ctx, t.Purpose, t.Hash, t.ExpiresAt))
	read, _, err := k.mail().MailTokenHolder(k.ctx, t.Purpose, t.Hash, k.now)
	k.ok(err)
	k.equal("address", "ann@new.example", read.Email)
	change := k.emailChange(h, t)
	k.ok(k.mail().ChangeEmail(k.ctx, change))
	got := k.holder(h)
	k.equal("address", "ann@new.example", got.User.Email)
	k.equal("verified", stored(k.now), got.Account.EmailVerifiedAt)
	k.equal("epoch", h.Account.Epoch, got.Account.Epoch)
	k.claim(change.Notice, 1)
	k.claim(nil, 0)
	k.tokenIs(reset, login.ErrTokenUnknown)
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(h, t)), login.ErrTokenUnknown)
	k.rotate(session.Token)
	k.user("ann@example.org") // the address is free

	t = k.linkTo(got, login.PurposeChangeEmail, "ann@third.example")
	k.ok(k.mail().ChangeEmail(k.ctx, login.EmailChange{Token: t.Hash, Now: k.now}))
	k.claim(nil, 0)
	t = k.linkTo(got, login.PurposeChangeEmail, "ann@fourth.example")
	k.ok(k.store.EndAllSessions(k.ctx, h.User.ID, k.now))
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(got, t)), login.ErrTokenUnknown)
	k.equal("address", "ann@third.example", k.holder(h).User.Email)
}

func changeTaken(k *kit) {
	h, other := k.user("ann@example.org"), k.user("bob@example.org")
	t := k.linkTo(h, login.PurposeChangeEmail, other.User.Email)
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(h, t)), login.ErrEmailTaken)
	k.claim(nil, 0)
	k.equal("account", h.Account, k.holder(h).Account)
	k.ok(k.store.DeleteUser(k.ctx, other.User.ID, -1))
	k.ok(k.mail().ChangeEmail(k.ctx, k.emailChange(h, t)))
}

func changeRace(k *kit) {
	h := k.user("ann@example.org")
	t := k.linkTo(h, login.PurposeChangeEmail, "ann@new.example")
	errs := parallel(8, func(int) error { return k.mail().ChangeEmail(k.ctx, k.emailChange(h, t)) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.queued(1)
}

func (k *kit) notice(h login.Holder, kind login.MailKind) login.QueuedMail {
	return login.QueuedMail{ID: uuid.NewString(), UserID: h.User.ID, Kind: kind, Recipient: h.User.Email, CreatedAt: k.now}
}

func noticeRate(k *kit) {
	h, other := k.user("ann@example.org"), k.user("bob@example.org")
	rate := login.NoticeRate{Most: 2, Every: time.Hour}
	queue := func(h login.Holder, kind login.MailKind, want bool) {
		k.Helper()
		got, err := k.mail().QueueNotice(k.ctx, k.notice(h, kind), rate)
		k.ok(err)
		k.equal("queued", want, got)
	}
	queue(h, login.MailNewDevice, true)
	k.later(30 * time.Minute)
	queue(h, login.MailNewDevice, true)
	queue(h, login.MailNewDevice, false)
	queue(h, login.MailPasswordChanged, true)
	queue(other, login.MailNewDevice, true)
	k.later(30 * time.Minute)
	queue(h, login.MailNewDevice, true)
	queue(h, login.MailNewDevice, true)
	queue(h, login.MailNewDevice, false)
	k.queued(6)
	k.ok(k.store.DeleteUser(k.ctx, h.User.ID, -1))
	queue(h, login.MailSessionsEnded, false)
	k.queued(1)
}

func noticeRace(k *kit) {
	h := k.user("ann@example.org")
	rate := login.NoticeRate{Most: 3, Every: time.Hour}
	for _, err := range parallel(12, func(int) error {
		_, err := k.mail().QueueNotice(k.ctx, k.notice(h, login.MailNewDevice), rate)
		return err
	}) {
		k.ok(err)
	}
	k.queued(3)
}
