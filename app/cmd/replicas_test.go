package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/cmd"
	"hasura-login/app/config"
	"hasura-login/app/store/postgres"
	"hasura-login/app/testserver"
	"hasura-login/app/token"
)

// machine is a replica of the service on a machine with a clock of its own.
type machine struct {
	t    *testing.T
	base string
}

// startMachine runs a service whose machine's clock is ahead.
func startMachine(t *testing.T, vars []string, ahead time.Duration) *machine {
	t.Helper()
	cfg, _, err := config.Load(vars)
	check(t, err)
	store, err := postgres.Open(t.Context(), func() (string, error) { return cfg.DatabaseURL.Value(), nil })
	check(t, err)
	s, err := cmd.NewService(cfg, cmd.Environment{Vars: vars}, cmd.Wiring{
		Out:         io.Discard,
		Backend:     cmd.Backend{Store: store, Keys: store, Draw: store.SharedKey, Time: store.Time},
		AllowOrigin: func(string) bool { return false },
		Clock:       func() time.Time { return time.Now().Add(ahead) },
		OpenRing:    func(k token.Keys, h token.Hooks) (*token.Ring, error) { return token.Create(k, token.EdDSA, h) },
	})
	check(t, err)
	api, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, api, ops) }()
	t.Cleanup(func() {
		stop()
		check(t, <-ended)
	})
	return &machine{t, "http://" + api.Addr().String()}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type grantOfTest struct {
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
}

// call sends a request and returns the status and, if it is one, the grant.
func (m *machine) call(method, path, token string, body map[string]any) (int, grantOfTest) {
	m.t.Helper()
	var sent io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		check(m.t, err)
		sent = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.base+path, sent)
	check(m.t, err)
	r.Header = http.Header{"Content-Type": {"application/json"}, "X-Edge-Secret": {strings.Repeat("e", 32)}, "X-Real-Ip": {"203.0.113.7"}}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	check(m.t, err)
	defer resp.Body.Close()
	var g grantOfTest
	_ = json.NewDecoder(resp.Body).Decode(&g) // another answer has no grant
	return resp.StatusCode, g
}

// Replicas whose clocks were more than 10 s apart took the retry of a refresh for theft,
// counted limits in different windows and refused each other's tokens.
func TestReplicas_WithClocksAMinuteApartAreOne(t *testing.T) {
	pg, redis := testserver.StartPostgres(t), testserver.StartRedis(t)
	pg.CreateDatabase(t, "app")
	pg.Migrate(t, "app")
	dir := t.TempDir()
	vars := []string{
		"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "app"), "LOGIN_REDIS_URL=" + redis.URL(),
		"LOGIN_KEYS_SECRET=" + strings.Repeat("k", 32), "LOGIN_AUDIT_DIR=" + filepath.Join(dir, "audit"),
		"LOGIN_EDGE_SECRET=" + strings.Repeat("e", 32), "LOGIN_ACTION_SECRET=" + strings.Repeat("a", 32),
		"LOGIN_SERVER_SECRET=" + strings.Repeat("s", 32), "LOGIN_TOTP_SECRET=" + strings.Repeat("t", 32),
	}
	replicas := []*machine{startMachine(t, vars, -time.Minute), startMachine(t, vars, 0), startMachine(t, vars, time.Minute)}
	slow, right, fast := replicas[0], replicas[1], replicas[2]

	const email, password = "ann@example.org", "correct horse staple"
	status, g := slow.call("POST", "/auth/signup", "", map[string]any{"email": email, "name": "Ann", "password": password})
	if status != 201 {
		t.Fatalf("signing up: %d", status)
	}
	refresh := func(m *machine, token string) (int, grantOfTest) {
		return m.call("POST", "/auth/refresh", "", map[string]any{"refreshToken": token})
	}
	_, first := refresh(slow, g.RefreshToken)
	if status, _ := refresh(right, first.RefreshToken); status != 200 {
		t.Fatalf("refreshing: %d", status)
	}
	status, retried := refresh(fast, first.RefreshToken) // its answer was lost
	if status != 200 {
		t.Errorf("a retry at the replica whose clock is ahead: %d, want 200", status)
	}
	if status, _ := refresh(fast, g.RefreshToken); status != 200 {
		t.Errorf("the token before, within the grace, at the replica ahead: %d, want 200", status)
	}
	for _, issuer := range replicas {
		_, g := refresh(issuer, retried.RefreshToken)
		for _, reader := range replicas {
			if status, _ := reader.call("GET", "/auth/me", g.Token, nil); status != 200 {
				t.Errorf("a token of %s at %s: %d, want 200", issuer.base, reader.base, status)
			}
		}
	}

	wrong := 0
	for range 3 {
		for _, m := range replicas {
			if status, _ := m.call("POST", "/auth/signin", "", map[string]any{"email": email, "password": "not her password"}); status == 401 {
				wrong++
			}
		}
	}
	if wrong != 5 {
		t.Errorf("%d guesses passed over three replicas, want 5", wrong)
	}
	if status, _ := fast.call("POST", "/auth/signout", "", map[string]any{"refreshToken": retried.RefreshToken}); status >= 300 {
		t.Fatalf("signing out: %d", status)
	}
	if status, _ := slow.call("GET", "/auth/me", retried.Token, nil); status != 401 {
		t.Errorf("a session that another replica has ended: %d, want 401", status)
	}
}
