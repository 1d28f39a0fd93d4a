// Package tokentest is the suite that every shelf of a key ring must pass.
package tokentest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/testclock"
	"hasura-login/app/token"
)

const (
	life = 15 * time.Minute
	kept = life + token.ClockSkew + 60*time.Second // after its retirement
)

// Run runs the suite. newShelf makes an empty shelf.
func Run(t *testing.T, newShelf func(t *testing.T) token.Shelf) {
	for name, test := range map[string]func(*testing.T, *ring){
		"ReplicasSwitchByTheClockAndTakeEachOthersTokens": switchByTheClock,
		"ReplicasOfDifferentClocksTakeEachOthersTokens":   differentClocks,
		"ManyChangesAtOnceAreOneAfterTheOther":            manyAtOnce,
		"RevocationsHoldOnEveryReplica":                   revocations,
		"TheFirstKeyIsMadeOnce":                           firstKey,
		"AnotherRingsKeysAreTakenOver":                    imported,
	} {
		t.Run(name, func(t *testing.T) {
			c := testclock.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			test(t, &ring{Keys: token.Keys{Shelf: newShelf(t), TokenLife: life, Now: c.Now}, t: t, clock: c})
		})
	}
}

// ring is a stored ring and the clock that its users share.
type ring struct {
	token.Keys
	t     *testing.T
	clock *testclock.Clock
}

func (r *ring) rotate(ahead time.Duration) string {
	r.t.Helper()
	done, err := r.Rotate(token.RotateOptions{PublishAhead: ahead})
	if err != nil {
		r.t.Fatal(err)
	}
	return done.KID
}

func (r *ring) revoke(kid string) token.Revocation {
	r.t.Helper()
	done, err := r.Revoke(kid)
	if err != nil {
		r.t.Fatal(err)
	}
	return done
}

// states are the keys, oldest first.
func (r *ring) states() []string {
	r.t.Helper()
	list, err := r.List()
	if err != nil {
		r.t.Fatal(err)
	}
	var states []string
	for _, k := range list.Keys {
		states = append(states, fmt.Sprintf("%s %s", k.KID, k.State))
	}
	slices.Reverse(states)
	return states
}

func (r *ring) want(states ...string) {
	r.t.Helper()
	if got := r.states(); !slices.Equal(got, states) {
		r.t.Errorf("keys at %s: %q, want %q", r.clock.Now(), got, states)
	}
}

// replica is a running service.
type replica struct {
	*token.Ring
	t        *testing.T
	now      func() time.Time
	issuer   *token.Issuer
	verifier *token.Verifier
}

func (r *ring) replica(k token.Keys, hooks token.Hooks) *replica {
	r.t.Helper()
	open, err := token.Open(k, hooks)
	if err != nil {
		r.t.Fatal(err)
	}
	names := token.Names{Issuer: "https://login.example.org", Audience: "hasura"}
	issuer, err := token.NewIssuer(open, names)
	if err != nil {
		r.t.Fatal(err)
	}
	verifier, err := token.NewVerifier(open, names)
	if err != nil {
		r.t.Fatal(err)
	}
	return &replica{open, r.t, k.Now, issuer, verifier}
}

