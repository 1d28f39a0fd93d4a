package token

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Listing is the ring at one moment, newest key first.
type Listing struct {
	Now      time.Time `json:"now"`
	Keys     []Listed  `json:"keys"`
	Problems []Problem `json:"problems,omitempty"`
}

// Listed is one key and what becomes of it.
type Listed struct {
	KID         string    `json:"kid"`
	Algorithm   Algorithm `json:"alg"`
	State       State     `json:"state"`
	Age         Age       `json:"ageSeconds"` // since it was published
	PublishedAt time.Time `json:"publishedAt"`
	ActiveFrom  time.Time `json:"activeFrom"`
	RetiredFrom time.Time `json:"retiredFrom,omitzero"` // zero while no successor is known
	DeleteAfter time.Time `json:"deleteAfter,omitzero"`
	Next        string    `json:"next"`            // what happens next
	NextAt      time.Time `json:"nextAt,omitzero"` // zero where nothing will until somebody rotates
}

// Age is a duration, in JSON as whole seconds.
type Age time.Duration

// MarshalJSON writes whole seconds.
func (a Age) MarshalJSON() ([]byte, error) {
	return json.Marshal(int64(time.Duration(a) / time.Second))
}

func (a Age) String() string {
	d := time.Duration(a).Round(time.Second)
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%dd%dh", days, d%(24*time.Hour)/time.Hour)
	}
	return d.String()
}

// String is a table for people.
func (l Listing) String() string {
	var b strings.Builder
	// Errors are left out: a strings.Builder takes everything.
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KID\tALG\tSTATE\tAGE\tNEXT")
	for _, k := range l.Keys {
		next := k.Next
		if !k.NextAt.IsZero() {
			next = fmt.Sprintf("%s at %s (in %s)", k.Next, stamp(k.NextAt), Age(k.NextAt.Sub(l.Now)))
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.KID, k.Algorithm, k.State, k.Age, next)
	}
	_ = table.Flush()
	writeNotes(&b, nil, l.Problems)
	return b.String()
}

// List returns the keys with their states at this time. An empty shelf is an empty
// list; a missing one is ErrNoRing.
func (k Keys) List() (Listing, error) {
	if err := k.check(); err != nil {
		return Listing{}, err
	}
	s, err := k.Shelf.scan(nil)
	if err != nil {
		return Listing{}, noRing(k.Shelf, s, err)
	}
	return newKeySet(s.keys, k.TokenLife).list(k.now(), s.problems), nil
}

func (s keySet) list(now time.Time, problems []Problem) Listing {
	l := Listing{Now: now, Keys: make([]Listed, 0, len(s.keys)), Problems: problems}
	for i, k := range s.keys {
		listed := Listed{
			KID: k.kid, Algorithm: k.algorithm, State: s.state(i, now), Age: Age(now.Sub(k.publishedAt)),
			PublishedAt: k.publishedAt, ActiveFrom: k.activeFrom, RetiredFrom: s.retiredFrom(i), DeleteAfter: s.deleteAfter(i),
		}
		switch listed.State {
		case Pending:
			listed.Next, listed.NextAt = "signs", k.activeFrom
		case Active:
			listed.Next, listed.NextAt = "signs until the next rotation", listed.RetiredFrom
			if !listed.NextAt.IsZero() {
				listed.Next = "is replaced by " + s.keys[i+1].kid
			}
		case Retired:
			listed.Next, listed.NextAt = "is deleted", listed.DeleteAfter
		case Gone:
			listed.Next = "is deleted by the running service or the next rotation"
		}
		l.Keys = append(l.Keys, listed)
	}
	slices.Reverse(l.Keys)
	return l
}
