package e2e_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// startInto starts a service whose log goes into a pipe.
func (s *stack) startInto(stdout *os.File) *loginProcess {
	s.t.Helper()
	p := &loginProcess{api: testserver.Addr(testserver.FreePort(s.t)), ops: testserver.Addr(testserver.FreePort(s.t))}
	cmd := exec.Command(binary, "serve")
	cmd.Env = s.env(map[string]string{"LOGIN_LISTEN": p.api, "LOGIN_OPS_LISTEN": p.ops, "LOGIN_SHUTDOWN_GRACE": "5s"})
	cmd.Stdout = stdout
	p.Process = testserver.StartQuiet(s.t, cmd)
	p.WaitReady(s.t, 20*time.Second, func() error { return ok("http://" + p.ops + "/readyz") })
	return p
}

func (s *stack) body(url string) (int, string) {
	s.t.Helper()
	answer, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	check(s.t, err)
	return answer.StatusCode, string(b)
}

// serves has the process answer what users and Hasura need.
func (s *stack) serves(p *loginProcess) {
	s.t.Helper()
	c := s.direct("192.0.2.9")
	c.base = "http://" + p.api
	if r := c.rest("POST", "/auth/signin", map[string]any{"email": "ann@example.org", "password": goodPassword}); r.status != http.StatusOK {
		s.t.Errorf("a sign-in: %d %s", r.status, r.body)
	}
	for _, path := range []string{"/.well-known/jwks.json", "/healthz"} {
		if status, text := s.body("http://" + p.api + path); status != http.StatusOK {
			s.t.Errorf("%s: %d %s", path, status, text)
		}
	}
}

// endsInTime stops a process as the container engine does.
func (s *stack) endsInTime(p *loginProcess) {
	s.t.Helper()
	check(s.t, p.Signal(syscall.SIGTERM))
	select {
	case <-p.Done():
		if code := p.ExitCode(); code != 0 {
			s.t.Errorf("it ended with %d", code)
		}
	case <-time.After(12 * time.Second):
		s.t.Error("it does not end")
		p.Kill()
	}
}

// Public reports (moby/moby#22502): a container hangs when the engine stops reading
// its log, and everything that logs before it answers hangs with it.
func TestLog_APipeThatNobodyReadsStopsNothing(t *testing.T) {
	s := start(t, options{})
	s.direct("192.0.2.8").restGrant("POST", "/auth/signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword})
	read, write, err := os.Pipe()
	check(t, err)
	defer read.Close()
	p := s.startInto(write)
	check(t, write.Close())
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	dropped := regexp.MustCompile(`(?m)^login_log_dropped_total [1-9]`)
	for i := range 20_000 { // lines of more than pipe and buffer hold
		answer, err := client.Get("http://" + p.api + "/none")
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if i%500 == 0 {
			if _, text := s.body("http://" + p.ops + "/metrics"); dropped.MatchString(text) {
				break
			}
		}
	}
	if _, text := s.body("http://" + p.ops + "/metrics"); !dropped.MatchString(text) {
		t.Error("no line is counted as dropped")
	}
	s.serves(p)
	if status, text := s.body("http://" + p.ops + "/readyz"); status != http.StatusOK || !strings.Contains(text, "nothing") {
		t.Errorf("readiness says %d %s", status, text)
	}
	s.endsInTime(p)
	if trail := s.run("audit", "--json", "--event", "signed-in", "--client", "192.0.2.9"); strings.Count(trail, "\n") != 1 {
		t.Errorf("the audit trail has %q", trail)
	}
}

// SIGPIPE ends a process that writes to a closed stdout, unless it is ignored.
func TestLog_AClosedStdoutEndsNothing(t *testing.T) {
	s := start(t, options{})
	s.direct("192.0.2.8").restGrant("POST", "/auth/signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword})
	read, write, err := os.Pipe()
	check(t, err)
	p := s.startInto(write)
	check(t, write.Close())
	check(t, read.Close())
	for range 3 {
		s.serves(p)
		time.Sleep(300 * time.Millisecond)
	}
	if status, text := s.body("http://" + p.ops + "/readyz"); status != http.StatusOK || !strings.Contains(text, "nothing") {
		t.Errorf("readiness says %d %s", status, text)
	}
	s.endsInTime(p)
}
