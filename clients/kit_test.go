// Package clients_test builds the packages of this folder, installs them as an app would,
// and runs them against the real service: in Node.js, and in Chromium behind the real
// gateway.
package clients_test

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/cmd"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

const (
	password   = "correct horse staple"
	edgeSecret = "edge-secret-of-the-test-0123456789"
)

// prepared installs what clients/js needs and builds it, once.
var prepared = sync.OnceValue(func() error {
	steps := [][]string{{"ci", "--silent", "--prefer-offline"}, {"run", "--silent", "build"}}
	if installed() {
		steps = steps[1:]
	}
	for _, args := range steps {
		cmd := exec.Command("npm", args...) // #nosec G204 -- as listed
		cmd.Dir = "js"
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm %s (Node.js 20.19 or newer is needed): %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
})

// installed reports whether node_modules matches the lock file.
func installed() bool {
	lock, err := os.Stat("js/package-lock.json")
	if err != nil {
		return false
	}
	done, err := os.Stat("js/node_modules/.package-lock.json")
	return err == nil && done.ModTime().After(lock.ModTime())
}

// prepare returns the folder of the package, built.
func prepare(t testing.TB) string {
	t.Helper()
	check(t, prepared())
	return "js"
}

// run runs a program to its end and returns its output.
func run(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...) // #nosec G204 -- the test's own programs
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// stack is login and the stand-in for Hasura, as make run starts them.
type stack struct {
	t            *testing.T
	api, graphql string // host:port
	data         string
	log          *testserver.Output
}

func startStack(t *testing.T, api, graphql string, args []string, vars ...string) *stack {
	t.Helper()
	s := &stack{t: t, api: api, graphql: graphql, data: t.TempDir(), log: &testserver.Output{}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() {
		done <- s.dev(ctx, vars, append(args, "--listen", s.api, "--graphql", s.graphql, "--ops", testserver.Addr(testserver.FreePort(t)))...)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != 0 {
			t.Errorf("the service ended with %d:\n%s", code, s.log)
		}
	})
	testserver.Eventually(t, "the service answers", func() bool {
		return testserver.Dial(s.api) == nil && testserver.Dial(s.graphql) == nil
	})
	return s
}

func (s *stack) dev(ctx context.Context, vars []string, args ...string) int {
	// Many tests share one client address.
	vars = append(vars, "LOGIN_LIMIT_SIGNIN_CLIENT=off", "LOGIN_LIMIT_SIGNUP_CLIENT=off", "LOGIN_LIMIT_REFRESH_SESSION=off")
	return devstack.Main(ctx, append(args, "--data", s.data), cmd.Environment{
		Stdin: strings.NewReader(""), Stdout: s.log, Stderr: s.log, Vars: vars, Version: "v0-test",
	})
}

// operator runs a command for the stack's data.
func (s *stack) operator(args ...string) {
	s.t.Helper()
	if code := s.dev(s.t.Context(), nil, args...); code != 0 {
		s.t.Fatalf("%v: %d\n%s", args, code, s.log)
	}
}

// gate stands between the gateway and login. It holds refreshes if a test wants that:
// before they reach login, or their answers.
type gate struct{ requests, answers valve }

// valve counts what passes, and is open unless it is held.
type valve struct {
	mu      sync.Mutex
	arrived int
	held    chan struct{}
}

// hold closes the valve. reached reports whether something waits before it.
func (v *valve) hold() (reached func() bool, release func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, held := v.arrived, make(chan struct{})
	v.held = held
	return func() bool { return v.count() > before }, sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.held = nil
		close(held)
	})
}

func (v *valve) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.arrived
}

func (v *valve) pass() {
	v.mu.Lock()
	v.arrived++
	held := v.held
	v.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (g *gate) serve(t *testing.T, login string) (addr string) {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: login})
	refresh := func(r *http.Request) bool { return r.URL.Path == "/auth/refresh" && r.Method == http.MethodPost }
	proxy.ModifyResponse = func(r *http.Response) error {
		if refresh(r.Request) {
			g.answers.pass()
		}
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refresh(r) {
			g.requests.pass()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// site is an app under https, with the gateway on another port of the same host.
type site struct {
	*stack
	*gate
	app     string // https://localhost:PORT of the app
	gateway string // https://localhost:PORT of everything else
}

// startSite serves the built app in dir, its pages rendered by its server at /ssr, and
// behind the gateway login and the stand-in.
func startSite(t *testing.T, dir string, vars ...string) *site {
	t.Helper()
	rendering := testserver.Addr(testserver.FreePort(t))
	app := &served{dir: filepath.Join(dir, "dist"), ssr: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: rendering})}
	server := httptest.NewTLSServer(app)
	t.Cleanup(server.Close)
	s := &site{gate: &gate{}, app: "https://localhost:" + port(server.Listener.Addr().String())}
	api, graphql := testserver.Addr(testserver.FreePort(t)), testserver.Addr(testserver.FreePort(t))
	gateway := testserver.StartNginx(t, testserver.NginxSettings{
		Entry: "tls", Names: "localhost", Login: s.serve(t, api), Hasura: graphql, EdgeSecret: edgeSecret, CORSOrigins: s.app,
	})
	s.gateway = fmt.Sprintf("https://localhost:%d", gateway.TLSPort)
	app.gateway = s.gateway
	node := exec.Command("node", "serve.mjs", port(rendering)) // #nosec G204 -- the test's own server
	node.Dir = dir
	node.Env = append(os.Environ(), "LOGIN_URL="+s.gateway, "NODE_TLS_REJECT_UNAUTHORIZED=0") // the gateway signs its own certificate here
	testserver.Start(t, node).WaitReady(t, 20*time.Second, func() error { return testserver.Dial(rendering) })
	s.stack = startStack(t, api, graphql, nil, append(vars,
		"LOGIN_EDGE_SECRET="+edgeSecret, "LOGIN_CORS_ORIGINS="+s.app, "LOGIN_PUBLIC_URL="+s.gateway, "LOGIN_APPS=web="+s.app+"/docs.html")...)
	return s
}

// placeholder stands for the gateway's address in the app that is built.
const placeholder = "https://login.invalid"

// served answers with the files of an app.
type served struct {
	dir, gateway string
	ssr          http.Handler
}

func (a *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ssr" {
		a.ssr.ServeHTTP(w, r)
		return
	}
	text, err := os.ReadFile(filepath.Join(a.dir, filepath.Clean(r.URL.Path))) // #nosec G304 -- below the test's folder
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(filepath.Ext(r.URL.Path)))
	_, _ = w.Write(bytes.ReplaceAll(text, []byte(placeholder), []byte(a.gateway)))
}

func port(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
