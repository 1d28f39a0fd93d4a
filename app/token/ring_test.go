package token_test

import (
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/testclock"
	"hasura-login/app/token"
)

// start is a whole second, so that the times of tokens compare exactly.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// life is that of the tests' access tokens; kept is how long after its
// retirement a key stays.
const (
	life = 15 * time.Minute
	kept = life + token.ClockSkew + 60*time.Second
)

var names = token.Names{Issuer: "https://login.example.org", Audience: "hasura"}

func newClock() *testclock.Clock { return testclock.At(start) }

// folder is a ring in a folder.
type folder struct{ token.Keys }

func newFolder(t testing.TB, c *testclock.Clock) folder {
	t.Helper()
	return folder{token.Keys{Shelf: token.Folder(t.TempDir()), TokenLife: life, Now: c.Now}}
}

func (f folder) dir() string { return string(f.Shelf.(token.Folder)) }

func (f folder) at(dir string) folder {
	f.Shelf = token.Folder(dir)
	return f
}

// service is one replica: the ring with what signs and verifies by it.
type service struct {
	*token.Ring
	issuer   *token.Issuer
	verifier *token.Verifier
}

func newService(t testing.TB, f folder, hooks token.Hooks) service {
	t.Helper()
	ring, err := token.Open(f.Keys, hooks)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, ring)
}

func serve(t testing.TB, ring *token.Ring) service {
	t.Helper()
	issuer, err := token.NewIssuer(ring, names)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := token.NewVerifier(ring, names)
	if err != nil {
		t.Fatal(err)
	}
	return service{ring, issuer, verifier}
}

func (s service) issue(t testing.TB, now time.Time) string {
	t.Helper()
	raw, _, err := s.issuer.Issue(alice(), now)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const (
	aliceID = "6e5cbb7c-9a3b-4c57-9a55-9d0c9a6cf001"
	session = "6e5cbb7c-9a3b-4c57-9a55-9d0c9a6cf002"
)

func alice() login.Subject {
	return login.Subject{
		User:      login.User{ID: aliceID, Email: "alice@example.org", Name: "Alice"},
		Account:   login.Account{Roles: []string{"user", "editor"}, DefaultRole: "editor"},
		SessionID: session,
	}
}

func rotate(t testing.TB, f folder, o token.RotateOptions) token.Rotation {
	t.Helper()
	r, err := f.Rotate(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// first makes a ring of one key.
func first(t testing.TB, f folder, a token.Algorithm) token.Rotation {
	t.Helper()
	return rotate(t, f, token.RotateOptions{Algorithm: a})
}

func TestRing_TokensOfEveryAlgorithmVerify(t *testing.T) {
	for _, a := range token.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			c := newClock()
			f := newFolder(t, c)
			first(t, f, a)
			s := newService(t, f, token.Hooks{})
			raw := s.issue(t, c.Now())
			if _, err := s.verifier.Verify(raw, c.Now()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
