package storetest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"hasura-login/app/login"
)

var faultTests = map[string]func(*kit){
	"ExchangeBrokenOffAnywhereLeavesAWayOn": brokenExchange,
	"CallerGoneIsNotTheStoresFault":         callerGone,
	"CallsAfterCloseAreUnavailable":         closed,
	"PingSucceeds":                          ping,
}

// brokenExchange breaks an exchange off after ever longer times, until one gets
// through. Whatever came of each, done or not, the token that was presented still
// leads to a successor, and that one goes on.
func brokenExchange(k *kit) {
	ua := k.user("ann@example.org")
	const step = 20 * time.Microsecond
	broken, through := 0, 0
	for wait := time.Duration(0); through < 10 && wait < time.Second; wait += step {
		n := k.session(ua)
		ctx, cancel := context.WithTimeout(k.ctx, wait)
		first := k.rotation(n.Token)
		_, err := k.store.RotateToken(ctx, first)
		cancel()
		if err == nil {
			through++
		} else {
			broken++
			if !errors.Is(err, login.ErrUnavailable) {
				k.Fatalf("broken off: %v", err)
			}
		}
		k.wayOn(n.Token, first)
	}
	if broken == 0 || through == 0 {
		k.Fatalf("%d exchanges broken off and %d got through: nothing was shown", broken, through)
	}
}

// wayOn presents the token of an exchange of unknown outcome again and follows
// the successor it gives.
func (k *kit) wayOn(token login.TokenKey, first login.Rotation) {
	k.Helper()
	again := k.rotation(token)
	got, err := k.store.RotateToken(k.ctx, again)
	k.ok(err)
	switch string(bytes.Join(got.Nonces, nil)) {
	case string(first.Nonce):
		k.rotate(childOf(first))
	case string(again.Nonce):
		k.rotate(childOf(again))
	default:
		k.Fatal("the nonce is of neither exchange")
	}
}

func callerGone(k *kit) {
	n := k.session(k.user("ann@example.org"))
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	_, err := k.store.RotateToken(ctx, k.rotation(n.Token))
	k.is(err, context.Canceled)
	if errors.Is(err, login.ErrUnavailable) {
		k.Fatalf("a caller who left makes the store unavailable: %v", err)
	}
	k.rotate(n.Token)
}

func closed(k *kit) {
	ua := k.user("ann@example.org")
	n := k.session(ua)
	k.ok(k.store.Close())
	_, err := k.store.UserAccountByID(k.ctx, ua.User.ID)
	k.is(err, login.ErrUnavailable)
	_, err = k.store.RotateToken(k.ctx, k.rotation(n.Token))
	k.is(err, login.ErrUnavailable)
	k.is(k.store.CreateSession(k.ctx, k.newSession(ua)), login.ErrUnavailable)
	k.is(k.store.Ping(k.ctx), login.ErrUnavailable)
}

func ping(k *kit) { k.ok(k.store.Ping(k.ctx)) }
