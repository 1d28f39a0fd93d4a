package token

import (
	"slices"
	"time"
)

// Hooks tell the caller what happens in the ring; nil ones are not called. They
// are called by one goroutine at a time and may ask the Ring anything but to reload.
type Hooks struct {
	OnProblem func(Problem) // once when it appears or changes, once when it is solved
	OnChange  func(Change)
}

// Change is a key that moved to another state.
type Change struct {
	KID       string
	Algorithm Algorithm
	From      State // empty: the key is new
	To        State // Gone too where the file was removed before its time: a revocation
	Revoked   bool
}

// known is a key as last told.
type known struct {
	kid         string
	algorithm   Algorithm
	state       State
	deleteAfter time.Time
}

func knownOf(set keySet, now time.Time) []known {
	keys := make([]known, 0, len(set.keys))
	for i, k := range set.keys {
		keys = append(keys, known{k.kid, k.algorithm, set.state(i, now), set.deleteAfter(i)})
	}
	return keys
}

func find(keys []known, kid string) (known, bool) {
	if i := slices.IndexFunc(keys, func(k known) bool { return k.kid == kid }); i >= 0 {
		return keys[i], true
	}
	return known{}, false
}

// tellChanges calls OnChange for each key that moved since the last time, older
// keys first.
func (r *Ring) tellChanges(now time.Time) {
	before := r.known
	r.known = knownOf(r.snapshot.Load().set, now)
	if r.hooks.OnChange == nil {
		return
	}
	for _, k := range before {
		if _, still := find(r.known, k.kid); still || k.state == Gone {
			continue
		}
		// A replica whose clock is ahead deletes a little early; that does not count as
		// a revocation.
		early := k.deleteAfter.IsZero() || k.deleteAfter.After(now.Add(ClockSkew))
		r.hooks.OnChange(Change{KID: k.kid, Algorithm: k.algorithm, From: k.state, To: Gone, Revoked: early})
	}
	for _, k := range r.known {
		if was, _ := find(before, k.kid); was.state != k.state {
			r.hooks.OnChange(Change{KID: k.kid, Algorithm: k.algorithm, From: was.state, To: k.state})
		}
	}
}

// tellProblems calls OnProblem for new and for solved problems.
func (r *Ring) tellProblems(found []Problem) {
	before := *r.problems.Load()
	r.problems.Store(&found)
	if r.hooks.OnProblem == nil {
		return
	}
	for _, p := range found {
		if !slices.Contains(before, p) {
			r.hooks.OnProblem(p)
		}
	}
	for _, p := range before {
		if !slices.Contains(found, p) {
			p.Solved = true
			r.hooks.OnProblem(p)
		}
	}
}
