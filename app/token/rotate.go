package token

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultPublishAhead is how long a new key is published before it signs.
// Hasura reads the set at most 60 s (plus the fetch) after max-age=60 made it
// stale, and 60 s later again whenever a read failed: 300 s bear four failures.
const DefaultPublishAhead = 300 * time.Second

// RotateOptions describe the next key.
type RotateOptions struct {
	Algorithm    Algorithm     // empty: that of the newest key, or DefaultAlgorithm for the first
	PublishAhead time.Duration // until the key signs; the first key of a ring signs at once
}

// Rotation is a key that was written.
type Rotation struct {
	KID         string    `json:"kid"`
	Algorithm   Algorithm `json:"alg"`
	PublishedAt time.Time `json:"publishedAt"`
	ActiveFrom  time.Time `json:"activeFrom"`
	Replaces    string    `json:"replaces,omitempty"` // signs until then; empty for the first key
	Removed     []string  `json:"removed,omitempty"`  // keys whose time was over
	Warnings    []string  `json:"warnings,omitempty"`
	Problems    []Problem `json:"problems,omitempty"`
}

// String says it for an operator.
func (r Rotation) String() string {
	var b strings.Builder
	if r.Replaces == "" {
		fmt.Fprintf(&b, "Key %s (%s) is made and signs from now on.\n", r.KID, r.Algorithm)
	} else {
		fmt.Fprintf(&b, "Key %s (%s) is published; it takes over from %s at %s.\n", r.KID, r.Algorithm, r.Replaces, stamp(r.ActiveFrom))
	}
	for _, kid := range r.Removed {
		fmt.Fprintf(&b, "Key %s is deleted: no token it signed is alive.\n", kid)
	}
	writeNotes(&b, r.Warnings, r.Problems)
	return b.String()
}

// PendingError refuses a rotation while an earlier one has not taken effect.
type PendingError struct {
	KID        string
	ActiveFrom time.Time
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("key %s is already published and takes over at %s; rotate after that, or revoke it first", e.KID, stamp(e.ActiveFrom))
}

// Rotate writes one new key; it signs once PublishAhead has passed, on every
// replica by its clock. In an empty or missing ring it makes the first key,
// which signs at once. It refuses with *PendingError while a key is pending, and
// deletes keys whose time is over.
func (k Keys) Rotate(o RotateOptions) (Rotation, error) {
	if o.PublishAhead < 0 {
		return Rotation{}, errors.New("publish-ahead is negative")
	}
	if err := k.prepare(); err != nil {
		return Rotation{}, err
	}
	var result Rotation
	err := k.Shelf.change(func(s scan) (c change, err error) {
		var made *key
		result, made, err = k.next(newKeySet(s.keys, k.TokenLife), o)
		result.Problems = s.problems
		return change{add: []*key{made}}, err
	})
	if err != nil {
		return Rotation{}, err
	}
	// The key is in place; a failure to tidy up is not one to rotate.
	if result.Removed, err = k.removeGone(k.now()); err != nil {
		result.Warnings = append(result.Warnings, err.Error())
	}
	return result, nil
}

// EnsureKey makes the first key unless there is a usable one.
func (k Keys) EnsureKey(a Algorithm) error {
	if err := k.prepare(); err != nil {
		return err
	}
	return k.Shelf.change(func(s scan) (change, error) {
		if len(s.keys) > 0 {
			return change{}, nil
		}
		_, made, err := k.next(keySet{}, RotateOptions{Algorithm: a})
		return change{add: []*key{made}}, err
	})
}

// Import copies the keys of another ring to this one, so that the tokens that they
// signed stay good, and returns how many were new here.
func (k Keys) Import(from Shelf) (added int, err error) {
	if err := k.check(); err != nil {
		return 0, err
	}
	s, err := Keys{Shelf: from, TokenLife: k.TokenLife, Now: k.Now}.load()
	if err == nil {
		err = s.unread
	}
	if err != nil {
		return 0, err
	}
	err = k.Shelf.change(func(here scan) (c change, err error) {
		present := newKeySet(here.keys, k.TokenLife)
		for _, other := range s.keys {
			if present.index(other.kid) < 0 {
				c.add = append(c.add, other)
			}
		}
		added = len(c.add)
		return c, nil
	})
	return added, err
}

func (k Keys) prepare() error {
	if err := k.check(); err != nil {
		return err
	}
	return k.Shelf.prepare()
}

// next makes the key that follows those of a set.
func (k Keys) next(set keySet, o RotateOptions) (Rotation, *key, error) {
	now := k.now()
	result := Rotation{PublishedAt: now, ActiveFrom: now}
	if len(set.keys) > 0 {
		newest := set.keys[len(set.keys)-1]
		if newest.activeFrom.After(now) {
			return Rotation{}, nil, &PendingError{KID: newest.kid, ActiveFrom: newest.activeFrom}
		}
		result.Replaces = newest.kid
		result.ActiveFrom = now.Add(o.PublishAhead)
		result.Warnings = aheadWarnings(o.PublishAhead)
		if o.Algorithm == "" {
			o.Algorithm = newest.algorithm
		}
	}
	made, err := k.make(set, o.Algorithm, result.PublishedAt, result.ActiveFrom)
	if err != nil {
		return Rotation{}, nil, err
	}
	result.KID, result.Algorithm = made.kid, made.algorithm
	return result, made, nil
}

// make generates one key.
func (k Keys) make(set keySet, a Algorithm, publishedAt, activeFrom time.Time) (*key, error) {
	if a == "" {
		a = DefaultAlgorithm
	}
	sequence := uint64(1)
	for _, other := range set.keys {
		sequence = max(sequence, other.sequence+1)
	}
	return newKey(a, sequence, publishedAt, activeFrom, k.TokenLife)
}

func aheadWarnings(ahead time.Duration) []string {
	if ahead >= DefaultPublishAhead {
		return nil
	}
	return []string{fmt.Sprintf("published only %s ahead: Hasura reads the key set once in 60 s, and a failed read costs it 60 s more; until it has read the new key it refuses the tokens signed by it (%s is safe)", ahead, DefaultPublishAhead)}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func writeNotes(b *strings.Builder, warnings []string, problems []Problem) {
	for _, w := range warnings {
		fmt.Fprintf(b, "Warning: %s.\n", w)
	}
	for _, p := range problems {
		fmt.Fprintf(b, "Problem: %s.\n", p)
	}
}
