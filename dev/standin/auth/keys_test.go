package auth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/testclock"
	"hasura-login/dev/standin/auth"
)

// endpoint is a JWKS endpoint whose answer the test decides.
type endpoint struct {
	URL string

	mu      sync.Mutex
	status  int
	headers map[string]string
	body    string
	fetches int
}

func newEndpoint(t *testing.T, body string) *endpoint {
	t.Helper()
	e := &endpoint{status: http.StatusOK, body: body, headers: map[string]string{"Cache-Control": "public, max-age=60"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.fetches++
		for name, value := range e.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(e.status)
		_, _ = w.Write([]byte(e.body))
	}))
	t.Cleanup(srv.Close)
	e.URL = srv.URL
	return e
}

func (e *endpoint) set(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fetches
}

func newClock() *testclock.Clock { return testclock.At(time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)) }

func jwk(t *testing.T, key any, kid string) map[string]any {
	t.Helper()
	k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid, USE: jwkset.UseSig}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(k.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(b, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func setOf(t *testing.T, keys ...map[string]any) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": append([]map[string]any{}, keys...)})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, method jwt.SigningMethod, key any, at time.Time, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims{
		"sub": "1", "exp": at.Add(24 * time.Hour).Unix(),
		auth.DefaultNamespace: map[string]any{"x-hasura-default-role": "user", "x-hasura-allowed-roles": []string{"user"}},
	})
	for name, value := range header {
		token.Header[name] = value
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// polled is an Authenticator on an endpoint, one cycle done.
type polled struct {
	*auth.Authenticator
	clock *testclock.Clock
}

func poll(t *testing.T, e *endpoint) polled {
	t.Helper()
	c := newClock()
	a, err := auth.New(t.Context(), auth.Config{
		AdminSecret: "secret", JWT: &auth.JWT{JWKURL: e.URL}, Now: c.Now, Report: func(err error) { t.Logf("reported: %v", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	p := polled{a, c}
	p.CheckKeys(t.Context())
	return p
}

// verdict is the code's text, or the role.
func (p polled) verdict(token string) string {
	session, refused := p.Authenticate(auth.Headers{{Name: "Authorization", Value: "Bearer " + token}})
	if refused != nil {
		return strings.TrimPrefix(refused.Message, "Could not verify JWT: ")
	}
	return session.Role
}

func (p polled) expect(t *testing.T, token, want string) {
	t.Helper()
	if got := p.verdict(token); got != want {
		t.Errorf("verdict %q, want %q", got, want)
	}
}

const (
	noKeys       = "JWSError NoUsableKeys"
	badSignature = "JWSError JWSInvalidSignature"
)

func TestNew_RefusesToStartWithoutAGoodKeySet(t *testing.T) {
	good := newEndpoint(t, setOf(t, jwk(t, &newECKey(t).PublicKey, "a")))
	if _, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", JWT: &auth.JWT{JWKURL: good.URL}, Now: time.Now}); err != nil {
		t.Errorf("a good set: %v", err)
	}
	down := newEndpoint(t, "{}")
	down.set(func() { down.status = http.StatusServiceUnavailable })
	for name, url := range map[string]string{
		"nobody listens": "http://127.0.0.1:1/jwks", "not 2xx": down.URL, "not JSON": newEndpoint(t, "<html>").URL,
		"no keys member": newEndpoint(t, "{}").URL, "bad key": newEndpoint(t, `{"keys":[{"kty":"EC"}]}`).URL,
	} {
		if _, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", JWT: &auth.JWT{JWKURL: url}, Now: time.Now}); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}

func TestNew_RefusesAnEmptyAdminSecret(t *testing.T) {
	if _, err := auth.New(t.Context(), auth.Config{Now: time.Now}); err == nil {
		t.Error("started without an admin secret: everybody would be admin")
	}
}

func TestKeys_StartUpResultIsThrownAway(t *testing.T) {
	key := newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &key.PublicKey, "a")))
	c := newClock()
	a, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", JWT: &auth.JWT{JWKURL: e.URL}, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	p := polled{a, c}
	token := sign(t, jwt.SigningMethodES256, key, c.Now(), nil)
	p.expect(t, token, noKeys)
	p.CheckKeys(t.Context())
	p.expect(t, token, "user")
	if e.count() != 2 {
		t.Errorf("%d fetches at start, want 2", e.count())
	}
}

func TestKeys_KidPlaysNoPart(t *testing.T) {
	first, second := newECKey(t), newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &first.PublicKey, "a"), jwk(t, &second.PublicKey, "b")))
	p := poll(t, e)
	for name, kid := range map[string]any{"unknown kid": "zzz", "another key's kid": "a", "own kid": "b"} {
		if got := p.verdict(sign(t, jwt.SigningMethodES256, second, p.clock.Now(), map[string]any{"kid": kid})); got != "user" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := p.verdict(sign(t, jwt.SigningMethodES256, second, p.clock.Now(), map[string]any{"kid": 7})); !strings.HasPrefix(got, "JWSError (JSONDecodeError") {
		t.Errorf("a kid that is no string: %s", got)
	}
}

func TestKeys_AFailedSignatureFetchesNothing(t *testing.T) {
	e := newEndpoint(t, setOf(t, jwk(t, &newECKey(t).PublicKey, "a")))
	p := poll(t, e)
	before := e.count()
	p.expect(t, sign(t, jwt.SigningMethodES256, newECKey(t), p.clock.Now(), map[string]any{"kid": "new"}), badSignature)
	if e.count() != before {
		t.Error("an unknown key made it fetch")
	}
}

func TestKeys_ANewKeyIsSeenAtTheFirstCycleAfterItsExpiry(t *testing.T) {
	old, next := newECKey(t), newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &old.PublicKey, "a")))
	p := poll(t, e)
	e.set(func() { e.body = setOf(t, jwk(t, &old.PublicKey, "a"), jwk(t, &next.PublicKey, "b")) })
	token := sign(t, jwt.SigningMethodES256, next, p.clock.Now(), nil)
	p.clock.Advance(59 * time.Second)
	p.CheckKeys(t.Context())
	p.expect(t, token, badSignature)
	p.clock.Advance(time.Second)
	p.CheckKeys(t.Context())
	p.expect(t, token, "user")
}

