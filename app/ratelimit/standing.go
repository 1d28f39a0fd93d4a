package ratelimit

import (
	"context"
	"math"
	"net/netip"
	"time"

	"hasura-login/app/login"
)

// Standing is a limit that would refuse an account's next attempt.
type Standing struct {
	Operation login.Operation `json:"operation,omitempty"`
	Mail      login.MailKind  `json:"mail,omitempty"` // of a limit of the mailbox: the kind of mail
	Scope     Scope           `json:"scope"`
	Count     int64           `json:"count"`
	Limit     int64           `json:"limit"`
	Client    string          `json:"client,omitempty"` // whose attempts it refuses; empty: everybody's
	Ends      time.Time       `json:"ends"`
}

// InForce lists the limits that refuse attempts on an account (its normalised
// address) now. It counts nothing.
func (l *Limiter) InForce(ctx context.Context, account string, clients []netip.Addr) []Standing {
	now := l.now()
	seen, strangers := map[hit]bool{}, l.strangers()
	standing := []Standing{}
	for _, a := range login.AttemptsOn(account, clients) {
		for _, c := range l.hitsOf(a, now) {
			if c.limit == 0 || seen[c] || c.kind == kindUnknown || c.id == strangers {
				continue
			}
			seen[c] = true
			count := l.peek(ctx, c, now)
			if count+c.cost <= c.limit {
				continue
			}
			s := Standing{Operation: a.Operation, Mail: a.Unsolicited, Scope: c.kind.scope(), Count: count, Limit: c.limit, Ends: time.Unix(c.end(), 0).UTC()}
			if c.kind.isClient() || a.Limit() == login.LimitLinkRequest {
				s.Client = a.Client.Prefix()
			}
			standing = append(standing, s)
		}
	}
	return standing
}

// hitsOf lists what an attempt would count for.
func (l *Limiter) hitsOf(a login.Attempt, now time.Time) []hit {
	if count := counting[a.Limit()].hits; count != nil {
		return count(l, nil, a, now)
	}
	return nil
}

func (l *Limiter) peek(ctx context.Context, c hit, now time.Time) int64 {
	c.cost, c.limit = 0, math.MaxInt64/2
	return l.counters.take(ctx, now, []hit{c}).count
}

// Forget clears what an account's own limits have counted. Those of clients, and of all
// unverified mailboxes together, stay: they are not about the account, and end by
// themselves.
func (l *Limiter) Forget(ctx context.Context, account string, clients []netip.Addr) {
	now := l.now()
	seen, strangers := map[hit]bool{}, l.strangers()
	var refunds []refund
	for _, a := range login.AttemptsOn(account, clients) {
		for _, c := range l.hitsOf(a, now) {
			if !c.kind.isClient() && c.id != strangers && !seen[c] {
				seen[c] = true
				refunds = append(refunds, refund{ledger: c, all: true})
			}
		}
	}
	l.counters.refund(ctx, now, refunds, true)
}
