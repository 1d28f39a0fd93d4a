package login_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/testclock"
)

const (
	goodPassword = logintest.Password
	newPassword  = "battery of volta 1800"
)

// world is a service whose limiter, device tokens and access tokens are in the test's
// hands.
type world struct {
	*login.Service
	store   login.Store
	limiter *fakeLimiter
	audit   *logintest.Audit
	clock   *testclock.Clock
}

// tokenRules are those of tokens whose iss and aud are short.
var tokenRules = logintest.Names

func newWorld(t *testing.T, options ...logintest.Option) *world {
	t.Helper()
	return newWorldOn(t, logintest.OpenStore(t), options...)
}

func newWorldOn(t *testing.T, store login.Store, options ...logintest.Option) *world {
	t.Helper()
	w := &world{store: store, limiter: &fakeLimiter{}}
	fakes := func(d *login.Deps, r *login.Rules) {
		d.Limiter, d.Devices = w.limiter, fakeDevices{}
		r.Notices = login.NoticeKinds()
		d.Providers = []login.ProviderInfo{{Name: "corp", Title: "Corp"}}
	}
	s := logintest.StartOn(t, store, append([]logintest.Option{logintest.SessionIDs, fakes}, options...)...)
	w.Service, w.audit, w.clock = s.Service, s.Events, s.Clock
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

// sendAll marks every mail that is due as sent and returns them.
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

// identity is the caller that a grant's access token names (logintest.SessionIDs).
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
	// refuseRecipient gets no more unsolicited mails.
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
