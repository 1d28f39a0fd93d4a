package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

var sessionTests = map[string]func(*kit){
	"ComesBackAsItWasCreated":          createdSessionComesBack,
	"OfAnotherSessionVersionIsStale":   staleSession,
	"ClientNameOfAnyBytesIsNoObstacle": anyClientName,
	"AboveTheLimitEndsTheOldest":       maxLive,
	"LimitCountsOnlyLiveOnes":          maxLiveCountsLive,
	"ListIsLastUsedFirst":              liveOrder,
	"DiesWithIdleness":                 idleSession,
	"DiesOfAge":                        expiredSession,
	"IsEndedOnceByItsOwnerOnly":        endSession,
	"IsEndedByAnyOfItsTokensOnce":      endSessionByToken,
	"EndOfAllSparesOtherUsers":         endAll,
	"UnknownSessionOrTokenIsNoSession": unknownSession,
	"IsFoundByItsNewestTokenOnly":      sessionByToken,
	"InUseIsNotedOnceInAWhile":         touchSession,
}

func storedSession(s login.Session) login.Session {
	s.CreatedAt, s.LastUsedAt = stored(s.CreatedAt), stored(s.LastUsedAt)
	s.IdleUntil, s.ExpiresAt = stored(s.IdleUntil), stored(s.ExpiresAt)
	return s
}

func createdSessionComesBack(k *kit) {
	ua := k.user("ann@example.org")
	n := k.newSession(ua)
	n.Session.OriginID, n.Session.AuthenticatedAt = uuid.NewString(), stored(k.now.Add(-time.Hour))
	k.ok(k.store.CreateSession(k.ctx, n))
	session, userAccount, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("session", storedSession(n.Session), session)
	want, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("userAccount", want, userAccount)
}

func staleSession(k *kit) {
	ua := k.user("ann@example.org")
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	n := k.newSession(ua)
	k.is(k.store.CreateSession(k.ctx, n), login.ErrStale)
	k.refused(n.Token, login.ErrTokenUnknown)
	n.Session.UserID = uuid.NewString()
	k.is(k.store.CreateSession(k.ctx, n), login.ErrStale)
	n.Session.UserID = "no-uuid"
	k.is(k.store.CreateSession(k.ctx, n), login.ErrStale)
}

func anyClientName(k *kit) {
	ua := k.user("ann@example.org")
	n := k.newSession(ua)
	n.Session.ClientName = "Fire\x00fox é\xc3"
	k.ok(k.store.CreateSession(k.ctx, n))
	session, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("client name", "Firefox é", session.ClientName)
}

func maxLive(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	kept := k.session(other)
	var opened []login.NewSession
	for range 23 {
		opened = append(opened, k.session(ua))
		k.later(time.Second)
	}
	k.equal("live sessions", 20, k.alive(ua))
	for i, n := range opened {
		_, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
		if i < 3 {
			k.is(err, login.ErrNotFound)
			k.refused(n.Token, login.ErrTokenUnknown)
		} else {
			k.ok(err)
		}
	}
	k.rotate(kept.Token)

	backdated := k.newSession(ua) // a clock behind: the newest to come is never the one to go
	backdated.Session.CreatedAt = k.now.Add(-time.Hour)
	k.ok(k.store.CreateSession(k.ctx, backdated))
	_, _, err := k.store.SessionUserAccount(k.ctx, backdated.Session.ID, k.now)
	k.ok(err)
	k.equal("live sessions", 20, k.alive(ua))
}

func maxLiveCountsLive(k *kit) {
	ua := k.user("ann@example.org")
	oldest := k.newSession(ua)
	oldest.MaxLive = 2
	k.ok(k.store.CreateSession(k.ctx, oldest))
	for range 3 {
		k.later(time.Second)
		n := k.newSession(ua)
		n.MaxLive = 2
		k.ok(k.store.CreateSession(k.ctx, n))
		k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	}
	k.rotate(oldest.Token)
}

func liveOrder(k *kit) {
	ua := k.user("ann@example.org")
	first := k.session(ua)
	k.later(time.Minute)
	second := k.session(ua)
	k.later(time.Minute)
	ended := k.session(ua)
	k.ok(k.store.EndSession(k.ctx, ua.User.ID, ended.Session.ID, k.now))
	k.later(time.Minute)
	k.rotate(first.Token)

	sessions, err := k.store.LiveSessions(k.ctx, ua.User.ID, k.now)
	k.ok(err)
	var ids []string
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	k.equal("order", []string{first.Session.ID, second.Session.ID}, ids)
	k.equal("last use", stored(k.now), sessions[0].LastUsedAt)
}

func idleSession(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.later(idle - time.Microsecond)
	child := k.rotate(n.Token) // the last moment; idleness starts again
	k.later(idle - time.Microsecond)
	grandchild := k.rotate(child)
	k.later(lifetime - 2*idle + time.Hour)
	k.equal("live sessions", 0, k.alive(ua)) // idle for less, but capped by age
	k.refused(grandchild, login.ErrTokenUnknown)

	k.now = k.now.Add(time.Hour)
	m := k.session(ua)
	k.later(idle)
	k.equal("live sessions at the limit", 0, k.alive(ua))
	k.refused(m.Token, login.ErrTokenUnknown)
	_, _, err := k.store.SessionUserAccount(k.ctx, m.Session.ID, k.now)
	k.is(err, login.ErrNotFound)
	k.is(k.store.EndSession(k.ctx, ua.User.ID, m.Session.ID, k.now), login.ErrNotFound)
	over, err := k.store.EndSessionByToken(k.ctx, m.Token, k.now)
	k.is(err, login.ErrTokenUnknown)
	k.equal("the session that is over", storedSession(m.Session), over)
}

