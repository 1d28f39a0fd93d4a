package storetest

import (
	"time"

	"hasura-login/app/login"
)

var accountTests = map[string]func(*kit){
	"EveryChangeRaisesTheSessionVersionAndEndsSessions": updateAccount,
	"EmptyChangeDoesNothing":                            emptyChange,
	"VerifiedByAnOperatorEndsNoSession":                 markVerified,
	"NewClaimsEndNoSession":                             setClaims,
	"DisabledHasNoLiveSessionAndOpensNone":              disabledAccount,
	"HashIsReplacedByCompareAndSet":                     replaceHash,
	"PasswordIsChangedByCompareAndSet":                  changePassword,
	"DisabledCannotChangeItsPassword":                   disabledPasswordChange,
	"SigningOutLeavesTheSessionVersionOfThePassword":    signOutKeepsPasswordVersion,
}

func updateAccount(k *kit) {
	yes, no, hash, role, users := true, false, "new hash", "editor", 0
	for name, tt := range map[string]struct {
		change login.AccountChange
		want   func(*login.Account)
	}{
		"password":     {login.AccountChange{Password: &hash}, func(a *login.Account) { a.Password = hash }},
		"roles":        {login.AccountChange{Roles: []string{"editor", "user"}}, func(a *login.Account) { a.Roles = []string{"editor", "user"} }},
		"no roles":     {login.AccountChange{Roles: []string{}}, func(a *login.Account) { a.Roles = nil }},
		"default":      {login.AccountChange{DefaultRole: &role}, func(a *login.Account) { a.DefaultRole = role }},
		"disable":      {login.AccountChange{Disabled: &yes}, func(a *login.Account) { a.DisabledAt = stored(k.now) }},
		"enable":       {login.AccountChange{Disabled: &no}, func(*login.Account) {}},
		"end sessions": {login.AccountChange{EndSessions: true}, func(*login.Account) {}},
	} {
		ua, other := k.user(email(users)), k.user(email(users+1))
		users += 2
		n, kept := k.session(ua), k.session(other)
		child := k.rotate(n.Token)
		k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, tt.change, k.now))

		want := ua.Account
		want.SessionVersion++
		want.PasswordVersion++
		tt.want(&want)
		got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
		k.ok(err)
		k.equal(name+": account", want, got.Account)
		k.equal(name+": live sessions", 0, k.alive(ua))
		k.refused(n.Token, login.ErrTokenUnknown)
		k.refused(child, login.ErrTokenUnknown)
		k.is(k.store.CreateSession(k.ctx, k.newSession(ua)), login.ErrStale)
		k.rotate(kept.Token)
	}
}

func setClaims(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	for _, claims := range []map[string]string{{"x-hasura-org-id": "7"}, {"x-hasura-org-id": "8", "x-hasura-quote": `"'`}, {}} {
		k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Claims: claims}, k.now))
		want := ua.Account
		if want.Claims = claims; len(claims) == 0 {
			want.Claims = nil
		}
		k.equal("account", want, k.userAccount(ua).Account)
	}
	k.rotate(n.Token)
}

func emptyChange(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{}, k.now))
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("account", ua.Account, got.Account)
	k.rotate(n.Token)
}

func markVerified(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	want := ua.Account
	want.EmailVerifiedAt = stored(k.now)
	for range 2 {
		k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{EmailVerified: true}, k.now))
		k.equal("account", want, k.userAccount(ua).Account)
		k.later(time.Hour)
	}
	k.rotate(n.Token)
}

