package storetest

import (
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var passkeyTests = map[string]func(*kit){
	"UserHandle": userHandle, "UserHandleOnce": userHandleOnce, "Passkeys": passkeys, "PasskeyOfOneAccount": passkeyOfOne,
	"PasskeysAreLimited": passkeysLimited, "PasskeyUse": passkeyUse, "ChallengeSignedOnce": challengeSignedOnce,
	"CounterRisesOnce": counterRisesOnce, "PasskeyOpensSession": passkeyOpensSession, "SpentChallengeIsSwept": spentChallengeSwept, "PasskeyRenamed": passkeyRenamed,
	"LastWayIn": lastPasskey, "TwoRemoveTheLastWayIn": lastPasskeyRace, "PasswordAndPasskeyRemovedAtOnce": passwordAndPasskeyRace,
	"RecoveryCodesStayWithAFactor": codesStay, "FactorsAreReset": passkeysReset, "PasskeysGoWithUser": passkeysGo,
}

func (k *kit) passkeys() login.PasskeyStore { return part[login.PasskeyStore](k) }

func (k *kit) newPasskey(ua login.UserAccount) login.Passkey {
	return login.Passkey{
		ID: uuid.NewString(), UserID: ua.User.ID, CredentialID: randomBytes(32), PublicKey: []byte("key"), AAGUID: uuid.NewString(),
		SignCount: 7, BackupEligible: true, Transports: []string{"internal", "hybrid"}, Name: "Phone", CreatedAt: k.now,
	}
}

// handle is the user's handle; a first one is made.
func (k *kit) handle(ua login.UserAccount) []byte {
	k.Helper()
	handle, err := k.passkeys().UserHandle(k.ctx, ua.User.ID, randomBytes(64))
	k.ok(err)
	return handle
}

// withPasskey adds a passkey to an account, and counts on another second later.
func (k *kit) withPasskey(ua login.UserAccount) login.Passkey {
	k.Helper()
	k.handle(ua)
	p := k.newPasskey(ua)
	k.ok(k.passkeys().AddPasskey(k.ctx, ua.Account.SessionVersion, p))
	k.later(time.Second)
	p.CreatedAt = stored(p.CreatedAt)
	return p
}

// withoutPassword is a user who has no password.
func (k *kit) withoutPassword(email string) login.UserAccount {
	k.Helper()
	ua := k.newUserAccount(email)
	ua.Account.Password = ""
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	return ua
}

func (k *kit) use(p login.Passkey, count uint32) login.PasskeyUse {
	return login.PasskeyUse{ID: p.ID, SignCount: count, BackedUp: true, Now: k.now, Challenge: newToken(), Expires: k.now.Add(login.ChallengeLife)}
}

func userHandle(k *kit) {
	ua, p := k.user("ann@example.org"), k.passkeys()
	_, err := p.UserHandle(k.ctx, ua.User.ID, nil)
	k.is(err, login.ErrNotFound)
	_, err = p.UserHandle(k.ctx, uuid.NewString(), randomBytes(64))
	k.is(err, login.ErrNotFound)
	first := k.handle(ua)
	k.equal("handle", first, k.handle(ua))
	stays, err := p.UserHandle(k.ctx, ua.User.ID, nil)
	k.ok(err)
	k.equal("handle", first, stays)
}

func userHandleOnce(k *kit) {
	ua := k.user("ann@example.org")
	type result struct {
		handle []byte
		err    error
	}
	results := parallel(8, func(int) result {
		handle, err := k.passkeys().UserHandle(k.ctx, ua.User.ID, randomBytes(64))
		return result{handle, err}
	})
	for _, r := range results {
		k.ok(r.err)
		k.equal("handle", results[0].handle, r.handle)
	}
}

func passkeys(k *kit) {
	ua, c := k.user("ann@example.org"), k.passkeys()
	k.equal("none yet", []login.Passkey(nil), k.list(ua))
	_, _, _, err := c.PasskeyOwner(k.ctx, []byte("unknown"))
	k.is(err, login.ErrNotFound)

	first, second := k.withPasskey(ua), k.withPasskey(ua)
	k.equal("passkeys", []login.Passkey{first, second}, k.list(ua))
	k.equal("factors", []login.Method{login.MethodPasskey}, k.userAccount(ua).Account.Factors)
	got, handle, owner, err := c.PasskeyOwner(k.ctx, second.CredentialID)
	k.ok(err)
	k.equal("passkey", second, got)
	k.equal("handle", k.handle(ua), handle)
	k.equal("owner", k.userAccount(ua), owner)

	stale := k.newPasskey(ua)
	k.is(c.AddPasskey(k.ctx, ua.Account.SessionVersion+1, stale), login.ErrStale)
	k.is(c.RemovePasskey(k.ctx, ua.User.ID, first.ID, ua.Account.SessionVersion+1, false), login.ErrStale)
	k.ok(c.RemovePasskey(k.ctx, ua.User.ID, first.ID, ua.Account.SessionVersion, false))
	k.is(c.RemovePasskey(k.ctx, ua.User.ID, first.ID, ua.Account.SessionVersion, false), login.ErrNotFound)
	k.is(c.RemovePasskey(k.ctx, ua.User.ID, "x", ua.Account.SessionVersion, false), login.ErrNotFound)
	k.equal("passkeys", []login.Passkey{second}, k.list(ua))
	k.ok(c.RemovePasskey(k.ctx, ua.User.ID, second.ID, ua.Account.SessionVersion, false))
	k.equal("factors", []login.Method(nil), k.userAccount(ua).Account.Factors)
}

func (k *kit) list(ua login.UserAccount) []login.Passkey {
	k.Helper()
	list, err := k.passkeys().Passkeys(k.ctx, ua.User.ID)
	k.ok(err)
	return list
}

// passkeyOfOne: a credential is of one account, and only its owner can change it.
func passkeyOfOne(k *kit) {
	ann, bob, c := k.user("ann@example.org"), k.user("bob@example.org"), k.passkeys()
	p := k.withPasskey(ann)
	again := k.newPasskey(bob)
	again.CredentialID = p.CredentialID
	k.is(c.AddPasskey(k.ctx, bob.Account.SessionVersion, again), login.ErrCredentialExists)
	k.is(c.RemovePasskey(k.ctx, bob.User.ID, p.ID, bob.Account.SessionVersion, false), login.ErrNotFound)
	k.is(c.RenamePasskey(k.ctx, bob.User.ID, p.ID, "Mine"), login.ErrNotFound)
	k.equal("passkeys", []login.Passkey{p}, k.list(ann))

	same := k.newPasskey(ann)
	errs := parallel(8, func(i int) error {
		mine := same
		mine.ID, mine.UserID = uuid.NewString(), []string{ann.User.ID, bob.User.ID}[i%2]
		return c.AddPasskey(k.ctx, ann.Account.SessionVersion, mine)
	})
	k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrCredentialExists))
}

