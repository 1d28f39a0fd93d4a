package password

import (
	"net/netip"
	"time"
)

// The ranges of addresses that take turns, from the widest to the narrowest: a
// provider's network (IPv4 /16, IPv6 /32), a site (/24, /48), a client (one IPv4
// address, an IPv6 /64). A sender with many addresses in one network therefore has one
// turn among the networks, however many addresses it uses. All clients of unknown
// address share one turn.
const levels = 3

func rangesOf(addr netip.Addr) (ranges [levels]netip.Prefix) {
	bits := [levels]int{32, 48, 64}
	if addr = addr.Unmap(); addr.Is4() {
		bits = [levels]int{16, 24, 32}
	}
	for i := range ranges {
		ranges[i], _ = addr.Prefix(bits[i]) // fails for the zero Addr only
	}
	return ranges
}

func clientOf(addr netip.Addr) netip.Prefix { return rangesOf(addr)[levels-1] }

// lane holds waiting jobs in a tree whose levels are the ranges. At each level
// those that have jobs take turns; a client's own jobs are served in the order of
// their arrival.
type lane struct {
	root  node
	nodes map[nodeKey]*node
	spare *node // list of nodes that are not in use

	oldest, newest *job
}

// nodeKey has the level because the ranges of the unknown client are the same.
type nodeKey struct {
	level uint8
	rng   netip.Prefix
}

// node is a range with jobs or places kept for some.
type node struct {
	key            nodeKey
	parent         *node
	previous, next *node // siblings, a ring in the order of their turns
	turn           *node // the child whose turn is next; nil if there is none
	first, last    *job  // of a client
	jobs           int
	kept           int // places of jobs that are still to come
}

func (n *node) taken() int { return n.jobs + n.kept }

func (l *lane) waiting() int { return l.root.jobs }
func (l *lane) taken() int   { return l.root.taken() }

func (l *lane) push(j *job) {
	n := l.client(j.request.Addr)
	j.client, j.previous, j.next = n, n.last, nil
	if n.last == nil {
		n.first = j
	} else {
		n.last.next = j
	}
	n.last = j
	if j.older = l.newest; j.older == nil {
		l.oldest = j
	} else {
		j.older.newer = j
	}
	l.newest = j
	l.count(n, 1, 0)
}

func (l *lane) remove(j *job) {
	n := j.client
	if j.previous == nil {
		n.first = j.next
	} else {
		j.previous.next = j.next
	}
	if j.next == nil {
		n.last = j.previous
	} else {
		j.next.previous = j.previous
	}
	if j.older == nil {
		l.oldest = j.newer
	} else {
		j.older.newer = j.newer
	}
	if j.newer == nil {
		l.newest = j.older
	} else {
		j.newer.older = j.older
	}
	j.client, j.previous, j.next, j.older, j.newer = nil, nil, nil, nil, nil
	l.count(n, -1, 0)
}

func (l *lane) keep(addr netip.Addr, places int) { l.count(l.client(addr), 0, places) }

// next is the job whose turn it is; the turns move on. There must be one. A job that
// waits since before late goes first: it was accepted for a shorter wait, and later
// arrivals of other ranges have overtaken it.
func (l *lane) next(late time.Time) *job {
	if l.oldest.queuedAt.Before(late) {
		return l.oldest
	}
	n := &l.root
	for n.turn != nil {
		child := n.turn
		for child.jobs == 0 { // only places are kept there
			child = child.next
		}
		n.turn = child.next
		n = child
	}
	return n.first
}

// ahead is the number of the lane's jobs that would be served before a new one of a
// client: its own jobs, and at each level those that the others get in the same number
// of turns.
func (l *lane) ahead(addr netip.Addr) int {
	var path [levels + 1]*node // nil: there is nothing of that range
	path[0] = &l.root
	for level, rng := range rangesOf(addr) {
		path[level+1] = l.nodes[nodeKey{uint8(level), rng}] // #nosec G115 -- at most 2
	}
	before := 0
	if client := path[levels]; client != nil {
		before = client.taken()
	}
	for level := levels - 1; level >= 0; level-- {
		parent := path[level]
		if parent == nil || parent.turn == nil {
			continue
		}
		turns, own := before+1, path[level+1]
		for child := parent.turn; ; {
			if child != own {
				before += min(child.taken(), turns)
			}
			if child = child.next; child == parent.turn {
				break
			}
		}
	}
	return before
}

// client finds the node of an address or makes it. A new one is last in turn.
func (l *lane) client(addr netip.Addr) *node {
	n := &l.root
	for level, rng := range rangesOf(addr) {
		key := nodeKey{uint8(level), rng} // #nosec G115 -- at most 2
		child := l.nodes[key]
		if child == nil {
			child = l.add(n, key)
		}
		n = child
	}
	return n
}

func (l *lane) add(parent *node, key nodeKey) *node {
	n := l.spare
	if n == nil {
		n = new(node)
	} else {
		l.spare = n.next
	}
	*n = node{key: key, parent: parent}
	if first := parent.turn; first == nil {
		n.previous, n.next, parent.turn = n, n, n
	} else {
		n.previous, n.next = first.previous, first
		first.previous.next, first.previous = n, n
	}
	l.nodes[key] = n
	return n
}

// count adds to a client and to the ranges that contain it, and removes nodes that are
// empty afterwards.
func (l *lane) count(n *node, jobs, kept int) {
	for n != nil {
		parent := n.parent
		n.jobs += jobs
		n.kept += kept
		if parent != nil && n.taken() == 0 {
			l.drop(n)
		}
		n = parent
	}
}

func (l *lane) drop(n *node) {
	if n.next == n {
		n.parent.turn = nil
	} else {
		n.previous.next, n.next.previous = n.next, n.previous
		if n.parent.turn == n {
			n.parent.turn = n.next
		}
	}
	delete(l.nodes, n.key)
	n.next, l.spare = l.spare, n
}
