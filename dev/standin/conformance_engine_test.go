package standin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// engineStarter starts an engine with an environment and returns its URL before it is
// ready.
type engineStarter func(t testing.TB, env map[string]string) string

// realEngine starts an engine process for each case, with the case's settings in its
// environment, and applies tables, permissions and actions through the metadata API.
// The metadata has its own database.
func realEngine(pg *testserver.Postgres, start engineStarter) launcher {
	return func(t testing.TB, w *world, database string) string {
		t.Helper()
		catalog := "catalog_" + strings.ReplaceAll(w.Name, "-", "_")
		pg.CreateDatabase(t, catalog)
		env := engineEnvironment(t, w)
		maps.Copy(env, w.env)
		env["HASURA_GRAPHQL_METADATA_DATABASE_URL"] = pg.URL(catalog)
		base := start(t, env)
		awaitHealth(t, base)
		call := map[string]any{"type": "replace_metadata", "version": 2, "args": map[string]any{
			"allow_inconsistent_metadata": true, "metadata": metadataJSON(w.cfg.Metadata, database),
		}}
		admin(t, base, call)
		return base
	}
}

// engineEnvironment translates a case's stand-in configuration into the engine's
// environment variables.
func engineEnvironment(t testing.TB, w *world) map[string]string {
	t.Helper()
	cfg := w.cfg
	env := map[string]string{
		"HASURA_GRAPHQL_ADMIN_SECRET":                              cfg.AdminSecret,
		"HASURA_GRAPHQL_CONFIGURED_HEADER_PRECEDENCE":              strconv.FormatBool(cfg.ConfiguredHeaderPrecedence),
		"HASURA_GRAPHQL_PRESERVE_401_ERRORS":                       strconv.FormatBool(cfg.Preserve401Errors),
		"HASURA_GRAPHQL_DEV_MODE":                                  strconv.FormatBool(cfg.DevMode),
		"HASURA_GRAPHQL_ENABLE_TELEMETRY":                          "false",
		"HASURA_GRAPHQL_LIVE_QUERIES_MULTIPLEXED_REFETCH_INTERVAL": strconv.FormatInt(cfg.Refetch.Milliseconds(), 10),
	}
	if cfg.UnauthorizedRole != "" {
		env["HASURA_GRAPHQL_UNAUTHORIZED_ROLE"] = cfg.UnauthorizedRole
	}
	if cfg.InitTimeout > 0 {
		env["HASURA_GRAPHQL_WEBSOCKET_CONNECTION_INIT_TIMEOUT"] = strconv.Itoa(int(cfg.InitTimeout.Seconds()))
	}
	switch {
	case cfg.JWT == nil:
	case w.jwt != "":
		env["HASURA_GRAPHQL_JWT_SECRET"] = w.jwt
	default:
		b, err := json.Marshal(cfg.JWT)
		if err != nil {
			t.Fatal(err)
		}
		env["HASURA_GRAPHQL_JWT_SECRET"] = string(b)
	}
	return env
}

func awaitHealth(t testing.TB, base string) {
	t.Helper()
	last := "it never answered"
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(base + "/healthz") // #nosec G107 -- the engine under test
		if err != nil {
			last = err.Error()
			continue
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
		last = fmt.Sprintf("%d %s", res.StatusCode, b)
	}
	t.Fatalf("the engine does not come up: %s", last)
}

// admin makes one call of the metadata API.
func admin(t testing.TB, base string, call any) {
	t.Helper()
	body, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/metadata", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Hasura-Admin-Secret", adminSecret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		t.Fatalf("the engine refuses the case's metadata: %d %s", res.StatusCode, b)
	}
}

// dockerEngine starts containers of an image on the host's network, so that they find
// Postgres and the handlers on loopback.
func dockerEngine(image string) engineStarter {
	return func(t testing.TB, env map[string]string) string {
		t.Helper()
		port := testserver.FreePort(t)
		env["HASURA_GRAPHQL_SERVER_HOST"], env["HASURA_GRAPHQL_SERVER_PORT"] = "127.0.0.1", strconv.Itoa(port)
		args := []string{"run", "--detach", "--rm", "--network", "host"}
		for _, name := range slices.Sorted(maps.Keys(env)) {
			args = append(args, "--env", name+"="+env[name])
		}
		container(t, append(args, image, "graphql-engine", "serve")...)
		return "http://" + testserver.Addr(port)
	}
}

// dockerPostgres is a server of an image on the host's network.
func dockerPostgres(t testing.TB, image string) *testserver.Postgres {
	t.Helper()
	pg := &testserver.Postgres{Port: testserver.FreePort(t)}
	container(t, "run", "--detach", "--rm", "--network", "host", "--env", "POSTGRES_HOST_AUTH_METHOD=trust", image,
		"postgres", "-p", strconv.Itoa(pg.Port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=500")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		c, err := pgx.Connect(ctx, pg.URL("postgres"))
		cancel()
		if err == nil {
			_ = c.Close(t.Context())
			return pg
		}
		if time.Now().After(deadline) {
			t.Fatalf("Postgres does not come up: %v", err)
		}
	}
}

// container starts one, and stops it when the test ends.
func container(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command("docker", args...).Output() // #nosec G204 -- the runner's own arguments
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		t.Fatalf("docker run: %v", err)
	}
	id := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("docker", "stop", "--time", "1", id).Run() }) // #nosec G204 -- the container just started
}

// TestConformance_ReachesAnEngineByItsEnvironmentAndMetadataAPI configures a stand-in
// exactly as a real engine: it knows of a case only its environment and the calls of
// the metadata API.
func TestConformance_ReachesAnEngineByItsEnvironmentAndMetadataAPI(t *testing.T) {
	pg := testserver.StartPostgres(t)
	makeSharedDatabase(t, pg)
	cases := transcripts(t)
	byName := map[string]*transcript{}
	for _, c := range cases {
		byName[c.Name] = c
	}
	for _, name := range []string{
		"action-error-401-preserved", "action-forwarded-headers", "action-signin-success", "action-configured-headers-first", "auth-jwt-issuer-missing-in-token",
		"auth-jwt-kid-unknown-key-known", "auth-claims-map-value-missing", "auth-role-not-allowed", "data-select-own-row", "data-update-permission-check-failed", "data-column-types",
		"data-healthz-strict-inconsistent", "ws-transport-query",
	} {
		t.Run(name, func(t *testing.T) {
			if byName[name] == nil {
				t.Fatal("no such case")
			}
			for _, failure := range conforms(t, pg, byName[name], realEngine(pg, fakeEngine)) {
				t.Error(failure)
			}
		})
	}
}

// fakeEngine reads its environment and takes metadata as the engine does.
func fakeEngine(t testing.TB, env map[string]string) string {
	t.Helper()
	f := &fake{t: t, env: env}
	return f.listen()
}
