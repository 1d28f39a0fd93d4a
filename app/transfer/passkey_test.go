package transfer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/transfer"
	"hasura-login/app/webauthn/webauthntest"
)

// withPasskey is an installation with a user who has a passkey, and its authenticator.
func withPasskey(t *testing.T) (*world, *webauthntest.Authenticator) {
	t.Helper()
	w := newWorld(t)
	g, err := w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Password: "correct horse battery", Name: "Ann", Client: home})
	if err != nil {
		t.Fatal(err)
	}
	verified, err := w.verifier.Verify(g.Token, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	id := login.Identity{UserID: verified.UserID, SessionID: verified.SessionID}
	options, err := w.PasskeyOptions(t.Context(), id, "correct horse battery", home)
	if err != nil {
		t.Fatal(err)
	}
	a := webauthntest.New(logintest.Origin)
	answer, err := a.Create(options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddPasskey(t.Context(), id, login.AddPasskeyInput{Name: "Key", Answer: answer, Client: home}); err != nil {
		t.Fatal(err)
	}
	return w, a
}

func (w *world) signInPasskey(t *testing.T, a *webauthntest.Authenticator) error {
	t.Helper()
	options, err := w.SignInPasskeyOptions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SignInPasskey(t.Context(), login.SignInPasskeyInput{Answer: answer, Client: home})
	return err
}

// A passkey works in another installation of the same domain, with its counter. A
// second import and a second export give the same result.
func TestRun_PasskeysOfTheSameDomainGoOn(t *testing.T) {
	first, a := withPasskey(t)
	file, _ := first.export(t, "ndjson")
	w := newWorld(t)
	w.samePasskeyDomain = true
	for i, want := range []transfer.Counts{{Read: 1, Added: 1}, {Read: 1, There: 1}} {
		if got := w.run(t, "ndjson", file); got != want || len(w.findings) > 0 {
			t.Fatalf("run %d: %+v, %v", i, got, w.findings)
		}
	}
	// A user who has only passkeys need not set a password.
	only := newWorld(t)
	only.samePasskeyDomain = true
	var record map[string]any
	if err := json.Unmarshal([]byte(file), &record); err != nil {
		t.Fatal(err)
	}
	delete(record, "passwordHash")
	withoutPassword, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	if got := only.run(t, "ndjson", string(withoutPassword)); got != (transfer.Counts{Read: 1, Added: 1}) {
		t.Errorf("without a password: %+v", got)
	}
	again, _ := w.export(t, "ndjson")
	// As imported, a bcrypt hash has another prefix.
	if diff := cmp.Diff(strings.Replace(file, "$2a$", "$2b$", 1), again); diff != "" {
		t.Errorf("the second export (-first +second):\n%s", diff)
	}
	if err := w.signInPasskey(t, a); err != nil {
		t.Errorf("signing in by the passkey: %v", err)
	}
	a.Step = 0
	if err := w.signInPasskey(t, a); err == nil {
		t.Error("a counter that stands still signs in")
	}
}

// es384Key is a COSE_Key on P-384.
func es384Key(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -35, -1: 2, -2: point[1:49], -3: point[49:]})
	if err != nil {
		t.Fatal(err)
	}
	return cose
}

// A passkey that cannot sign in here must not become a second factor of the account.
func TestRun_PasskeysThatWouldNotWorkStayBehind(t *testing.T) {
	first, _ := withPasskey(t)
	file, _ := first.export(t, "ndjson")
	var account transfer.Account
	if err := json.Unmarshal([]byte(file), &account); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		unconfirmed bool
		change      func(*transfer.Account)
		says        string
	}{
		"the domain is not confirmed": {true, func(*transfer.Account) {}, "--passkey-domain"},
		"no user handle":              {false, func(a *transfer.Account) { a.UserHandle = nil }, "user handle"},
		"no credential id":            {false, func(a *transfer.Account) { a.Passkeys[0].CredentialID = nil }, "credential id"},
		"a key that is none":          {false, func(a *transfer.Account) { a.Passkeys[0].PublicKey = []byte("PEM?") }, "COSE_Key"},
		"another algorithm (ES384)":   {false, func(a *transfer.Account) { a.Passkeys[0].PublicKey = es384Key(t) }, "ES256"},
		"backed up and not eligible":  {false, func(a *transfer.Account) { a.Passkeys[0].BackedUp = true }, "backed up"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			changed := account
			changed.Passkeys = []transfer.Passkey{account.Passkeys[0]}
			c.change(&changed)
			line, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			w.samePasskeyDomain = !c.unconfirmed
			if got := w.run(t, "ndjson", string(line)); got != (transfer.Counts{Read: 1, Added: 1}) {
				t.Fatalf("%+v, %v", got, w.findings)
			}
			if len(w.findings) != 1 || w.findings[0].Outcome != transfer.Left || !strings.Contains(w.findings[0].Reason, c.says) {
				t.Errorf("findings: %v", w.findings)
			}
			if err := w.signIn("ann@example.org", "correct horse battery"); err != nil {
				t.Errorf("signing in by the password: %v", err)
			}
		})
	}
}
