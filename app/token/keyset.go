package token

import (
	"cmp"
	"slices"
	"time"
)

// State is where a key stands; see the package comment.
type State string

// The states.
const (
	Pending State = "pending"
	Active  State = "active"
	Retired State = "retired"
	Gone    State = "gone"
)

// States returns the states a published key can have, for metrics.
func States() []State { return []State{Pending, Active, Retired} }

const (
	// ClockSkew is how far the clocks of services may differ: Hasura runs with
	// the same allowed_skew, so a token stays good that long after its expiry.
	ClockSkew = 5 * time.Second
	// ReplicaSkew is how far ahead the clock of the replica that issued a token may
	// be of the one that verifies it, Hasura's included: Issuer sets iat back by as
	// much. Verifier bears the same again, for tokens of the release before.
	ReplicaSkew = time.Minute
	// keepMargin is added to the time a retired key is kept, for verifiers that cache
	// the key set for max-age seconds.
	keepMargin = 60 * time.Second
)

// keySet is the usable keys of a ring, oldest active-from first. Every
// state is a pure function of the set and the clock.
type keySet struct {
	keys      []*key
	tokenLife time.Duration // of tokens now issued
}

func newKeySet(keys []*key, tokenLife time.Duration) keySet {
	slices.SortFunc(keys, func(a, b *key) int {
		return cmp.Or(a.activeFrom.Compare(b.activeFrom), cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.kid, b.kid))
	})
	return keySet{keys: keys, tokenLife: tokenLife}
}

// active is the index of the newest key whose active-from has come. Where none
// has (a clock set back, an active key removed by hand) it is the first: some
// key must sign.
func (s keySet) active(now time.Time) int {
	for i := len(s.keys) - 1; i > 0; i-- {
		if !s.keys[i].activeFrom.After(now) {
			return i
		}
	}
	return 0
}

// retiredFrom is when the successor takes over; zero without a successor.
func (s keySet) retiredFrom(i int) time.Time {
	if i+1 >= len(s.keys) {
		return time.Time{}
	}
	return s.keys[i+1].activeFrom
}

// deleteAfter is when the last token a key may have signed has expired
// everywhere; zero without a successor. A key stays at least as long as its
// predecessor: deleting it first would lengthen the predecessor's life.
func (s keySet) deleteAfter(i int) time.Time {
	if i+1 >= len(s.keys) {
		return time.Time{}
	}
	var latest time.Time
	for j := range i + 1 {
		// The longer life counts: the setting may have changed since.
		life := max(s.keys[j].tokenLife, s.tokenLife)
		if t := s.retiredFrom(j).Add(life + ClockSkew + keepMargin); t.After(latest) {
			latest = t
		}
	}
	return latest
}

func (s keySet) state(i int, now time.Time) State {
	active := s.active(now)
	switch {
	case i > active:
		return Pending
	case i == active:
		return Active
	case now.Before(s.deleteAfter(i)):
		return Retired
	default:
		return Gone
	}
}

// gone returns the keys that are no longer needed, oldest first.
func (s keySet) gone(now time.Time) []*key {
	var gone []*key
	for i, k := range s.keys {
		if s.state(i, now) == Gone {
			gone = append(gone, k)
		}
	}
	return gone
}

func (s keySet) index(kid string) int {
	return slices.IndexFunc(s.keys, func(k *key) bool { return k.kid == kid })
}

// around returns the span of time around now in which no state changes. A zero
// until means forever.
func (s keySet) around(now time.Time) (from, until time.Time) {
	for i, k := range s.keys {
		for _, t := range []time.Time{k.activeFrom, s.deleteAfter(i)} {
			switch {
			case t.IsZero():
			case t.After(now):
				if until.IsZero() || t.Before(until) {
					until = t
				}
			case t.After(from):
				from = t
			}
		}
	}
	return from, until
}

// snapshot is the state of a keySet during a span of time.
type snapshot struct {
	set         keySet
	from, until time.Time
	active      *key
	byKID       map[string]*key // pending, active and retired
	jwks        []byte
}

func newSnapshot(set keySet, now time.Time) (*snapshot, error) {
	v := &snapshot{set: set, active: set.keys[set.active(now)], byKID: make(map[string]*key, len(set.keys))}
	v.from, v.until = set.around(now)
	published := []*key{v.active}
	for i, k := range set.keys {
		state := set.state(i, now)
		if state == Gone {
			continue
		}
		v.byKID[k.kid] = k
		if state != Active {
			published = append(published, k)
		}
	}
	var err error
	v.jwks, err = encodeJWKS(published)
	return v, err
}

func (v *snapshot) covers(now time.Time) bool {
	return !now.Before(v.from) && (v.until.IsZero() || now.Before(v.until))
}
