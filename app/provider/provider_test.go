package provider_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/provider"
	"hasura-login/app/provider/providertest"
)

const publicURL = "http://127.0.0.1:3000"

type calls struct {
	mu      sync.Mutex
	results []string
}

func (c *calls) ProviderCall(_, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, result)
}

func (c *calls) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.results[len(c.results)-1]
}

func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// client is login as a client of the test's own provider.
type client struct {
	*provider.Provider
	at    *providertest.Provider
	calls *calls
	now   time.Time
}

func connect(t *testing.T, change ...func(*provider.Settings)) *client {
	t.Helper()
	c := &client{at: providertest.Start(t), calls: &calls{}}
	s := provider.Settings{
		Name: "corp", Title: "Corp", Issuer: c.at.URL, ClientID: providertest.ClientID, ClientSecretFile: secretFile(t, providertest.ClientSecret),
	}
	for _, f := range change {
		f(&s)
	}
	var err error
	c.Provider, err = provider.New(s, provider.Options{PublicURL: publicURL, Observer: c.calls, Now: func() time.Time {
		if c.now.IsZero() {
			return time.Now()
		}
		return c.now
	}})
	check(t, err)
	return c
}

var begun = provider.Request{State: "state-1", Nonce: "nonce-1", Verifier: strings.Repeat("v", 43)}

