package ratelimit

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"hasura-login/app/login"
)

// Reservation is a counted attempt. It implements login.Reservation; only the
// first of its settlements counts.
type Reservation struct {
	limiter  *Limiter
	limit    login.Limit
	decision Decision
	hits     []hit
	shared   bool // counted in Redis too
	known    bool // counts as a known device
	stranger bool // of unknown address: another such client is not the same client
	settled  atomic.Bool
}

// RateLimit gives the numbers of the RateLimit headers; limit is 0 where no
// limit applies.
func (r *Reservation) RateLimit() (limit, remaining int64, reset time.Duration) {
	return r.decision.Limit, r.decision.Remaining, r.decision.Reset
}

// KnownDevice implements login.Reservation.
func (r *Reservation) KnownDevice() bool { return r.known }

// Succeeded implements login.Reservation. After a proved password, it refunds the
// client's share of the account's count, or the device's own count. For clients of
// unknown address, which are not one client, it refunds only this attempt. The refund
// includes attempts of the same client that are still being checked: a person who knows
// the password may also guess it.
//
// Sign-ups and refreshes stay counted: their number is what is limited.
func (r *Reservation) Succeeded(ctx context.Context) { r.settle(ctx, true) }

// Released implements login.Reservation.
func (r *Reservation) Released(ctx context.Context) { r.settle(ctx, false) }

func (r *Reservation) settle(ctx context.Context, success bool) {
	if !r.settled.CompareAndSwap(false, true) {
		return
	}
	paired := slices.ContainsFunc(r.hits, func(c hit) bool { return c.kind == kindPair })
	var refunds []refund
	for _, c := range r.hits {
		switch {
		case c.kind == kindPair:
			refunds = append(refunds, refund{ledger: c, along: r.along(c), all: success && !r.stranger})
		case c.kind == kindDevice:
			refunds = append(refunds, refund{ledger: c, all: success})
		case c.kind == kindDevices && success:
		case paired && c.kind != kindDevices: // refunded along with its pair
		case r.known && c.kind.isClient(): // never given back
		case !success:
			refunds = append(refunds, refund{ledger: c})
		}
	}
	if len(refunds) > 0 {
		r.limiter.counters.refund(ctx, r.limiter.now(), refunds, r.shared)
	}
}

// along returns the counters that were hit in the same window as the ledger.
func (r *Reservation) along(ledger hit) []hit {
	var along []hit
	for _, c := range r.hits {
		if (c.kind.isClient() || c.kind == kindAccount) && c.period == ledger.period {
			along = append(along, c)
		}
	}
	return along
}

// Failed implements login.Reservation. A wrong password stays counted; a failed
// sign-up, refresh or reset, which may be a search for addresses or tokens,
// counts for the client once more.
func (r *Reservation) Failed(ctx context.Context) {
	if !r.settled.CompareAndSwap(false, true) {
		return
	}
	if !counting[r.limit].failuresTwice {
		return
	}
	var extra []hit
	for _, c := range r.hits {
		if c.kind.isClient() {
			c.limit = 0 // what happened is counted, limit or not
			extra = append(extra, c)
		}
	}
	if len(extra) > 0 {
		r.limiter.counters.add(ctx, r.limiter.now(), extra, r.shared)
	}
}
