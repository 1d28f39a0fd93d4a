package token

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollEvery bounds how late a change in the folder is seen. Polling a few files
// costs microseconds and works where events do not arrive: network and overlay
// file systems, folders bind-mounted into a container.
const pollEvery = 500 * time.Millisecond

// Ring is the live key ring of a running service. Its methods may be called by
// many goroutines.
type Ring struct {
	folder   Folder
	hooks    Hooks
	snapshot atomic.Pointer[snapshot]
	problems atomic.Pointer[[]Problem] // as last told

	reloading sync.Mutex // one at a time; guards what follows
	files     map[string]seen
	known     []known // as last told
}

// Open loads the ring. An error that is ErrNoRing names the command to run.
func Open(f Folder, hooks Hooks) (*Ring, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	r := &Ring{folder: f, hooks: hooks}
	s, err := f.scan(nil)
	if err := noRing(f.Dir, s, err); err != nil {
		return nil, err
	}
	first, err := newSnapshot(newKeySet(s.keys, f.TokenLife), f.now())
	if err != nil {
		return nil, err
	}
	r.snapshot.Store(first)
	r.problems.Store(&[]Problem{})
	r.files, r.known = s.files, knownOf(first.set, f.now())
	r.tellProblems(s.problems)
	return r, nil
}

// Create opens the ring and makes its first key if there is none.
func Create(f Folder, a Algorithm, hooks Hooks) (*Ring, error) {
	if err := f.EnsureKey(a); err != nil {
		return nil, err
	}
	return Open(f, hooks)
}

// noRing turns "nothing usable in the folder" into ErrNoRing with the reasons.
func noRing(dir string, s scan, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (folder %s does not exist)", ErrNoRing, dir)
	case err != nil:
		return err
	case s.unread != nil && len(s.keys) == 0:
		return fmt.Errorf("no readable key in %s: %w", dir, s.unread)
	case len(s.keys) == 0 && len(s.problems) > 0:
		return fmt.Errorf("%w (folder %s has no usable key: %s)", ErrNoRing, dir, s.problems[0])
	case len(s.keys) == 0:
		return fmt.Errorf("%w (folder %s is empty)", ErrNoRing, dir)
	}
	return nil
}

// Run follows the folder until ctx ends: changes are seen within a second, keys
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

// Reload reads the folder now. It reports unusable keys and leaves them out. If the
// folder has no usable key, the ring stays as it was: a service without keys is of no
// use, and revoking never empties the folder.
func (r *Ring) Reload() {
	r.reloading.Lock()
	defer r.reloading.Unlock()
	now := r.folder.now()
	s, err := r.folder.scan(r.files)
	switch {
	case err != nil:
		s.problems = []Problem{{File: ".", Text: err.Error() + "; the keys as read before stay in use"}}
	case len(s.keys) == 0:
		s.problems = append(s.problems, Problem{File: ".", Text: "no usable key left; the keys as read before stay in use"})
	default:
		r.files = s.files
		if err := r.use(newKeySet(s.keys, r.folder.TokenLife), now); err != nil {
			s.problems = append(s.problems, Problem{File: ".", Text: err.Error() + "; the key set stays as it was"})
		}
	}
	r.tellChanges(now)
	if len(r.snapshot.Load().set.gone(now)) > 0 {
		if _, err := r.folder.removeGone(now); err != nil {
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
func (r *Ring) JWKS() []byte { return r.at(r.folder.now()).jwks }

// List is the ring as this process sees it.
func (r *Ring) List() Listing {
	now := r.folder.now()
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
	now := r.folder.now()
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
	active := r.at(r.folder.now()).active
	return active.algorithm.selfTest(active.private)
}
