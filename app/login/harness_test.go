package login_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/testclock"
	"hasura-login/app/token"
	"hasura-login/app/totp"
)

const (
	goodPassword = "correct horse staple"
	newPassword  = "battery of volta 1800"
)

// world is a Service on a real store and a real hash limiter, with the clock,
// limiter and auditor in the test's hands.
type world struct {
	*login.Service
	store   login.Store
	limiter *fakeLimiter
	audit   *recordedAudit
	clock   *testclock.Clock
}

var mailSecret = login.MailSecret{Keys: func() [][]byte { return [][]byte{[]byte("mail-secret-0123456789abcdef")} }}

// tokenRules are those of tokens whose iss and aud are short.
var tokenRules = token.Names{Issuer: "hasura-login", Audience: "hasura"}

type option func(*login.Deps, *login.Rules)

func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "login.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return newWorldOn(t, store, options...)
}

func newWorldOn(t *testing.T, store login.Store, options ...option) *world {
	t.Helper()
	hasher, err := password.New(password.Config{Cost: password.MinCost, MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hasher.Close)
	w := &world{store: store, limiter: &fakeLimiter{}, audit: &recordedAudit{t: t}, clock: testclock.At(time.Now().UTC().Truncate(time.Microsecond))}
	mails, _ := store.(login.MailStore) // a store made to fail keeps none
	credentials, _ := store.(login.CredentialStore)
	identities, _ := store.(login.IdentityStore)
	passkeys, _ := store.(login.PasskeyStore)
	deps := login.Deps{
		Store: store, Mail: mails, MailSecret: mailSecret, Credentials: credentials, Identities: identities, PasskeyStore: passkeys, Passkeys: ceremonies(t), OneTimePasswords: totp.New("test", func() []string { return []string{"totp-secret-0123456789abcdef0123"} }), Hasher: hasher, Policy: password.NewPolicy(8), Issuer: fakeIssuer{},
		Limiter: w.limiter, Devices: fakeDevices{}, Audit: w.audit, Now: w.clock.Now,
	}
	rules := login.Rules{
		SignUpEnabled: true, MailEnabled: true, DefaultRoles: []string{"user"},
		RefreshTTL: 30 * 24 * time.Hour, RefreshIdle: 14 * 24 * time.Hour, RefreshGrace: 10 * time.Second, MaxSessions: 20,
		Notices: login.NoticeKinds(), ElevationTTL: 10 * time.Minute, RememberDevice: 30 * 24 * time.Hour,
	}
	for _, o := range options {
		o(&deps, &rules)
	}
	w.Service = login.NewService(deps, rules)
	t.Cleanup(w.Wait)
	return w
}

func (w *world) signUp(t *testing.T, email string) login.Grant {
	t.Helper()
	g, err := w.SignUp(context.Background(), login.SignUpInput{Email: email, Name: "Ann", Password: goodPassword, Client: home})
	if err != nil {
		t.Fatalf("signing up: %v", err)
	}
	w.sendAll(t)
	return g
}

// sendAll marks every mail that is due as sent and returns what they were.
func (w *world) sendAll(t *testing.T) []login.QueuedMail {
	t.Helper()
	outbox, ok := w.store.(login.Outbox)
	if !ok {
		return nil // a store made to fail keeps none
	}
	var sent []login.QueuedMail
	for {
		m, err := outbox.ClaimMail(context.Background(), w.clock.Now(), time.Minute)
		if errors.Is(err, login.ErrNotFound) {
			return sent
		}
		if err == nil {
			err = outbox.MailSent(context.Background(), m.ID, w.clock.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, m)
	}
}

func (w *world) signIn(email, pass string) (login.Grant, error) {
	return w.SignIn(context.Background(), login.SignInInput{Email: email, Password: pass, Client: home})
}

func (w *world) refresh(token string) (login.Grant, error) {
	return w.Refresh(context.Background(), login.RefreshInput{RefreshToken: token, Client: home})
}

// identity is what the grant's access token says; fakeIssuer writes the session's id.
func identity(g login.Grant) login.Identity {
	return login.Identity{UserID: g.UserID, SessionID: g.Token}
}

func wantCode(t *testing.T, err error, want login.Code) {
	t.Helper()
	var e *login.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("error %v, want code %s", err, want)
	}
}

var home = login.Client{Addr: netip.MustParseAddr("203.0.113.7"), Name: "test"}

type fakeIssuer struct{}

func (fakeIssuer) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	return s.SessionID, now.Add(15 * time.Minute), nil
}

type fakeDevices struct{}

func (fakeDevices) Issue(account, version string, _ time.Time) string {
	return "device of " + account + " " + version
}

func (fakeDevices) Check(account, token string, _ time.Time) string {
	version, ok := strings.CutPrefix(token, "device of "+account+" ")
	if !ok {
		return ""
	}
	return "device " + version
}

func (fakeDevices) IssuedFor(deviceID, version string) bool { return deviceID == "device "+version }

// fakeLimiter allows everything and remembers how attempts were settled.
type fakeLimiter struct {
	mu       sync.Mutex
	refuse   *login.Error
	crowded  bool // the client asks too much with known devices
	attempts []login.Attempt
	settled  []string
	// refuseRecipient gets no more mails that nobody asked for.
	refuseRecipient string
}

func (f *fakeLimiter) Reserve(_ context.Context, a login.Attempt) (login.Reservation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts = append(f.attempts, a)
	if f.refuse != nil {
		return nil, f.refuse
	}
	if a.Unsolicited != "" && a.Recipient == f.refuseRecipient {
		return nil, login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	}
	return fakeReservation{f, a.DeviceID != "" && !f.crowded}, nil
}

func (f *fakeLimiter) settlements() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.settled...)
}

type fakeReservation struct {
	f     *fakeLimiter
	known bool
}

func (r fakeReservation) KnownDevice() bool { return r.known }

func (r fakeReservation) settle(how string) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	r.f.settled = append(r.f.settled, how)
}

func (r fakeReservation) Succeeded(context.Context) { r.settle("succeeded") }
func (r fakeReservation) Failed(context.Context)    { r.settle("failed") }
func (r fakeReservation) Released(context.Context)  { r.settle("released") }

type recordedAudit struct {
	mu     sync.Mutex
	events []login.Event
	t      *testing.T
}

func (r *recordedAudit) Record(_ context.Context, e login.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	if e.Actor == login.ActorUser && !slices.Contains(login.PolicyOf(e.Operation).Events, e.Name) {
		r.t.Errorf("%s records %s, which its policy does not list", e.Operation, e.Name)
	}
}

func (r *recordedAudit) RecordAct(ctx context.Context, e login.Event) error {
	r.Record(ctx, e)
	return nil
}

func (r *recordedAudit) names() []login.EventName {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]login.EventName, len(r.events))
	for i, e := range r.events {
		names[i] = e.Name
	}
	return names
}
