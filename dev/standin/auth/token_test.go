package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"hasura-login/dev/standin/auth"
)

const sharedKey = "0123456789abcdef0123456789abcdef"

// hasuraClaims are those of user 1.
func hasuraClaims() map[string]any {
	return map[string]any{"x-hasura-default-role": "user", "x-hasura-allowed-roles": []string{"user"}, "x-hasura-user-id": "1"}
}

// decide authenticates with an HS256 setting after change.
func decide(t *testing.T, setting string, headers auth.Headers) (*auth.Session, string) {
	t.Helper()
	j, err := auth.ParseJWT(`{"type":"HS256","key":"` + sharedKey + `"` + setting + `}`)
	if err != nil {
		t.Fatal(err)
	}
	a, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", JWT: j, UnauthorizedRole: "public", Now: newClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	session, refused := a.Authenticate(headers)
	if refused != nil {
		return nil, refused.Message
	}
	return session, ""
}

func hs256(t *testing.T, claims map[string]any) string {
	t.Helper()
	all := jwt.MapClaims{auth.DefaultNamespace: hasuraClaims()}
	maps.Copy(all, claims)
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(sharedKey))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func bearer(token string) auth.Headers {
	return auth.Headers{{Name: "Authorization", Value: "Bearer " + token}}
}

