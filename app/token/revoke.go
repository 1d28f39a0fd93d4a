package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrUnknownKey tells that the ring has no such key.
var ErrUnknownKey = errors.New("no such key in the ring")

// hasuraReads is how often Hasura reads the key set at max-age=60 when its
// reads succeed.
const hasuraReads = 60 * time.Second

// Revocation says what revoking a key does, or did.
type Revocation struct {
	KID       string    `json:"kid"`
	Algorithm Algorithm `json:"alg"`
	State     State     `json:"state"` // before
	At        time.Time `json:"at"`
	// Successor signs from At on; empty where the active key stays, and in a plan.
	Successor     string `json:"successor,omitempty"`
	NeedsNewKey   bool   `json:"needsNewKey"`
	TokensRefused bool   `json:"tokensRefused"` // tokens signed by the key may be alive
	// HasuraAcceptsUntil is when Hasura has dropped the key if its next read
	// succeeds; each failed read adds 60 s. Replacing Hasura ends it at once.
	HasuraAcceptsUntil time.Time `json:"hasuraAcceptsUntil,omitzero"`
	Effects            []string  `json:"effects"`
	Problems           []Problem `json:"problems,omitempty"`
}

// String says it for an operator, one effect a line.
func (r Revocation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Key %s (%s, %s):\n", r.KID, r.Algorithm, r.State)
	for _, e := range r.Effects {
		fmt.Fprintf(&b, "  - %s\n", e)
	}
	writeNotes(&b, nil, r.Problems)
	return b.String()
}

// PlanRevoke says what Revoke would do, without doing it. ErrNoRing,
// ErrUnknownKey.
func (k Keys) PlanRevoke(kid string) (Revocation, error) {
	s, err := k.load()
	if err != nil {
		return Revocation{}, err
	}
	r, err := planRevoke(newKeySet(s.keys, k.TokenLife), kid, k.now())
	r.Problems = s.problems
	return r, err
}

// Revoke removes a key. If it is the active one, its successor is written first and
// signs at once, so the ring is never without a key; if Revoke is killed in between, it
// can be run again. ErrUnknownKey.
func (k Keys) Revoke(kid string) (Revocation, error) {
	if _, err := k.load(); err != nil {
		return Revocation{}, err
	}
	var result Revocation
	err := k.Shelf.change(func(s scan) (c change, err error) {
		set, now := newKeySet(s.keys, k.TokenLife), k.now()
		if result, err = planRevoke(set, kid, now); err != nil {
			return change{}, err
		}
		result.Problems, c.drop = s.problems, []string{kid}
		if result.NeedsNewKey {
			made, err := k.make(set, result.Algorithm, now, now)
			if err != nil {
				return change{}, fmt.Errorf("making a successor: %w", err)
			}
			result.Successor, c.add = made.kid, []*key{made}
		}
		return c, nil
	})
	return result, err
}

func planRevoke(set keySet, kid string, now time.Time) (Revocation, error) {
	i := set.index(kid)
	if i < 0 {
		return Revocation{}, fmt.Errorf("%w: %q", ErrUnknownKey, kid)
	}
	r := Revocation{KID: kid, Algorithm: set.keys[i].algorithm, State: set.state(i, now), At: now}
	switch r.State {
	case Pending:
		r.Effects = []string{"It has signed nothing: no token breaks, and the active key goes on signing."}
		r.HasuraAcceptsUntil = now.Add(hasuraReads)
	case Gone:
		r.Effects = []string{"Its time was over: no token breaks."}
	case Active, Retired:
		r.TokensRefused = true
		r.HasuraAcceptsUntil = now.Add(hasuraReads)
		r.NeedsNewKey = r.State == Active
		r.Effects = r.breaks()
	}
	for j, other := range set.keys {
		if state := set.state(j, now); r.TokensRefused && j != i && state != Gone {
			r.Effects = append(r.Effects, fmt.Sprintf("Key %s (%s) stays in the ring. If the whole ring leaked, revoke it too.", other.kid, state))
		}
	}
	return r, nil
}

func (r Revocation) breaks() []string {
	effects := []string{
		"Login refuses every token signed by it within a second, on every replica; clients get new ones with their refresh tokens.",
		fmt.Sprintf("Hasura accepts those tokens, forged ones too, until it next reads the key set: up to %s when that read succeeds, %s more for each that fails. Open WebSockets stay until their token expires. Replacing Hasura ends both at once.", hasuraReads, hasuraReads),
	}
	if r.NeedsNewKey {
		effects = append(effects,
			"A new key is made first and signs at once.",
			"Hasura refuses the tokens of the new key until that same read: users signing in or refreshing meanwhile cannot query.")
	}
	return effects
}
