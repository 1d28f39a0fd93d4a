package ratelimit

import (
	"time"

	"github.com/ulule/limiter/v3"
)

// callsPerRequest is how many actions one request may cause. Apps call one; a
// document with a thousand is made to get around limits, or to fill a log. The
// window is far longer than a request takes.
var callsPerRequest = Limit{limiter.Rate{Period: time.Minute, Limit: 10}}

// Call counts one action for the request with this id, in the memory of this process
// only: all actions of a request that meet one replica are enough to tell. Ids from the
// edge, which clients cannot guess, are counted apart from ids that a client may
// choose.
func (l *Limiter) Call(requestID string, fromEdge bool) error {
	now, origin := l.now(), ""
	if fromEdge {
		origin = "edge"
	}
	id := l.keys.id(kindRequest, limitCalls, noRange, requestID, origin)
	var list [1]hit
	hits := appendRates(list[:0], id, kindRequest, callsPerRequest, 1, now)
	if v := l.counters.memory.take(now, hits, always); v.refused {
		return l.refuse(v, hits, now)
	}
	return nil
}
