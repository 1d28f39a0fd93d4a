package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var mailTests = map[string]func(*kit){
	"TokenOpensOnceAndOnlyForItsPurpose":            mailTokenOnce,
	"ParallelUsesOfOneTokenSucceedOnce":             mailTokenRace,
	"AskingAgainVoidsNoLinkAndSendsFew":             mailTokensKept,
	"ParallelAsksKeepTheNumberOfLinks":              mailTokensRace,
	"TokenThatGoesAnotherWayReplacesOnlyItsKind":    mailTokenReplaced,
	"TokenDiesWithTimeSessionVersionAccountAndUser": mailTokenDies,
	"MailIsClaimedByOneAtATimeUntilTheLeaseIsOver":  claimLease,
	"ParallelClaimsNeverShareAMail":                 claimRace,
	"OnlyTheLastClaimPostponesOrAbandons":           claimFence,
	"MailsOfAUserSayWhatBecameOfThem":               mailsOf,
	"DecoyIsNeverClaimed":                           decoyMail,
	"OnlyALiveTokenIsRenewed":                       renewToken,
	"SweepTakesWhatIsDoneAndExpired":                sweepMail,
	"LinkFromTheMailboxVerifiesAndAnotherDoesNot":   resetVerifies,
	"AddressIsVerifiedOnce":                         verifyEmail,
	"ParallelUsesOfALinkVerifyOnce":                 verifyRace,
	"NewAddressTakesThePlaceOfTheOld":               changeEmail,
	"TakenAddressIsRefusedAndTheLinkKept":           changeTaken,
	"ParallelUsesOfALinkChangeOnce":                 changeRace,
	"LinkToANewAccountTakesItOver":                  takeOver,
	"UnopenedAccountGivesWayAndKeepsItsLinks":       replaceUnopened,
	"OpenedAccountNeverGivesWay":                    openedStays,
	"OldUnopenedAccountsAreRemoved":                 removeUnopened,
	"OpeningAndReplacingExcludeEachOther":           openingRace,
	"NoticesAreCountedInTheirWindow":                noticeRate,
	"ParallelNoticesKeepTheRate":                    noticeRace,
}

type mailStore interface {
	login.MailStore
	login.Outbox
}

func (k *kit) mail() mailStore { return part[mailStore](k) }

const lease = time.Minute

func (k *kit) newMailToken(ua login.UserAccount) login.MailToken {
	return login.MailToken{
		Hash: newToken(), UserID: ua.User.ID, Purpose: login.PurposeResetPassword, Email: ua.User.Email,
		SessionVersion: ua.Account.SessionVersion, CreatedAt: k.now, ExpiresAt: k.now.Add(login.ResetTokenLife),
	}
}

// mailToken queues a mail for ua with a token.
func (k *kit) mailToken(ua login.UserAccount) (login.MailToken, login.QueuedMail) {
	k.Helper()
	t := k.newMailToken(ua)
	m := login.QueuedMail{
		ID: uuid.NewString(), UserID: ua.User.ID, Kind: login.MailResetPassword, Recipient: ua.User.Email,
		Payload: login.MailPayload{Name: "Ann \"the\" Example", Language: "de"}, CreatedAt: k.now,
	}
	k.ok(k.mail().QueueMail(k.ctx, m, &t))
	return t, m
}

func (k *kit) tokenIs(t login.MailToken, want error) {
	k.Helper()
	_, _, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now)
	k.is(err, want)
	if want != nil {
		k.is(k.mail().ResetPassword(k.ctx, login.PasswordReset{
			Token: t.Hash, UserID: t.UserID, SessionVersion: t.SessionVersion, NewHash: "stolen", Now: k.now,
			Session: new(k.newSession(login.UserAccount{User: login.User{ID: t.UserID}, Account: login.Account{SessionVersion: t.SessionVersion + 1}})),
		}), want)
	}
}

