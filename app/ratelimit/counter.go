package ratelimit

import (
	"net/netip"
	"time"
)

// kind says what a counter counts. In memory each kind has its own table, so that a
// flood of one kind never evicts another.
type kind uint8

const (
	kindClient  kind = iota // one client: IPv4 /32, IPv6 /64
	kindSite                // its neighbourhood: IPv4 /24, IPv6 /56 and /48
	kindNetwork             // its provider's block: IPv4 /16, IPv6 /32
	kindUnknown             // all clients of unknown address
	kindAccount             // failures of everybody for an account
	kindPair                // one client's share of an account's count
	kindDevice              // failures of one known device for its account
	kindDevices             // attempts of all known devices of an account
	kindSession             // refreshes of one session
	kindRequest             // actions that one request causes
	kindRefused             // whether a counter has refused in its window
	kindOther               // counted through Limiter.Store
	kinds
)

// scope is the kind's name in metrics and refusals.
func (k kind) scope() Scope {
	switch k {
	case kindClient:
		return ScopeClient
	case kindSite, kindNetwork:
		return ScopeClientWide
	case kindUnknown:
		return ScopeUnknown
	case kindDevice, kindDevices:
		return ScopeDevice
	case kindSession:
		return ScopeSession
	case kindRequest:
		return ScopeRequest
	default:
		return ScopeAccount
	}
}

// isClient tells the counters that belong to the client's address.
func (k kind) isClient() bool { return k <= kindUnknown }

// hit adds to one counter in one window.
//
// Windows begin at multiples of their period since 1970, the same for every counter. So
// a client's share of an account's count is in the same window as the count itself, and
// a refund can never touch the shares of others.
type hit struct {
	id     counterID
	kind   kind
	cost   int64
	limit  int64 // the most that the counter may hold; 0: counted, never refused
	period int64 // seconds
	window int64 // number of the window: Unix seconds / period
}

func newHit(id counterID, k kind, cost, limit int64, period time.Duration, now time.Time) hit {
	seconds := max(1, int64(period/time.Second))
	return hit{id: id, kind: k, cost: cost, limit: limit, period: seconds, window: now.Unix() / seconds}
}

func (c *hit) start() int64 { return c.window * c.period }
func (c *hit) end() int64   { return (c.window + 1) * c.period }

// left is the time until the window ends, negative after it.
func (c *hit) left(now time.Time) time.Duration {
	return time.Unix(c.end(), 0).Sub(now)
}

// verdict is what became of a set of hits.
type verdict struct {
	refused  bool
	deciding int   // index of the hit that refuses longest, or is nearest to it; -1: none has a limit
	count    int64 // what its counter held before (refused) or holds now
	shared   bool  // counted in Redis as well
	mark     int64 // of the Redis that counted; it changes when counts were lost
}

// weigh folds one limited counter into the verdict. held is without the hit.
func (v *verdict) weigh(hits []hit, i int, held int64) {
	c := &hits[i]
	if c.limit == 0 {
		return
	}
	refuses := held+c.cost > c.limit
	count := held + c.cost
	if refuses {
		count = held
	}
	switch {
	case v.deciding < 0, refuses && !v.refused:
	case refuses != v.refused:
		return
	case refuses && c.end() <= hits[v.deciding].end():
		return
	case !refuses && c.limit-count >= hits[v.deciding].limit-v.count:
		return
	}
	v.refused, v.deciding, v.count = refuses, i, count
}

// refund subtracts a ledger's count from the ledger and from the counters that were hit
// together with it, never more than the ledger holds, and only in the window of the
// hit.
type refund struct {
	ledger hit
	along  []hit // of the same window
	all    bool  // everything, else the ledger's own cost
}

// noRange is the address range of counters that are not about addresses.
var noRange netip.Prefix
