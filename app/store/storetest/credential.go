package storetest

import (
	"time"

	"hasura-login/app/login"
)

var credentialTests = map[string]func(*kit){
	"TOTP": totp, "TOTPStepOnce": totpStepOnce, "TOTPAddedOnce": totpAddedOnce, "TOTPReplacesSecret": totpReplaces, "TOTPGoesWithUser": totpGoes,
	"FactorsAreReset": factorsReset, "RecoveryCodes": recoveryCodes, "RecoveryCodeOnce": recoveryCodeOnce,
	"Challenge": challenge, "ChallengeTries": challengeTries, "ChallengeIsVoid": challengeVoid, "ChallengeEndsOnce": challengeEndsOnce, "ChallengeIsSwept": challengeSwept,
	"Elevate": elevate, "ResetOpensNoSession": resetOpensNone, "ResetOfAnUnverifiedAddressRemovesFactors": resetTakesOver,
}

func (k *kit) credentials() login.CredentialStore { return part[login.CredentialStore](k) }

func (k *kit) newTOTP() login.TOTP {
	return login.TOTP{Secret: []byte("sealed"), LastStep: 100, CreatedAt: k.now}
}

// protected is a user with a TOTP secret.
func (k *kit) protected(email string) login.UserAccount {
	k.Helper()
	ua := k.user(email)
	k.ok(k.credentials().AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()))
	return k.userAccount(ua)
}

func totp(k *kit) {
	ua, c := k.user("ann@example.org"), k.credentials()
	_, err := c.TOTP(k.ctx, ua.User.ID)
	k.is(err, login.ErrNotFound)
	k.equal("factors", []login.Method(nil), k.userAccount(ua).Account.Factors)
	k.is(c.UseTOTP(k.ctx, ua.User.ID, 101), login.ErrTokenUnknown)
	k.is(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion+1, k.newTOTP()), login.ErrStale)

	k.ok(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()))
	k.is(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()), login.ErrCredentialExists)
	got, err := c.TOTP(k.ctx, ua.User.ID)
	k.ok(err)
	want := k.newTOTP()
	want.CreatedAt = stored(want.CreatedAt)
	k.equal("secret", want, got)
	byEmail, err := k.store.UserAccountByEmail(k.ctx, ua.User.Email)
	k.ok(err)
	k.equal("factors", []login.Method{login.MethodTOTP}, byEmail.Account.Factors)

	k.is(c.UseTOTP(k.ctx, ua.User.ID, 100), login.ErrTokenUnknown)
	k.ok(c.UseTOTP(k.ctx, ua.User.ID, 102))
	k.is(c.UseTOTP(k.ctx, ua.User.ID, 101), login.ErrTokenUnknown)
	k.is(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion+1), login.ErrStale)
	k.ok(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion))
	k.is(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion), login.ErrStale)
	k.equal("factors", []login.Method(nil), k.userAccount(ua).Account.Factors)
}

func totpStepOnce(k *kit) {
	ua := k.protected("ann@example.org")
	errs := parallel(8, func(int) error { return k.credentials().UseTOTP(k.ctx, ua.User.ID, 101) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
}

func totpAddedOnce(k *kit) {
	ua := k.user("ann@example.org")
	errs := parallel(8, func(int) error {
		return k.credentials().AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP())
	})
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrCredentialExists))
}

func totpReplaces(k *kit) {
	c := k.credentials()
	first, second := k.protected("ann@example.org"), k.protected("bob@example.org")
	var listed []string
	for after := ""; ; {
		page, err := c.ListTOTP(k.ctx, after, 1)
		k.ok(err)
		if len(page) == 0 {
			break
		}
		after = page[0].UserID
		listed = append(listed, after)
		k.equal("secret", []byte("sealed"), page[0].Secret)
	}
	k.equal("all of them once", 2, len(listed))
	k.ok(c.ReplaceTOTPSecret(k.ctx, first.User.ID, []byte("sealed"), []byte("again")))
	k.is(c.ReplaceTOTPSecret(k.ctx, first.User.ID, []byte("sealed"), []byte("other")), login.ErrStale)
	for ua, want := range map[string]string{first.User.ID: "again", second.User.ID: "sealed"} {
		got, err := c.TOTP(k.ctx, ua)
		k.ok(err)
		k.equal("secret", want, string(got.Secret))
	}
}

func totpGoes(k *kit) {
	ua := k.protected("ann@example.org")
	k.ok(k.credentials().ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, []login.TokenHash{newToken()}, k.now))
	k.addChallenge(ua, login.ChallengeSecondFactor)
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, -1))
	_, err := k.credentials().TOTP(k.ctx, ua.User.ID)
	k.is(err, login.ErrNotFound)
}

