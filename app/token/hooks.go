package token

import "time"

// Hooks tell the caller what happens in the ring; nil ones are not called. They
// are called by one goroutine at a time and must not call the Ring's Reload.
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
	algorithm   Algorithm
	state       State
	deleteAfter time.Time
}

func knownOf(set keySet, now time.Time) map[string]known {
	states := make(map[string]known, len(set.keys))
	for i, k := range set.keys {
		states[k.kid] = known{k.algorithm, set.state(i, now), set.deleteAfter(i)}
	}
	return states
}

// tellChanges calls OnChange for each key that moved since the last time; r.mu
// is held.
func (r *Ring) tellChanges(now time.Time) {
	before := r.known
	r.known = knownOf(r.view.Load().set, now)
	if r.hooks.OnChange == nil {
		return
	}
	for kid, k := range r.known {
		if from := before[kid].state; from != k.state {
			r.hooks.OnChange(Change{KID: kid, Algorithm: k.algorithm, From: from, To: k.state})
		}
	}
	for kid, k := range before {
		if _, still := r.known[kid]; still || k.state == Gone {
			continue
		}
		// A replica whose clock is ahead deletes a little early; that is no revocation.
		early := k.deleteAfter.IsZero() || k.deleteAfter.After(now.Add(ClockSkew))
		r.hooks.OnChange(Change{KID: kid, Algorithm: k.algorithm, From: k.state, To: Gone, Revoked: early})
	}
}

// tellProblems calls OnProblem for what is new and what is solved; r.mu is held.
func (r *Ring) tellProblems(found []Problem) {
	before := r.problems
	r.problems = make(map[Problem]bool, len(found))
	for _, p := range found {
		r.problems[p] = true
		if r.hooks.OnProblem != nil && !before[p] {
			r.hooks.OnProblem(p)
		}
	}
	for p := range before {
		if r.hooks.OnProblem != nil && !r.problems[p] {
			p.Solved = true
			r.hooks.OnProblem(p)
		}
	}
}
