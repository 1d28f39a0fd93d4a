package password

import (
	"net/netip"
	"time"

	"hasura-login/app/login"
)

// priorityPerOther is how many jobs of the priority lane go before one other when both
// wait. A sender who gets priority with his own accounts still leaves a quarter of the
// workers to the rest.
const priorityPerOther = 3

// queue decides the order of the waiting jobs: the priority lane first, then
// sign-ins and sign-ups in turn. Inside a lane the networks take turns (see lane).
// It also counts how many places each client has. It is not safe for concurrent use.
type queue struct {
	lanes    [login.Lanes]lane
	inRow    int  // jobs of the priority lane served since another waited
	signUps  bool // the other lanes' next turn is theirs
	waiting  int
	ofClient map[netip.Prefix]int // places, in all lanes together
}

func newQueue() *queue {
	q := &queue{ofClient: map[netip.Prefix]int{}}
	for i := range q.lanes {
		q.lanes[i].nodes = map[nodeKey]*node{}
	}
	return q
}

func (q *queue) push(j *job) {
	lane := &q.lanes[j.request.Lane()]
	q.hold(j.request.Addr, 1)
	q.waiting++
	lane.push(j)
}

func (q *queue) remove(j *job) {
	q.hold(j.request.Addr, -1)
	q.waiting--
	q.lanes[j.request.Lane()].remove(j)
}

// keepPlace reserves a place for a job that is still to come; freePlace ends that.
func (q *queue) keepPlace(req login.HashRequest) {
	q.hold(req.Addr, 1)
	q.lanes[req.Lane()].keep(req.Addr, 1)
}

func (q *queue) freePlace(req login.HashRequest) {
	q.hold(req.Addr, -1)
	q.lanes[req.Lane()].keep(req.Addr, -1)
}

// places is how many places a client has.
func (q *queue) places(addr netip.Addr) int { return q.ofClient[clientOf(addr)] }

func (q *queue) hold(addr netip.Addr, n int) {
	client := clientOf(addr)
	if n += q.ofClient[client]; n > 0 {
		q.ofClient[client] = n
		return
	}
	delete(q.ofClient, client)
}

// pop takes the next job, or nil. A job that has waited since before late goes first in
// its lane.
func (q *queue) pop(late time.Time) *job {
	lane := q.next()
	if lane == nil {
		return nil
	}
	j := lane.next(late)
	q.remove(j)
	return j
}

func (q *queue) next() *lane {
	priority := &q.lanes[login.LanePriority]
	other := q.nextOther()
	switch {
	case priority.waiting() == 0 && other == nil:
		return nil
	case other == nil:
		return priority
	case priority.waiting() > 0 && q.inRow < priorityPerOther:
		q.inRow++
		return priority
	}
	q.inRow = 0
	q.signUps = other == &q.lanes[login.LaneSignIn]
	return other
}

func (q *queue) nextOther() *lane {
	first, second := &q.lanes[login.LaneSignIn], &q.lanes[login.LaneSignUp]
	if q.signUps {
		first, second = second, first
	}
	switch {
	case first.waiting() > 0:
		return first
	case second.waiting() > 0:
		return second
	}
	return nil
}

// ahead is how many of the waiting jobs would be served before a new one. Later
// arrivals that may overtake it are not foreseen.
func (q *queue) ahead(req login.HashRequest) int {
	priority := &q.lanes[login.LanePriority]
	signIn, signUp := &q.lanes[login.LaneSignIn], &q.lanes[login.LaneSignUp]
	before := q.lanes[req.Lane()].ahead(req.Addr)
	switch req.Lane() {
	case login.LanePriority:
		return before + min(signIn.taken()+signUp.taken(), before/priorityPerOther)
	case login.LaneSignIn:
		before += min(signUp.taken(), before+1)
	case login.LaneSignUp:
		before += min(signIn.taken(), before+1)
	}
	return before + min(priority.taken(), priorityPerOther*(before+1))
}
