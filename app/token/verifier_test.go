package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/token"
)

func headerOf(t testing.TB, raw string) map[string]any {
	t.Helper()
	encoded, _, _ := strings.Cut(raw, ".")
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(data, &header); err != nil {
		t.Fatal(err)
	}
	return header
}

// privateKey reads a signing key as a thief of the folder would.
func privateKey(t testing.TB, f folder, kid string) crypto.Signer {
	t.Helper()
	var file struct {
		PrivateKey string `json:"private_key"`
	}
	if err := json.Unmarshal(content(t, keyPath(f, kid)), &file); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(file.PrivateKey))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return private.(crypto.Signer)
}

// forge signs any header and claims.
func forge(t testing.TB, key any, method jwt.SigningMethod, header, claims map[string]any) string {
	t.Helper()
	encode := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	signing := encode(header) + "." + encode(claims)
	signature, err := method.Sign(signing, key)
	if err != nil {
		t.Fatal(err)
	}
	return signing + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func refused(t testing.TB, err error, why string) {
	t.Helper()
	var known *login.Error
	if !errors.As(err, &known) || known.Code != login.CodeUnauthenticated {
		t.Errorf("error %v, want code %s", err, login.CodeUnauthenticated)
		return
	}
	if !strings.Contains(err.Error(), why) {
		t.Errorf("error %q, want one that says %q", err, why)
	}
}

func TestVerify_TellsWhoTheTokenSpeaksFor(t *testing.T) {
	for _, a := range token.Algorithms() {
		c := newClock()
		f := newFolder(t, c)
		first(t, f, a)
		s := newService(t, f, token.Hooks{})
		got, err := s.verifier.Verify(s.issue(t, c.Now()), c.Now())
		if err != nil {
			t.Fatal(err)
		}
		want := token.Identity{UserID: aliceID, SessionID: session, Roles: []string{"user", "editor"}, DefaultRole: "editor", ExpiresAt: start.Add(life).Local()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a, diff)
		}
	}
}

