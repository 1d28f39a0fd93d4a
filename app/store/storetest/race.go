package storetest

import (
	"fmt"

	"hasura-login/app/login"
)

var raceTests = map[string]func(*kit){
	"HundredSignUpsOfOneAddressMakeOneUser":     signUpRace,
	"EightExchangesOfOneTokenGiveOneChild":      rotateRace,
	"SignInAgainstPasswordChangeHasOneOutcome":  sessionVersionRace,
	"PasswordChangesAtOnceHaveOneWinner":        passwordRace,
	"SignInsAtOnceStayWithinTheLimit":           maxLiveRace,
	"DeletionWhileRefreshingLeavesNothing":      deleteRace,
	"SignOutWhileRefreshingLeavesNoLiveSession": signOutRace,
	"ManyUsersRefreshAtOnce":                    manyUsers,
}

func signUpRace(k *kit) {
	errs := parallel(100, func(int) error {
		ua := k.newUserAccount("ann@example.org")
		n := k.newSession(ua)
		return k.store.CreateUser(k.ctx, ua, &n)
	})
	k.equal("users and refusals", []int{1, 99}, k.count(errs, nil, login.ErrEmailTaken))
	users, err := k.store.ListUsers(k.ctx, login.UserFilter{Limit: 10})
	k.ok(err)
	k.equal("users", 1, len(users))
	k.equal("live sessions", 1, k.alive(users[0]))
}

func rotateRace(k *kit) {
	ua := k.user("ann@example.org")
	for range 20 {
		n := k.session(ua)
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
		k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	}
}

// sessionVersionRace lets sign-ins that have read the old hash meet a password change.
// Whichever comes first, no session of the old password lives on.
func sessionVersionRace(k *kit) {
	for round := range 40 {
		ua := k.user(email(round))
		change := k.passwordChange(ua, "new")
		sessions := make([]login.NewSession, 4)
		for i := range sessions {
			sessions[i] = k.newSession(ua)
		}
		errs := parallel(4, func(i int) error {
			if i == round%4 {
				return k.store.ChangePassword(k.ctx, change)
			}
			return k.store.CreateSession(k.ctx, sessions[i])
		})
		k.count(errs, nil, login.ErrStale)
		k.ok(errs[round%4])
		live, err := k.store.LiveSessions(k.ctx, ua.User.ID, k.now)
		k.ok(err)
		k.equal("live sessions", []login.Session{storedSession(change.Session.Session)}, live)
		for _, n := range sessions {
			k.refused(n.Token, login.ErrTokenUnknown)
		}
		k.rotate(change.Session.Token)
	}
}

func passwordRace(k *kit) {
	ua := k.user("ann@example.org")
	errs := parallel(10, func(i int) error {
		return k.store.ChangePassword(k.ctx, k.passwordChange(ua, fmt.Sprint("hash ", i)))
	})
	k.equal("winners and losers", []int{1, 9}, k.count(errs, nil, login.ErrStale))
	k.equal("live sessions", 1, k.alive(ua))
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("version", ua.Account.SessionVersion+1, got.Account.SessionVersion)
}

func maxLiveRace(k *kit) {
	ua := k.user("ann@example.org")
	errs := parallel(40, func(int) error { return k.store.CreateSession(k.ctx, k.newSession(ua)) })
	k.equal("opened", []int{40}, k.count(errs, nil))
	k.equal("live sessions", 20, k.alive(ua))
}

func deleteRace(k *kit) {
	for round := range 20 {
		ua := k.user(email(round))
		n := k.session(ua)
		errs := parallel(6, func(i int) error {
			switch i {
			case 0:
				return k.store.DeleteUser(k.ctx, ua.User.ID, -1)
			case 1:
				return k.store.CreateSession(k.ctx, k.newSession(ua))
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
	ua := k.user("ann@example.org")
	for round := range 20 {
		n := k.session(ua)
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
		k.equal("live sessions", 0, k.alive(ua))
		k.refused(n.Token, login.ErrTokenUnknown)
	}
}

// manyUsers lets 200 users refresh at once, each its own family: none may get an error
// or lose the session.
func manyUsers(k *kit) {
	const users, steps = 200, 10
	families := make([]*Family, users)
	for i := range families {
		families[i] = NewFamily(k.T, k.store, email(i))
	}
	type result struct {
		unavailable int
		err         error
	}
	for _, r := range parallel(users, func(i int) result {
		unavailable, err := families[i].Steps(k.ctx, steps)
		return result{unavailable, err}
	}) {
		k.ok(r.err)
		k.equal("refusals", 0, r.unavailable)
	}
}
