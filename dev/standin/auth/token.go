package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// token is a compact JWS, decoded but not yet verified.
type token struct {
	alg       string
	signed    string
	signature []byte
	claims    claims
}

// claims is a token's payload; registered holds what RFC 7519 defines.
type claims struct {
	all        map[string]json.RawMessage
	registered registeredClaims
}

type registeredClaims struct {
	Issuer    *stringOrURI `json:"iss"`
	Subject   *stringOrURI `json:"sub"`
	Audience  *audience    `json:"aud"`
	ExpiresAt *numericDate `json:"exp"`
	NotBefore *numericDate `json:"nbf"`
	IssuedAt  *numericDate `json:"iat"`
	ID        *string      `json:"jti"`
}

// stringOrURI is a string that must be a URI if it holds a colon.
type stringOrURI string

func (s *stringOrURI) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if strings.Contains(text, ":") {
		if u, err := url.Parse(text); err != nil || !u.IsAbs() {
			return errors.New("StringOrURI: not a URI")
		}
	}
	*s = stringOrURI(text)
	return nil
}

// audience is a StringOrURI or a list of them.
type audience []stringOrURI

func (a *audience) UnmarshalJSON(b []byte) error {
	var one stringOrURI
	if err := json.Unmarshal(b, &one); err == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]stringOrURI)(a))
}

func (a audience) matches(wanted []string) bool {
	for _, w := range wanted {
		for _, have := range a {
			if string(have) == w {
				return true
			}
		}
	}
	return false
}

// numericDate is seconds since the epoch, fractions allowed.
type numericDate time.Time

// farFuture bounds dates so that arithmetic on them cannot overflow.
const farFuture = 1e11

func (n *numericDate) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	seconds = min(max(seconds, -farFuture), farFuture)
	whole := int64(seconds)
	*n = numericDate(time.Unix(whole, int64((seconds-float64(whole))*1e9)))
	return nil
}

// decodeToken reads the compact form: three parts, a JOSE header with a known
// algorithm, a JSON payload with well-typed registered claims.
func decodeToken(compact string) (token, *Error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return token{}, notVerified(fmt.Sprintf("JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got %d)", len(parts)))
	}
	var header struct {
		Alg *string `json:"alg"`
		Kid *string `json:"kid"`
	}
	if err := decodePart(parts[0], &header); err != nil {
		return token{}, notVerified(fmt.Sprintf("JWSError (JSONDecodeError %q)", err))
	}
	switch {
	case header.Alg == nil:
		return token{}, notVerified(`JWSError (JSONDecodeError "Missing required header: alg")`)
	case *header.Alg == "none":
		return token{}, notVerified("JWSError JWSNoSignatures")
	case !knownAlgorithm(*header.Alg):
		return token{}, notVerified(`JWSError (JSONDecodeError "unrecognised value")`)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return token{}, notVerified(fmt.Sprintf("JWSError (JSONDecodeError %q)", err))
	}
	t := token{alg: *header.Alg, signed: parts[0] + "." + parts[1], signature: signature}
	if err := errors.Join(decodePart(parts[1], &t.claims.all), decodePart(parts[1], &t.claims.registered)); err != nil {
		return token{}, notVerified(fmt.Sprintf("JWTClaimsSetDecodeError %q", err))
	}
	return t, nil
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// unverifiedIssuer is the issuer in the payload; false if there is none or the token
// cannot be read.
func unverifiedIssuer(compact string) (string, bool) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return "", false
	}
	var payload struct {
		Issuer *string `json:"iss"`
	}
	if err := decodePart(parts[1], &payload); err != nil || payload.Issuer == nil {
		return "", false
	}
	return *payload.Issuer, true
}

// verifyToken checks signature and registered claims in Hasura's order. A claim
// that the token lacks is not checked, issuer and audience included.
func (j *JWT) verifyToken(compact string, keys keySet, now time.Time) (token, *Error) {
	t, refused := decodeToken(compact)
	if refused != nil {
		return token{}, refused
	}
	if len(keys) == 0 {
		return token{}, notVerified("JWSError NoUsableKeys")
	}
	if !keys.verify(t.alg, t.signed, t.signature) {
		return token{}, notVerified("JWSError JWSInvalidSignature")
	}
	r := t.claims.registered
	switch {
	case r.ExpiresAt != nil && !now.Before(time.Time(*r.ExpiresAt).Add(j.skew())):
		return token{}, notVerified("JWTExpired")
	case r.IssuedAt != nil && time.Time(*r.IssuedAt).After(now.Add(j.skew())):
		return token{}, notVerified("JWTIssuedAtFuture")
	case r.NotBefore != nil && now.Before(time.Time(*r.NotBefore).Add(-j.skew())):
		return token{}, notVerified("JWTNotYetValid")
	case j.Issuer != "" && r.Issuer != nil && string(*r.Issuer) != j.Issuer:
		return token{}, notVerified("JWTNotInIssuer")
	case len(j.Audience) > 0 && r.Audience != nil && !r.Audience.matches(j.Audience):
		return token{}, notVerified("JWTNotInAudience")
	}
	return t, nil
}
