package storetest

import (
	"time"

	"hasura-login/app/login"
)

var accountTests = map[string]func(*kit){
	"EveryChangeRaisesTheEpochAndEndsSessions": updateAccount,
	"EmptyChangeDoesNothing":                   emptyChange,
	"VerifiedByAnOperatorEndsNoSession":        markVerified,
	"NewClaimsEndNoSession":                    setClaims,
	"DisabledHasNoLiveSessionAndOpensNone":     disabledAccount,
	"HashIsReplacedByCompareAndSet":            replaceHash,
	"PasswordIsChangedByCompareAndSet":         changePassword,
	"DisabledCannotChangeItsPassword":          disabledPasswordChange,
	"SigningOutLeavesTheEpochOfThePassword":    signOutKeepsPasswordEpoch,
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
		h, other := k.user(email(users)), k.user(email(users+1))
		users += 2
		n, kept := k.session(h), k.session(other)
		child := k.rotate(n.Token)
		k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, tt.change, k.now))

		want := h.Account
		want.Epoch++
		want.PasswordEpoch++
		tt.want(&want)
		got, err := k.store.HolderByID(k.ctx, h.User.ID)
		k.ok(err)
		k.equal(name+": account", want, got.Account)
		k.equal(name+": live sessions", 0, k.alive(h))
		k.refused(n.Token, login.ErrTokenUnknown)
		k.refused(child, login.ErrTokenUnknown)
		k.is(k.store.CreateSession(k.ctx, k.newSession(h)), login.ErrStale)
		k.rotate(kept.Token)
	}
}

func setClaims(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	for _, claims := range []map[string]string{{"x-hasura-org-id": "7"}, {"x-hasura-org-id": "8", "x-hasura-quote": `"'`}, {}} {
		k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{Claims: claims}, k.now))
		want := h.Account
		if want.Claims = claims; len(claims) == 0 {
			want.Claims = nil
		}
		k.equal("account", want, k.holder(h).Account)
	}
	k.rotate(n.Token)
}

func emptyChange(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{}, k.now))
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	k.equal("account", h.Account, got.Account)
	k.rotate(n.Token)
}

func markVerified(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	want := h.Account
	want.EmailVerifiedAt = stored(k.now)
	for range 2 {
		k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{EmailVerified: true}, k.now))
		k.equal("account", want, k.holder(h).Account)
		k.later(time.Hour)
	}
	k.rotate(n.Token)
}

func disabledAccount(k *kit) {
	yes, no := true, false
	h := k.user("ann@example.org")
	n := k.session(h)
	k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{Disabled: &yes}, k.now))
	disabledAt := stored(k.now)
	k.later(time.Hour)
	k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{Disabled: &yes}, k.now))

	got, err := k.store.HolderByEmail(k.ctx, h.User.Email)
	k.ok(err)
	k.equal("disabled since", disabledAt, got.Account.DisabledAt)
	k.is(k.store.CreateSession(k.ctx, k.newSession(got)), login.ErrStale)
	_, _, err = k.store.SessionHolder(k.ctx, n.Session.ID, k.now)
	k.is(err, login.ErrNotFound)

	k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{Disabled: &no}, k.now))
	got, err = k.store.HolderByEmail(k.ctx, h.User.Email)
	k.ok(err)
	k.equal("disabled since", time.Time{}, got.Account.DisabledAt)
	k.refused(n.Token, login.ErrTokenUnknown) // what ended stays ended
	k.rotate(k.session(got).Token)
}

func replaceHash(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	k.is(k.store.ReplaceHash(k.ctx, h.User.ID, "another", "new"), login.ErrStale)
	k.is(k.store.ReplaceHash(k.ctx, "no-uuid", h.Account.Password, "new"), login.ErrStale)
	k.ok(k.store.ReplaceHash(k.ctx, h.User.ID, h.Account.Password, "new"))
	k.is(k.store.ReplaceHash(k.ctx, h.User.ID, h.Account.Password, "newer"), login.ErrStale)
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	k.equal("hash", "new", got.Account.Password)
	k.equal("epoch", h.Account.Epoch, got.Account.Epoch)
	k.rotate(n.Token)
}

// passwordChange is h's wish for a new password, as of the epoch that h was read at.
func (k *kit) passwordChange(h login.Holder, newHash string) login.PasswordChange {
	next := h
	next.Account.Epoch++
	return login.PasswordChange{
		UserID: h.User.ID, OldHash: h.Account.Password, Epoch: h.Account.Epoch, NewHash: newHash,
		Session: k.newSession(next), Now: k.now,
	}
}

func changePassword(k *kit) {
	h := k.user("ann@example.org")
	old := []login.NewSession{k.session(h), k.session(h)}
	wrongHash, wrongEpoch := k.passwordChange(h, "new"), k.passwordChange(h, "new")
	wrongHash.OldHash, wrongEpoch.Epoch = "another", 7
	for _, c := range []login.PasswordChange{wrongHash, wrongEpoch} {
		k.is(k.store.ChangePassword(k.ctx, c), login.ErrStale)
		k.refused(c.Session.Token, login.ErrTokenUnknown)
	}
	k.equal("live sessions before", 2, k.alive(h))

	change := k.passwordChange(h, "new")
	k.ok(k.store.ChangePassword(k.ctx, change))
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	k.equal("hash", "new", got.Account.Password)
	k.equal("epoch", h.Account.Epoch+1, got.Account.Epoch)
	for _, n := range old {
		k.refused(n.Token, login.ErrTokenUnknown)
	}
	sessions, err := k.store.LiveSessions(k.ctx, h.User.ID, k.now)
	k.ok(err)
	k.equal("live sessions", []login.Session{storedSession(change.Session.Session)}, sessions)
	k.rotate(change.Session.Token)
	k.is(k.store.ChangePassword(k.ctx, k.passwordChange(h, "newer")), login.ErrStale)
}

func disabledPasswordChange(k *kit) {
	yes := true
	h := k.user("ann@example.org")
	k.ok(k.store.UpdateAccount(k.ctx, h.User.ID, login.AccountChange{Disabled: &yes}, k.now))
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	k.is(k.store.ChangePassword(k.ctx, k.passwordChange(got, "new")), login.ErrStale)
}

func signOutKeepsPasswordEpoch(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	for range 2 {
		k.ok(k.store.EndAllSessions(k.ctx, h.User.ID, k.now))
	}
	k.refused(n.Token, login.ErrTokenUnknown)
	want := h.Account
	want.Epoch += 2
	k.equal("account", want, k.holder(h).Account)
	k.ok(k.store.ChangePassword(k.ctx, k.passwordChange(k.holder(h), "new")))
	want.Password, want.Epoch, want.PasswordEpoch = "new", want.Epoch+1, want.PasswordEpoch+1
	k.equal("account", want, k.holder(h).Account)
	k.is(k.store.EndAllSessions(k.ctx, "no-uuid", k.now), login.ErrNotFound)
}
