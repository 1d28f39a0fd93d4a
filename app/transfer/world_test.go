package transfer_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/password"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/token"
	"hasura-login/app/totp"
	"hasura-login/app/transfer"
)

var (
	secrets = totp.New("test", func() []string { return []string{"totp-secret-0123456789abcdef0123"} })
	names   = token.Names{Issuer: "hasura-login", Audience: "hasura"}
	home    = login.Client{Addr: netip.MustParseAddr("203.0.113.7"), Name: "test"}
)

// store is all that the tests ask of one.
type store interface {
	login.Store
	login.MailStore
	login.CredentialStore
	login.IdentityStore
	login.ImportStore
}

// world is a store with what imports into it, and the service that its users meet.
type world struct {
	*login.Service
	store    store
	findings []transfer.Finding
	ids      map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "login.db"))
	if err != nil {
		t.Fatal(err)
	}
	return newWorldOn(t, s)
}

func newWorldOn(t *testing.T, store store) *world {
	t.Helper()
	hasher, err := password.New(password.Config{Cost: password.MinCost, MaxWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: store, ids: map[string]string{}}
	w.Service = login.NewService(login.Deps{
		Store: store, Mail: store, Credentials: store, OneTimePasswords: secrets, Hasher: hasher, Policy: password.NewPolicy(8),
		Issuer: anyIssuer{}, Limiter: noLimits{}, Devices: noDevices{}, Audit: noAudit{}, Now: time.Now,
	}, login.Rules{DefaultRoles: []string{"user"}, RefreshTTL: time.Hour, RefreshIdle: time.Hour, RefreshGrace: time.Second, MaxSessions: 20, ElevationTTL: time.Minute})
	t.Cleanup(func() {
		w.Wait()
		hasher.Close()
		_ = store.Close()
	})
	return w
}

// run imports a file and notes what is found.
func (w *world) run(t *testing.T, format, file string) transfer.Counts {
	t.Helper()
	in, err := transfer.Open(format, strings.NewReader(file), transfer.Options{FirebaseParameters: firebaseParameters})
	if err != nil {
		t.Fatal(err)
	}
	m := w.newImport()
	counts, err := m.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func (w *world) newImport() transfer.Import {
	w.findings = nil
	return transfer.Import{
		Importer: &login.Importer{Store: w.store, CheckHash: password.CheckStored, TOTP: secrets, Tokens: names, Roles: []string{"user"}, Now: time.Now},
		Report:   func(f transfer.Finding) error { w.findings = append(w.findings, f); return nil },
		IDs:      func(there, here string) error { w.ids[there] = here; return nil },
		Progress: func(transfer.Counts) {},
	}
}

func (w *world) hash(t *testing.T, email string) string {
	t.Helper()
	ua, err := w.store.UserAccountByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return ua.Account.Password
}

func (w *world) signIn(email, plain string) error {
	_, err := w.SignIn(context.Background(), login.SignInInput{Email: email, Password: plain, Client: home})
	w.Wait() // the hash is replaced in the background
	return err
}

type anyIssuer struct{}

func (anyIssuer) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	return s.SessionID, now.Add(time.Minute), nil
}

type noLimits struct{}

func (noLimits) Reserve(context.Context, login.Attempt) (login.Reservation, error) {
	return noLimits{}, nil
}
func (noLimits) KnownDevice() bool         { return false }
func (noLimits) Succeeded(context.Context) {}
func (noLimits) Failed(context.Context)    {}
func (noLimits) Released(context.Context)  {}

type noDevices struct{}

func (noDevices) Issue(string, string, time.Time) string { return "" }
func (noDevices) Check(string, string, time.Time) string { return "" }
func (noDevices) IssuedFor(string, string) bool          { return false }

type noAudit struct{}

func (noAudit) Record(context.Context, login.Event) {}
