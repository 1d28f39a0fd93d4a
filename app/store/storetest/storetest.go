// Package storetest is the conformance suite of every login.Store. It states the
// contract that the domain relies on, whichever store is used.
package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"hasura-login/app/login"
)

// Run runs the suite. open gives an empty store for one test and has it closed
// when that test ends.
func Run(t *testing.T, open func(t *testing.T) login.Store) {
	groups := []struct {
		name  string
		tests map[string]func(*kit)
	}{
		{"User", userTests}, {"Account", accountTests}, {"Session", sessionTests},
		{"Token", tokenTests}, {"Race", raceTests}, {"Fault", faultTests}, {"Sweep", sweepTests}, {"Mail", mailTests}, {"Email", emailTests}, {"Credential", credentialTests}, {"Import", importTests}, {"MailCode", mailCodeTests}, {"Identity", identityTests}, {"Organization", organizationTests}, {"Invitation", invitationTests}, {"Passkey", passkeyTests},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for name, test := range group.tests {
				t.Run(name, func(t *testing.T) { test(newKit(t, open(t))) })
			}
		})
	}
}

// grace and the lives of sessions as the tests use them.
const (
	grace    = 10 * time.Second
	idle     = 14 * 24 * time.Hour
	lifetime = 30 * 24 * time.Hour
)

// kit is a store under test with the helpers of its tests. Time stands still: a test
// changes now itself.
type kit struct {
	*testing.T
	store login.Store
	ctx   context.Context
	now   time.Time
}

// part is the store as one of the ports that every store implements.
func part[T any](k *kit) T {
	k.Helper()
	p, ok := k.store.(T)
	if !ok {
		k.Fatalf("%T does not implement %s", k.store, reflect.TypeFor[T]())
	}
	return p
}

func newKit(t *testing.T, store login.Store) *kit {
	return &kit{
		T: t, store: store, ctx: t.Context(),
		// Nanoseconds and a zone that must both be gone when it comes back.
		now: time.Date(2026, 11, 24, 18, 30, 0, 123_456_789, time.FixedZone("", 5*3600)),
	}
}

// later moves the clock.
func (k *kit) later(d time.Duration) { k.now = k.now.Add(d) }

// stored is a time as it comes back from a store.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// newUserAccount is a user that no store has yet.
func (k *kit) newUserAccount(email string) login.UserAccount {
	return login.UserAccount{
		User: login.User{ID: uuid.NewString(), Email: email, Name: "Ann Example", CreatedAt: k.now, UpdatedAt: k.now},
		Account: login.Account{
			Password: "hash of " + email, Roles: []string{"user"}, DefaultRole: "user", SessionVersion: 1, PasswordVersion: 1,
		},
	}
}

// user creates a user without a session.
func (k *kit) user(email string) login.UserAccount {
	k.Helper()
	ua := k.newUserAccount(email)
	k.ok(k.store.CreateUser(k.ctx, ua, nil))
	return ua
}

// newSession is a session at ua's version with a new token.
func (k *kit) newSession(ua login.UserAccount) login.NewSession {
	return login.NewSession{
		Session: login.Session{
			ID: uuid.NewString(), UserID: ua.User.ID, SessionVersion: ua.Account.SessionVersion,
			CreatedAt: k.now, LastUsedAt: k.now, IdleUntil: k.now.Add(idle), ExpiresAt: k.now.Add(lifetime),
			ClientName: "Firefox", ClientPrefix: "192.0.2.7/32",
		},
		Token: newChainToken(), MaxLive: 20,
	}
}

// session creates a session.
func (k *kit) session(ua login.UserAccount) login.NewSession {
	k.Helper()
	n := k.newSession(ua)
	k.ok(k.store.CreateSession(k.ctx, n))
	return n
}

// rotation presents token now, with a fresh child.
func (k *kit) rotation(token login.TokenKey) login.Rotation { return newRotation(token, k.now) }

func newRotation(token login.TokenKey, now time.Time) login.Rotation {
	return login.Rotation{
		Presented: token, Child: newToken(), Nonce: randomBytes(32),
		Now: now, Grace: grace, IdleUntil: now.Add(idle),
	}
}

// childOf is the token that a rotation proposes.
func childOf(r login.Rotation) login.TokenKey {
	return login.TokenKey{Family: r.Presented.Family, Token: r.Child}
}

// rotate exchanges token, which must succeed with the child proposed, and returns
// that child.
func (k *kit) rotate(token login.TokenKey) login.TokenKey {
	k.Helper()
	r := k.rotation(token)
	got, err := k.store.RotateToken(k.ctx, r)
	k.ok(err)
	k.equal("nonces", [][]byte{r.Nonce}, got.Nonces)
	return childOf(r)
}

// refused presents token and wants the error.
func (k *kit) refused(token login.TokenKey, want error) login.Rotated {
	k.Helper()
	got, err := k.store.RotateToken(k.ctx, k.rotation(token))
	k.is(err, want)
	return got
}

// alive tells how many live sessions ua has.
func (k *kit) alive(ua login.UserAccount) int {
	k.Helper()
	sessions, err := k.store.LiveSessions(k.ctx, ua.User.ID, k.now)
	k.ok(err)
	return len(sessions)
}

func (k *kit) ok(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *kit) is(err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Fatalf("error %v, want %v", err, want)
	}
}

func (k *kit) equal(what string, want, got any) {
	k.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		k.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func newToken() login.TokenHash { return sha256.Sum256(randomBytes(48)) }

// newChainToken is the first token of a session.
func newChainToken() login.TokenKey { return login.TokenKey{Family: newToken(), Token: newToken()} }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// parallel runs f n times at once and returns what each gave.
func parallel[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	start, done := make(chan struct{}), make(chan struct{})
	for i := range n {
		go func() {
			<-start
			results[i] = f(i)
			done <- struct{}{}
		}()
	}
	close(start)
	for range n {
		<-done
	}
	return results
}

// count tells how many errors are each of the wanted ones; any other fails the
// test. A nil among the wanted stands for success.
func (k *kit) count(errs []error, wanted ...error) []int {
	k.Helper()
	counts := make([]int, len(wanted))
next:
	for _, err := range errs {
		for i, want := range wanted {
			if errors.Is(err, want) {
				counts[i]++
				continue next
			}
		}
		k.Fatalf("unexpected error: %v", err)
	}
	return counts
}

func email(i int) string { return fmt.Sprintf("user%03d@example.org", i) }
