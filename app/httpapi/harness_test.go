package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hasura-login/app/audit"
	"hasura-login/app/brand"
	"hasura-login/app/clientip"
	"hasura-login/app/httpapi"
	"hasura-login/app/language"
	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/metrics"
	"hasura-login/app/pages"
	"hasura-login/app/password"
	"hasura-login/app/provider"
	"hasura-login/app/ratelimit"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/testserver"
	"hasura-login/app/token"
)

const (
	goodPassword = logintest.Password
	actionSecret = "action-secret-0123456789abcdef0123"
	edgeSecret   = "edge-secret-0123456789abcdef012345"
)

// server is the API as served, on real parts: SQLite, hash limiter, key ring, rate limiter.
type server struct {
	t     *testing.T
	url   string
	api   *httpapi.API
	ring  *token.Ring
	log   *testserver.Output
	ready error
	// hasher may be replaced before start.
	store    *sqlite.Store
	auditDir string
	trail    *audit.Trail
	served   chan error
}

// audited lists the events of a name.
func (s *server) audited(name login.EventName) (events []audit.Line) {
	s.t.Helper()
	check(s.t, audit.Read(s.t.Context(), s.auditDir, audit.Filter{Event: name}, func(l audit.Line) error {
		events = append(events, l)
		return nil
	}))
	return events
}

type setup struct {
	limits ratelimit.Limits
	hasher func(login.Hasher) login.Hasher
	policy login.PasswordPolicy
	rules  login.Rules
	// organizations says that the service keeps them.
	organizations bool
	pages         *pages.Settings // nil: off
	origin        string          // the service's own
	// providers are those that people can sign in with.
	providers []*provider.Provider
}

func start(t *testing.T, change ...func(*setup)) *server {
	t.Helper()
	s := &setup{
		policy: password.NewPolicy(8),
		rules: login.Rules{
			SignUp: login.SignUpOpen, MailEnabled: true, DefaultRoles: []string{"user"},
			RefreshTTL: time.Hour, RefreshIdle: time.Hour, RefreshGrace: 10 * time.Second, MaxSessions: 20,
			ElevationTTL: 10 * time.Minute, RememberDevice: time.Hour,
		},
	}
	for _, f := range change {
		f(s)
	}
	store := logintest.OpenStore(t)
	m := metrics.New("test", slices.Concat(httpapi.Routes(), httpapi.InternalRoutes(), httpapi.PageRoutes()))
	begun := time.Now() // of the limits' windows, so that none ends while a test runs
	limiter, err := ratelimit.New(ratelimit.Config{Limits: s.limits, Observer: m, Now: func() time.Time { return begun }})
	check(t, err)
	out := &testserver.Output{}
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(out), zap.DebugLevel))
	auditDir := t.TempDir()
	auditor, err := audit.Open(audit.Config{
		Dir: auditDir, Keep: time.Hour, MaxSize: 16 << 20, Observer: m, Now: time.Now,
		Find: func(ctx context.Context, email string) (string, error) {
			ua, err := store.UserAccountByEmail(ctx, email)
			return ua.User.ID, err
		},
		Failed: func(err error, _ []byte) { t.Error(err) },
	})
	check(t, err)
	kit := logintest.StartOn(t, store, func(d *login.Deps, r *login.Rules) {
		if s.hasher != nil {
			d.Hasher = s.hasher(d.Hasher)
		}
		d.Policy, d.Limiter, d.Audit, d.Now = s.policy, limiter, auditor, time.Now
		*r = s.rules
		if s.organizations {
			d.Organizations, d.Claims = store, []login.ClaimSource{login.OrganizationClaims{Store: store}}
		}
	})
	service, ring, verifier := kit.Service, kit.Ring, kit.Verifier
	var site *pages.Site
	if s.pages != nil {
		s.pages.Catalogue, err = language.Load("")
		check(t, err)
		s.pages.Brand, err = brand.Load("")
		check(t, err)
		site, err = pages.New(*s.pages, pages.Deps{Service: service, Export: exportedAddress, Providers: s.providers, Flows: provider.Flows{Now: time.Now, Keys: func() [][]byte { return [][]byte{[]byte("server-secret-0123456789abcdef")} }}, Identify: func(accessToken string) (login.Identity, error) {
			id, err := verifier.Verify(accessToken, time.Now())
			return login.Identity{UserID: id.UserID, SessionID: id.SessionID}, err
		}})
		check(t, err)
	}
	srv := &server{t: t, ring: ring, log: out, auditDir: auditDir, trail: auditor, store: store, served: make(chan error, 1)}
	srv.api = httpapi.New(httpapi.Config{
		Service: service, Verifier: verifier, JWKS: ring.JWKS,
		Ready:         func(context.Context) error { return srv.ready },
		Calls:         limiter,
		ActionSecrets: func() []string { return []string{actionSecret} },
		Clients:       clientip.New(func() []string { return []string{edgeSecret} }, netip.MustParsePrefix("2001:db8:64::/96")),
		AllowOrigin:   func(origin string) bool { return origin == "https://app.example.org" },
		Origin:        s.origin,
		Audit:         auditor, Observer: listedResults{m, t}, Log: log, Pages: site,
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	srv.url = "http://" + ln.Addr().String()
	go func() { srv.served <- srv.api.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.api.Shutdown(ctx)
		service.Wait()
		limiter.Close()
		auditor.Close()
	})
	return srv
}

