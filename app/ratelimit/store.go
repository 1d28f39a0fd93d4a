package ratelimit

import (
	"context"
	"math"
	"time"

	"github.com/ulule/limiter/v3"
)

// Store gives the counters to the limiter library, for limits that are not
// about an attempt of the domain. They are bounded in memory, shared through
// Redis, and survive its loss like all others.
func (l *Limiter) Store() limiter.Store { return store{l} }

type store struct{ limiter *Limiter }

// Get counts one.
func (s store) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 1, rate)
}

// Peek counts nothing.
func (s store) Peek(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	return s.Increment(ctx, key, 0, rate)
}

// Increment adds to the count, also beyond the limit.
func (s store) Increment(ctx context.Context, key string, count int64, rate limiter.Rate) (limiter.Context, error) {
	now := s.limiter.now()
	c := s.hit(key, count, rate, now)
	v := s.limiter.counters.take(ctx, now, []hit{c})
	return contextOf(c, rate, v.count), nil
}

// Reset sets the count to zero.
func (s store) Reset(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	now := s.limiter.now()
	c := s.hit(key, 0, rate, now)
	s.limiter.counters.refund(ctx, now, []refund{{ledger: c, all: true}}, true)
	return contextOf(c, rate, 0), nil
}

// hit has a limit that is never reached, as the library counts beyond its own.
func (s store) hit(key string, count int64, rate limiter.Rate, now time.Time) hit {
	id := s.limiter.keys.id(kindOther, limitOther, noRange, key, "")
	return newHit(id, kindOther, count, math.MaxInt64/2, rate.Period, now)
}

func contextOf(c hit, rate limiter.Rate, count int64) limiter.Context {
	return limiter.Context{
		Limit:     rate.Limit,
		Remaining: max(0, rate.Limit-count),
		Reset:     c.end(),
		Reached:   count > rate.Limit,
	}
}