func (k *kit) passwordReset(ua login.UserAccount, t login.MailToken) login.PasswordReset {
	next := ua
	next.Account.SessionVersion++
	return login.PasswordReset{
		Token: t.Hash, UserID: ua.User.ID, SessionVersion: ua.Account.SessionVersion, NewHash: "new", Session: new(k.newSession(next)), Now: k.now,
	}
}

func mailTokenOnce(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	old := k.session(ua)
	t, _ := k.mailToken(ua)
	_, err := k.mail().VerifyEmail(k.ctx, t.Hash, k.now)
	k.is(err, login.ErrTokenUnknown)
	token, got, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now)
	k.ok(err)
	want := t
	want.CreatedAt, want.ExpiresAt = stored(t.CreatedAt), stored(t.ExpiresAt)
	k.equal("token", want, token)
	read, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("owner", read, got)
	k.is(k.mail().ResetPassword(k.ctx, k.passwordReset(other, t)), login.ErrTokenUnknown)
	wrongVersion := k.passwordReset(ua, t)
	wrongVersion.SessionVersion = 7
	k.is(k.mail().ResetPassword(k.ctx, wrongVersion), login.ErrTokenUnknown)

	r := k.passwordReset(ua, t)
	r.Session.Session.AMR = []string{"otp"}
	k.ok(k.mail().ResetPassword(k.ctx, r))
	opened, _, err := k.store.SessionUserAccount(k.ctx, r.Session.Session.ID, k.now)
	k.ok(err)
	k.equal("amr", []string{"otp"}, opened.AMR)
	got, err = k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("hash", "new", got.Account.Password)
	k.equal("version", ua.Account.SessionVersion+1, got.Account.SessionVersion)
	k.refused(old.Token, login.ErrTokenUnknown)
	k.rotate(r.Session.Token)
	k.equal("live sessions", 1, k.alive(ua))
	k.tokenIs(t, login.ErrTokenUnknown)
	got, err = k.store.UserAccountByID(k.ctx, other.User.ID)
	k.ok(err)
	k.equal("the other's account", other.Account, got.Account)
}

func mailTokenRace(k *kit) {
	ua := k.user("ann@example.org")
	t, _ := k.mailToken(ua)
	errs := parallel(8, func(int) error { return k.mail().ResetPassword(k.ctx, k.passwordReset(ua, t)) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
	k.equal("live sessions", 1, k.alive(ua))
}

// mailTokensKept asks more often than links may be live: the first ones keep
// working and the rest is not sent, until one has expired or been spent.
func mailTokensKept(k *kit) {
	ua := k.user("ann@example.org")
	most := login.PurposeResetPassword.Links()
	var tokens []login.MailToken
	for range most {
		t, _ := k.mailToken(ua)
		tokens = append(tokens, t)
		k.later(time.Minute)
	}
	refused, _ := k.mailToken(ua)
	k.queued(most)
	k.tokenIs(refused, login.ErrTokenUnknown)
	for _, t := range tokens {
		_, _, err := k.mail().MailTokenUserAccount(k.ctx, t.Hash, k.now)
		k.ok(err)
	}
	// The link of an operator's is one more and takes no place.
	k.ok(k.mail().AddMailToken(k.ctx, k.newMailToken(ua)))
	_, _, err := k.mail().MailTokenUserAccount(k.ctx, tokens[0].Hash, k.now)
	k.ok(err)
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now)) // by anyone with a session
	_, _, err = k.mail().MailTokenUserAccount(k.ctx, tokens[0].Hash, k.now)
	k.ok(err)
	k.ok(k.mail().RenewMailToken(k.ctx, tokens[0].Purpose, tokens[0].Hash, tokens[0].ExpiresAt))
	k.later(login.ResetTokenLife - time.Duration(most)*time.Minute)
	k.tokenIs(tokens[0], login.ErrTokenUnknown)
	k.mailToken(ua)
	k.queued(most + 1)
	k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(k.userAccount(ua), tokens[1])))
	for range most + 1 {
		k.mailToken(k.userAccount(ua))
	}
	k.queued(2*most + 1)
}