func TestToken_RegisteredClaims(t *testing.T) {
	now := newClock().Now().Unix()
	for name, tc := range map[string]struct {
		setting string
		claims  map[string]any
		want    string // begins the refusal; empty: accepted
	}{
		"not yet valid":               {"", map[string]any{"nbf": now + 1}, "Could not verify JWT: JWTNotYetValid"},
		"not yet valid within skew":   {`,"allowed_skew":5`, map[string]any{"nbf": now + 5}, ""},
		"skew without its sign":       {`,"allowed_skew":-5`, map[string]any{"nbf": now + 5}, ""},
		"expires now":                 {"", map[string]any{"exp": now}, "Could not verify JWT: JWTExpired"},
		"expires in a moment":         {"", map[string]any{"exp": float64(now) + 0.5}, ""},
		"issued now":                  {"", map[string]any{"iat": now}, ""},
		"exp of a far future":         {"", map[string]any{"exp": 1e300}, ""},
		"exp is text":                 {"", map[string]any{"exp": "soon"}, "Could not verify JWT: JWTClaimsSetDecodeError"},
		"sub is a number":             {"", map[string]any{"sub": 1}, "Could not verify JWT: JWTClaimsSetDecodeError"},
		"jti is a number":             {"", map[string]any{"jti": 1}, "Could not verify JWT: JWTClaimsSetDecodeError"},
		"sub with a colon, no URI":    {"", map[string]any{"sub": "1:2"}, "Could not verify JWT: JWTClaimsSetDecodeError"},
		"sub is a URI":                {"", map[string]any{"sub": "user:2"}, ""},
		"issuer matches":              {`,"issuer":"https://a"`, map[string]any{"iss": "https://a"}, ""},
		"one audience of two matches": {`,"audience":["a","b"]`, map[string]any{"aud": []string{"x", "b"}}, ""},
		"no audience of two matches":  {`,"audience":"a"`, map[string]any{"aud": []string{"x", "b"}}, "Could not verify JWT: JWTNotInAudience"},
		"any audience unless set":     {"", map[string]any{"aud": "x"}, ""},
	} {
		if _, got := decide(t, tc.setting, bearer(hs256(t, tc.claims))); !strings.HasPrefix(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestToken_FormsThatCannotBeRead(t *testing.T) {
	part := base64.RawURLEncoding.EncodeToString
	payload := part([]byte(`{}`))
	for name, tc := range map[string]struct{ token, want string }{
		"alg none":           {part([]byte(`{"alg":"none"}`)) + "." + payload + ".", "JWSError JWSNoSignatures"},
		"no alg":             {part([]byte(`{}`)) + "." + payload + ".", "JWSError (JSONDecodeError"},
		"unknown alg":        {part([]byte(`{"alg":"HS1"}`)) + "." + payload + ".", "JWSError (JSONDecodeError"},
		"alg is a number":    {part([]byte(`{"alg":1}`)) + "." + payload + ".", "JWSError (JSONDecodeError"},
		"header is no JSON":  {part([]byte(`{`)) + "." + payload + ".", "JWSError (JSONDecodeError"},
		"bad base64":         {"+." + payload + ".", "JWSError (JSONDecodeError"},
		"signature is bad":   {part([]byte(`{"alg":"HS256"}`)) + "." + payload + ".=", "JWSError (JSONDecodeError"},
		"payload is no JSON": {part([]byte(`{"alg":"HS256"}`)) + "." + part([]byte(`7`)) + ".", "JWTClaimsSetDecodeError"},
		"four parts":         {"a.b.c.d", "JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got 4)"},
		"no signature":       {part([]byte(`{"alg":"HS256"}`)) + "." + payload + ".", "JWSError JWSInvalidSignature"},
		"RSA alg, HMAC key":  {part([]byte(`{"alg":"RS256"}`)) + "." + payload + ".AAAA", "JWSError JWSInvalidSignature"},
		"digest over key":    {part([]byte(`{"alg":"HS512"}`)) + "." + payload + ".AAAA", "JWSError JWSInvalidSignature"},
	} {
		_, got := decide(t, "", bearer(tc.token))
		if !strings.HasPrefix(strings.TrimPrefix(got, "Could not verify JWT: "), tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestToken_HasuraClaims(t *testing.T) {
	with := func(name string, value any) map[string]any {
		c := hasuraClaims()
		c[name] = value
		return map[string]any{auth.DefaultNamespace: c}
	}
	for name, tc := range map[string]struct {
		setting string
		claims  map[string]any
		want    string
	}{
		"role list holds a number": {"", with("x-hasura-allowed-roles", []any{"user", 1}), `invalid "x-hasura-allowed-roles"; should be a list of roles: parsing String failed, expected String, but encountered Number`},
		"role list holds nothing":  {"", with("x-hasura-allowed-roles", []any{""}), `invalid "x-hasura-allowed-roles"; should be a list of roles: empty string not allowed`},
		"default role is a list":   {"", with("x-hasura-default-role", []string{"user"}), `invalid "x-hasura-default-role"; should be a single role name: parsing String failed, expected String, but encountered Array`},
		"no default role":          {"", map[string]any{auth.DefaultNamespace: map[string]any{"x-hasura-allowed-roles": []string{"user"}}}, `JWT claim does not contain "x-hasura-default-role"`},
		"null":                     {"", with("x-hasura-org", nil), "x-hasura-* claims: parsing Text failed, expected String, but encountered Null"},
		"truth":                    {"", with("x-hasura-org", true), "x-hasura-* claims: parsing Text failed, expected String, but encountered Boolean"},
		"object":                   {"", with("x-hasura-org", map[string]any{}), "x-hasura-* claims: parsing Text failed, expected String, but encountered Object"},
		"another namespace":        {`,"claims_namespace":"h"`, map[string]any{"h": hasuraClaims()}, ""},
		"as text":                  {`,"claims_format":"stringified_json"`, map[string]any{auth.DefaultNamespace: `{"x-hasura-default-role":"user","x-hasura-allowed-roles":["user"],"x-hasura-user-id":"1"}`}, ""},
		"as text, but an object":   {`,"claims_format":"stringified_json"`, nil, "expecting a string when claims_format is stringified_json"},
		"as text, but no JSON":     {`,"claims_format":"stringified_json"`, map[string]any{auth.DefaultNamespace: "x"}, "expecting stringified json at: 'claims_namespace https://hasura.io/jwt/claims', but found: x"},
		"mapped": {`,"claims_map":{"x-hasura-allowed-roles":["user"],"x-hasura-default-role":{"path":"$.r.d","default":"user"},"x-hasura-user-id":{"path":"$.sub"}}`,
			map[string]any{"sub": "1"}, ""},
	} {
		session, got := decide(t, tc.setting, bearer(hs256(t, tc.claims)))
		if got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if session != nil {
			if diff := cmp.Diff(map[string]string{"x-hasura-role": "user", "x-hasura-user-id": "1"}, session.Variables); diff != "" {
				t.Errorf("%s: variables (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestHeaders_WhereATokenMayStand(t *testing.T) {
	good := hs256(t, nil)
	const cookie, custom = `,"header":{"type":"cookie","name":"jwt"}`, `,"header":{"type":"CustomHeader","name":"X-Token"}`
	for name, tc := range map[string]struct {
		setting    string
		headers    auth.Headers
		role, want string
	}{
		"cookie":                    {cookie, auth.Headers{{Name: "Cookie", Value: "a=1; jwt=" + good}}, "user", ""},
		"cookie of another case":    {cookie, auth.Headers{{Name: "Cookie", Value: "JWT=" + good}}, "public", ""},
		"custom header":             {custom, auth.Headers{{Name: "x-token", Value: good}}, "user", ""},
		"two Authorization headers": {"", append(bearer(good), bearer(good)...), "", "Could not verify JWT: Multiple JWTs found"},
		"no value":                  {"", auth.Headers{{Name: "Authorization"}}, "", "Malformed Authorization header"},
		"three words":               {"", bearer(good + " x"), "", "Malformed Authorization header"},
		"old name of the secret":    {"", auth.Headers{{Name: "X-Hasura-Access-Key", Value: "secret"}}, "public", ""},
		"empty secret, good token":  {"", append(bearer(good), auth.Header{Name: "X-Hasura-Admin-Secret"}), "", `invalid "x-hasura-admin-secret"/"x-hasura-access-key"`},
		"role asked for":            {"", append(bearer(good), auth.Header{Name: "X-Hasura-Role", Value: "User"}), "", "Your requested role is not in allowed roles"},
		"first role counts":         {"", append(bearer(good), auth.Header{Name: "x-hasura-role", Value: "user"}, auth.Header{Name: "x-hasura-role", Value: "admin"}), "user", ""},
	} {
		session, got := decide(t, tc.setting, tc.headers)
		if got != tc.want || session != nil && session.Role != tc.role {
			t.Errorf("%s: %v %q, want %q %q", name, session, got, tc.role, tc.want)
		}
	}
}

func TestSession_SecretsAreNoVariables(t *testing.T) {
	session, _ := decide(t, "", auth.Headers{{Name: "X-Hasura-Admin-Secret", Value: "secret"}, {Name: "X-Hasura-Access-Key", Value: "secret"}, {Name: "X-Hasura-A", Value: "1"}})
	if diff := cmp.Diff(map[string]string{"x-hasura-role": "admin", "x-hasura-a": "1"}, session.Variables); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestKeys_StaticOnesOfEveryForm(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"}, NotAfter: time.Unix(1, 0)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"an expired certificate": {Type: "CERTIFICATE", Bytes: cert}, "a public key": {Type: "PUBLIC KEY", Bytes: public}} {
		// The type chooses the parser, nothing else: ES256 stands for any of its kind.
		a, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", Now: time.Now, JWT: &auth.JWT{Type: "ES256", Key: string(pem.EncodeToMemory(block))}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p := polled{Authenticator: a}
		p.expect(t, sign(t, jwt.SigningMethodES384, key, time.Now(), nil), "user")
		p.expect(t, sign(t, jwt.SigningMethodES256, newECKey(t), time.Now(), nil), badSignature)
	}
}

func TestParseJWT_RefusesWhatCannotWork(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "x", "neither key nor URL": `{"type":"RS256"}`, "both": `{"type":"RS256","key":"k","jwk_url":"http://x"}`,
		"misspelt field": `{"jwk_url":"http://x","isuer":"y"}`, "unknown format": `{"jwk_url":"http://x","claims_format":"xml"}`,
		"map without roles": `{"jwk_url":"http://x","claims_map":{"x-hasura-user-id":{"path":"$.sub"}}}`, "header as text": `{"jwk_url":"http://x","header":"Cookie"}`,
	} {
		if _, err := auth.ParseJWT(text); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
