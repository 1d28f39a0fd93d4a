package standin_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/store/sqlite"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

const (
	adminSecret = "secret"
	annID       = "6f1d9c1e-8f3c-4c53-9d6a-0f6a3d7f2b11"
	bobID       = "0d0c0b0a-0000-4000-8000-000000000002"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func publicPEM(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// tokenFor is a token of role user, valid for an hour unless claims say otherwise.
func tokenFor(t testing.TB, userID string, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{
		"sub": userID, "exp": time.Now().Add(time.Hour).Unix(),
		auth.DefaultNamespace: map[string]any{
			"x-hasura-user-id": userID, "x-hasura-default-role": "user", "x-hasura-allowed-roles": []string{"user"},
		},
	}
	for name, value := range claims {
		all[name] = value
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, all).SignedString(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// engine is a stand-in that listens, with a handler for its actions.
type engine struct {
	*standin.Server
	URL     string
	DB      *sql.DB
	Handler *handler
	Stop    func() // ends the server's Run
}

// handler records the requests to an action's handler and gives the prepared answer.
type handler struct {
	URL string

	mu       sync.Mutex
	requests []handled
	answer   http.HandlerFunc
}

type handled struct {
	Path   string
	Header http.Header
	Body   map[string]any
}

func newHandler(t testing.TB) *handler {
	t.Helper()
	h := &handler{answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) }}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		h.mu.Lock()
		h.requests = append(h.requests, handled{r.URL.Path, r.Header, body})
		answer := h.answer
		h.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(srv.Close)
	h.URL = srv.URL
	return h
}

func (h *handler) answers(f http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

func (h *handler) asked() []handled {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]handled{}, h.requests...)
}

// start makes a stand-in over SQLite with the project's own metadata and two
// users, after change has had its way with the settings.
func start(t testing.TB, change func(*standin.Config)) *engine {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for _, u := range [][]any{{annID, "a@example.com", "Ann"}, {bobID, "b@example.com", "Bob"}} {
		if _, err := store.DB().Exec(`INSERT INTO users VALUES (?, ?, ?, '2026-11-24T18:15:00.000000+00:00', '2026-11-24T18:15:00.000000+00:00')`, u...); err != nil {
			t.Fatal(err)
		}
	}
	return startOver(t, store.DB(), standin.SQLite, change)
}

func startOver(t testing.TB, db *sql.DB, dialect standin.Dialect, change func(*standin.Config)) *engine {
	t.Helper()
	h := newHandler(t)
	cfg := standin.Config{
		Metadata: projectMetadata(t), DB: db, Dialect: dialect,
		Env:         environment(map[string]string{"LOGIN_URL": h.URL, "ACTION_SECRET": "shared"}),
		AdminSecret: adminSecret, JWT: &auth.JWT{Type: "RS256", Key: publicPEM(t, rsaKey())}, UnauthorizedRole: "public",
		ConfiguredHeaderPrecedence: true, Refetch: 20 * time.Millisecond,
		Report: func(err error) { t.Logf("reported: %v", err) },
	}
	if change != nil {
		change(&cfg)
	}
	s, err := standin.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	srv := httptest.NewServer(s)
	t.Cleanup(func() { cancel(); <-ended; srv.Close() })
	return &engine{Server: s, URL: srv.URL, DB: db, Handler: h, Stop: cancel}
}

func projectMetadata(t testing.TB) *metadata.Metadata {
	t.Helper()
	m, err := metadata.Load(hasura.Project())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func environment(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

// post sends a body and returns status, headers and the decoded answer.
func (e *engine) post(t testing.TB, path, body string, headers map[string]string) (int, http.Header, any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return send(t, req, headers)
}

func send(t testing.TB, req *http.Request, headers map[string]string) (int, http.Header, any) {
	t.Helper()
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(bytes.TrimSpace(b), &v); err != nil {
		v = string(b)
	}
	return res.StatusCode, res.Header, v
}

// query runs an operation and returns the whole answer as JSON text.
func (e *engine) query(t testing.TB, token, query string) string {
	t.Helper()
	headers := map[string]string{}
	if token != "" {
		headers["Authorization"] = "Bearer " + token
	}
	body, _ := json.Marshal(map[string]string{"query": query})
	_, _, answer := e.post(t, "/v1/graphql", string(body), headers)
	text, _ := json.Marshal(answer)
	return string(text)
}