func disabledAccount(k *kit) {
	yes, no := true, false
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &yes}, k.now))
	disabledAt := stored(k.now)
	k.later(time.Hour)
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &yes}, k.now))

	got, err := k.store.UserAccountByEmail(k.ctx, ua.User.Email)
	k.ok(err)
	k.equal("disabled since", disabledAt, got.Account.DisabledAt)
	k.is(k.store.CreateSession(k.ctx, k.newSession(got)), login.ErrStale)
	_, _, err = k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.is(err, login.ErrNotFound)

	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &no}, k.now))
	got, err = k.store.UserAccountByEmail(k.ctx, ua.User.Email)
	k.ok(err)
	k.equal("disabled since", time.Time{}, got.Account.DisabledAt)
	k.refused(n.Token, login.ErrTokenUnknown) // what ended stays ended
	k.rotate(k.session(got).Token)
}

func replaceHash(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.is(k.store.ReplaceHash(k.ctx, ua.User.ID, "another", "new"), login.ErrStale)
	k.is(k.store.ReplaceHash(k.ctx, "no-uuid", ua.Account.Password, "new"), login.ErrStale)
	k.ok(k.store.ReplaceHash(k.ctx, ua.User.ID, ua.Account.Password, "new"))
	k.is(k.store.ReplaceHash(k.ctx, ua.User.ID, ua.Account.Password, "newer"), login.ErrStale)
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("hash", "new", got.Account.Password)
	k.equal("version", ua.Account.SessionVersion, got.Account.SessionVersion)
	k.rotate(n.Token)
}

// passwordChange is ua's wish for a new password, as of the version that ua was read at.
func (k *kit) passwordChange(ua login.UserAccount, newHash string) login.PasswordChange {
	next := ua
	next.Account.SessionVersion++
	return login.PasswordChange{
		UserID: ua.User.ID, OldHash: ua.Account.Password, SessionVersion: ua.Account.SessionVersion, NewHash: newHash,
		Session: k.newSession(next), Now: k.now,
	}
}

func changePassword(k *kit) {
	ua := k.user("ann@example.org")
	old := []login.NewSession{k.session(ua), k.session(ua)}
	wrongHash, wrongVersion := k.passwordChange(ua, "new"), k.passwordChange(ua, "new")
	wrongHash.OldHash, wrongVersion.SessionVersion = "another", 7
	for _, c := range []login.PasswordChange{wrongHash, wrongVersion} {
		k.is(k.store.ChangePassword(k.ctx, c), login.ErrStale)
		k.refused(c.Session.Token, login.ErrTokenUnknown)
	}
	k.equal("live sessions before", 2, k.alive(ua))

	change := k.passwordChange(ua, "new")
	k.ok(k.store.ChangePassword(k.ctx, change))
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("hash", "new", got.Account.Password)
	k.equal("version", ua.Account.SessionVersion+1, got.Account.SessionVersion)
	for _, n := range old {
		k.refused(n.Token, login.ErrTokenUnknown)
	}
	sessions, err := k.store.LiveSessions(k.ctx, ua.User.ID, k.now)
	k.ok(err)
	k.equal("live sessions", []login.Session{storedSession(change.Session.Session)}, sessions)
	k.rotate(change.Session.Token)
	k.is(k.store.ChangePassword(k.ctx, k.passwordChange(ua, "newer")), login.ErrStale)
}

func disabledPasswordChange(k *kit) {
	yes := true
	ua := k.user("ann@example.org")
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &yes}, k.now))
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.is(k.store.ChangePassword(k.ctx, k.passwordChange(got, "new")), login.ErrStale)
}

func signOutKeepsPasswordVersion(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	for range 2 {
		k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	}
	k.refused(n.Token, login.ErrTokenUnknown)
	want := ua.Account
	want.SessionVersion += 2
	k.equal("account", want, k.userAccount(ua).Account)
	k.ok(k.store.ChangePassword(k.ctx, k.passwordChange(k.userAccount(ua), "new")))
	want.Password, want.SessionVersion, want.PasswordVersion = "new", want.SessionVersion+1, want.PasswordVersion+1
	k.equal("account", want, k.userAccount(ua).Account)
	k.is(k.store.EndAllSessions(k.ctx, "no-uuid", k.now), login.ErrNotFound)
}