func passkeysLimited(k *kit) {
	ua := k.user("ann@example.org")
	k.handle(ua)
	errs := parallel(login.MaxPasskeys+5, func(int) error { return k.passkeys().AddPasskey(k.ctx, ua.Account.SessionVersion, k.newPasskey(ua)) })
	k.equal("added and refused", []int{login.MaxPasskeys, 5}, k.count(errs, nil, login.ErrCredentialExists))
}

// uses are the ways to use a passkey: by itself, and to open a session.
func (k *kit) uses(ua login.UserAccount) map[string]func(login.PasskeyUse) error {
	return map[string]func(login.PasskeyUse) error{
		"alone": func(u login.PasskeyUse) error { return k.passkeys().UsePasskey(k.ctx, u) },
		"session": func(u login.PasskeyUse) error {
			n := k.newSession(ua)
			n.Passkey, n.MaxLive = &u, 100
			return k.store.CreateSession(k.ctx, n)
		},
	}
}

func (k *kit) live(ua login.UserAccount) int {
	k.Helper()
	sessions, err := k.store.LiveSessions(k.ctx, ua.User.ID, k.now)
	k.ok(err)
	return len(sessions)
}

func passkeyUse(k *kit) {
	for name := range k.uses(login.UserAccount{}) {
		ua := k.user(name + "@example.org")
		p, use := k.withPasskey(ua), k.uses(ua)[name]
		k.ok(use(k.use(p, 8)))
		used := k.list(ua)[0]
		k.equal("counter", uint32(8), used.SignCount)
		k.equal("backed up", true, used.BackedUp)
		k.equal("last used", stored(k.now), used.LastUsedAt)
		sessions := k.live(ua)
		k.later(time.Second)
		for _, count := range []uint32{8, 7, 0} {
			k.is(use(k.use(p, count)), login.ErrCounterRegressed)
		}
		unknown := k.use(p, 9)
		unknown.ID = uuid.NewString()
		k.is(use(unknown), login.ErrNotFound)
		k.equal("unchanged", used, k.list(ua)[0])
		k.equal("sessions", sessions, k.live(ua))
		k.ok(use(k.use(p, 1<<32-1)))
		k.equal("counter", uint32(1<<32-1), k.list(ua)[0].SignCount)

		// An authenticator that does not count says zero for ever.
		uncounted := k.newPasskey(ua)
		uncounted.SignCount = 0
		k.ok(k.passkeys().AddPasskey(k.ctx, ua.Account.SessionVersion, uncounted))
		for range 2 {
			k.ok(use(k.use(uncounted, 0)))
		}
	}
}

