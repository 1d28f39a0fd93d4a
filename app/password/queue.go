package password

import "hasura-login/app/login"

// knownPerOther is how many jobs of known devices go before one other when both
// wait. Known devices are served first, but whoever collects device tokens for
// accounts of his own still leaves a quarter of the workers to the rest.
const knownPerOther = 3

// queue decides the order of the waiting jobs: known devices first, within
// that the operations in turn, within an operation first in, first out. It is
// not safe for concurrent use.
type queue struct {
	known, others class
	knownInRow    int
}

func (q *queue) class(w login.Work) *class {
	if w.KnownDevice {
		return &q.known
	}
	return &q.others
}

func (q *queue) push(j *job)   { q.class(j.work).push(j) }
func (q *queue) remove(j *job) { q.class(j.work).remove(j) }

// keepPlace has ahead count a job that is still to come; freePlace ends that.
func (q *queue) keepPlace(w login.Work) { q.class(w).places(w, 1) }
func (q *queue) freePlace(w login.Work) { q.class(w).places(w, -1) }
func (q *queue) length() int            { return q.known.length + q.others.length }

// pop takes the job whose turn it is, or nil.
func (q *queue) pop() *job {
	turnOfOthers := q.known.length == 0 || q.knownInRow >= knownPerOther
	if q.others.length > 0 && turnOfOthers {
		q.knownInRow = 0
		return q.others.pop()
	}
	if q.others.length > 0 {
		q.knownInRow++
	}
	return q.known.pop()
}

// ahead is how many of the waiting jobs would be served before a new one. Those
// still to come that may overtake it are not foreseen.
func (q *queue) ahead(w login.Work) int {
	if w.KnownDevice {
		before := q.known.ahead(w.Operation)
		return before + min(q.others.taken(), before/knownPerOther)
	}
	before := q.others.ahead(w.Operation)
	return before + min(q.known.taken(), knownPerOther*(before+1))
}

// class serves the operations in turn, so that a flood of one leaves the others
// their share.
type class struct {
	lanes  [lanes]lane
	turn   int // the lane that is asked first
	length int
	kept   int // places of jobs to come
}

// taken is how many are in the class or have a place there.
func (c *class) taken() int { return c.length + c.kept }

func (c *class) places(w login.Work, n int) {
	c.lanes[laneOf(w.Operation)].kept += n
	c.kept += n
}

func (c *class) push(j *job) {
	c.lanes[laneOf(j.work.Operation)].push(j)
	c.length++
}

func (c *class) remove(j *job) {
	c.lanes[laneOf(j.work.Operation)].remove(j)
	c.length--
}

func (c *class) pop() *job {
	for range c.lanes {
		current := &c.lanes[c.turn]
		c.turn = (c.turn + 1) % len(c.lanes)
		if j := current.first; j != nil {
			current.remove(j)
			c.length--
			return j
		}
	}
	return nil
}

func (c *class) ahead(op login.Operation) int {
	own := laneOf(op)
	before := c.lanes[own].taken()
	turns := before + 1
	for i := range c.lanes {
		if i != own {
			before += min(c.lanes[i].taken(), turns)
		}
	}
	return before
}

const lanes = 5

// laneOf gives each operation that hashes a lane of its own; any other, such as
// an operator's, shares the last.
func laneOf(op login.Operation) int {
	switch op {
	case login.OpSignIn:
		return 0
	case login.OpSignUp:
		return 1
	case login.OpChangePassword:
		return 2
	case login.OpDeleteAccount:
		return 3
	default:
		return lanes - 1
	}
}

// lane is a list linked through the jobs, so that one whose caller leaves goes
// from the middle at once.
type lane struct {
	first, last *job
	length      int
	kept        int // places of jobs to come
}

func (l *lane) taken() int { return l.length + l.kept }

func (l *lane) push(j *job) {
	j.previous, j.next = l.last, nil
	if l.last == nil {
		l.first = j
	} else {
		l.last.next = j
	}
	l.last = j
	l.length++
}

func (l *lane) remove(j *job) {
	if j.previous == nil {
		l.first = j.next
	} else {
		j.previous.next = j.next
	}
	if j.next == nil {
		l.last = j.previous
	} else {
		j.next.previous = j.previous
	}
	j.previous, j.next = nil, nil
	l.length--
}