func factorsReset(k *kit) {
	ua, other := k.protected("ann@example.org"), k.protected("bob@example.org")
	k.session(ua)
	k.ok(k.credentials().ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, []login.TokenHash{newToken()}, k.now))
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{ResetFactors: true}, k.now))
	got := k.userAccount(ua)
	k.equal("factors", []login.Method(nil), got.Account.Factors)
	k.equal("version", ua.Account.SessionVersion+1, got.Account.SessionVersion)
	k.equal("live sessions", 0, k.alive(got))
	k.equal("the other's", other.Account, k.userAccount(other).Account)
	k.is(k.store.UpdateAccount(k.ctx, "9f4b1a4e-6a3f-4c27-9a5f-000000000000", login.AccountChange{ResetFactors: true}, k.now), login.ErrNotFound)
}

func recoveryCodes(k *kit) {
	ua, c := k.protected("ann@example.org"), k.credentials()
	old, fresh := []login.TokenHash{newToken(), newToken()}, []login.TokenHash{newToken(), newToken()}
	k.is(c.ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion+1, old, k.now), login.ErrStale)
	k.ok(c.ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, old, k.now))
	k.equal("factors", []login.Method{login.MethodTOTP, login.MethodRecoveryCode}, k.userAccount(ua).Account.Factors)
	k.ok(c.ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, fresh, k.now))
	k.is(c.UseRecoveryCode(k.ctx, ua.User.ID, old[0]), login.ErrTokenUnknown)
	other := k.protected("bob@example.org")
	k.is(c.UseRecoveryCode(k.ctx, other.User.ID, fresh[0]), login.ErrTokenUnknown)
	for _, code := range fresh {
		k.ok(c.UseRecoveryCode(k.ctx, ua.User.ID, code))
		k.is(c.UseRecoveryCode(k.ctx, ua.User.ID, code), login.ErrTokenUnknown)
	}
	k.equal("factors", []login.Method{login.MethodTOTP}, k.userAccount(ua).Account.Factors)

	// Codes stand in for one secret: the next has none of them.
	k.ok(c.ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, fresh, k.now))
	k.ok(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion))
	k.ok(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()))
	k.is(c.UseRecoveryCode(k.ctx, ua.User.ID, fresh[0]), login.ErrTokenUnknown)
}