// passkeyOpensSession: a passkey opens a session if the account is as it was read;
// otherwise only the signed challenge is spent.
func passkeyOpensSession(k *kit) {
	ann := k.user("ann@example.org")
	p := k.withPasskey(ann)
	old := ann
	k.ok(k.store.EndAllSessions(k.ctx, ann.User.ID, k.now))
	ann = k.userAccount(ann)
	k.is(k.uses(old)["session"](k.use(p, 8)), login.ErrStale)
	k.equal("sessions", 0, k.live(ann))
	k.equal("passkeys", []login.Passkey{p}, k.list(ann))
	k.ok(k.uses(ann)["session"](k.use(p, 8)))
	k.equal("sessions", 1, k.live(ann))
}

// challengeSignedOnce: of one answer that is sent again and again, at once, one counts
// and no other looks like a cloned authenticator.
func challengeSignedOnce(k *kit) {
	for name := range k.uses(login.UserAccount{}) {
		ua := k.user(name + "@example.org")
		use, u := k.uses(ua)[name], k.use(k.withPasskey(ua), 8)
		errs := parallel(8, func(int) error { return use(u) })
		k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrTokenUnknown))
		u.SignCount = 9
		k.is(use(u), login.ErrTokenUnknown)
	}
}

func counterRisesOnce(k *kit) {
	for name := range k.uses(login.UserAccount{}) {
		ua := k.user(name + "@example.org")
		p, use := k.withPasskey(ua), k.uses(ua)[name]
		errs := parallel(8, func(int) error { return use(k.use(p, 8)) })
		k.equal("successes and refusals", []int{1, 7}, k.count(errs, nil, login.ErrCounterRegressed))
	}
}

func spentChallengeSwept(k *kit) {
	p := k.withPasskey(k.user("ann@example.org"))
	old := k.use(p, 8)
	k.ok(k.passkeys().UsePasskey(k.ctx, old))
	k.later(login.ChallengeLife + time.Second)
	fresh := k.use(p, 9)
	k.ok(k.passkeys().UsePasskey(k.ctx, fresh))
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	fresh.SignCount, old.SignCount = 10, 10
	k.is(k.passkeys().UsePasskey(k.ctx, fresh), login.ErrTokenUnknown)
	k.ok(k.passkeys().UsePasskey(k.ctx, old)) // forgotten; its challenge has expired
}

func passkeyRenamed(k *kit) {
	ua := k.user("ann@example.org")
	p := k.withPasskey(ua)
	k.ok(k.passkeys().RenamePasskey(k.ctx, ua.User.ID, p.ID, "Key ring"))
	k.equal("name", "Key ring", k.list(ua)[0].Name)
	k.is(k.passkeys().RenamePasskey(k.ctx, ua.User.ID, uuid.NewString(), "x"), login.ErrNotFound)
	k.is(k.passkeys().RenamePasskey(k.ctx, ua.User.ID, "x", "x"), login.ErrNotFound)
}

// codesStay: recovery codes stand in for any second factor, and go with the last.
func codesStay(k *kit) {
	ua, c, code := k.user("ann@example.org"), k.credentials(), newToken()
	p := k.withPasskey(ua)
	k.ok(c.ReplaceRecoveryCodes(k.ctx, ua.User.ID, ua.Account.SessionVersion, []login.TokenHash{code}, k.now))
	k.ok(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()))
	all := []login.Method{login.MethodPasskey, login.MethodTOTP, login.MethodRecoveryCode}
	k.equal("factors", all, k.userAccount(ua).Account.Factors)
	k.ok(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion))
	k.equal("factors", []login.Method{login.MethodPasskey, login.MethodRecoveryCode}, k.userAccount(ua).Account.Factors)
	k.ok(c.AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP()))
	k.ok(k.passkeys().RemovePasskey(k.ctx, ua.User.ID, p.ID, ua.Account.SessionVersion, false))
	k.equal("factors", []login.Method{login.MethodTOTP, login.MethodRecoveryCode}, k.userAccount(ua).Account.Factors)
	k.ok(c.RemoveTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion))
	k.withPasskey(ua)
	k.is(c.UseRecoveryCode(k.ctx, ua.User.ID, code), login.ErrTokenUnknown)
}

func passkeysReset(k *kit) {
	ua := k.user("ann@example.org")
	k.withPasskey(ua)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{ResetFactors: true}, k.now))
	k.equal("passkeys", []login.Passkey(nil), k.list(ua))
	k.equal("factors", []login.Method(nil), k.userAccount(ua).Account.Factors)
}

func passkeysGo(k *kit) {
	ua := k.user("ann@example.org")
	p := k.withPasskey(ua)
	k.ok(k.store.DeleteUser(k.ctx, ua.User.ID, -1))
	_, _, _, err := k.passkeys().PasskeyOwner(k.ctx, p.CredentialID)
	k.is(err, login.ErrNotFound)
	_, err = k.passkeys().UserHandle(k.ctx, ua.User.ID, nil)
	k.is(err, login.ErrNotFound)
}
