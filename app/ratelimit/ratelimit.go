// Package ratelimit limits attempts: per client, per account, per session and
// per known device. Every attempt is counted where it is made, before any work
// is done for it, because one request may carry many (GraphQL batches, frames
// of a WebSocket) that no proxy in front can tell apart.
//
// An attempt to prove a password counts for the client, in wider and wider tiers of its
// address, and for the account. Success refunds that attempt and the same client's
// earlier failures for the same account, but nobody else's. Sign-ups and refreshes stay
// counted, failed ones twice. Windows are fixed: no limit locks anyone out for longer
// than its period, and refused attempts do not prolong it.
//
// A known device (one with a valid device token) has its own counts, so strangers who
// attack its account or share its network do not slow it down. Each client has a limit
// for known devices, too; above it, they count as strangers.
package ratelimit

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"hasura-login/app/login"
)

// Scope says which limit refused. The list is closed: it labels a metric.
type Scope string

// The scopes.
const (
	ScopeClient     Scope = "client"      // one client's address
	ScopeClientWide Scope = "client-wide" // a wider tier of addresses
	ScopeAccount    Scope = login.LimitScopeAccount
	ScopeDevice     Scope = login.LimitScopeDevice
	ScopeSession    Scope = "session"
	ScopeUnknown    Scope = "unknown" // all clients of unknown address
	ScopeRequest    Scope = "request" // actions that one request causes
)

// Observer gets refusals and the state of Redis, for metrics. Its methods must return
// at once.
type Observer interface {
	Throttled(scope string)
	// Degraded says whether the counts are only this process's although they should be
	// shared. It is called at the start and at each change.
	Degraded(degraded bool)
}

// Config is the configuration of a Limiter.
type Config struct {
	Limits Limits
	// Key hides whom the counters are about. Processes that share a Redis must have the
	// same key; nil means a random one until SetKey.
	Key []byte
	// RedisURL returns the URL (redis:// or rediss://) of the Redis that keeps shared
	// counts. It is asked often and must be cheap; a change of its password needs no
	// restart. nil: counts are kept only in this process.
	RedisURL func() string
	Observer Observer
	Now      func() time.Time
}

// Limiter implements login.RateLimiter.
type Limiter struct {
	limits    Limits
	heldCodes []time.Duration // the same for codes
	held      []time.Duration // windows in which a client's share of an account's count is kept
	keys      keyer
	counters  *fallback
	observer  Observer
	now       func() time.Time
	scratch   sync.Pool // *[]hit
}

// New makes a Limiter. A Redis that is not there is no error: the counts are
// then kept in memory until it is.
func New(cfg Config) (*Limiter, error) {
	key := cfg.Key
	if len(key) == 0 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails: it ends the process instead
	}
	counters, err := newFallback(cfg)
	if err != nil {
		return nil, err
	}
	l := &Limiter{
		limits:    cfg.Limits,
		held:      periods(cfg.Limits.SignInClient, cfg.Limits.SignInAccount),
		heldCodes: periods(cfg.Limits.SignInClient, codeLimit),
		counters:  counters,
		observer:  cfg.Observer,
		now:       cfg.Now,
		scratch:   sync.Pool{New: func() any { s := make([]hit, 0, 32); return &s }},
	}
	l.SetKey(key)
	return l, nil
}

// SetKey gives the limiter the key that the processes share. The counts from before start
// again.
func (l *Limiter) SetKey(key []byte) { l.keys.use(key) }

// Close ends the connections to Redis and what watches over them.
func (l *Limiter) Close() { l.counters.close() }

// Reserve implements login.RateLimiter. A refusal is a *Refusal, which is a
// *login.Error to errors.As; nothing is counted by it. An attempt that no policy
// has a limit for does not pass.
func (l *Limiter) Reserve(ctx context.Context, a login.Attempt) (login.Reservation, error) {
	now, limit := l.now(), a.Limit()
	count := counting[limit].hits
	if count == nil {
		return nil, fmt.Errorf("operation %q has no limit for such an attempt", a.Operation)
	}
	// An IPv4 address in IPv6 clothes would share its /64 with all of IPv4.
	a.Client.Addr = a.Client.Addr.Unmap()
	buf := l.scratch.Get().(*[]hit)
	defer l.scratch.Put(buf)
	*buf = count(l, (*buf)[:0], a, now)
	v := l.counters.take(ctx, now, *buf)
	known := a.DeviceID != "" && (limit == login.LimitKnown || limit == login.LimitCode)
	if v.refused && known && (*buf)[v.deciding].kind.isClient() {
		// Others behind the same address have used up its limit for known devices. This
		// device only loses its priority.
		known = false
		*buf = l.crowdedHits((*buf)[:0], limit, a, now)
		v = l.counters.take(ctx, now, *buf)
	}
	hits := *buf
	if v.refused {
		return nil, l.refuse(v, hits, now)
	}
	return &Reservation{
		limiter:  l,
		limit:    limit,
		decision: decide(v, hits, now),
		hits:     append([]hit(nil), hits...),
		shared:   v.shared,
		known:    known,
		stranger: !a.Client.Addr.IsValid(),
	}, nil
}

func (l *Limiter) refuse(v verdict, hits []hit, now time.Time) *Refusal {
	d := decide(v, hits, now)
	l.observer.Throttled(string(d.Scope))
	c := hits[v.deciding]
	c.kind, c.cost, c.limit = kindRefused, 1, 1
	return &Refusal{Decision: d, repeated: l.counters.memory.take(now, []hit{c}, always).refused}
}

// Decision is how near an attempt came to the nearest limit, for the RateLimit
// headers of an answer.
type Decision struct {
	Scope     Scope
	Limit     int64         // in the deciding window; 0: no limit applies
	Remaining int64         // attempts left in it
	Reset     time.Duration // until it ends
}

func decide(v verdict, hits []hit, now time.Time) Decision {
	if v.deciding < 0 {
		return Decision{}
	}
	c := &hits[v.deciding]
	d := Decision{Scope: c.kind.scope(), Limit: c.limit, Reset: c.left(now)}
	if !v.refused {
		d.Remaining = c.limit - v.count
	}
	return d
}

// Refusal is the error of a refused attempt: a *login.Error of code
// rate-limited with the numbers for the RateLimit headers.
type Refusal struct {
	Decision
	repeated bool
}

// Repeated reports whether the same counter has refused before in the same window. Then
// nothing new needs to be logged: strangers could fill a log that grows with each
// refusal.
func (r *Refusal) Repeated() bool { return r.repeated }

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s limit reached for %s", r.Scope, r.Reset)
}

// As makes errors.As find the *login.Error that clients see.
func (r *Refusal) As(target any) bool {
	e, ok := target.(**login.Error)
	if ok {
		message := "Too many attempts; try again later"
		if r.Scope == ScopeRequest {
			message = "Too many calls of this service in one request; send the others in separate requests"
		}
		*e = login.RetryLater(login.CodeRateLimited, r.Reset, message)
	}
	return ok
}

// LimitScope names the limit that refused, for the audit trail.
func (r *Refusal) LimitScope() string { return string(r.Scope) }

// RateLimit gives the numbers of the RateLimit headers.
func (r *Refusal) RateLimit() (limit, remaining int64, reset time.Duration) {
	return r.Limit, r.Remaining, r.Reset
}
