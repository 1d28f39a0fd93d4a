package standin_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
)

// journey is a user's way through the built login, the engine and Postgres.
type journey struct {
	*testing.T
	login, hasura string // URLs
	adminSecret   string
	email         string
	binary        string
	env           []string
	failures      []string
}

func (j *journey) differ(format string, args ...any) {
	j.Helper()
	j.failures = append(j.failures, fmt.Sprintf(format, args...))
	j.Errorf(format, args...)
}

// TestJourney signs up, in and out through the engine under test with the project's own
// metadata and migrations, or through an engine that runs already.
func TestJourney(t *testing.T) {
	r := writeReport(t)
	j := &journey{T: t, email: "conformance-" + strings.ToLower(rand.Text()) + "@example.org"}
	if *hasuraURL != "" {
		j.hasura, j.adminSecret = strings.TrimSuffix(*hasuraURL, "/"), os.Getenv("ADMIN_SECRET")
		r.leaveOut("the recorded cases: each takes an engine of its own, with its own settings")
	} else {
		pg, launch := engineUnderTest(t)
		pg.CreateDatabase(t, "journey")
		pg.Migrate(t, "journey")
		j.binary, j.adminSecret = builtLogin(t), adminSecret
		j.startLogin(pg)
		j.startEngine(pg, launch)
	}
	for _, step := range journeySteps {
		if step.ownLogin && j.binary == "" {
			r.leaveOut("journey: " + step.name + ": that changes login's keys")
			continue
		}
		j.failures = nil
		step.run(j)
		r.note("journey: "+step.name, j.failures)
	}
}

var journeySteps = []struct {
	name     string
	run      func(*journey)
	ownLogin bool // takes a login that this test may change
}{
	{name: "the project is applied, and its metadata is consistent", run: (*journey).isHealthy},
	{name: "only the admin secret opens everything", run: (*journey).opensToTheAdmin},
	{name: "sign-up, sign-in, the own row", run: (*journey).signsIn},
	{name: "a wrong password and an address that is taken keep their codes", run: (*journey).refused},
	{name: "both WebSocket protocols", run: (*journey).webSockets},
	{name: "tokens that are none, that ended, of an unknown key", run: (*journey).badTokens},
	{name: "a session ends where it is", run: (*journey).signsOut},
	{name: "the key rotates, and tokens of both keys are good", run: (*journey).rotatesTheKey, ownLogin: true},
	{name: "the account deletes itself", run: (*journey).deletesItself},
}

// builtLogin is the binary under test: bin/hasura-login, or one made of the files here.
func builtLogin(t *testing.T) string {
	t.Helper()
	root := testserver.RepoRoot(t)
	if *hasuraImage != "" {
		built := filepath.Join(root, "bin/hasura-login")
		if _, err := os.Stat(built); err != nil {
			t.Fatal("run make build first")
		}
		return built
	}
	built := filepath.Join(t.TempDir(), "hasura-login")
	build := exec.Command("go", "build", "-o", built, "./app") // #nosec G204 -- the project's own
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return built
}

func (j *journey) startLogin(pg *testserver.Postgres) {
	j.Helper()
	dir := j.TempDir()
	api, ops := testserver.Addr(testserver.FreePort(j)), testserver.Addr(testserver.FreePort(j))
	j.login = "http://" + api
	j.env = []string{
		"LOGIN_LISTEN=" + api, "LOGIN_OPS_LISTEN=" + ops, "LOGIN_KEYS_DIR=" + filepath.Join(dir, "keys"), "LOGIN_AUDIT_DIR=" + filepath.Join(dir, "audit"),
		"LOGIN_DATABASE_URL=" + pg.URLFor("hasura_login_a", "journey"), "LOGIN_BCRYPT_COST=10", "LOGIN_ACCESS_TTL=5m",
	}
	for _, name := range config.Keys() {
		j.env = append(j.env, config.Prefix+name+"="+strings.Repeat("k", 32))
	}
	j.keys("rotate")
	serve := exec.Command(j.binary, "serve") // #nosec G204 -- the binary under test
	serve.Env = j.env
	p := testserver.Start(j, serve)
	p.WaitReady(j, 30*time.Second, func() error {
		res, err := http.Get("http://" + ops + "/readyz") // #nosec G107 -- our own listener
		if err != nil {
			return err
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", res.StatusCode)
		}
		return nil
	})
}

