package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is a JWS signature algorithm by its registered name.
type Algorithm string

// The algorithms a key may have. There is none with a shared secret, because every
// verifier could then also make tokens.
const (
	EdDSA Algorithm = "EdDSA" // Ed25519
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256" // 2048 bits
)

// DefaultAlgorithm is the algorithm of a first key;
// docs/decisions/0002-signing-algorithm.md has the figures behind the choice.
const DefaultAlgorithm = EdDSA

const (
	rsaBits    = 2048
	rsaMaxBits = 4096 // a larger key would make every signature a burden
)

// Algorithms returns every algorithm, for metrics and help texts.
func Algorithms() []Algorithm { return []Algorithm{EdDSA, ES256, RS256} }

// ParseAlgorithm accepts the exact registered names.
func ParseAlgorithm(name string) (Algorithm, error) {
	names := make([]string, 0, len(Algorithms()))
	for _, a := range Algorithms() {
		if string(a) == name {
			return a, nil
		}
		names = append(names, string(a))
	}
	return "", fmt.Errorf("unknown signing algorithm %q; known are %s", name, strings.Join(names, ", "))
}

func (a Algorithm) method() jwt.SigningMethod { return jwt.GetSigningMethod(string(a)) }

func (a Algorithm) generate() (crypto.Signer, error) {
	switch a {
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return nil, fmt.Errorf("unknown signing algorithm %q", a)
	}
}

// fits reports whether the private key is of the algorithm's type.
func (a Algorithm) fits(private any) (crypto.Signer, error) {
	switch k := private.(type) {
	case ed25519.PrivateKey:
		if a == EdDSA {
			return k, nil
		}
	case *ecdsa.PrivateKey:
		if a == ES256 && k.Curve == elliptic.P256() {
			return k, nil
		}
	case *rsa.PrivateKey:
		if bits := k.N.BitLen(); a == RS256 && (bits < rsaBits || bits > rsaMaxBits) {
			return nil, fmt.Errorf("RSA key of %d bits; %d to %d are accepted", bits, rsaBits, rsaMaxBits)
		}
		if a == RS256 {
			return k, nil
		}
	}
	return nil, fmt.Errorf("private key does not fit algorithm %q", a)
}

// selfTest signs and verifies once: a key that cannot do both must reach
// neither the signing path nor the published set.
func (a Algorithm) selfTest(private crypto.Signer) error {
	const probe = "self-test"
	signature, err := a.method().Sign(probe, private)
	if err != nil {
		return fmt.Errorf("self-test: signing: %w", err)
	}
	if err := a.method().Verify(probe, signature, private.Public()); err != nil {
		return errors.New("self-test: the key does not verify its own signature")
	}
	return nil
}