// signIn goes to the provider and back, like a browser.
func (c *client) signIn(ctx context.Context) (login.Assertion, error) {
	address, err := c.AuthURL(ctx, begun)
	if err != nil {
		return login.Assertion{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return login.Assertion{}, err
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return login.Assertion{}, err
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return login.Assertion{}, err
	}
	q := back.Query()
	return c.Assert(ctx, provider.Response{Request: begun, Code: q.Get("code"), Issuer: q.Get("iss"), User: q.Get("user")})
}

func TestSignIn_ReturnsWhoItIs(t *testing.T) {
	c := connect(t)
	c.at.Claims = map[string]any{"amr": []string{"pwd", "otp"}}
	a, err := c.signIn(t.Context())
	check(t, err)
	want := login.Assertion{Provider: "corp", Issuer: c.at.URL, Subject: "subject-1", Email: "ann@example.org", EmailVerified: true, Name: "Ann", AMR: []string{"pwd", "otp"}}
	if fmt.Sprint(a) != fmt.Sprint(want) {
		t.Errorf("%+v", a)
	}
	if !slices.Equal(c.calls.results, []string{"ok", "ok"}) {
		t.Errorf("%q", c.calls.results)
	}
	// Discovery is cached: the second sign-in only exchanges its code for tokens.
	_, err = c.signIn(t.Context())
	check(t, err)
	for path, want := range map[string]int{"/.well-known/openid-configuration": 1, "/keys": 1, "/token": 2, "/userinfo": 0} {
		if got := c.at.Requests(path); got != want {
			t.Errorf("%s was asked for %d times, not %d", path, got, want)
		}
	}
}

func TestSignIn_AsksTheUserInfoForAnAddress(t *testing.T) {
	c := connect(t)
	c.at.Claims = map[string]any{"email": nil, "email_verified": nil, "name": nil}
	a, err := c.signIn(t.Context())
	if err != nil || a.Email != "ann@example.org" || !a.EmailVerified || a.Name != "Ann" {
		t.Errorf("%+v, %v", a, err)
	}
	c.at.SetInstead("/userinfo", says("application/json", `{"sub":"subject-2","email":"eve@example.org","email_verified":true}`))
	if _, err := c.signIn(t.Context()); code(err) != login.CodeProviderRefused {
		t.Errorf("of another user: %v", err)
	}
}

func TestAuthURL_SaysAllThatTheProviderNeeds(t *testing.T) {
	c := connect(t, func(s *provider.Settings) { s.Scopes = []string{"openid", "email"} })
	address, err := c.AuthURL(t.Context(), begun)
	check(t, err)
	u, err := url.Parse(address)
	check(t, err)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "login", "redirect_uri": publicURL + "/auth/oauth/corp/callback", "scope": "openid email",
		"state": begun.State, "nonce": begun.Nonce, "code_challenge_method": "S256", "response_mode": "",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if u.Query().Get("code_challenge") == "" || strings.Contains(address, begun.Verifier) {
		t.Errorf("the verifier goes along: %s", address)
	}
}

func code(err error) login.Code {
	var e *login.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func says(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
	}
}

// Each is a known attack on clients of OpenID Connect (RFC 9700; OpenID Connect Core,
// 3.1.3.7 and 16).
func TestSignIn_RefusesWhatTheProviderDidNotSay(t *testing.T) {
	for name, lie := range map[string]func(p *providertest.Provider){
		"a token for another client":             func(p *providertest.Provider) { p.Claims = map[string]any{"aud": "other"} },
		"a token for several clients":            func(p *providertest.Provider) { p.Claims = map[string]any{"aud": []string{"login", "other"}} },
		"a token given to another client":        func(p *providertest.Provider) { p.Claims = map[string]any{"azp": "other"} },
		"a token of another issuer":              func(p *providertest.Provider) { p.Claims = map[string]any{"iss": "https://evil.example"} },
		"a token of the issuer with a slash":     func(p *providertest.Provider) { p.Claims = map[string]any{"iss": p.URL + "/"} },
		"a nonce of another sign-in":             func(p *providertest.Provider) { p.Claims = map[string]any{"nonce": "nonce-2"} },
		"no nonce":                               func(p *providertest.Provider) { p.Claims = map[string]any{"nonce": nil} },
		"no subject":                             func(p *providertest.Provider) { p.Claims = map[string]any{"sub": nil} },
		"a subject that is too long":             func(p *providertest.Provider) { p.Claims = map[string]any{"sub": strings.Repeat("s", 256)} },
		"a token that begins to hold in an hour": func(p *providertest.Provider) { p.Claims = map[string]any{"nbf": time.Now().Add(time.Hour).Unix()} },
		"iss of another provider (RFC 9207)": func(p *providertest.Provider) {
			p.Callback = func(v url.Values) { v.Set("iss", "https://evil.example") }
		},
		"no iss where it is promised (RFC 9207)": func(p *providertest.Provider) {
			p.Discovery = map[string]any{"authorization_response_iss_parameter_supported": true}
		},
		"a code that was used": func(p *providertest.Provider) { p.Callback = func(v url.Values) { v.Set("code", "spent") } },
		"algorithm none":       func(p *providertest.Provider) { p.Sign = sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType) },
		"algorithm none, promised": func(p *providertest.Provider) {
			p.Discovery = map[string]any{"id_token_signing_alg_values_supported": []string{"none", "HS256"}}
			p.Sign = sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)
		},
		"HS256 with the public key": func(p *providertest.Provider) {
			p.Discovery = map[string]any{"id_token_signing_alg_values_supported": []string{"ES256", "HS256"}}
			p.Sign = func(c jwt.MapClaims) string { return sign(jwt.SigningMethodHS256, publicPEM(p))(c) }
		},
		"HS256 with the client secret": func(p *providertest.Provider) {
			p.Discovery = map[string]any{"id_token_signing_alg_values_supported": []string{"HS256"}}
			p.Sign = sign(jwt.SigningMethodHS256, []byte(providertest.ClientSecret))
		},
		"a key of its own in the token": func(p *providertest.Provider) { p.Sign = signWithOwnKey },
		"a signature that is none": func(p *providertest.Provider) {
			p.Sign = func(c jwt.MapClaims) string {
				token := signWithOwnKey(c)
				return token[:strings.LastIndex(token, ".")+1] + strings.Repeat("A", 86)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t)
			lie(c.at)
			a, err := c.signIn(t.Context())
			if code(err) != login.CodeProviderRefused || c.calls.last() != "refused" {
				t.Errorf("%+v, %v (%s)", a, err, c.calls.last())
			}
			if text := login.AsError(err).Message; strings.Contains(text, "evil") || strings.Contains(text, "token") {
				t.Errorf("a person reads %q", text)
			}
		})
	}
}