func mailTokensRace(k *kit) {
	ua := k.user("ann@example.org")
	for _, err := range parallel(12, func(int) error {
		t := k.newMailToken(ua)
		return k.mail().QueueMail(k.ctx, login.QueuedMail{
			ID: uuid.NewString(), UserID: ua.User.ID, Kind: login.MailResetPassword, Recipient: ua.User.Email, CreatedAt: k.now,
		}, &t)
	}) {
		k.ok(err)
	}
	n, err := k.mail().QueuedMails(k.ctx, k.now)
	k.ok(err)
	if most := login.PurposeResetPassword.Links(); n < 1 || n > most {
		k.Fatalf("%d mails, want at most %d", n, most)
	}
}

func mailTokenReplaced(k *kit) {
	ua := k.user("ann@example.org")
	mailed, _ := k.mailToken(ua)
	second, third := k.newMailToken(ua), k.newMailToken(ua)
	k.ok(k.mail().AddMailToken(k.ctx, second))
	k.ok(k.mail().AddMailToken(k.ctx, third))
	k.tokenIs(mailed, nil)
	k.tokenIs(second, login.ErrTokenUnknown)
	k.tokenIs(third, nil)
	third.Hash, third.UserID = newToken(), uuid.NewString()
	k.is(k.mail().AddMailToken(k.ctx, third), login.ErrNotFound)
	// The owner asked for another new address: the one before was a mistake.
	first := k.linkTo(ua, login.PurposeChangeEmail, "ann@wrong.example")
	k.linkTo(ua, login.PurposeChangeEmail, "ann@right.example")
	k.is(k.mail().ChangeEmail(k.ctx, k.emailChange(ua, first)), login.ErrTokenUnknown)
}

func mailTokenDies(k *kit) {
	yes, hash := true, "another"
	for i, kill := range []func(login.UserAccount) error{
		func(login.UserAccount) error { k.later(login.ResetTokenLife); return nil },
		func(ua login.UserAccount) error {
			return k.store.ChangePassword(k.ctx, k.passwordChange(ua, "changed"))
		},
		func(ua login.UserAccount) error {
			return k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Password: &hash}, k.now)
		},
		func(ua login.UserAccount) error {
			return k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &yes}, k.now)
		},
		func(ua login.UserAccount) error { return k.store.DeleteUser(k.ctx, ua.User.ID, -1) },
	} {
		ua := k.user(email(i))
		t, _ := k.mailToken(ua)
		k.tokenIs(t, nil)
		k.ok(k.store.ReplaceHash(k.ctx, ua.User.ID, ua.Account.Password, ua.Account.Password))
		k.tokenIs(t, nil)
		k.ok(kill(ua))
		k.tokenIs(t, login.ErrTokenUnknown)
	}
}

func renewToken(k *kit) {
	ua := k.user("ann@example.org")
	first, _ := k.mailToken(ua)
	k.later(2 * login.ResetTokenLife)
	k.tokenIs(first, login.ErrTokenUnknown)
	until := k.now.Add(login.ResetTokenLife)
	k.ok(k.mail().RenewMailToken(k.ctx, first.Purpose, first.Hash, until))
	k.tokenIs(first, nil)
	change := k.linkTo(ua, login.PurposeChangeEmail, "ann@new.example")
	k.ok(k.mail().RenewMailToken(k.ctx, change.Purpose, change.Hash, until))
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.ok(k.mail().RenewMailToken(k.ctx, first.Purpose, first.Hash, until))
	k.is(k.mail().RenewMailToken(k.ctx, change.Purpose, change.Hash, until), login.ErrTokenUnknown)
	k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(k.userAccount(ua), first)))
	k.is(k.mail().RenewMailToken(k.ctx, first.Purpose, first.Hash, until), login.ErrTokenUnknown)
}
