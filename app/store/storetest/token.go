package storetest

import (
	"time"

	"hasura-login/app/login"
)

var tokenTests = map[string]func(*kit){
	"ExchangeTellsTheUserAndTheSession":            exchange,
	"FamilyGoesOn":                                 family,
	"IsGoodUntilItsSuccessorIsUsed":                goodUntilUsed,
	"IsGoodForTheGraceAfterThat":                   withinGrace,
	"AllOfABurstAreGoodForTheGrace":                burst,
	"ALostAnswerAtEveryStepLeavesAWayOn":           lostAnswers,
	"SpentAfterTheGraceEndsTheSession":             reuse,
	"SpentLongAgoEndsTheSession":                   ancestorReuse,
	"NeverIssuedOfAKnownFamilyEndsTheSession":      forged,
	"ClocksAMinuteApartHaveNoEffect":               skewedClocks,
	"SpentWithoutANonceIsReuse":                    erasedNonce,
	"ProposalOfALoserIsNoToken":                    losersProposal,
	"EightAtOnceWithASpentOneAllArriveAtTheNewest": spentRace,
}

// noGrace is over at once, whatever the clock of the store.
const noGrace = -time.Second

func exchange(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.later(time.Hour)
	r := k.rotation(n.Token)
	got, err := k.store.RotateToken(k.ctx, r)
	k.ok(err)

	userAccount, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	session := storedSession(n.Session)
	session.LastUsedAt, session.IdleUntil = stored(k.now), stored(r.IdleUntil)
	k.equal("outcome", login.Rotated{UserAccount: userAccount, Session: session, Nonces: [][]byte{r.Nonce}}, got)
	kept, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("session", session, kept)
}

func family(k *kit) {
	token := k.session(k.user("ann@example.org")).Token
	for range 40 {
		k.later(15 * time.Minute)
		token = k.rotate(token)
	}
}

// present rotates token with a grace and wants it to be good by these nonces.
func (k *kit) present(token login.TokenKey, grace time.Duration, nonces ...[]byte) {
	k.Helper()
	r := k.rotation(token)
	r.Grace = grace
	got, err := k.store.RotateToken(k.ctx, r)
	k.ok(err)
	k.equal("nonces", nonces, got.Nonces)
}

// goodUntilUsed is a phone whose answer was lost in a tunnel: it comes again hours
// later, with no successor ever used. As reported of services that count a grace
// from the exchange.
func goodUntilUsed(k *kit) {
	n := k.session(k.user("ann@example.org"))
	first := k.rotation(n.Token)
	_, err := k.store.RotateToken(k.ctx, first)
	k.ok(err)
	for range 3 {
		k.later(3 * 24 * time.Hour)
		k.sweep(100)
		k.present(n.Token, noGrace, first.Nonce)
	}
	k.rotate(childOf(first))
}

func withinGrace(k *kit) {
	n := k.session(k.user("ann@example.org"))
	first := k.rotation(n.Token)
	_, err := k.store.RotateToken(k.ctx, first)
	k.ok(err)
	second := k.rotation(childOf(first))
	_, err = k.store.RotateToken(k.ctx, second)
	k.ok(err)
	k.present(n.Token, time.Hour, first.Nonce, second.Nonce)
	k.rotate(childOf(second))
}

// burst is a page that refreshes whenever it is loaded, loaded again and again
// while another tab has the first token.
func burst(k *kit) {
	n := k.session(k.user("ann@example.org"))
	token := n.Token
	var nonces [][]byte
	for i := range 12 {
		r := k.rotation(token)
		r.Grace = time.Hour
		_, err := k.store.RotateToken(k.ctx, r)
		k.ok(err)
		token, nonces = childOf(r), append(nonces, r.Nonce)
		k.present(n.Token, time.Hour, nonces...)
		if i == 11 {
			k.rotate(token)
		}
	}
}

