package storetest

import (
	"context"
	"time"

	"github.com/google/go-cmp/cmp"
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

func (k *kit) mail() mailStore {
	k.Helper()
	m, ok := k.store.(mailStore)
	if !ok {
		k.Fatalf("%T keeps no mails", k.store)
	}
	return m
}

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

// claim takes a mail, which must be m at the given attempt, or none.
func (k *kit) claim(m *login.QueuedMail, attempt int) {
	k.Helper()
	got, err := k.mail().ClaimMail(k.ctx, k.now, lease)
	if m == nil {
		k.is(err, login.ErrNotFound)
		return
	}
	k.ok(err)
	want := *m
	want.Attempts, want.CreatedAt = attempt, stored(m.CreatedAt)
	k.equal("claimed", want, got)
}

func (k *kit) queued(want int) {
	k.Helper()
	n, err := k.mail().QueuedMails(k.ctx, k.now)
	k.ok(err)
	k.equal("mails in the queue", want, n)
}

func claimLease(k *kit) {
	ua := k.user("ann@example.org")
	k.claim(nil, 0)
	_, m := k.mailToken(ua)
	k.later(-time.Second)
	k.claim(nil, 0) // not due yet
	k.later(time.Second)
	k.claim(&m, 1)
	k.claim(nil, 0)
	k.later(lease)
	k.claim(&m, 2)
	k.queued(1)
	k.ok(k.mail().MailSent(k.ctx, m.ID, k.now))
	k.queued(0)
	k.later(lease)
	k.claim(nil, 0)
	k.is(k.mail().MailSent(k.ctx, uuid.NewString(), k.now), login.ErrNotFound)
}

func claimRace(k *kit) {
	const mails = 6
	for i := range mails {
		k.mailToken(k.user(email(i)))
	}
	type claimed struct {
		id  string
		err error
	}
	seen := map[string]bool{}
	for _, c := range parallel(2*mails, func(int) claimed {
		m, err := k.mail().ClaimMail(k.ctx, k.now, lease)
		return claimed{m.ID, err}
	}) {
		switch {
		case c.err != nil:
			k.is(c.err, login.ErrNotFound)
		case seen[c.id]:
			k.Fatalf("two callers have mail %s", c.id)
		default:
			seen[c.id] = true
		}
	}
	// A caller may find the row it was about to take gone and answer "none".
	for {
		m, err := k.mail().ClaimMail(k.ctx, k.now, lease)
		if err != nil {
			k.is(err, login.ErrNotFound)
			break
		}
		if seen[m.ID] {
			k.Fatalf("two callers have mail %s", m.ID)
		}
		seen[m.ID] = true
	}
	k.equal("mails claimed", mails, len(seen))
}

func claimFence(k *kit) {
	ua := k.user("ann@example.org")
	_, m := k.mailToken(ua)
	k.claim(&m, 1)
	k.later(lease)
	k.claim(&m, 2)
	k.is(k.mail().PostponeMail(k.ctx, m.ID, 1, k.now), login.ErrStale)
	k.is(k.mail().AbandonMail(k.ctx, m.ID, 1, k.now), login.ErrStale)
	k.ok(k.mail().PostponeMail(k.ctx, m.ID, 2, k.now.Add(time.Hour)))
	k.claim(nil, 0)
	k.later(time.Hour)
	k.claim(&m, 3)
	k.ok(k.mail().AbandonMail(k.ctx, m.ID, 3, k.now))
	k.later(lease)
	k.claim(nil, 0)
	k.queued(0)
	k.is(k.mail().PostponeMail(k.ctx, m.ID, 3, k.now), login.ErrStale)
}

func decoyMail(k *kit) {
	k.ok(k.mail().QueueMail(k.ctx, login.QueuedMail{ID: uuid.NewString(), Kind: "decoy", CreatedAt: k.now, SentAt: k.now}, nil))
	k.queued(0)
	k.claim(nil, 0)
}

func mailsOf(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	_, sent := k.mailToken(ua)
	k.claim(&sent, 1)
	k.ok(k.mail().MailSent(k.ctx, sent.ID, k.now))
	k.later(time.Minute)
	_, abandoned := k.mailToken(ua)
	k.claim(&abandoned, 1)
	k.ok(k.mail().AbandonMail(k.ctx, abandoned.ID, 1, k.now))
	k.later(time.Minute)
	_, waiting := k.mailToken(ua)
	k.mailToken(other)
	k.ok(k.mail().QueueMail(k.ctx, login.QueuedMail{ID: uuid.NewString(), UserID: ua.User.ID, Kind: login.MailDecoy, CreatedAt: k.now, SentAt: k.now}, nil))
	mails, err := k.mail().MailsOf(k.ctx, ua.User.ID)
	k.ok(err)
	at := func(m login.QueuedMail) time.Time { return m.CreatedAt.UTC().Truncate(time.Microsecond) }
	want := []login.MailFate{
		{Kind: waiting.Kind, CreatedAt: at(waiting)},
		{Kind: abandoned.Kind, CreatedAt: at(abandoned), Attempts: 1, FailedAt: at(abandoned)},
		{Kind: sent.Kind, CreatedAt: at(sent), Attempts: 1, SentAt: at(sent)},
	}
	if diff := cmp.Diff(want, mails); diff != "" {
		k.T.Errorf("mails of a user: %s", diff)
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

func sweepMail(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	_, sent := k.mailToken(ua)
	k.claim(&sent, 1)
	k.ok(k.mail().MailSent(k.ctx, sent.ID, k.now))
	k.later(time.Hour)
	live, open := k.mailToken(other)
	n, err := k.mail().SweepMail(k.ctx, k.now, 100)
	k.ok(err)
	k.equal("rows swept: a token and a mail", 2, n)
	k.tokenIs(live, nil)
	k.claim(&open, 1)
	n, err = k.mail().SweepMail(context.WithoutCancel(k.ctx), k.now, 100)
	k.ok(err)
	k.equal("rows swept", 0, n)
}
