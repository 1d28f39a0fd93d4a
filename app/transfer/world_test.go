package transfer_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/password"
	"hasura-login/app/token"
	"hasura-login/app/transfer"
	"hasura-login/app/webauthn"
)

var (
	home = login.Client{Addr: netip.MustParseAddr("203.0.113.7"), Name: "test"}
)

// store is the part of a store that the tests need.
type store interface {
	login.Store
	login.MailStore
	login.CredentialStore
	login.IdentityStore
	login.PasskeyStore
	login.ImportStore
}

// world is a store with an importer, and the service that its users sign in to.
type world struct {
	*login.Service
	verifier *token.Verifier
	store    store
	findings []transfer.Finding
	// samePasskeyDomain: the operator says that passkeys go on.
	samePasskeyDomain bool
	ids               map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, logintest.OpenStore(t))
}

func newWorldOn(t *testing.T, store store) *world {
	t.Helper()
	s := logintest.StartOn(t, store, func(d *login.Deps, r *login.Rules) {
		d.Now, d.Limiter = time.Now, noLimits{}
	})
	return &world{Service: s.Service, verifier: s.Verifier, store: store, ids: map[string]string{}}
}

// run imports a file and records the findings.
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
	m := transfer.Import{
		Importer: &login.Importer{Store: w.store, CheckHash: password.CheckStored, TOTP: logintest.OneTimePasswords, Tokens: logintest.Names, Roles: []string{"user"}, Now: time.Now},
		Report:   func(f transfer.Finding) error { w.findings = append(w.findings, f); return nil },
		IDs:      func(there, here string) error { w.ids[there] = here; return nil },
		Progress: func(transfer.Counts) {},
	}
	if w.samePasskeyDomain {
		m.Importer.CheckPasskey = webauthn.CheckStored
	}
	return m
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

type noLimits struct{}

func (noLimits) Reserve(context.Context, login.Attempt) (login.Reservation, error) {
	return noLimits{}, nil
}
func (noLimits) KnownDevice() bool         { return false }
func (noLimits) Succeeded(context.Context) {}
func (noLimits) Failed(context.Context)    {}
func (noLimits) Released(context.Context)  {}