func TestKeys_OneBadKeyVoidsTheWholeSet(t *testing.T) {
	good := newECKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(members map[string]any, name string, value any) map[string]any {
		members[name] = value
		return members
	}
	for name, tc := range map[string]struct {
		second map[string]any
		want   string
	}{
		"unknown kty":              {changed(jwk(t, &rsaKey.PublicKey, "b"), "kty", "XX"), badSignature},
		"unknown crv":              {changed(jwk(t, edPublic, "b"), "crv", "Ed25"), badSignature},
		"unknown alg":              {changed(jwk(t, &rsaKey.PublicKey, "b"), "alg", "RS1024"), badSignature},
		"unknown key_ops":          {changed(jwk(t, &rsaKey.PublicKey, "b"), "key_ops", []string{"fly"}), badSignature},
		"kid is a number":          {changed(jwk(t, &rsaKey.PublicKey, "b"), "kid", 5), badSignature},
		"point off the curve":      {changed(jwk(t, &newECKey(t).PublicKey, "b"), "y", jwk(t, &newECKey(t).PublicKey, "c")["y"]), badSignature},
		"member missing":           {map[string]any{"kty": "RSA", "n": jwk(t, &rsaKey.PublicKey, "b")["n"]}, badSignature},
		"another use is left out":  {map[string]any{"kty": "XX", "use": "tls"}, "user"},
		"use enc is a key as well": {changed(jwk(t, &rsaKey.PublicKey, "b"), "use", "enc"), "user"},
		"no use":                   {changed(jwk(t, &rsaKey.PublicKey, "b"), "use", ""), "user"},
		"n in standard base64":     {changed(jwk(t, &rsaKey.PublicKey, "b"), "n", standardBase64(jwk(t, &rsaKey.PublicKey, "b")["n"])), "user"},
	} {
		t.Run(name, func(t *testing.T) {
			old := newECKey(t)
			e := newEndpoint(t, setOf(t, jwk(t, &old.PublicKey, "old")))
			p := poll(t, e)
			e.set(func() { e.body = setOf(t, jwk(t, &good.PublicKey, "a"), tc.second) })
			p.clock.Advance(time.Minute)
			p.CheckKeys(t.Context())
			p.expect(t, sign(t, jwt.SigningMethodES256, good, p.clock.Now(), nil), tc.want)
		})
	}
	p := poll(t, newEndpoint(t, setOf(t, changed(jwk(t, &rsaKey.PublicKey, "b"), "use", "enc"), jwk(t, edPublic, "c"))))
	p.expect(t, sign(t, jwt.SigningMethodRS384, rsaKey, p.clock.Now(), nil), "user")
	p.expect(t, sign(t, jwt.SigningMethodPS256, rsaKey, p.clock.Now(), nil), "user")
	p.expect(t, sign(t, jwt.SigningMethodEdDSA, edPrivate, p.clock.Now(), nil), "user")
}

