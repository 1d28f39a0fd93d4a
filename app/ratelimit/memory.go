package ratelimit

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// memory keeps counts in tables of fixed size. No load makes it grow or allocate: a
// full set of slots drops the counter with the lowest count, which is the one least
// worth keeping. A flood of addresses that each come once evicts others like them,
// while a client near its limit stays counted. The wider tiers, which have their own
// tables, still count the flood.
//
// One mutex makes several counters one atomic step. It is held for well under a
// microsecond, so it would limit a process to about a million attempts a second.
type memory struct {
	mu     sync.Mutex
	tables [kinds]table
}

// slotsPerKind are the sizes of the tables, powers of two. At 16 bytes a slot they take
// about 5 MB when all are full; untouched pages cost nothing. Each window of a limit
// takes one slot.
var slotsPerKind = [kinds]int{
	kindClient:  1 << 16,
	kindSite:    1 << 15,
	kindNetwork: 1 << 14,
	kindUnknown: 1 << 6,
	kindAccount: 1 << 16,
	kindPair:    1 << 16,
	kindDevice:  1 << 14,
	kindDevices: 1 << 14,
	kindSession: 1 << 16,
	kindRequest: 1 << 14,
	kindRefused: 1 << 14,
	kindOther:   1 << 10,
}

// ways is the number of slots that a counter may be in: two cache lines.
const ways = 8

type slot struct {
	hash  uint64
	count uint32
	end   uint32 // Unix seconds; not after now: free
}

type table []([ways]slot)

func newMemory() *memory {
	m := &memory{}
	for k, n := range slotsPerKind {
		m.tables[k] = make(table, n/ways)
	}
	return m
}

// always makes take enforce every limit.
const always = math.MaxInt64

// take is counters.take, except that it enforces only the windows that began
// before the given Unix second. The others are counted all the same.
func (m *memory) take(now time.Time, hits []hit, before int64) verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := verdict{deciding: -1}
	for i := range hits {
		c := &hits[i]
		if c.start() >= before {
			continue
		}
		held := int64(0)
		if s := m.find(c); s != nil {
			held = int64(s.count)
		}
		v.weigh(hits, i, held)
	}
	if v.refused {
		return v
	}
	for i := range hits {
		s := m.findOrAdd(&hits[i], now)
		s.count = clamp(int64(s.count) + hits[i].cost)
	}
	return v
}

// untake takes back hits that were just taken.
func (m *memory) untake(hits []hit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range hits {
		m.subtract(&hits[i], hits[i].cost)
	}
}

func (m *memory) refund(now time.Time, refunds []refund) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range refunds {
		p := &refunds[i]
		s := m.find(&p.ledger)
		if s == nil || p.ledger.left(now) <= 0 {
			continue
		}
		amount := int64(s.count)
		if !p.all {
			amount = min(amount, p.ledger.cost)
		}
		m.subtract(&p.ledger, amount)
		for j := range p.along {
			m.subtract(&p.along[j], amount)
		}
	}
}

func (m *memory) subtract(c *hit, amount int64) {
	if s := m.find(c); s != nil {
		s.count = clamp(int64(s.count) - amount)
	}
}

// set returns the slots that the counter may be in, and its hash. The id is
// already evenly spread; the period tells its windows apart.
func (m *memory) set(c *hit) (*[ways]slot, uint64) {
	const spread = 0x9E3779B97F4A7C15                                  // 2^64 / golden ratio
	h := binary.LittleEndian.Uint64(c.id[:]) ^ uint64(c.period)*spread // #nosec G115 -- positive
	t := m.tables[c.kind]
	return &t[h%uint64(len(t))], h
}

func (m *memory) find(c *hit) *slot {
	set, h := m.set(c)
	end := seconds(c.end())
	for i := range set {
		if set[i].hash == h && set[i].end == end {
			return &set[i]
		}
	}
	return nil
}

// findOrAdd returns the counter's slot, a new one in the place of a window that
// has ended, of a counter at zero, or of the lowest count.
func (m *memory) findOrAdd(c *hit, now time.Time) *slot {
	if s := m.find(c); s != nil {
		return s
	}
	set, h := m.set(c)
	nowSeconds := seconds(now.Unix())
	victim := &set[0]
	for i := range set {
		s := &set[i]
		if s.end <= nowSeconds || s.count == 0 {
			victim = s
			break
		}
		if s.count < victim.count || s.count == victim.count && s.end < victim.end {
			victim = s
		}
	}
	*victim = slot{hash: h, end: seconds(c.end())}
	return victim
}

func clamp(n int64) uint32 { return uint32(min(max(n, 0), math.MaxUint32)) } // #nosec G115 -- bounded

// seconds fits Unix seconds, until the year 2106, into a slot.
func seconds(n int64) uint32 { return clamp(n) }
