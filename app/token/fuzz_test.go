package token_test

import (
	"strings"
	"testing"

	"hasura-login/app/token"
)

// Whatever a key file holds, it is either refused or a key whose published form
// is good; it never crashes the service.
func FuzzKeyFile(f *testing.F) {
	folder := newFolder(f, newClock())
	kid := first(f, folder, token.EdDSA).KID
	good := content(f, keyPath(folder, kid))
	f.Add(kid+".json", good)
	for _, damaged := range damages(good, []byte(`{"version":1}`)) {
		f.Add(kid+".json", damaged)
	}
	f.Add("README.md", []byte("# Keys"))
	for _, a := range []token.Algorithm{token.ES256, token.RS256} {
		folder := newFolder(f, newClock())
		kid := first(f, folder, a).KID
		f.Add(kid+".json", content(f, keyPath(folder, kid)))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, err := token.ParseKeyFile(name, data)
		if err != nil && strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("error quotes the file: %v", err)
		}
		if err == nil && got+".json" != name {
			t.Errorf("file %q gave key %q", name, got)
		}
	})
}

// The verifier accepts only tokens that the ring signed: of all inputs here, only the
// seeds.
func FuzzVerify(f *testing.F) {
	s := newIssuing(f)
	raw := s.issue(f, start)
	parts := strings.Split(raw, ".")
	for _, seed := range []string{
		raw, "", "..", "a.b.c", parts[0] + "..", parts[0] + "." + parts[1] + ".",
		"eyJhbGciOiJub25lIn0." + parts[1] + ".", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10", "e30.e30.", parts[0] + ".eyJleHAiOjFlMzAwfQ.",
		raw + "A", strings.ToUpper(raw),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, candidate string) {
		_, err := s.verifier.Verify(candidate, start)
		if (err == nil) != (candidate == raw) {
			t.Errorf("token %q: %v", candidate, err)
		}
	})
}
