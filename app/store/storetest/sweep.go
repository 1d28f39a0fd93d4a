package storetest

import (
	"time"

	"hasura-login/app/login"
)

var sweepTests = map[string]func(*kit){
	"KeepsTheLivingAndTheRecentlyEnded": sweepKeeps,
	"DeletesWhatEndedLongAgo":           sweepDeletes,
	"DeletesWhatWentIdleOrExpired":      sweepIdle,
	"ErasesOldNonces":                   sweepErases,
	"IsDoneInBatches":                   sweepBatches,
	"TwoAtOnceDoEachRowOnce":            sweepTwice,
	"WhileRefreshingHarmsNobody":        sweepWhileRefreshing,
}

const keepEnded = 7 * 24 * time.Hour

func (k *kit) sweep(batch int) int {
	k.Helper()
	n, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: time.Hour, KeepEnded: keepEnded, Batch: batch})
	k.ok(err)
	return n
}

// endedSessions opens a session for each of n users, refreshes it and ends it. One
// row each, however often it was refreshed.
func (k *kit) endedSessions(n int) {
	k.Helper()
	for i := range n {
		ua := k.user(email(i))
		s := k.session(ua)
		k.rotate(k.rotate(s.Token))
		k.ok(k.store.EndSession(k.ctx, ua.User.ID, s.Session.ID, k.now))
	}
}

func sweepKeeps(k *kit) {
	ua := k.user("ann@example.org")
	alive, ended := k.session(ua), k.session(ua)
	child := k.rotate(ended.Token)
	k.ok(k.store.EndSession(k.ctx, ua.User.ID, ended.Session.ID, k.now))
	k.equal("rows swept at once", 0, k.sweep(100))
	k.later(keepEnded)
	k.equal("rows swept in time", 0, k.sweep(100))
	k.refused(child, login.ErrTokenUnknown)
	k.rotate(alive.Token)
}

func sweepDeletes(k *kit) {
	k.endedSessions(2)
	killed := k.user("killed@example.org")
	k.session(killed)
	k.ok(k.store.EndAllSessions(k.ctx, killed.User.ID, k.now))
	k.later(keepEnded + time.Second)
	k.equal("rows swept", 2+1, k.sweep(100))
	k.equal("rows swept again", 0, k.sweep(100))
	_, err := k.store.UserAccountByID(k.ctx, killed.User.ID)
	k.ok(err) // users stay
}

func sweepIdle(k *kit) {
	ua := k.user("ann@example.org")
	k.session(ua)
	short := k.newSession(ua)
	short.Session.ExpiresAt = k.now.Add(time.Hour)
	k.ok(k.store.CreateSession(k.ctx, short))
	k.later(time.Hour + keepEnded + time.Second)
	k.equal("rows of the expired session", 1, k.sweep(100))
	k.later(idle - time.Hour)
	k.equal("rows of the idle session", 1, k.sweep(100))
}

func sweepErases(k *kit) {
	n := k.session(k.user("ann@example.org"))
	token := k.spend(n.Token)
	k.equal("rows swept at once", 0, k.sweep(100))
	erase := func() int {
		n, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: noGrace, KeepEnded: keepEnded, Batch: 100})
		k.ok(err)
		return n
	}
	k.equal("rows swept", 1, erase())
	k.equal("rows swept again", 0, erase())
	k.rotate(token)
}

func sweepBatches(k *kit) {
	k.endedSessions(5)
	k.later(keepEnded + time.Second)
	total, rounds := 0, 0
	for {
		n := k.sweep(2)
		if n == 0 {
			break
		}
		if n > 2*2 {
			k.Fatalf("%d rows in one batch of 2 of each of 2 kinds", n)
		}
		total += n
		rounds++
	}
	if total < 5 || rounds < 3 {
		k.Fatalf("%d rows in %d rounds, want all 5 in 3 or more", total, rounds)
	}
}

func sweepTwice(k *kit) {
	k.endedSessions(10)
	k.later(keepEnded + time.Second)
	counts := parallel(4, func(int) int {
		total := 0
		for {
			n, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: keepEnded * 2, KeepEnded: keepEnded, Batch: 3})
			if err != nil {
				k.Error(err)
			}
			if n == 0 {
				return total
			}
			total += n
		}
	})
	total := k.sweep(100) // rows that a sweeper skipped because another had locked them
	for _, n := range counts {
		total += n
	}
	k.equal("rows swept by all", 10, total)
}

func sweepWhileRefreshing(k *kit) {
	ua := k.user("ann@example.org")
	k.endedSessions(10)
	k.later(keepEnded + time.Second)
	errs := parallel(6, func(i int) error {
		if i < 2 {
			for range 20 {
				if _, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: grace, KeepEnded: keepEnded, Batch: 2}); err != nil {
					return err
				}
			}
			return nil
		}
		n := k.newSession(ua)
		if err := k.store.CreateSession(k.ctx, n); err != nil {
			return err
		}
		for range 20 {
			r := k.rotation(n.Token)
			if _, err := k.store.RotateToken(k.ctx, r); err != nil {
				return err
			}
			n.Token = childOf(r)
		}
		return nil
	})
	k.equal("successes", []int{6}, k.count(errs, nil))
}
