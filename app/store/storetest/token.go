package storetest

import (
	"time"

	"hasura-login/app/login"
)

var tokenTests = map[string]func(*kit){
	"ExchangeTellsTheHolderAndTheSession": exchange,
	"ChainGoesOn":                         chain,
	"SpentWithinTheGraceGivesItsChild":    withinGrace,
	"SpentAfterTheGraceEndsTheSession":    reuse,
	"SpentLongAgoEndsTheSession":          ancestorReuse,
	"SpentWithoutANonceIsReuse":           erasedNonce,
}

func exchange(k *kit) {
	h := k.user("ann@example.org")
	n := k.session(h)
	k.later(time.Hour)
	r := k.rotation(n.Token)
	got, err := k.store.RotateToken(k.ctx, r)
	k.ok(err)

	holder, err := k.store.HolderByID(k.ctx, h.User.ID)
	k.ok(err)
	session := storedSession(n.Session)
	session.LastUsedAt, session.IdleUntil = stored(k.now), stored(r.IdleUntil)
	k.equal("outcome", login.Rotated{Holder: holder, Session: session, Nonce: r.Nonce}, got)
	kept, _, err := k.store.SessionHolder(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("session", session, kept)
}

func chain(k *kit) {
	token := k.session(k.user("ann@example.org")).Token
	for range 10 {
		k.later(15 * time.Minute)
		token = k.rotate(token)
	}
}

func withinGrace(k *kit) {
	n := k.session(k.user("ann@example.org"))
	first := k.rotation(n.Token)
	won, err := k.store.RotateToken(k.ctx, first)
	k.ok(err)
	k.later(grace) // the last moment
	second := k.rotation(n.Token)
	got, err := k.store.RotateToken(k.ctx, second)
	k.ok(err)
	k.equal("outcome", won, got)
	k.refused(second.Child, login.ErrTokenUnknown) // the loser's proposal came to nothing
	k.rotate(first.Child)
}

func reuse(k *kit) {
	h := k.user("ann@example.org")
	n, other := k.session(h), k.session(h)
	child := k.rotate(n.Token)
	k.later(grace + time.Microsecond)
	got := k.refused(n.Token, login.ErrTokenReused)
	k.equal("session", n.Session.ID, got.Session.ID)
	k.equal("its owner", h.User.ID, got.Session.UserID)
	k.equal("its end", stored(k.now), got.Session.EndedAt)
	k.equal("nonce", 0, len(got.Nonce))

	k.refused(child, login.ErrTokenUnknown)
	k.refused(n.Token, login.ErrTokenUnknown) // a dead session is not ended again
	k.equal("live sessions", 1, k.alive(h))
	k.rotate(other.Token)
}

func ancestorReuse(k *kit) {
	n := k.session(k.user("ann@example.org"))
	token := n.Token
	for range 5 {
		token = k.rotate(token)
		k.later(time.Hour)
	}
	k.refused(n.Token, login.ErrTokenReused)
	k.refused(token, login.ErrTokenUnknown)
}

func erasedNonce(k *kit) {
	n := k.session(k.user("ann@example.org"))
	child := k.rotate(n.Token)
	k.later(time.Second)
	_, err := k.store.Sweep(k.ctx, login.Sweep{Now: k.now.Add(time.Second), NonceGrace: 0, KeepEnded: time.Hour, Batch: 10})
	k.ok(err)
	k.refused(n.Token, login.ErrTokenReused)
	k.refused(child, login.ErrTokenUnknown)
}