func (j *journey) keys(args ...string) string {
	j.Helper()
	cmd := exec.Command(j.binary, append([]string{"keys"}, args...)...) // #nosec G204 -- the binary under test
	cmd.Env = j.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		j.Fatalf("keys %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (j *journey) startEngine(pg *testserver.Postgres, launch launcher) {
	j.Helper()
	database := pg.URLFor("hasura_engine_a", "journey")
	db, err := sql.Open("pgx", database)
	if err != nil {
		j.Fatal(err)
	}
	j.Cleanup(func() { _ = db.Close() })
	setting := fmt.Sprintf(`{"jwk_url":%q,"issuer":"hasura-login","audience":"hasura","allowed_skew":5}`, j.login+"/.well-known/jwks.json")
	jwt, err := auth.ParseJWT(setting)
	if err != nil {
		j.Fatal(err)
	}
	env := map[string]string{"LOGIN_URL": j.login, "ACTION_SECRET": strings.Repeat("k", 32)}
	w := &world{transcript: &transcript{Name: "journey"}, env: env, jwt: setting, cfg: standin.Config{
		Metadata: projectMetadata(j), Env: environment(env), DB: db, Dialect: standin.Postgres,
		AdminSecret: adminSecret, JWT: jwt, UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, KeyCycle: time.Second, Refetch: time.Second,
	}}
	j.hasura = launch(j, w, database)
}

// ask sends a GraphQL request and returns its data and the code of its first error.
func (j *journey) ask(token, query string, variables map[string]any) (data map[string]any, code string) {
	j.Helper()
	if token == "" {
		return j.askWith("", "", query, variables)
	}
	return j.askWith("Authorization", "Bearer "+token, query, variables)
}

// askWith is ask with a header.
func (j *journey) askWith(header, value, query string, variables map[string]any) (data map[string]any, code string) {
	j.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
	req, err := http.NewRequestWithContext(j.Context(), http.MethodPost, j.hasura+"/v1/graphql", strings.NewReader(string(body)))
	if err != nil {
		j.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if header != "" {
		req.Header.Set(header, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		j.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Data   map[string]any `json:"data"`
		Errors []struct {
			Extensions struct {
				Code string `json:"code"`
			} `json:"extensions"`
		} `json:"errors"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		j.differ("%s: no JSON: %v", query, err)
	}
	if len(answer.Errors) > 0 {
		code = answer.Errors[0].Extensions.Code
	}
	return answer.Data, code
}

const (
	journeyPassword = "correct horse staple"
	ownRow          = `{ users { id email } }`
)

// signIn returns a grant's fields.
func (j *journey) signIn(password string) (grant map[string]any, code string) {
	j.Helper()
	data, code := j.ask("", `query($e: String!, $p: String!) { signin(email: $e, password: $p) { id token refreshToken } }`, map[string]any{"e": j.email, "p": password})
	grant, _ = data["signin"].(map[string]any)
	return grant, code
}

func (j *journey) token() string {
	j.Helper()
	grant, code := j.signIn(journeyPassword)
	token, _ := grant["token"].(string)
	if token == "" {
		j.differ("no token from signin (%s)", code)
	}
	return token
}

func (j *journey) seesItself(token, how string) {
	j.Helper()
	// A key set that was just made is fetched in the background.
	for deadline := time.Now().Add(75 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		data, code := j.ask(token, ownRow, nil)
		rows, _ := data["users"].([]any)
		if len(rows) == 1 && strings.Contains(fmt.Sprint(rows[0]), j.email) {
			return
		}
		if time.Now().After(deadline) {
			j.differ("%s: rows %v, code %q, want the own row", how, rows, code)
			return
		}
	}
}

func (j *journey) isHealthy() {
	res, err := http.Get(j.hasura + "/healthz?strict=true") // #nosec G107 -- the engine under test
	if err != nil {
		j.differ("%v", err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		j.differ("/healthz?strict=true: %s", res.Status)
	}
	if data, code := j.ask("", `{ __type(name: "query_root") { fields { name } } }`, nil); code != "" || !strings.Contains(fmt.Sprint(data), "signin") {
		j.differ("the role public cannot sign in: %v, code %q", data, code)
	}
}

func (j *journey) opensToTheAdmin() {
	const header, all = "X-Hasura-Admin-Secret", `{ users(limit: 1) { id } }`
	if data, code := j.askWith(header, j.adminSecret, all, nil); data["users"] == nil || code != "" {
		j.differ("the admin secret: code %q", code)
	}
	if data, code := j.askWith(header, j.adminSecret+"x", all, nil); data["users"] != nil || code != "access-denied" {
		j.differ("a wrong admin secret: code %q, want access-denied", code)
	}
}

// deletesItself leaves a running installation as it was.
func (j *journey) deletesItself() {
	if _, code := j.ask(j.token(), `mutation($p: String!) { deleteAccount(password: $p) { ok } }`, map[string]any{"p": journeyPassword}); code != "" {
		j.differ("deleteAccount: %q", code)
	}
	if _, code := j.signIn(journeyPassword); code != "invalid-credentials" {
		j.differ("a sign-in to the account that is gone: %q", code)
	}
}

func (j *journey) signsIn() {
	_, code := j.ask("", `mutation($e: String!, $p: String!) { signup(email: $e, name: "Ann", password: $p) { id token } }`, map[string]any{"e": j.email, "p": journeyPassword})
	if code != "" {
		j.differ("signup: %s", code)
	}
	j.seesItself(j.token(), "signed in")
}

func (j *journey) refused() {
	if _, code := j.signIn("wrong password here"); code != "invalid-credentials" {
		j.differ("a wrong password: %q", code)
	}
	if _, code := j.ask("", `mutation($e: String!, $p: String!) { signup(email: $e, name: "Ann", password: $p) { id } }`, map[string]any{"e": j.email, "p": journeyPassword}); code != "email-taken" {
		j.differ("an address that is taken: %q", code)
	}
	if _, code := j.ask("", ownRow, nil); code != "validation-failed" {
		j.differ("the table without a token: %q", code)
	}
}

func (j *journey) webSockets() {
	token := j.token()
	for protocol, begin := range map[string]string{"graphql-transport-ws": "subscribe", "graphql-ws": "start"} {
		conn, _, err := websocket.Dial(j.Context(), strings.Replace(j.hasura, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{Subprotocols: []string{protocol}})
		if err != nil {
			j.differ("%s: %v", protocol, err)
			continue
		}
		send := func(message string) { _ = conn.Write(j.Context(), websocket.MessageText, []byte(message)) }
		send(fmt.Sprintf(`{"type":"connection_init","payload":{"headers":{"Authorization":"Bearer %s"}}}`, token))
		send(fmt.Sprintf(`{"id":"1","type":%q,"payload":{"query":"subscription %s"}}`, begin, ownRow))
		seen := ""
		for !strings.Contains(seen, j.email) {
			_, b, err := conn.Read(j.Context())
			if err != nil || strings.Contains(string(b), `"error"`) {
				j.differ("%s: %v %s", protocol, err, b)
				break
			}
			seen += string(b)
		}
		_ = conn.CloseNow()
	}
}

func (j *journey) badTokens() {
	for name, token := range map[string]string{
		"no token at all":       "abc",
		"ended":                 tokenFor(j, annID, map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "iss": "hasura-login", "aud": "hasura"}),
		"of a key nobody knows": tokenFor(j, annID, map[string]any{"iss": "hasura-login", "aud": "hasura"}),
	} {
		if data, code := j.ask(token, ownRow, nil); data["users"] != nil || code != "invalid-jwt" {
			j.differ("a token %s: %v, code %q, want invalid-jwt", name, data, code)
		}
	}
}

func (j *journey) signsOut() {
	grant, _ := j.signIn(journeyPassword)
	refresh := map[string]any{"r": grant["refreshToken"]}
	if _, code := j.ask("", `mutation($r: String!) { signout(refreshToken: $r) { ok } }`, refresh); code != "" {
		j.differ("signout: %q", code)
	}
	if _, code := j.ask("", `mutation($r: String!) { refresh(refreshToken: $r) { token } }`, refresh); code != "invalid-refresh-token" {
		j.differ("a refresh after signing out: %q", code)
	}
}

// rotatesTheKey publishes a key that signs at once, as if the ring had leaked: an engine
// that has not polled yet refuses its tokens, and takes them after a poll.
func (j *journey) rotatesTheKey() {
	before := j.token()
	j.keys("rotate", "--publish-ahead", "0s")
	time.Sleep(1500 * time.Millisecond) // login looks at its ring every second
	j.seesItself(j.token(), "a token of the new key")
	if data, code := j.ask(before, ownRow, nil); data["users"] == nil {
		j.differ("a token of the key before: %q", code)
	}
}
