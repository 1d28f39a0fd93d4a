// Package logintest starts a login service on real parts, for the tests of every
// package that needs one: SQLite, the hash limiter at the lowest cost, the rate
// limiter, a ring of signing keys, device tokens and one-time passwords. The clock
// stands still until the test moves it.
package logintest

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hasura-login/app/device"
	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/ratelimit"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/testclock"
	"hasura-login/app/token"
	"hasura-login/app/totp"
	"hasura-login/app/webauthn"
)

// Origin is the origin of the site whose passkeys the service accepts.
const Origin = "https://login.example.org"

// Password is one that the policy accepts.
const Password = "correct horse staple"

// Service is a login service with the parts that a test looks at or moves. Its
// embedded Deps hold the rest.
type Service struct {
	*login.Service
	Clock    *testclock.Clock
	Events   *Audit
	Ring     *token.Ring
	Verifier *token.Verifier
}

// Option changes how a service is built.
type Option func(*login.Deps, *login.Rules)

// Names are the issuer and audience of the service's tokens.
var Names = token.Names{Issuer: "hasura-login", Audience: "hasura"}

// MailSecret keys the tokens in mails.
var MailSecret = login.MailSecret{Keys: keys("mail-secret-0123456789abcdef")}

// OneTimePasswords opens the sealed secrets of authenticator apps.
var OneTimePasswords = totp.New("login.example.org", func() []string { return []string{"totp-secret-0123456789abcdef0123"} })

// Start runs a service on a new SQLite store until the test ends.
func Start(t testing.TB, options ...Option) *Service {
	t.Helper()
	return StartOn(t, OpenStore(t), options...)
}

// StartOn is Start on a store of the test's own, which serves each of the store's
// interfaces that it implements.
func StartOn(t testing.TB, store login.Store, options ...Option) *Service {
	t.Helper()
	s := &Service{Clock: testclock.At(time.Now().UTC().Truncate(time.Microsecond)), Events: &Audit{t: t}}
	hasher, err := password.New(password.Config{Cost: password.MinCost, MaxWait: time.Minute})
	Check(t, err)
	limiter, err := ratelimit.New(ratelimit.Config{Observer: silent{}, Now: s.Clock.Now})
	Check(t, err)
	s.Ring, err = token.Create(token.Keys{Shelf: token.Folder(filepath.Join(t.TempDir(), "keys")), TokenLife: 15 * time.Minute}, token.EdDSA, token.Hooks{})
	Check(t, err)
	issuer, err := token.NewIssuer(s.Ring, Names)
	Check(t, err)
	s.Verifier, err = token.NewVerifier(s.Ring, Names)
	Check(t, err)
	passkeys, err := webauthn.New(webauthn.RelyingParty{ID: "example.org", Name: "Example", Origins: []string{Origin}}, keys("server-secret-0123456789abcdef01"))
	Check(t, err)
	deps := login.Deps{
		Store: store, Hasher: hasher, Policy: password.NewPolicy(8), Issuer: issuer, Limiter: limiter,
		Devices: device.NewTokens(keys("server-secret-0123456789abcdef")), OneTimePasswords: OneTimePasswords, Passkeys: passkeys, MailSecret: MailSecret,
		Audit: s.Events, Now: s.Clock.Now,
	}
	deps.Mail, _ = store.(login.MailStore)
	deps.Credentials, _ = store.(login.CredentialStore)
	deps.Identities, _ = store.(login.IdentityStore)
	deps.Invitations, _ = store.(login.InvitationStore)
	deps.PasskeyStore, _ = store.(login.PasskeyStore)
	rules := login.Rules{
		SignUp: login.SignUpOpen, MailEnabled: true, DefaultRoles: []string{"user"},
		RefreshTTL: 30 * 24 * time.Hour, RefreshIdle: 14 * 24 * time.Hour, RefreshGrace: 10 * time.Second, MaxSessions: 20,
		ElevationTTL: 10 * time.Minute, RememberDevice: 30 * 24 * time.Hour,
	}
	for _, o := range options {
		o(&deps, &rules)
	}
	s.Service = login.NewService(deps, rules)
	t.Cleanup(func() {
		s.Wait()
		hasher.Close()
		limiter.Close()
	})
	return s
}

// SessionIDs is an Option that makes a SessionIDIssuer the issuer.
func SessionIDs(d *login.Deps, _ *login.Rules) { d.Issuer = SessionIDIssuer{} }

// SessionIDIssuer issues the id of the session as its access token, for tests that
// need no more of it.
type SessionIDIssuer struct{}

// Issue implements login.Issuer.
func (SessionIDIssuer) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	return s.SessionID, now.Add(15 * time.Minute), nil
}

// Key implements login.Issuer.
func (SessionIDIssuer) Key(time.Time) string { return "" }

// OpenStore opens a new SQLite store until the test ends.
func OpenStore(t testing.TB) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "login.db"))
	Check(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// Check fails the test at an error.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keys(secret string) func() [][]byte {
	return func() [][]byte { return [][]byte{[]byte(secret)} }
}

// Audit is a login.Auditor and login.ActAuditor that remembers events. It fails the
// test of a service at an event that the policy of its operation does not list.
type Audit struct {
	mu     sync.Mutex
	events []login.Event
	t      testing.TB // nil: events are not compared with the policy
}

// Record implements login.Auditor.
func (a *Audit) Record(_ context.Context, e login.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
	if a.t != nil && e.Actor == login.ActorUser && !slices.Contains(login.PolicyOf(e.Operation).Events, e.Name) {
		a.t.Errorf("%s records %s, which its policy does not list", e.Operation, e.Name)
	}
}

// RecordAct implements login.ActAuditor.
func (a *Audit) RecordAct(ctx context.Context, e login.Event) error {
	a.Record(ctx, e)
	return nil
}

// Events returns the recorded events in order.
func (a *Audit) Events() []login.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.events)
}

// Names returns the names of the events, in order.
func (a *Audit) Names() []login.EventName {
	events := a.Events()
	names := make([]login.EventName, len(events))
	for i, e := range events {
		names[i] = e.Name
	}
	return names
}

type silent struct{}

func (silent) Throttled(string) {}
func (silent) Degraded(bool)    {}