func recoveryCodeOnce(k *kit) {
	ua, code := k.protected("ann@example.org"), newToken()
	k.ok(k.credentials().ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, []login.TokenHash{code}, k.now))
	errs := parallel(8, func(int) error { return k.credentials().UseRecoveryCode(k.ctx, ua.User.ID, code) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
}

func (k *kit) addChallenge(ua login.UserAccount, p login.ChallengePurpose) login.ChallengeKey {
	k.Helper()
	c := login.Challenge{
		Hash: newToken(), UserID: ua.User.ID, Purpose: p, SessionVersion: ua.Account.SessionVersion, Client: "192.0.2.7/32",
		Data: []byte("data"), ExpiresAt: k.now.Add(login.ChallengeLife),
	}
	k.ok(k.credentials().AddChallenge(k.ctx, c))
	return login.ChallengeKey{Hash: c.Hash, Purpose: p, Client: c.Client, Now: k.now}
}

func (k *kit) try(key login.ChallengeKey, want error) {
	k.Helper()
	_, _, err := k.credentials().TryChallenge(k.ctx, key)
	k.is(err, want)
}

func challenge(k *kit) {
	ua := k.protected("ann@example.org")
	key := k.addChallenge(ua, login.ChallengeSecondFactor)
	c, userAccount, err := k.credentials().TryChallenge(k.ctx, key)
	k.ok(err)
	k.equal("challenge", login.Challenge{
		Hash: key.Hash, UserID: ua.User.ID, Purpose: key.Purpose, SessionVersion: ua.Account.SessionVersion, Client: key.Client,
		Data: []byte("data"), ExpiresAt: stored(k.now.Add(login.ChallengeLife)), Tries: 1,
	}, c)
	k.equal("userAccount", ua, userAccount)
	for _, other := range []func(*login.ChallengeKey){
		func(k *login.ChallengeKey) { k.Hash = newToken() },
		func(k *login.ChallengeKey) { k.Purpose = login.ChallengeTOTP },
		func(k *login.ChallengeKey) { k.Client = "unknown" },
		func(k *login.ChallengeKey) { k.Now = k.Now.Add(login.ChallengeLife) },
	} {
		wrong := key
		other(&wrong)
		k.try(wrong, login.ErrTokenUnknown)
	}
	k.try(key, nil)
	k.ok(k.credentials().EndChallenge(k.ctx, key.Hash))
	k.try(key, login.ErrTokenUnknown)
}

func challengeTries(k *kit) {
	key := k.addChallenge(k.protected("ann@example.org"), login.ChallengeSecondFactor)
	errs := parallel(3*login.ChallengeTries, func(int) error {
		_, _, err := k.credentials().TryChallenge(k.ctx, key)
		return err
	})
	k.equal("tries and refusals", []int{login.ChallengeTries, 2 * login.ChallengeTries}, k.count(errs, nil, login.ErrTokenUnknown))
	k.ok(k.credentials().RefundChallengeTry(k.ctx, key.Hash))
	k.try(key, nil)
	k.try(key, login.ErrTokenUnknown)
	for range 2 * login.ChallengeTries { // more than were ever taken
		k.ok(k.credentials().RefundChallengeTry(k.ctx, key.Hash))
	}
	for range login.ChallengeTries {
		k.try(key, nil)
	}
	k.try(key, login.ErrTokenUnknown)
	k.ok(k.credentials().RefundChallengeTry(k.ctx, newToken()))
}

func challengeVoid(k *kit) {
	ua := k.protected("ann@example.org")
	key := k.addChallenge(ua, login.ChallengeSecondFactor)
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.try(key, login.ErrTokenUnknown)
	k.is(k.credentials().AddChallenge(k.ctx, login.Challenge{
		Hash: newToken(), UserID: ua.User.ID, Purpose: key.Purpose, SessionVersion: ua.Account.SessionVersion, Client: key.Client, ExpiresAt: k.now.Add(time.Minute),
	}), login.ErrStale)
	key = k.addChallenge(k.userAccount(ua), login.ChallengeSecondFactor)
	disabled := true
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	k.try(key, login.ErrTokenUnknown)
}

func challengeEndsOnce(k *kit) {
	key := k.addChallenge(k.protected("ann@example.org"), login.ChallengeSecondFactor)
	errs := parallel(8, func(int) error { return k.credentials().EndChallenge(k.ctx, key.Hash) })
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
}

func challengeSwept(k *kit) {
	ua := k.protected("ann@example.org")
	old := k.addChallenge(ua, login.ChallengeSecondFactor)
	k.later(login.ChallengeLife + time.Second)
	fresh := k.addChallenge(ua, login.ChallengeSecondFactor)
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	k.is(k.credentials().EndChallenge(k.ctx, old.Hash), login.ErrTokenUnknown)
	k.try(fresh, nil)
}

func elevate(k *kit) {
	ua := k.user("ann@example.org")
	n := k.newSession(ua)
	n.Session.AMR = []string{"pwd"}
	k.ok(k.store.CreateSession(k.ctx, n))
	session, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("amr", []string{"pwd"}, session.AMR)
	k.equal("elevated", time.Time{}, session.ElevatedAt)
	k.ok(k.credentials().Elevate(k.ctx, n.Session.ID, []string{"pwd", "otp", "mfa"}, k.now))
	r := k.rotation(n.Token)
	got, err := k.store.RotateToken(k.ctx, r)
	k.ok(err)
	k.equal("amr", []string{"pwd", "otp", "mfa"}, got.Session.AMR)
	k.equal("elevated", stored(k.now), got.Session.ElevatedAt)
	k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	k.is(k.credentials().Elevate(k.ctx, n.Session.ID, nil, k.now), login.ErrNotFound)
}

// resetOpensNone: access to the mailbox is not enough to open a session of an account
// with a second factor.
func resetOpensNone(k *kit) {
	ua := k.protected("ann@example.org")
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{EmailVerified: true}, k.now))
	ua = k.userAccount(ua)
	k.session(ua)
	t := k.linkTo(ua, login.PurposeResetPassword, ua.User.Email)
	reset := k.passwordReset(ua, t)
	reset.Session = nil
	k.ok(k.mail().ResetPassword(k.ctx, reset))
	got := k.userAccount(ua)
	k.equal("hash", "new", got.Account.Password)
	k.equal("live sessions", 0, k.alive(got))
	k.equal("factors", ua.Account.Factors, got.Account.Factors)
}

// resetTakesOver: the reader of the mailbox gets an account that a stranger may have
// made with the address, without the stranger's factors.
func resetTakesOver(k *kit) {
	ua := k.protected("ann@example.org")
	k.ok(k.credentials().ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, []login.TokenHash{{1}}, k.now))
	k.ok(k.mail().ResetPassword(k.ctx, k.passwordReset(ua, k.linkTo(ua, login.PurposeResetPassword, ua.User.Email))))
	got := k.userAccount(ua)
	k.equal("factors", []login.Method(nil), got.Account.Factors)
	k.equal("verified", false, got.Account.EmailVerifiedAt.IsZero())
}
