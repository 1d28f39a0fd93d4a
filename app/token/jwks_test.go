package token_test

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"hasura-login/app/token"
)

// jwk has the members a published key may have; any other fails the test.
type jwk struct {
	KTY string `json:"kty"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	KID string `json:"kid"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
	N   string `json:"n"`
	E   string `json:"e"`
}

// published reads a key set as strictly as Hasura's JOSE library does, where
// one bad key voids the set, and returns the kids in order.
func published(t testing.TB, set []byte) []string {
	t.Helper()
	var parsed struct {
		Keys []jwk `json:"keys"`
	}
	decoder := json.NewDecoder(bytes.NewReader(set))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&parsed); err != nil {
		t.Fatalf("key set %s: %v", set, err)
	}
	if len(parsed.Keys) == 0 {
		t.Fatal("key set is empty")
	}
	kids := make([]string, 0, len(parsed.Keys))
	seen := make(map[string]bool)
	for _, k := range parsed.Keys {
		if k.Use != "sig" || k.KID == "" || seen[k.KID] {
			t.Errorf("use %q, kid %q", k.Use, k.KID)
		}
		seen[k.KID] = true
		kids = append(kids, k.KID)
		switch k.Alg {
		case "EdDSA":
			if k.KTY != "OKP" || k.Crv != "Ed25519" || len(octets(t, k.X)) != 32 || k.Y+k.N+k.E != "" {
				t.Errorf("malformed Ed25519 key: %+v", k)
			}
		case "ES256":
			point := append([]byte{4}, append(octets(t, k.X), octets(t, k.Y)...)...)
			if _, err := ecdh.P256().NewPublicKey(point); err != nil || k.KTY != "EC" || k.Crv != "P-256" || len(octets(t, k.X)) != 32 || k.N+k.E != "" {
				t.Errorf("malformed P-256 key: %+v: %v", k, err)
			}
		case "RS256":
			n := octets(t, k.N)
			if k.KTY != "RSA" || k.E != "AQAB" || n[0] == 0 || new(big.Int).SetBytes(n).BitLen() < 2048 || k.Crv+k.X+k.Y != "" {
				t.Errorf("malformed RSA key: %+v", k)
			}
		default:
			t.Errorf("unknown alg %q", k.Alg)
		}
	}
	return kids
}

func octets(t testing.TB, encoded string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		t.Errorf("%q: %v", encoded, err)
	}
	return raw
}

func TestJWKS_IsReadableByTheStrictestReader(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	for _, a := range token.Algorithms() { // one retired, one active, one pending
		rotate(t, f, token.RotateOptions{Algorithm: a, PublishAhead: time.Minute})
		if a != token.RS256 {
			c.Advance(2 * time.Minute)
		}
	}
	if kids := published(t, newService(t, f, token.Hooks{}).JWKS()); len(kids) != 3 {
		t.Errorf("published %v, want three keys", kids)
	}
}

// About one coordinate in 256 begins with a zero byte, which encoders of big
// integers drop and strict readers miss.
func TestJWKS_KeepsLeadingZerosOfCoordinates(t *testing.T) {
	short := 0
	for range 3000 {
		set := token.NewPublishedSet(t, token.ES256)
		published(t, set)
		var parsed struct {
			Keys []jwk `json:"keys"`
		}
		if err := json.Unmarshal(set, &parsed); err != nil {
			t.Fatal(err)
		}
		if octets(t, parsed.Keys[0].X)[0] == 0 || octets(t, parsed.Keys[0].Y)[0] == 0 {
			short++
		}
	}
	if short == 0 {
		t.Error("no key had a coordinate with a leading zero; make more keys")
	}
}

func TestJWKS_NeverShowsPrivateParts(t *testing.T) {
	c := newClock()
	for _, a := range token.Algorithms() {
		f := newFolder(t, c)
		first(t, f, a)
		set := string(newService(t, f, token.Hooks{}).JWKS())
		for _, member := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`, "PRIVATE"} {
			if strings.Contains(set, member) {
				t.Errorf("%s: the set holds %s", a, member)
			}
		}
	}
}
