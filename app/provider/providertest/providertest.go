// Package providertest is a provider of OpenID Connect for tests. It lies in the ways
// that a test asks for.
package providertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The client that the provider knows.
const (
	ClientID     = "login"
	ClientSecret = "client-secret-of-the-tests"
)

// Provider is a server whose user has signed in already: it redirects every browser
// straight back with a code.
type Provider struct {
	*httptest.Server
	// Claims replace the claims of ID tokens; nil removes one.
	Claims map[string]any
	// Discovery changes the discovery document.
	Discovery map[string]any
	// Callback changes the parameters that the browser brings back.
	Callback func(url.Values)
	// Sign replaces the signing of ID tokens.
	Sign func(claims jwt.MapClaims) string
	// Instead replaces an endpoint, by its path.
	Instead map[string]http.HandlerFunc
	// Lenient accepts a used code and any verifier.
	Lenient bool

	mu       sync.Mutex
	key      *ecdsa.PrivateKey
	kid      string
	codes    map[string]url.Values
	requests map[string]int
}

// Start starts one until the test ends.
func Start(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{codes: map[string]url.Values{}, requests: map[string]int{}, Instead: map[string]http.HandlerFunc{}}
	p.Rotate("first")
	routes := map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": p.discovery, "/authorize": p.authorize, "/token": p.token, "/keys": p.keys, "/userinfo": p.userInfo,
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests[r.URL.Path]++
		answer, ok := p.Instead[r.URL.Path]
		p.mu.Unlock()
		if !ok {
			answer, ok = routes[r.URL.Path]
		}
		if !ok {
			http.NotFound(w, r)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// Rotate replaces the key that signs tokens.
func (p *Provider) Rotate(kid string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.kid = key, kid
}

// Requests returns how often a path was requested.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// SetInstead replaces an endpoint while the server runs; nil restores it.
func (p *Provider) SetInstead(path string, h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h == nil {
		delete(p.Instead, path)
		return
	}
	p.Instead[path] = h
}

// Key is the public key of the signing key.
func (p *Provider) Key() crypto.PublicKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &p.key.PublicKey
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"code_challenge_methods_supported": []string{"S256"},
	}
	maps.Copy(document, p.Discovery)
	answer(w, document)
}

// authorize redirects the browser back as if its user had agreed.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	back, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil || asked.Get("client_id") != ClientID || asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") == "" {
		http.Error(w, "not a request of this client", http.StatusBadRequest)
		return
	}
	given := url.Values{"code": {p.Code(asked)}, "state": {asked.Get("state")}}
	if p.Callback != nil {
		p.Callback(given)
	}
	back.RawQuery = given.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// Code makes a code for an authorization request.
func (p *Provider) Code(asked url.Values) string {
	code := rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = asked
	return code
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	code := r.FormValue("code")
	p.mu.Lock()
	asked, known := p.codes[code]
	if !p.Lenient {
		delete(p.codes, code)
	}
	p.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if id == "" {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	digest := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	fits := asked.Get("code_challenge") == base64.RawURLEncoding.EncodeToString(digest[:]) && asked.Get("redirect_uri") == r.FormValue("redirect_uri")
	switch {
	case id != ClientID || secret != ClientSecret:
		answerWith(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case !known || !p.Lenient && !fits:
		answerWith(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	answer(w, map[string]any{"access_token": "access-" + code, "token_type": "Bearer", "expires_in": 300, "id_token": p.IDToken(asked.Get("nonce"))})
}

// IDToken makes an ID token for a sign-in with this nonce.
func (p *Provider) IDToken(nonce string) string {
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": p.URL, "sub": "subject-1", "aud": ClientID, "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": "ann@example.org", "email_verified": true, "name": "Ann",
	}
	for name, value := range p.Claims {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	if p.Sign != nil {
		return p.Sign(claims)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = p.kid
	signed, err := token.SignedString(p.key)
	if err != nil {
		panic(err)
	}
	return signed
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	public, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	answer(w, map[string]any{"keys": []map[string]any{{
		"kty": "EC", "crv": "P-256", "kid": p.kid, "use": "sig", "alg": "ES256", "x": encode(public[1:33]), "y": encode(public[33:]),
	}}})
}

func (p *Provider) userInfo(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"sub": "subject-1", "email": "ann@example.org", "email_verified": true, "name": "Ann"})
}

func answer(w http.ResponseWriter, body any) { answerWith(w, http.StatusOK, body) }

func answerWith(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
