package password

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password/foreign"
)

// Internals that black-box tests need.

// CommonPasswords is the embedded list.
var CommonPasswords = commonPasswords

// DummyHash is what unknown accounts are compared against.
var DummyHash = dummyHash

// NewLimiterOn is New with other hash functions.
func NewLimiterOn(
	c Config,
	generate func(password []byte, cost int) ([]byte, error),
	compare func(stored, password []byte) error,
) (*HashLimiter, error) {
	return newLimiter(c, algorithm{generate: generate, compare: compare})
}

// LowerThreadPriority is what workers do to their own thread.
var LowerThreadPriority = lowerThreadPriority

// Line is the queue of a HashLimiter without the hash limiter.
type Line struct{ queue *queue }

func NewLine() Line { return Line{newQueue()} }

// Place is a job that waits.
type Place struct{ job *job }

func (l Line) Add(w login.HashRequest, name string) Place {
	return l.AddAt(w, name, time.Time{})
}

// AddAt is Add at a time.
func (l Line) AddAt(w login.HashRequest, name string, at time.Time) Place {
	j := &job{task: task{password: name}, request: w, queuedAt: at}
	l.queue.push(j)
	return Place{j}
}

func (l Line) Leave(p Place)                 { l.queue.remove(p.job) }
func (l Line) Keep(w login.HashRequest)      { l.queue.keepPlace(w) }
func (l Line) Free(w login.HashRequest)      { l.queue.freePlace(w) }
func (l Line) Ahead(w login.HashRequest) int { return l.queue.ahead(w) }

// Next is the name of the job that is served; empty if none waits.
func (l Line) Next() string { return l.NextAt(time.Time{}) }

// NextAt is Next where a job of before late has waited too long.
func (l Line) NextAt(late time.Time) string {
	if j := l.queue.pop(late); j != nil {
		return j.password
	}
	return ""
}

// Remembers is how many ranges and clients the queue knows.
func (l Line) Remembers() int {
	n := len(l.queue.ofClient)
	for i := range l.queue.lanes {
		n += len(l.queue.lanes[i].nodes)
	}
	return n
}

// HoldForeignMemory takes all the memory that foreign hashes may fill.
func (g *HashLimiter) HoldForeignMemory() (release func()) {
	_ = g.hasher.memory.Acquire(context.Background(), foreign.MaxMemory)
	return func() { g.hasher.memory.Release(foreign.MaxMemory) }
}