// A reader that knows nothing of us but the published set takes our tokens.
func TestIssue_TokensVerifyByThePublishedSetAlone(t *testing.T) {
	for _, a := range token.Algorithms() {
		c := newClock()
		f := newFolder(t, c)
		first(t, f, a)
		s := newService(t, f, token.Hooks{})
		raw := s.issue(t, c.Now())
		var set jwkset.JWKSMarshal
		if err := json.Unmarshal(s.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		keys, err := set.JWKSlice()
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jwt.Parse(raw, func(t *jwt.Token) (any, error) { return keys[0].Key(), nil },
			jwt.WithValidMethods([]string{string(a)}), jwt.WithStrictDecoding(), jwt.WithIssuer(names.Issuer), jwt.WithAudience(names.Audience),
			jwt.WithSubject(aliceID), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(c.Now))
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if diff := cmp.Diff(map[string]any{"alg": string(a), "kid": set.Keys[0].KID, "typ": "JWT"}, parsed.Header); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
	}
}

func TestVerify_Times(t *testing.T) {
	s := newIssuing(t)
	raw := s.issue(t, start)
	for _, tt := range []struct {
		at  time.Duration // since it was issued
		why string
	}{
		{-2*token.ReplicaSkew - time.Second, "used before issued"},
		{-2 * token.ReplicaSkew, ""},
		{0, ""},
		{life, ""},
		{life + token.ClockSkew - 1, ""},
		{life + token.ClockSkew, "The access token has expired"},
		{1000 * time.Hour, "The access token has expired"},
	} {
		_, err := s.verifier.Verify(raw, start.Add(tt.at))
		if tt.why != "" {
			refused(t, err, tt.why)
		} else if err != nil {
			t.Errorf("after %s: %v", tt.at, err)
		}
	}
}

// Every forgery here is signed by the real key if possible, so it is refused because of
// its content.
func TestVerify_RefusesWhatDoesNotSayTheRightThing(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.EdDSA).KID
	s := newService(t, f, token.Hooks{})
	private := privateKey(t, f, kid)
	raw := s.issue(t, c.Now())
	hasura := func(changes map[string]any) map[string]any {
		inner := maps.Clone(payloadOf(t, raw)["https://hasura.io/jwt/claims"].(map[string]any))
		maps.Copy(inner, changes)
		return map[string]any{"https://hasura.io/jwt/claims": inner}
	}
	never := map[string]any{"exp": nil}
	for name, tt := range map[string]struct {
		header, claims map[string]any // nil values are left out
		why            string
	}{
		"other issuer":             {nil, map[string]any{"iss": "https://evil.example.org"}, "issuer"},
		"no issuer":                {nil, map[string]any{"iss": nil}, "iss claim is required"},
		"other audience":           {nil, map[string]any{"aud": "other"}, "audience"},
		"no audience":              {nil, map[string]any{"aud": nil}, "aud claim is required"},
		"no expiry":                {nil, never, "exp claim is required"},
		"expired":                  {nil, map[string]any{"exp": start.Add(-time.Minute).Unix()}, "expired"},
		"expiry is text":           {nil, map[string]any{"exp": "never"}, "not valid"},
		"issued in the future":     {nil, map[string]any{"iat": start.Add(2 * time.Minute).Unix()}, "used before issued"},
		"not yet valid":            {nil, map[string]any{"nbf": start.Add(2 * time.Minute).Unix()}, "not valid yet"},
		"no subject":               {nil, map[string]any{"sub": nil}, "user or session id"},
		"subject is a number":      {nil, map[string]any{"sub": 7}, "not valid"},
		"subject is another user":  {nil, map[string]any{"sub": session}, "user or session id"},
		"no session":               {nil, hasura(map[string]any{"x-hasura-session-id": ""}), "user or session id"},
		"no session variables":     {nil, map[string]any{"https://hasura.io/jwt/claims": nil}, "user or session id"},
		"variables are text":       {nil, map[string]any{"https://hasura.io/jwt/claims": "{}"}, "not valid"},
		"unknown key":              {map[string]any{"kid": "0123456789abcdef"}, nil, "not in the ring"},
		"no kid":                   {map[string]any{"kid": nil}, nil, "not in the ring"},
		"kid is a number":          {map[string]any{"kid": 1}, nil, "not in the ring"},
		"kid is a path":            {map[string]any{"kid": "../" + kid}, nil, "not in the ring"},
		"other algorithm":          {map[string]any{"alg": "ES256"}, nil, "not that of the key"},
		"unknown algorithm":        {map[string]any{"alg": "Ed25519"}, nil, "unavailable"},
		"no algorithm":             {map[string]any{"alg": nil}, nil, "unspecified"},
		"algorithm none":           {map[string]any{"alg": "none"}, nil, "signing method none is invalid"},
		"algorithm in small print": {map[string]any{"alg": "eddsa"}, nil, "unavailable"},
		"extensions":               {map[string]any{"crit": []string{"b64"}, "b64": false}, nil, "extensions"},
	} {
		t.Run(name, func(t *testing.T) {
			header, claims := headerOf(t, raw), payloadOf(t, raw)
			for target, changes := range map[*map[string]any]map[string]any{&header: tt.header, &claims: tt.claims} {
				maps.Copy(*target, changes)
				maps.DeleteFunc(*target, func(_ string, v any) bool { return v == nil })
			}
			_, err := s.verifier.Verify(forge(t, private, jwt.SigningMethodEdDSA, header, claims), c.Now())
			refused(t, err, tt.why)
		})
	}
	if _, err := s.verifier.Verify(forge(t, private, jwt.SigningMethodEdDSA, headerOf(t, raw), payloadOf(t, raw)), c.Now()); err != nil {
		t.Errorf("the unchanged forgery is refused too, so the others prove nothing: %v", err)
	}
}

func TestVerify_RefusesBrokenTokens(t *testing.T) {
	s := newIssuing(t)
	raw := s.issue(t, start)
	parts := strings.Split(raw, ".")
	for name, broken := range map[string]string{
		"empty":             "",
		"no parts":          "token",
		"two parts":         parts[0] + "." + parts[1],
		"four parts":        raw + ".x",
		"no signature":      parts[0] + "." + parts[1] + ".",
		"changed signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86),
		"changed claims":    parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + "." + parts[2],
		"null claims":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`null`)) + "." + parts[2],
		"null header":       base64.RawURLEncoding.EncodeToString([]byte(`null`)) + "." + parts[1] + "." + parts[2],
		"padding":           raw + "=",
		"blanks":            " " + raw,
		"line break":        raw + "\n",
		"Bearer":            "Bearer " + raw,
		"very long":         raw + strings.Repeat("A", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.verifier.Verify(broken, start)
			refused(t, err, "The access token is not valid")
			if len(err.Error()) > 400 {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
		})
	}
}

