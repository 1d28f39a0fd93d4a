package storetest

import (
	"hasura-login/app/login"
	"time"
)

func (k *kit) unopened(email string) login.UserAccount {
	k.Helper()
	ua := k.newUserAccount(email)
	ua.Account.Unopened = true
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	return ua
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
