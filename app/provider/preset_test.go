package provider_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/provider"
	"hasura-login/app/provider/providertest"
)

// stage serves the hosts of the presets on this machine.
type stage struct {
	t     *testing.T
	hosts map[string]string // host → URL of its stand-in
	asked []*http.Request
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	to, ok := s.hosts[r.URL.Host]
	if !ok {
		if strings.HasPrefix(r.URL.Host, "127.0.0.1") {
			return http.DefaultTransport.RoundTrip(r)
		}
		return nil, fmt.Errorf("%s is not on stage", r.URL.Host)
	}
	if r.URL.Scheme != "https" {
		s.t.Errorf("%s is asked in the clear", r.URL.Host)
	}
	if r.Body != nil {
		_ = r.ParseForm()
	}
	s.asked = append(s.asked, r)
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	played := r.Clone(r.Context())
	played.URL.Scheme, played.URL.Host = u.Scheme, u.Host
	if i := strings.Index(played.URL.Path, "/.well-known/"); i > 0 {
		played.URL.Path = played.URL.Path[i:]
	}
	if r.PostForm != nil {
		played.Body = http.NoBody
		played, err = http.NewRequestWithContext(r.Context(), r.Method, played.URL.String(), strings.NewReader(r.PostForm.Encode()))
		if err != nil {
			return nil, err
		}
		played.Header = r.Header
	}
	return http.DefaultTransport.RoundTrip(played)
}

// preset is a provider of a preset, whose issuer is a test server.
func preset(t *testing.T, issuer string, s provider.Settings) (*provider.Provider, *providertest.Provider) {
	t.Helper()
	at := providertest.Start(t)
	u, err := url.Parse(issuer)
	check(t, err)
	at.Discovery = map[string]any{"issuer": issuer}
	at.Claims = map[string]any{"iss": issuer}
	s.ClientID = providertest.ClientID
	if s.Preset != "apple" {
		s.ClientSecretFile = secretFile(t, providertest.ClientSecret)
	}
	p, err := provider.New(s, provider.Options{PublicURL: publicURL, Observer: &calls{}, Transport: &stage{t: t, hosts: map[string]string{u.Host: at.URL}}})
	check(t, err)
	return p, at
}

func signInAt(ctx context.Context, p *provider.Provider) (login.Assertion, error) {
	return (&client{Provider: p}).signIn(ctx)
}