// issue returns a token and the key that signed it.
func (s *replica) issue() (raw, kid string) {
	s.t.Helper()
	raw, _, err := s.issuer.Issue(login.Subject{
		User:    login.User{ID: "6e5cbb7c-9a3b-4c57-9a55-9d0c9a6cf001", Email: "alice@example.org", Name: "Alice"},
		Account: login.Account{Roles: []string{"user"}, DefaultRole: "user"}, SessionID: "6e5cbb7c-9a3b-4c57-9a55-9d0c9a6cf002",
	}, s.now())
	if err != nil {
		s.t.Fatal(err)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
	if err != nil {
		s.t.Fatal(err)
	}
	return raw, parsed.Header["kid"].(string)
}

func (s *replica) verify(raw string) error {
	_, err := s.verifier.Verify(raw, s.now())
	return err
}

func switchByTheClock(t *testing.T, r *ring) {
	old := r.rotate(0)
	replicas := []*replica{r.replica(r.Keys, token.Hooks{}), r.replica(r.Keys, token.Hooks{})}
	young := r.rotate(token.DefaultPublishAhead)
	r.want(old+" active", young+" pending")
	from := r.clock.Now().Add(token.DefaultPublishAhead)
	for _, s := range replicas {
		s.Reload()
	}
	alive := map[string]time.Time{}
	for r.clock.Now().Before(from.Add(kept + time.Minute)) {
		want := old
		if !r.clock.Now().Before(from) {
			want = young
		}
		for i, s := range replicas {
			raw, kid := s.issue()
			if kid != want {
				t.Fatalf("replica %d signs with %s at %s, want %s", i, kid, r.clock.Now(), want)
			}
			alive[raw] = r.clock.Now().Add(life)
		}
		for raw, until := range alive {
			if !r.clock.Now().Before(until) {
				delete(alive, raw)
				continue
			}
			for _, s := range replicas {
				if err := s.verify(raw); err != nil {
					t.Fatalf("at %s: %v", r.clock.Now(), err)
				}
			}
		}
		r.clock.Advance(20 * time.Second)
	}
	for _, s := range replicas {
		s.Reload() // the first deletes the old key
	}
	r.want(young + " active")
}

// A minute apart is as far as clocks may be.
func differentClocks(t *testing.T, r *ring) {
	r.rotate(0)
	r.rotate(token.DefaultPublishAhead)
	ahead := r.Keys
	ahead.Now = func() time.Time { return r.clock.Now().Add(token.ReplicaSkew) }
	late, early := r.replica(r.Keys, token.Hooks{}), r.replica(ahead, token.Hooks{})
	r.clock.Advance(token.DefaultPublishAhead - time.Second) // only the early one has switched
	fromEarly, young := early.issue()
	fromLate, old := late.issue()
	if young == old {
		t.Fatal("both sign with one key: nothing is shown")
	}
	if err := late.verify(fromEarly); err != nil {
		t.Errorf("the replica behind refuses a token of the one ahead: %v", err)
	}
	if err := early.verify(fromLate); err != nil {
		t.Errorf("the replica ahead refuses a token of the one behind: %v", err)
	}
}

func manyAtOnce(t *testing.T, r *ring) {
	r.rotate(0)
	r.clock.Advance(time.Second)
	active := r.rotate(0)
	var mu sync.Mutex
	var problems, rotated []string
	hooks := token.Hooks{OnProblem: func(p token.Problem) { mu.Lock(); problems = append(problems, p.String()); mu.Unlock() }}
	replicas := make([]*replica, 3)
	for i := range replicas {
		replicas[i] = r.replica(r.Keys, hooks)
	}
	r.clock.Advance(kept)
	var running sync.WaitGroup
	for _, s := range replicas {
		running.Go(s.Reload) // deletes the first key
		running.Go(func() {
			done, err := r.Rotate(token.RotateOptions{PublishAhead: time.Hour})
			var pending *token.PendingError
			if err != nil && !errors.As(err, &pending) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				rotated = append(rotated, done.KID)
				mu.Unlock()
			}
		})
	}
	running.Wait()
	if len(rotated) != 1 || len(problems) > 0 {
		t.Fatalf("%d of three rotations at once succeeded, want 1; problems %q", len(rotated), problems)
	}
	r.want(active+" active", rotated[0]+" pending")
}

func revocations(t *testing.T, r *ring) {
	first := r.rotate(0)
	replicas := []*replica{r.replica(r.Keys, token.Hooks{}), r.replica(r.Keys, token.Hooks{}), r.replica(r.Keys, token.Hooks{})}
	raw, _ := replicas[0].issue()
	done := r.revoke(first)
	if done.Successor == "" || !done.TokensRefused {
		t.Errorf("the active key was revoked with %+v", done)
	}
	for i, s := range replicas {
		s.Reload()
		if err := s.verify(raw); err == nil {
			t.Errorf("replica %d accepts a token of the revoked key", i)
		}
		if _, kid := s.issue(); kid != done.Successor {
			t.Errorf("replica %d signs with %s, want the successor %s", i, kid, done.Successor)
		}
	}
	pending := r.rotate(time.Hour)
	r.want(done.Successor+" active", pending+" pending")
	r.revoke(pending)
	r.want(done.Successor + " active")
	if _, err := r.Revoke(pending); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("revoking twice: %v, want ErrUnknownKey", err)
	}
}

func firstKey(t *testing.T, r *ring) {
	if _, err := token.Open(r.Keys, token.Hooks{}); !errors.Is(err, token.ErrNoRing) {
		t.Errorf("opening an empty ring: %v, want ErrNoRing", err)
	}
	if _, err := r.Revoke("0123456789abcdef"); !errors.Is(err, token.ErrNoRing) {
		t.Errorf("revoking in an empty ring: %v, want ErrNoRing", err)
	}
	var running sync.WaitGroup
	for range 3 {
		running.Go(func() {
			if err := r.EnsureKey(token.ES256); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if states := r.states(); len(states) != 1 {
		t.Errorf("keys %q, want one", states)
	}
}

func imported(t *testing.T, r *ring) {
	elsewhere := &ring{Keys: r.Keys, t: t, clock: r.clock}
	elsewhere.Shelf = token.Folder(t.TempDir())
	elsewhere.rotate(0)
	r.clock.Advance(time.Second)
	active := elsewhere.rotate(0)
	raw, _ := elsewhere.replica(elsewhere.Keys, token.Hooks{}).issue()
	for _, want := range []int{2, 0} { // it can be run again
		if n, err := r.Import(elsewhere.Shelf); n != want || err != nil {
			t.Fatalf("took over %d keys, %v, want %d", n, err, want)
		}
	}
	r.want(elsewhere.states()...)
	s := r.replica(r.Keys, token.Hooks{})
	if err := s.verify(raw); err != nil {
		t.Errorf("a token from before: %v", err)
	}
	if _, kid := s.issue(); kid != active {
		t.Errorf("signs with %s, want %s", kid, active)
	}
}