func standardBase64(n any) string {
	text, _ := n.(string)
	return strings.NewReplacer("-", "+", "_", "/").Replace(text) + "="
}

func TestKeys_AFailedFetchKeepsTheOldKeysForEver(t *testing.T) {
	key := newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &key.PublicKey, "a")))
	p := poll(t, e)
	token := sign(t, jwt.SigningMethodES256, key, p.clock.Now(), nil)
	e.set(func() { e.status = http.StatusBadGateway })
	for range 5 {
		before := e.count()
		p.clock.Advance(time.Minute)
		p.CheckKeys(t.Context())
		p.expect(t, token, "user")
		if e.count() != before+1 {
			t.Errorf("%d fetches in a cycle after a failure, want 1", e.count()-before)
		}
	}
}

func TestKeys_AnEmptySetRefusesEveryTokenAndIsFetchedEachCycle(t *testing.T) {
	key := newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &key.PublicKey, "a")))
	p := poll(t, e)
	token := sign(t, jwt.SigningMethodES256, key, p.clock.Now(), nil)
	e.set(func() { e.body = `{"keys":[]}` })
	p.clock.Advance(time.Minute)
	p.CheckKeys(t.Context())
	p.expect(t, token, noKeys)
	e.set(func() { e.body = setOf(t, jwk(t, &key.PublicKey, "a")) })
	p.CheckKeys(t.Context()) // no time has passed: empty is reason enough
	p.expect(t, token, "user")
}

func TestKeys_CachingHeadersDecideWhenTheNextFetchIsDue(t *testing.T) {
	start := newClock().Now()
	for name, tc := range map[string]struct {
		cacheControl, expires string
		due                   time.Duration // after the first fetch; negative: never
	}{
		"max-age":                           {"public, max-age=90", "", 90 * time.Second},
		"s-maxage before max-age":           {"s-maxage=30, max-age=90", "", 30 * time.Second},
		"max-age before s-maxage":           {"max-age=90, s-maxage=30", "", 90 * time.Second},
		"quoted number":                     {`max-age="90"`, "", 90 * time.Second},
		"no-cache, max-age ignored":         {"no-cache, max-age=90", "", 0},
		"no-store":                          {"no-store", "", 0},
		"must-revalidate with max-age":      {"no-cache, must-revalidate, max-age=90", "", 90 * time.Second},
		"must-revalidate alone":             {"must-revalidate", "", 0},
		"Expires":                           {"", start.Add(75 * time.Second).Format(http.TimeFormat), 75 * time.Second},
		"Cache-Control without use":         {"public", start.Add(75 * time.Second).Format(http.TimeFormat), 75 * time.Second},
		"nothing: never again":              {"", "", -1},
		"max-age is no number: never again": {"max-age=soon", "", -1},
		"Expires in another format":         {"", start.Add(time.Minute).Format(time.RFC1123Z), -1},
		"upper case is unknown":             {"Max-Age=90", "", -1},
		"two blanks drop the rest":          {"public,  max-age=90", "", -1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t, setOf(t, jwk(t, &newECKey(t).PublicKey, "a")))
			e.headers = map[string]string{}
			if tc.cacheControl != "" {
				e.headers["Cache-Control"] = tc.cacheControl
			}
			if tc.expires != "" {
				e.headers["Expires"] = tc.expires
			}
			p := poll(t, e)
			fetched := func() bool {
				before := e.count()
				p.CheckKeys(t.Context())
				return e.count() > before
			}
			if tc.due < 0 {
				p.clock.Advance(365 * 24 * time.Hour)
				if fetched() {
					t.Error("fetched again")
				}
				return
			}
			if tc.due > 0 {
				p.clock.Advance(tc.due - time.Second)
				if fetched() {
					t.Error("fetched before it was due")
				}
				p.clock.Advance(time.Second)
			}
			if !fetched() {
				t.Error("not fetched when it was due")
			}
		})
	}
}

func TestRun_ChecksAtOnceAndEndsWithItsContext(t *testing.T) {
	key := newECKey(t)
	e := newEndpoint(t, setOf(t, jwk(t, &key.PublicKey, "a")))
	a, err := auth.New(t.Context(), auth.Config{AdminSecret: "secret", JWT: &auth.JWT{JWKURL: e.URL}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx, time.Hour) }()
	p := polled{Authenticator: a}
	token := sign(t, jwt.SigningMethodES256, key, time.Now(), nil)
	for deadline := time.Now().Add(10 * time.Second); p.verdict(token) != "user"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the keys did not come")
		}
	}
	cancel()
	<-ended
}