func TestGoogle_VouchesOnlyForMailboxesThatItRuns(t *testing.T) {
	for name, c := range map[string]struct {
		claims   map[string]any
		verified bool
	}{
		"gmail":                      {map[string]any{"email": "ann@gmail.com"}, true},
		"a workspace":                {map[string]any{"hd": "example.org"}, true},
		"another address":            {map[string]any{}, false},
		"gmail, not verified":        {map[string]any{"email": "ann@gmail.com", "email_verified": false}, false},
		"a workspace, not verified":  {map[string]any{"hd": "example.org", "email_verified": "false"}, false},
		"a host that only ends so":   {map[string]any{"email": "ann@notgmail.com"}, false},
		"an issuer without a scheme": {map[string]any{"iss": "accounts.google.com", "email": "ann@gmail.com"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := preset(t, "https://accounts.google.com", provider.Settings{Preset: "google"})
			for name, value := range c.claims {
				at.Claims[name] = value
			}
			a, err := signInAt(t.Context(), p)
			if err != nil || a.EmailVerified != c.verified || a.Issuer != "https://accounts.google.com" {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

const (
	tenantA = "11111111-1111-4111-8111-111111111111"
	tenantB = "22222222-2222-4222-8222-222222222222"
	private = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// A tenant's administrator can put any address into Microsoft's tokens ("nOAuth"), and
// every tenant signs with the same keys.
func TestMicrosoft_TenantsAreIssuersOfTheirOwn(t *testing.T) {
	issuerOf := func(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
	for name, c := range map[string]struct {
		tenant   string
		tenants  []string
		claims   map[string]any
		issuer   string // empty: refused
		verified bool
	}{
		"any tenant":                     {"common", nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA)}, issuerOf(tenantA), false},
		"a personal account":             {"common", nil, map[string]any{"tid": private, "iss": issuerOf(private)}, issuerOf(private), false},
		"an address of the tenant's own": {"common", nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA), "xms_edov": "1"}, issuerOf(tenantA), true},
		"another tenant's name":          {"common", nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantB)}, "", false},
		"no tenant":                      {"common", nil, map[string]any{"iss": issuerOf(tenantA)}, "", false},
		"a tenant that is a path":        {"common", nil, map[string]any{"tid": "x/../" + tenantA, "iss": issuerOf("x/../" + tenantA)}, "", false},
		"an issuer elsewhere":            {"common", nil, map[string]any{"tid": tenantA, "iss": "https://evil.example/" + tenantA + "/v2.0"}, "", false},
		"a listed tenant":                {"common", []string{tenantA}, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA)}, issuerOf(tenantA), false},
		"a tenant that is not listed":    {"common", []string{tenantA}, map[string]any{"tid": tenantB, "iss": issuerOf(tenantB)}, "", false},
		"organizations, a tenant":        {"organizations", nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA)}, issuerOf(tenantA), false},
		"organizations, personal":        {"organizations", nil, map[string]any{"tid": private, "iss": issuerOf(private)}, "", false},
		"consumers, personal":            {"consumers", nil, map[string]any{"tid": private, "iss": issuerOf(private)}, issuerOf(private), false},
		"consumers, a tenant":            {"consumers", nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA)}, "", false},
		"one tenant":                     {tenantA, nil, map[string]any{"tid": tenantA, "iss": issuerOf(tenantA)}, issuerOf(tenantA), false},
		"one tenant, another comes":      {tenantA, nil, map[string]any{"tid": tenantB, "iss": issuerOf(tenantB)}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			discovered := issuerOf(c.tenant)
			p, at := preset(t, discovered, provider.Settings{Preset: "microsoft", Tenant: c.tenant, Tenants: c.tenants})
			if c.tenant == "common" || c.tenant == "organizations" {
				at.Discovery["issuer"] = issuerOf("{tenantid}")
			}
			at.Claims = c.claims
			a, err := signInAt(t.Context(), p)
			if c.issuer == "" {
				if code(err) != login.CodeProviderRefused {
					t.Errorf("%+v, %v", a, err)
				}
				return
			}
			if err != nil || a.Issuer != c.issuer || a.EmailVerified != c.verified {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

func appleKey(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestApple_SignsItsSecretAnewAndReadsTheForm(t *testing.T) {
	key, text := appleKey(t)
	file := secretFile(t, text)
	p, at := preset(t, "https://appleid.apple.com", provider.Settings{Preset: "apple", TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKeyFile: file})
	at.Claims["email_verified"] = "true" // as Apple writes it
	at.Claims["name"] = nil
	var secrets []string
	at.SetInstead("/token", func(w http.ResponseWriter, r *http.Request) {
		secrets = append(secrets, r.FormValue("client_secret"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"a","token_type":"Bearer","id_token":%q}`, at.IDToken(begun.Nonce))
	})
	at.Discovery["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"}
	address, err := p.AuthURL(t.Context(), begun)
	check(t, err)
	if q, _ := url.Parse(address); q.Query().Get("response_mode") != "form_post" || q.Query().Get("scope") != "openid name email" || !p.FormPost {
		t.Errorf("%s", address)
	}
	assert := func(user string) login.Assertion {
		t.Helper()
		a, err := p.Assert(t.Context(), provider.Response{Request: begun, Code: "c", User: user})
		check(t, err)
		return a
	}
	if a := assert(`{"name":{"firstName":"Ann","lastName":"Example"},"email":"eve@example.org"}`); a.Name != "Ann Example" || a.Email != "ann@example.org" || !a.EmailVerified {
		t.Errorf("%+v", a)
	}
	if a := assert("not JSON"); a.Name != "" {
		t.Errorf("%+v", a)
	}
	claims := jwt.RegisteredClaims{}
	token, err := jwt.ParseWithClaims(secrets[0], &claims, func(*jwt.Token) (any, error) { return &key.PublicKey, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience("https://appleid.apple.com"), jwt.WithIssuer("TEAM123456"), jwt.WithSubject(providertest.ClientID), jwt.WithExpirationRequired())
	if err != nil || token.Header["kid"] != "KEY1234567" || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > time.Hour {
		t.Errorf("%v: %v", token, err)
	}
	if secrets[0] != secrets[1] {
		t.Error("each call signs anew")
	}
	// A replaced key in the file is used without a restart.
	other, text := appleKey(t)
	check(t, os.WriteFile(file+".new", []byte(text), 0o600))
	check(t, os.Rename(file+".new", file))
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(50 * time.Millisecond) {
		assert("")
		if _, err := jwt.Parse(secrets[len(secrets)-1], func(*jwt.Token) (any, error) { return &other.PublicKey, nil }); err == nil {
			return
		}
	}
	t.Error("the new key is not used")
}

// api is a provider without OpenID Connect.
func api(t *testing.T, answers map[string]string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "token") {
			if r.FormValue("code") != "good" || r.FormValue("code_verifier") != begun.Verifier {
				says("application/json", `{"error":"bad_verification_code"}`)(w, r)
				return
			}
			says("application/json", `{"access_token":"access","token_type":"bearer","scope":"x"}`)(w, r)
			return
		}
		if r.Header.Get("Authorization") != "Bearer access" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		kind := "application/json"
		if strings.HasPrefix(answer, "<") {
			kind = "text/html"
		}
		says(kind, answer)(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestPlainOAuth2_ReadsWhoItIsFromTheProvidersAPI(t *testing.T) {
	github := map[string]string{
		"/user":        `{"id":42,"login":"ann","name":"Ann Example","email":"public@example.org"}`,
		"/user/emails": `[{"email":"old@example.org","primary":false,"verified":true},{"email":"ann@example.org","primary":true,"verified":true}]`,
	}
	for name, c := range map[string]struct {
		preset   string
		response provider.Response
		answers  map[string]string
		want     login.Assertion
		code     login.Code
	}{
		"GitHub": {"github", provider.Response{Code: "good"}, github,
			login.Assertion{Provider: "github", Issuer: "https://github.com", Subject: "42", Name: "Ann Example", Email: "ann@example.org", EmailVerified: true}, ""},
		"GitHub with its own iss": {"github", provider.Response{Code: "good", Issuer: "https://github.com/login/oauth"}, github,
			login.Assertion{Provider: "github", Issuer: "https://github.com", Subject: "42", Name: "Ann Example", Email: "ann@example.org", EmailVerified: true}, ""},
		"GitHub, an address that is not verified": {"github", provider.Response{Code: "good"}, map[string]string{"/user": `{"id":42,"login":"ann","name":null}`, "/user/emails": `[{"email":"ann@example.org","primary":true,"verified":false}]`},
			login.Assertion{Provider: "github", Issuer: "https://github.com", Subject: "42", Name: "ann", Email: "ann@example.org"}, ""},
		"GitHub, no user":           {"github", provider.Response{Code: "good"}, map[string]string{"/user": `{}`, "/user/emails": `[]`}, login.Assertion{}, login.CodeProviderRefused},
		"GitHub, a spent code":      {"github", provider.Response{Code: "spent"}, github, login.Assertion{}, login.CodeProviderRefused},
		"GitHub, iss of another":    {"github", provider.Response{Code: "good", Issuer: "https://evil.example"}, github, login.Assertion{}, login.CodeProviderRefused},
		"GitHub, HTML":              {"github", provider.Response{Code: "good"}, map[string]string{"/user": "<html>"}, login.Assertion{}, login.CodeProviderUnavailable},
		"GitHub, without addresses": {"github", provider.Response{Code: "good"}, map[string]string{"/user": `{"id":42}`}, login.Assertion{}, login.CodeProviderUnavailable},
		"Discord": {"discord", provider.Response{Code: "good"}, map[string]string{"/api/users/@me": `{"id":"80351110224678912","username":"ann","global_name":null,"email":"ann@example.org","verified":true}`},
			login.Assertion{Provider: "discord", Issuer: "https://discord.com", Subject: "80351110224678912", Name: "ann", Email: "ann@example.org", EmailVerified: true}, ""},
		"Discord, an address that is not verified": {"discord", provider.Response{Code: "good"}, map[string]string{"/api/users/@me": `{"id":"8","username":"ann","global_name":"Ann","email":"ann@example.org","verified":false}`},
			login.Assertion{Provider: "discord", Issuer: "https://discord.com", Subject: "8", Name: "Ann", Email: "ann@example.org"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			at := api(t, c.answers)
			p, err := provider.New(provider.Settings{Preset: c.preset, ClientID: "id", ClientSecretFile: secretFile(t, "secret")}, provider.Options{
				PublicURL: publicURL, Observer: &calls{},
				Transport: &stage{t: t, hosts: map[string]string{"github.com": at, "api.github.com": at, "discord.com": at}},
			})
			check(t, err)
			c.response.Request = begun
			got, err := p.Assert(t.Context(), c.response)
			if code(err) != c.code || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestLoad_ReportsEveryProblem(t *testing.T) {
	secret := secretFile(t, "secret")
	load := func(text string) ([]*provider.Provider, error) {
		path := filepath.Join(t.TempDir(), "providers.json")
		check(t, os.WriteFile(path, []byte(text), 0o600))
		return provider.Load(path, provider.Options{PublicURL: publicURL, Observer: &calls{}})
	}
	entry := func(more string) string {
		return fmt.Sprintf(`{"clientId":"id","clientSecretFile":%q,%s}`, secret, more)
	}
	good := `{"providers":[` + entry(`"preset":"google"`) + "," + entry(`"preset":"microsoft"`) + "," + entry(`"preset":"google","name":"work","title":"Work"`) + "," +
		entry(`"name":"corp","title":"Corp","issuer":"https://id.example.org"`) + `]}`
	all, err := load(good)
	check(t, err)
	var names []string
	for _, p := range all {
		names = append(names, p.Name+"/"+p.Title+"/"+p.Brand)
	}
	if got := strings.Join(names, " "); got != "google/Google/google microsoft/Microsoft/microsoft work/Work/google corp/Corp/" {
		t.Errorf("%s", got)
	}
	for text, want := range map[string]string{
		`{`:                        "unexpected EOF",
		`{"provider":[]}`:          `unknown field "provider"`,
		`{"providers":[]} x`:       "stands behind the last }",
		`{"providers":[{"x":""}]}`: `unknown field "x"`,
		`{"providers":[` + entry(`"preset":"myspace"`) + `]}`:                                                           `"myspace" is none of`,
		`{"providers":[` + entry(`"preset":"google"`) + "," + entry(`"preset":"google"`) + `]}`:                         "google is listed twice",
		`{"providers":[{"preset":"google","clientId":"id"}]}`:                                                           "clientSecretFile: ",
		`{"providers":[{"preset":"google","clientSecretFile":"` + secret + `"}]}`:                                       "needs clientId",
		`{"providers":[` + entry(`"preset":"google","issuer":"https://id.example.org"`) + `]}`:                          "issuer: this provider takes no such setting",
		`{"providers":[` + entry(`"preset":"google","tenant":"common"`) + `]}`:                                          "tenant: this provider takes no such setting",
		`{"providers":[` + entry(`"preset":"microsoft","tenant":"contoso"`) + `]}`:                                      `tenant: "contoso" is none of`,
		`{"providers":[` + entry(`"preset":"microsoft","tenants":["contoso"]`) + `]}`:                                   `tenants: "contoso" is not`,
		`{"providers":[` + entry(`"preset":"github","secondFactor":["mfa"]`) + `]}`:                                     "secondFactor: this provider takes no such setting",
		`{"providers":[` + entry(`"name":"corp","title":"Corp","issuer":"http://id.example.org"`) + `]}`:                "is not an https URL",
		`{"providers":[` + entry(`"name":"corp","title":"Corp","issuer":"https://a@id.example.org"`) + `]}`:             "is not an https URL",
		`{"providers":[` + entry(`"name":"Corp!","title":"Corp","issuer":"https://id.example.org"`) + `]}`:              `name: "Corp!" has other characters`,
		`{"providers":[` + entry(`"issuer":"https://id.example.org"`) + `]}`:                                            "needs name and title",
		`{"providers":[{"preset":"apple","clientId":"id","teamId":"T","keyId":"K","privateKeyFile":"` + secret + `"}]}`: "is not a private key of Apple's",
		`{"providers":[{"preset":"apple","clientId":"id"}]}`:                                                            "needs teamId, keyId and privateKeyFile",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := load(`{"providers":[{"preset":"google"},{"preset":"myspace"}]}`); err == nil || !strings.Contains(err.Error(), "provider 1") || !strings.Contains(err.Error(), "provider 2") {
		t.Errorf("two problems: %v", err)
	}
}