// A public key must never serve as the secret of an HMAC.
func TestVerify_RefusesSharedSecretConfusion(t *testing.T) {
	for _, a := range token.Algorithms() {
		c := newClock()
		f := newFolder(t, c)
		kid := first(t, f, a).KID
		s := newService(t, f, token.Hooks{})
		der, err := x509.MarshalPKIXPublicKey(privateKey(t, f, kid).Public())
		if err != nil {
			t.Fatal(err)
		}
		raw := s.issue(t, c.Now())
		for _, secret := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), s.JWKS(), {}} {
			header := headerOf(t, raw)
			header["alg"] = "HS256"
			_, err := s.verifier.Verify(forge(t, secret, jwt.SigningMethodHS256, header, payloadOf(t, raw)), c.Now())
			refused(t, err, "signing method HS256 is invalid")
			// With the right kid and an HMAC.
			signing, _, _ := strings.Cut(raw[:strings.LastIndex(raw, ".")], " ")
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(signing))
			_, err = s.verifier.Verify(signing+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), c.Now())
			refused(t, err, "signature")
		}
	}
}

// Keys that a token brings along are never looked at.
func TestVerify_IgnoresKeysInTheHeader(t *testing.T) {
	s := newIssuing(t)
	raw := s.issue(t, start)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	header := headerOf(t, raw)
	header["jwk"] = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public), "kid": header["kid"]}
	header["jku"], header["x5u"] = "http://127.0.0.1:1/keys", "http://127.0.0.1:1/cert"
	header["x5c"] = []string{"AAAA"}
	_, err = s.verifier.Verify(forge(t, private, jwt.SigningMethodEdDSA, header, payloadOf(t, raw)), start)
	refused(t, err, "signature")
}

func TestVerify_RefusesOtherAlgorithmsOfTheSameKeyType(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.RS256).KID
	s := newService(t, f, token.Hooks{})
	raw := s.issue(t, c.Now())
	private := privateKey(t, f, kid).(*rsa.PrivateKey)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256} {
		header := headerOf(t, raw)
		header["alg"] = method.Alg()
		_, err := s.verifier.Verify(forge(t, private, method, header, payloadOf(t, raw)), c.Now())
		refused(t, err, "is invalid")
	}
}

// Middleware parses with golang-jwt's defaults: no issuer, no audience, the
// real clock, no leeway. Keyfunc has to make up for all of it.
func TestKeyfunc_ChecksWhatMiddlewareDoesNot(t *testing.T) {
	c := newClock()
	f := newFolder(t, c)
	kid := first(t, f, token.ES256).KID
	s := newService(t, f, token.Hooks{})
	raw := s.issue(t, c.Now())
	parse := func(raw string, claims jwt.Claims) (*jwt.Token, error) {
		return jwt.ParseWithClaims(raw, claims, s.verifier.Keyfunc)
	}
	parsed, err := parse(raw, &token.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := s.verifier.Identity(parsed)
	if err != nil || identity.UserID != aliceID {
		t.Errorf("identity %+v: %v", identity, err)
	}

	for _, other := range []map[string]any{{"iss": "other"}, {"aud": "other"}, {"exp": nil}, {"exp": start.Unix() - 60}} {
		claims := payloadOf(t, raw)
		maps.Copy(claims, other)
		forged := forge(t, privateKey(t, f, kid).(*ecdsa.PrivateKey), jwt.SigningMethodES256, headerOf(t, raw), claims)
		if _, err := parse(forged, &token.Claims{}); err == nil {
			t.Errorf("%v was taken", other)
		}
	}
	if _, err := parse(raw, jwt.MapClaims{}); err == nil {
		t.Error("claims that Keyfunc cannot check were taken")
	}
	unchecked := func(*jwt.Token) (any, error) { return privateKey(t, f, kid).Public(), nil }
	if _, err := jwt.ParseWithClaims(raw, &token.Claims{}, unchecked); err == nil {
		t.Error("claims that nobody checked were taken")
	}
	for _, unverified := range []*jwt.Token{nil, {}, {Claims: &token.Claims{}, Valid: true}, {Claims: jwt.MapClaims{}, Valid: true}} {
		_, err := s.verifier.Identity(unverified)
		refused(t, err, "token")
	}
	c.Advance(life + token.ClockSkew)
	if _, err := parse(raw, &token.Claims{}); !errors.Is(err, jwt.ErrTokenExpired) {
		t.Errorf("by our clock it has expired: %v", err)
	}
}