func expiredSession(k *kit) {
	ua := k.user("ann@example.org")
	n := k.newSession(ua)
	n.Session.ExpiresAt = k.now.Add(time.Hour)
	k.ok(k.store.CreateSession(k.ctx, n))
	got, err := k.store.RotateToken(k.ctx, k.rotation(n.Token))
	k.ok(err)
	k.equal("idle limit, capped", stored(n.Session.ExpiresAt), got.Session.IdleUntil)
	k.later(time.Hour)
	k.equal("live sessions", 0, k.alive(ua))
	k.refused(n.Token, login.ErrTokenUnknown)
}

func endSession(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	n, kept := k.session(ua), k.session(ua)
	k.is(k.store.EndSession(k.ctx, other.User.ID, n.Session.ID, k.now), login.ErrNotFound)
	k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	k.is(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now), login.ErrNotFound)
	_, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.is(err, login.ErrNotFound)
	k.refused(n.Token, login.ErrTokenUnknown)
	k.rotate(kept.Token)
}

func endSessionByToken(k *kit) {
	ua := k.user("ann@example.org")
	for _, spent := range []bool{false, true} {
		n, kept := k.session(ua), k.session(ua)
		child := k.rotate(n.Token)
		token := child
		if spent {
			k.later(time.Hour)
			token = n.Token
		}
		session, err := k.store.EndSessionByToken(k.ctx, token, k.now)
		k.ok(err)
		k.equal("session", n.Session.ID, session.ID)
		k.equal("its owner", ua.User.ID, session.UserID)
		k.equal("its end", stored(k.now), session.EndedAt)
		over, err := k.store.EndSessionByToken(k.ctx, token, k.now.Add(time.Hour))
		k.is(err, login.ErrTokenUnknown)
		k.equal("the session that is over", session, over)
		k.refused(child, login.ErrTokenUnknown)
		k.rotate(kept.Token)
	}
}

func endAll(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	n, m, kept := k.session(ua), k.session(ua), k.session(other)
	k.ok(k.store.EndAllSessions(k.ctx, ua.User.ID, k.now))
	k.refused(n.Token, login.ErrTokenUnknown)
	k.refused(m.Token, login.ErrTokenUnknown)
	k.rotate(kept.Token)
	got, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.ok(err)
	k.equal("version", ua.Account.SessionVersion+1, got.Account.SessionVersion)
	k.rotate(k.session(got).Token)
}

func unknownSession(k *kit) {
	ua := k.user("ann@example.org")
	k.session(ua)
	for _, id := range []string{"", "no-uuid", uuid.NewString()} {
		_, _, err := k.store.SessionUserAccount(k.ctx, id, k.now)
		k.is(err, login.ErrNotFound)
		k.is(k.store.EndSession(k.ctx, ua.User.ID, id, k.now), login.ErrNotFound)
	}
	k.refused(newChainToken(), login.ErrTokenUnknown)
	_, err := k.store.EndSessionByToken(k.ctx, newChainToken(), k.now)
	k.is(err, login.ErrTokenUnknown)
}

func sessionByToken(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	byID, wantUserAccount, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	session, userAccount, err := k.store.SessionByToken(k.ctx, n.Token, k.now)
	k.ok(err)
	k.equal("session", byID, session)
	k.equal("userAccount", wantUserAccount, userAccount)

	child := k.rotate(n.Token)
	elsewhere := login.TokenKey{Family: newToken(), Token: child.Token}
	for name, token := range map[string]login.TokenKey{"spent": n.Token, "unknown": newChainToken(), "of another family": elsewhere} {
		if _, _, err := k.store.SessionByToken(k.ctx, token, k.now); !errors.Is(err, login.ErrNotFound) {
			k.Errorf("%s: %v", name, err)
		}
	}
	_, _, err = k.store.SessionByToken(k.ctx, child, k.now.Add(idle))
	k.is(err, login.ErrNotFound)
	disabled := true
	k.ok(k.store.UpdateAccount(k.ctx, ua.User.ID, login.AccountChange{Disabled: &disabled}, k.now))
	_, _, err = k.store.SessionByToken(k.ctx, child, k.now)
	k.is(err, login.ErrNotFound)
}

func touchSession(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	touch := func(before time.Time) {
		k.Helper()
		k.ok(k.store.TouchSession(k.ctx, n.Session.ID, before, k.now, k.now.Add(idle)))
	}
	lastUsed := func(want time.Time) {
		k.Helper()
		got, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
		k.ok(err)
		k.equal("last use", stored(want), got.LastUsedAt)
		k.equal("idle limit", stored(want.Add(idle)), got.IdleUntil)
	}
	opened := k.now
	k.later(time.Minute)
	touch(opened) // it was used then, and not before
	lastUsed(opened)
	touch(opened.Add(time.Second))
	lastUsed(k.now)
	k.later(idle - time.Second) // beyond the first idle limit
	touch(k.now)
	lastUsed(k.now)
	k.later(idle - time.Second)
	touch(k.now)
	got, _, err := k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.ok(err)
	k.equal("idle limit, capped", stored(n.Session.ExpiresAt), got.IdleUntil)

	k.ok(k.store.EndSession(k.ctx, ua.User.ID, n.Session.ID, k.now))
	touch(k.now.Add(time.Hour))
	_, _, err = k.store.SessionUserAccount(k.ctx, n.Session.ID, k.now)
	k.is(err, login.ErrNotFound)
	k.ok(k.store.TouchSession(k.ctx, uuid.NewString(), k.now, k.now, k.now))
}
