package storetest

import (
	"fmt"

	"hasura-login/app/login"
)

var raceTests = map[string]func(*kit){
	"HundredSignUpsOfOneAddressMakeOneUser":     signUpRace,
	"EightExchangesOfOneTokenGiveOneChild":      rotateRace,
	"SignInAgainstPasswordChangeHasOneOutcome":  epochRace,
	"PasswordChangesAtOnceHaveOneWinner":        passwordRace,
	"SignInsAtOnceStayWithinTheLimit":           maxLiveRace,
	"DeletionWhileRefreshingLeavesNothing":      deleteRace,
	"SignOutWhileRefreshingLeavesNoLiveSession": signOutRace,
	"ManyUsersRefreshAtOnce":                    manyUsers,
}

func signUpRace(k *kit) {
	errs := parallel(100, func(int) error {
		h := k.newHolder("ann@example.org")
		n := k.newSession(h)
		return k.store.CreateUser(k.ctx, h, &n)
	})
	k.equal("users and refusals", []int{1, 99}, k.count(errs, nil, login.ErrEmailTaken))
	users, err := k.store.ListUsers(k.ctx, login.UserFilter{Limit: 10})
	k.ok(err)
	k.equal("users", 1, len(users))
	k.equal("live sessions", 1, k.alive(users[0]))
}

func rotateRace(k *kit) {
	h := k.user("ann@example.org")
	for range 20 {
		n := k.session(h)
		rotations := make([]login.Rotation, 8)
		for i := range rotations {
			rotations[i] = k.rotation(n.Token)
		}
		type result struct {
			rotated login.Rotated
			err     error
		}
		results := parallel(8, func(i int) result {
			rotated, err := k.store.RotateToken(k.ctx, rotations[i])
			return result{rotated, err}
		})
		winners := 0
		for i, r := range results {
			k.ok(r.err)
			k.equal("outcome", results[0].rotated, r.rotated)
			if string(rotations[i].Nonce) == string(r.rotated.Nonces[0]) {
				winners++
				k.rotate(childOf(rotations[i]))
			}
		}
		k.equal("winners", 1, winners)
		k.ok(k.store.EndSession(k.ctx, h.User.ID, n.Session.ID, k.now))
	}
}

// epochRace lets sign-ins that have read the old hash meet a password change.
// Whichever comes first, no session of the old password lives on.
func epochRace(k *kit) {
	for round := range 40 {
		h := k.user(email(round))
		change := k.passwordChange(h, "new")
		sessions := make([]login.NewSession, 4)
		for i := range sessions {
			sessions[i] = k.newSession(h)
		}
		errs := parallel(4, func(i int) error {
			if i == round%4 {
				return k.store.ChangePassword(k.ctx, change)
			}
			return k.store.CreateSession(k.ctx, sessions[i])
		})
		k.count(errs, nil, login.ErrStale)
		k.ok(errs[round%4])
		live, err := k.store.LiveSessions(k.ctx, h.User.ID, k.now)
		k.ok(err)
		k.equal("live sessions", []login.Session{storedSession(change.Session.Session)}, live)
		for _, n := range sessions {
			k.refused(n.Token, login.ErrTokenUnknown)
		}
		k.rotate(change.Session.Token)
	}
}

func passwordRace(k *kit) {
	h := k.user("ann@example.org")
	errs := parallel(10, func(i int) error {
		return k.store.ChangePassword(k.ctx, k.passwordChange(h, fmt.Sprint("hash ", i)))
	})
	k.equal("winners and losers", []int{1, 9}, k.count(errs, nil, login.ErrStale))
	k.equal("live sessions", 1, k.alive(h))
	got, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	k.equal("epoch", h.Account.Epoch+1, got.Account.Epoch)
}

func maxLiveRace(k *kit) {
	h := k.user("ann@example.org")
	errs := parallel(40, func(int) error { return k.store.CreateSession(k.ctx, k.newSession(h)) })
	k.equal("opened", []int{40}, k.count(errs, nil))
	k.equal("live sessions", 20, k.alive(h))
}

func deleteRace(k *kit) {
	for round := range 20 {
		h := k.user(email(round))
		n := k.session(h)
		errs := parallel(6, func(i int) error {
			switch i {
			case 0:
				return k.store.DeleteUser(k.ctx, h.User.ID, -1)
			case 1:
				return k.store.CreateSession(k.ctx, k.newSession(h))
			default:
				_, err := k.store.RotateToken(k.ctx, k.rotation(n.Token))
				return err
			}
		})
		k.count(errs, nil, login.ErrStale, login.ErrTokenUnknown)
		k.ok(errs[0])
		k.refused(n.Token, login.ErrTokenUnknown)
	}
}

func signOutRace(k *kit) {
	h := k.user("ann@example.org")
	for round := range 20 {
		n := k.session(h)
		errs := parallel(6, func(i int) error {
			if i == round%6 {
				_, err := k.store.EndSessionByToken(k.ctx, n.Token, k.now)
				return err
			}
			_, err := k.store.RotateToken(k.ctx, k.rotation(n.Token))
			return err
		})
		k.count(errs, nil, login.ErrTokenUnknown)
		k.ok(errs[round%6])
		k.equal("live sessions", 0, k.alive(h))
		k.refused(n.Token, login.ErrTokenUnknown)
	}
}

// manyUsers is 200 users at once, each of whom goes on along its own chain: none
// may meet an error or lose the session.
func manyUsers(k *kit) {
	const users, steps = 200, 10
	chains := make([]*Chain, users)
	for i := range chains {
		chains[i] = NewChain(k.T, k.store, email(i))
	}
	type result struct {
		unavailable int
		err         error
	}
	for _, r := range parallel(users, func(i int) result {
		unavailable, err := chains[i].Steps(k.ctx, steps)
		return result{unavailable, err}
	}) {
		k.ok(r.err)
		k.equal("refusals", 0, r.unavailable)
	}
}
