package storetest

import (
	"errors"
	"fmt"
	"hasura-login/app/login"
)

// removePassword is a change to no password.
func (k *kit) removePassword(ua login.UserAccount) error {
	return k.store.ChangePassword(k.ctx, k.passwordChange(ua, ""))
}

func lastPasskey(k *kit) {
	ua, c := k.user("ann@example.org"), k.passkeys()
	k.ok(k.credentials().AddTOTP(k.ctx, ua.User.ID, ua.Account.SessionVersion, k.newTOTP())) // opens nothing by itself
	k.is(k.removePassword(ua), login.ErrLastWayIn)
	k.equal("untouched", k.userAccount(ua).Account.Password, ua.Account.Password)
	first, second := k.withPasskey(ua), k.withPasskey(ua)
	n := k.session(ua)
	k.ok(k.removePassword(ua))
	ua = k.userAccount(ua)
	k.equal("password", "", ua.Account.Password)
	k.refused(n.Token, login.ErrTokenUnknown)
	k.ok(c.RemovePasskey(k.ctx, ua.User.ID, first.ID, ua.Account.SessionVersion, false))
	k.is(c.RemovePasskey(k.ctx, ua.User.ID, second.ID, ua.Account.SessionVersion, false), login.ErrLastWayIn)
	k.equal("passkeys", []login.Passkey{second}, k.list(ua))
	k.ok(k.store.ChangePassword(k.ctx, k.passwordChange(ua, "new")))
	ua = k.userAccount(ua)
	k.ok(c.RemovePasskey(k.ctx, ua.User.ID, second.ID, ua.Account.SessionVersion, false))

	// Where something else signs in, nothing has to stay.
	third, none := k.withPasskey(ua), k.passwordChange(ua, "")
	none.OtherWayIn = true
	k.ok(k.store.ChangePassword(k.ctx, none))
	ua = k.userAccount(ua)
	k.ok(c.RemovePasskey(k.ctx, ua.User.ID, third.ID, ua.Account.SessionVersion, true))
	k.equal("password", "", k.userAccount(ua).Account.Password)
}

func lastPasskeyRace(k *kit) {
	for round := range 10 {
		ua := k.withoutPassword(email(round))
		two := []login.Passkey{k.withPasskey(ua), k.withPasskey(ua)}
		errs := parallel(2, func(i int) error {
			return k.passkeys().RemovePasskey(k.ctx, ua.User.ID, two[i].ID, ua.Account.SessionVersion, false)
		})
		k.equal("removed and kept", []int{1, 1}, k.count(errs, nil, login.ErrLastWayIn))
		k.equal("passkeys", 1, len(k.list(ua)))
	}
}

func passwordAndPasskeyRace(k *kit) {
	for round := range 10 {
		ua := k.user(email(round))
		p, change := k.withPasskey(ua), k.passwordChange(ua, "")
		errs := parallel(2, func(i int) error {
			if i == 0 {
				return k.store.ChangePassword(k.ctx, change)
			}
			return k.passkeys().RemovePasskey(k.ctx, ua.User.ID, p.ID, ua.Account.SessionVersion, false)
		})
		k.count(errs, nil, login.ErrLastWayIn, login.ErrStale)
		now := k.userAccount(ua)
		if now.Account.Password == "" && len(k.list(ua)) == 0 {
			k.Fatal(fmt.Sprintf("round %d: no way in is left", round), errs)
		}
		if (errs[0] == nil) == (errs[1] == nil) {
			k.Fatal("both, or neither", errors.Join(errs...))
		}
	}
}