// A failing provider delays a sign-in by at most five seconds, and gives a clear error.
func TestSignIn_AProviderInTrouble(t *testing.T) {
	html := says("text/html", "<!doctype html><h1>maintenance</h1>")
	huge := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"issuer":"`))
		block := []byte(strings.Repeat("x", 64<<10))
		for range 64 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}
	for name, break_ := range map[string]func(c *client){
		"is down":                       func(c *client) { c.at.Close() },
		"answers with HTML":             func(c *client) { c.at.Instead["/.well-known/openid-configuration"] = html },
		"gives HTML for tokens":         func(c *client) { c.at.Instead["/token"] = html },
		"gives HTML for keys":           func(c *client) { c.at.Instead["/keys"] = html },
		"gives HTML for the user":       func(c *client) { c.at.Instead["/userinfo"] = html; c.at.Claims = map[string]any{"email": nil} },
		"answers with too much":         func(c *client) { c.at.Instead["/.well-known/openid-configuration"] = huge },
		"gives too many tokens":         func(c *client) { c.at.Instead["/token"] = huge },
		"gives too many keys":           func(c *client) { c.at.Instead["/keys"] = huge },
		"answers 502":                   func(c *client) { c.at.Instead["/.well-known/openid-configuration"] = broken },
		"gives 502 for tokens":          func(c *client) { c.at.Instead["/token"] = broken },
		"gives 502 for keys":            func(c *client) { c.at.Instead["/keys"] = broken },
		"sends us elsewhere":            func(c *client) { c.at.Instead["/.well-known/openid-configuration"] = elsewhere },
		"sends us elsewhere for tokens": func(c *client) { c.at.Instead["/token"] = elsewhere },
		"gives no ID token": func(c *client) {
			c.at.Instead["/token"] = says("application/json", `{"access_token":"a","token_type":"Bearer"}`)
		},
		"has another issuer": func(c *client) { c.at.Discovery = map[string]any{"issuer": "https://evil.example"} },
		"has no endpoint":    func(c *client) { c.at.Discovery = map[string]any{"token_endpoint": ""} },
		"would have secrets in the clear": func(c *client) {
			c.at.Discovery = map[string]any{"token_endpoint": "http://id.example.org/token"}
		},
		"does not know us":   func(c *client) { c.at.Instead["/token"] = says401 },
		"has a clock behind": func(c *client) { c.at.Claims = map[string]any{"exp": time.Now().Add(-time.Hour).Unix()} },
		"has a clock ahead":  func(c *client) { c.at.Claims = map[string]any{"iat": time.Now().Add(time.Hour).Unix()} },
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t)
			break_(c)
			a, err := c.signIn(t.Context())
			if code(err) != login.CodeProviderUnavailable || c.calls.last() != "unavailable" {
				t.Errorf("%+v, %v (%s)", a, err, c.calls.last())
			}
			if len(err.Error()) > 500 {
				t.Errorf("the log gets %d bytes of what it sent", len(err.Error()))
			}
		})
	}
}

var says401 = func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
}

// People who wait for a provider that does not answer leave nothing behind.
func TestSignIn_ASlowProviderKeepsNobody(t *testing.T) {
	c := connect(t)
	release := make(chan struct{})
	defer close(release)
	c.at.SetInstead("/.well-known/openid-configuration", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	before := runtime.NumGoroutine()
	var waiting sync.WaitGroup
	began := time.Now()
	for range 50 {
		waiting.Go(func() {
			if _, err := c.AuthURL(t.Context(), begun); code(err) != login.CodeProviderUnavailable {
				t.Errorf("%v", err)
			}
		})
	}
	waiting.Wait()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("they waited for %s", took)
	}
	if got := c.at.Requests("/.well-known/openid-configuration"); got > 2 {
		t.Errorf("fifty people cost the provider %d requests", got)
	}
	began = time.Now()
	if _, err := c.AuthURL(t.Context(), begun); code(err) != login.CodeProviderUnavailable || time.Since(began) > time.Second {
		t.Errorf("the next one waited for %s: %v", time.Since(began), err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before+3 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestSignIn_RotatedKeysAreFetched(t *testing.T) {
	c := connect(t)
	_, err := c.signIn(t.Context())
	check(t, err)
	c.at.Rotate("second")
	if _, err := c.signIn(t.Context()); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
	c.at.Rotate("second") // another key of the same name
	if _, err := c.signIn(t.Context()); err != nil {
		t.Errorf("after a rotation under the same name: %v", err)
	}
}

func TestDiscovery_IsReadAgainAndTheOldOneHoldsMeanwhile(t *testing.T) {
	c := connect(t)
	c.now = time.Now()
	_, err := c.AuthURL(t.Context(), begun)
	check(t, err)
	c.now = c.now.Add(2 * time.Hour)
	c.at.SetInstead("/.well-known/openid-configuration", says("text/html", "no"))
	if _, err := c.AuthURL(t.Context(), begun); err != nil {
		t.Errorf("while the provider gives no document: %v", err)
	}
	c.at.SetInstead("/.well-known/openid-configuration", nil)
	c.at.Discovery = map[string]any{"issuer": "https://evil.example"}
	c.now = c.now.Add(time.Minute)
	if _, err := c.AuthURL(t.Context(), begun); code(err) != login.CodeProviderUnavailable {
		t.Errorf("once its issuer is another: %v", err)
	}
	c.at.Discovery = nil
	c.now = c.now.Add(time.Minute)
	if _, err := c.AuthURL(t.Context(), begun); err != nil {
		t.Errorf("once all is well again: %v", err)
	}
}
