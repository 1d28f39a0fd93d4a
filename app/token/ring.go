package token

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery bounds how late a change is seen. Polling a few files costs microseconds and
// works where events do not arrive: network and overlay file systems, folders
// bind-mounted into a container. Polling a table costs one statement.
const pollEvery = 500 * time.Millisecond

// Ring is the live key ring of a running service. Its methods may be called by
// many goroutines.
type Ring struct {
	source   Keys
	hooks    Hooks
	snapshot atomic.Pointer[snapshot]
	problems atomic.Pointer[[]Problem] // as last told

	reloading sync.Mutex // one at a time; guards what follows
	files     map[string]seen
	known     []known // as last told
}

// Open loads the ring. An error that is ErrNoRing names the command to run.
func Open(k Keys, hooks Hooks) (*Ring, error) {
	r := &Ring{source: k, hooks: hooks}
	s, err := k.load()
	if err != nil {
		return nil, err
	}
	first, err := newSnapshot(newKeySet(s.keys, k.TokenLife), k.now())
	if err != nil {
		return nil, err
	}
	r.snapshot.Store(first)
	r.problems.Store(&[]Problem{})
	r.files, r.known = s.files, knownOf(first.set, k.now())
	r.tellProblems(s.problems)
	return r, nil
}

// Create opens the ring and makes its first key if there is none.
func Create(k Keys, a Algorithm, hooks Hooks) (*Ring, error) {
	if err := k.EnsureKey(a); err != nil {
		return nil, err
	}
	return Open(k, hooks)
}

// Run follows the shelf until ctx ends: changes are seen within a second, keys
// whose time is over are deleted.
func (r *Ring) Run(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.Reload()
		}
	}
}

// Reload reads the shelf now. It reports unusable keys and leaves them out. If there is
// no usable key, or the shelf cannot be read, the ring stays as it was: a service without
// keys is of no use, and revoking never empties the shelf.
func (r *Ring) Reload() {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	now := r.source.now()
	s, err := r.source.Shelf.scan(r.files)
	switch {
	case err != nil:
		s.problems = []Problem{{File: ".", Text: err.Error() + "; the keys as read before stay in use"}}
	case len(s.keys) == 0:
		s.problems = append(s.problems, Problem{File: ".", Text: "no usable key left; the keys as read before stay in use"})
	default:
		r.files = s.files
		if err := r.use(newKeySet(s.keys, r.source.TokenLife), now); err != nil {
			s.problems = append(s.problems, Problem{File: ".", Text: err.Error() + "; the key set stays as it was"})
		}
	}
	r.tellChanges(now)
	if len(r.snapshot.Load().set.gone(now)) > 0 {
		if _, err := r.source.removeGone(now); err != nil {
			s.problems = append(s.problems, Problem{File: ".", Text: "keys whose time is over stay: " + err.Error()})
		}
	}
	r.tellProblems(s.problems)
}

// use makes the set the ring's unless it already is.
func (r *Ring) use(set keySet, now time.Time) error {
	if slices.Equal(set.keys, r.snapshot.Load().set.keys) {
		return nil
	}
	next, err := newSnapshot(set, now)
	if err != nil {
		return err
	}
	r.snapshot.Store(next)
	return nil
}

// at is the snapshot for a moment. States depend only on the clock, so if the snapshot
// does not cover the moment, at makes a new one from the same keys, without waiting for
// the next look at the folder.
func (r *Ring) at(now time.Time) *snapshot {
	for {
		v := r.snapshot.Load()
		if v.covers(now) {
			return v
		}
		next, err := newSnapshot(v.set, now)
		if err != nil {
			return v // cannot happen: every key passed the same checks before
		}
		if r.snapshot.CompareAndSwap(v, next) {
			return next
		}
	}
}

// JWKS is the published set: pending, active and retired keys, encoded. The
// caller must not change it.
func (r *Ring) JWKS() []byte { return r.at(r.source.now()).jwks }

// List is the ring as this process sees it.
func (r *Ring) List() Listing {
	now := r.source.now()
	return r.at(now).set.list(now, *r.problems.Load())
}

// Status is the ring in figures, for metrics.
type Status struct {
	Keys      map[State]int // every one of States
	Algorithm Algorithm     // of the active key
	ActiveAge time.Duration // since the active key began to sign
	Problems  int
}

// Status counts the keys.
func (r *Ring) Status() Status {
	now := r.source.now()
	v := r.at(now)
	status := Status{
		Keys: make(map[State]int), Algorithm: v.active.algorithm,
		ActiveAge: max(0, now.Sub(v.active.activeFrom)), Problems: len(*r.problems.Load()),
	}
	for _, state := range States() {
		status.Keys[state] = 0
	}
	for i := range v.set.keys {
		if state := v.set.state(i, now); state != Gone {
			status.Keys[state]++
		}
	}
	return status
}

// Check signs and verifies once with the active key: is this process able to?
func (r *Ring) Check() error {
	active := r.at(r.source.now()).active
	return active.algorithm.selfTest(active.private)
}
