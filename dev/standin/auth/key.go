package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// keySet holds the keys that a token is checked against. Key ids do not matter: any key
// that verifies the token is enough.
type keySet []any

// errNoFit: the algorithm cannot be used with this kind of key.
var errNoFit = errors.New("algorithm does not fit the key")

// verify reports whether any key of the set made the signature.
func (s keySet) verify(alg, signed string, signature []byte) bool {
	for _, key := range s {
		method, err := methodFor(alg, key)
		if err == nil && method.Verify(signed, signature, key) == nil {
			return true
		}
	}
	return false
}

// methodFor ties the token's algorithm to the key's kind, and to nothing else:
// Hasura does not compare it with the configured type.
func methodFor(alg string, key any) (jwt.SigningMethod, error) {
	method := jwt.GetSigningMethod(alg)
	fits := false
	switch m := method.(type) {
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
		_, fits = key.(*rsa.PublicKey)
	case *jwt.SigningMethodECDSA:
		k, ok := key.(*ecdsa.PublicKey)
		fits = ok && k.Curve.Params().BitSize == m.CurveBits
	case *jwt.SigningMethodEd25519:
		_, fits = key.(ed25519.PublicKey)
	case *jwt.SigningMethodHMAC:
		k, ok := key.([]byte)
		fits = ok && len(k) >= m.Hash.Size()
	}
	if !fits {
		return nil, errNoFit
	}
	return method, nil
}

// knownAlgorithm reports whether a JOSE header may name the algorithm.
func knownAlgorithm(alg string) bool {
	return jwt.GetSigningMethod(alg) != nil && alg != jwt.SigningMethodNone.Alg() || alg == "ES256K"
}

// parseStaticKey reads "key" as "type" says.
func parseStaticKey(j *JWT) (any, error) {
	switch j.Type {
	case "HS256", "HS384", "HS512":
		m, ok := jwt.GetSigningMethod(j.Type).(*jwt.SigningMethodHMAC)
		if !ok || len(j.Key) < m.Hash.Size() {
			return nil, fmt.Errorf("invalid JWK: key size too small; should be at least %d characters", m.Hash.Size())
		}
		return []byte(j.Key), nil
	case "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "Ed25519":
		return parsePEM(j.Key)
	default:
		return nil, fmt.Errorf("invalid JWK: key type %s is not supported", j.Type)
	}
}

func parsePEM(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("invalid JWK: no PEM block")
	}
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate of the JWT key: %w", err)
		}
		return cert.PublicKey, nil
	}
	return jwkset.LoadX509KeyInfer(block)
}

// parseJWKS reads a key set, all or nothing: one bad key voids it. The one
// exception is a key whose use is a string other than sig and enc; it is left out.
func parseJWKS(body []byte) (keySet, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, err
	}
	if set.Keys == nil {
		return nil, errors.New(`no member "keys"`)
	}
	keys := keySet{}
	for _, raw := range set.Keys {
		var marshal jwkset.JWKMarshal
		if err := json.Unmarshal(raw, &marshal); err != nil {
			return nil, err
		}
		if marshal.USE != "" && marshal.USE != jwkset.UseSig && marshal.USE != jwkset.UseEnc {
			continue
		}
		if marshal.ALG != "" && !marshal.ALG.IANARegistered() {
			return nil, fmt.Errorf("unknown alg %q", marshal.ALG)
		}
		if marshal.KTY == jwkset.KtyRSA {
			marshal.N, marshal.E = canonicalInteger(marshal.N), canonicalInteger(marshal.E)
		}
		key, err := jwkset.NewJWKFromMarshal(marshal, jwkset.JWKMarshalOptions{Private: marshal.KTY == jwkset.KtyOct}, jwkset.JWKValidateOptions{})
		if err != nil {
			return nil, err
		}
		keys = append(keys, key.Key())
	}
	return keys, nil
}

// canonicalInteger turns standard base64 characters into those of base64url, as
// Hasura does for RSA members (some providers publish them so).
func canonicalInteger(s string) string {
	return strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s)
}