// lostAnswers has the service killed between commit and answer at every exchange
// of a family: the client knows nothing of the child and presents its token again.
func lostAnswers(k *kit) {
	token := k.session(k.user("ann@example.org")).Token
	for range 20 {
		lost := k.rotation(token)
		lost.Grace = noGrace
		_, err := k.store.RotateToken(k.ctx, lost)
		k.ok(err)
		k.later(15 * time.Minute)
		k.present(token, noGrace, lost.Nonce)
		token = childOf(lost)
	}
}

// spend exchanges token twice, so that it is spent and its successor used, and
// returns the newest.
func (k *kit) spend(token login.TokenKey) login.TokenKey {
	k.Helper()
	return k.rotate(k.rotate(token))
}

// reused presents token after the grace, which ends its session.
func (k *kit) reused(token login.TokenKey) login.Rotated {
	k.Helper()
	r := k.rotation(token)
	r.Grace = noGrace
	got, err := k.store.RotateToken(k.ctx, r)
	k.is(err, login.ErrTokenReused)
	return got
}

func reuse(k *kit) {
	ua := k.user("ann@example.org")
	n, other := k.session(ua), k.session(ua)
	newest := k.spend(n.Token)
	got := k.reused(n.Token)
	k.equal("session", n.Session.ID, got.Session.ID)
	k.equal("its owner", ua.User.ID, got.Session.UserID)
	k.equal("its end", stored(k.now), got.Session.EndedAt)
	k.equal("nonces", 0, len(got.Nonces))

	k.refused(newest, login.ErrTokenUnknown)
	k.refused(n.Token, login.ErrTokenUnknown) // a dead session is not ended again
	k.equal("live sessions", 1, k.alive(ua))
	k.rotate(other.Token)
}

func ancestorReuse(k *kit) {
	n := k.session(k.user("ann@example.org"))
	token := n.Token
	for range 40 {
		token = k.rotate(token)
		k.later(time.Hour)
	}
	k.refused(n.Token, login.ErrTokenReused) // too long ago for any grace
	k.refused(token, login.ErrTokenUnknown)
}

func forged(k *kit) {
	n := k.session(k.user("ann@example.org"))
	k.refused(login.TokenKey{Family: n.Token.Family, Token: newToken()}, login.ErrTokenReused)
	k.refused(n.Token, login.ErrTokenUnknown)
}

func skewedClocks(k *kit) {
	n := k.session(k.user("ann@example.org"))
	first := k.rotation(n.Token)
	_, err := k.store.RotateToken(k.ctx, first)
	k.ok(err)
	k.later(-time.Minute)
	second := k.rotation(childOf(first))
	_, err = k.store.RotateToken(k.ctx, second)
	k.ok(err)
	k.later(2 * time.Minute)
	k.present(n.Token, time.Hour, first.Nonce, second.Nonce)
	k.later(-2 * time.Minute)
	k.reused(n.Token)
}

func erasedNonce(k *kit) {
	n := k.session(k.user("ann@example.org"))
	newest := k.spend(n.Token)
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now, NonceGrace: noGrace, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	k.refused(n.Token, login.ErrTokenReused)
	k.refused(newest, login.ErrTokenUnknown)
}

func losersProposal(k *kit) {
	n := k.session(k.user("ann@example.org"))
	k.rotate(n.Token)
	loser := k.rotation(n.Token)
	_, err := k.store.RotateToken(k.ctx, loser)
	k.ok(err)
	k.refused(childOf(loser), login.ErrTokenReused)
}

func spentRace(k *kit) {
	ua := k.user("ann@example.org")
	for range 10 {
		n := k.session(ua)
		first := k.rotation(n.Token)
		_, err := k.store.RotateToken(k.ctx, first)
		k.ok(err)
		second := k.rotation(childOf(first))
		second.Grace = time.Hour
		errs := parallel(9, func(i int) error {
			if i == 0 {
				_, err := k.store.RotateToken(k.ctx, second)
				return err
			}
			r := k.rotation(n.Token)
			r.Grace = time.Hour
			_, err := k.store.RotateToken(k.ctx, r)
			return err
		})
		k.equal("successes", []int{9}, k.count(errs, nil))
		k.present(n.Token, time.Hour, first.Nonce, second.Nonce)
		k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	}
}