// listedResults is an Observer that knows how each use case can end.
type listedResults struct {
	*metrics.Metrics
	t *testing.T
}

func (o listedResults) Attempt(op login.Operation, result string) {
	p := login.PolicyOf(op)
	ends := append([]login.Code{"ok", login.CodeInvalidInput, login.CodeRateLimited, login.CodeUnavailable, login.CodeInternal}, p.Results...)
	ends = append(ends, login.CodeUnsupportedMediaType) // HTTP's own: "other" in the metrics
	if p.Lane != login.LaneNone {
		ends = append(ends, "caller-gone", login.CodeOverloaded)
	}
	if !slices.Contains(ends, login.Code(result)) {
		o.t.Errorf("%s ends with %s, which its policy does not list", op, result)
	}
	o.Metrics.Attempt(op, result)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is a response, read whole.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) object(t *testing.T) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(a.body, &o); err != nil {
		t.Fatalf("not a JSON object: %s", a.body)
	}
	return o
}

// code is the error code of a REST problem or an action error.
func (a answer) code() string {
	var o struct {
		Code       string `json:"code"`
		Extensions struct {
			Code string `json:"code"`
		} `json:"extensions"`
	}
	_ = json.Unmarshal(a.body, &o)
	if o.Code != "" {
		return o.Code
	}
	return o.Extensions.Code
}

func (s *server) do(req *http.Request) answer {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	check(s.t, err)
	return readAll(s.t, resp)
}

func readAll(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	return answer{resp, body}
}

func (s *server) request(method, path, body string, headers ...string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	check(s.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

func (s *server) rest(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.do(s.request(method, path, body, headers...))
}

// action calls a use case as Hasura does.
func (s *server) action(name string, input, variables map[string]any) answer {
	s.t.Helper()
	if variables == nil {
		variables = map[string]any{"x-hasura-role": "public"}
	}
	body, err := json.Marshal(map[string]any{
		"action": map[string]any{"name": name}, "input": input, "session_variables": variables, "request_query": "query { … }",
	})
	check(s.t, err)
	return s.rest(http.MethodPost, "/actions/"+name, string(body), "X-Hasura-Action-Secret", actionSecret)
}

type grant struct {
	ID           string `json:"id"`
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
	DeviceToken  string `json:"deviceToken"`
}

func (s *server) signUp(email string) grant {
	s.t.Helper()
	return s.granted(s.rest(http.MethodPost, "/auth/signup", fmt.Sprintf(`{"email":%q,"name":"Ann","password":%q}`, email, goodPassword)))
}

func (s *server) granted(a answer) grant {
	s.t.Helper()
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusCreated {
		s.t.Fatalf("no grant: %d %s", a.StatusCode, a.body)
	}
	var g grant
	check(s.t, json.Unmarshal(a.body, &g))
	return g
}

func bearer(g grant) string { return "Bearer " + g.Token }
