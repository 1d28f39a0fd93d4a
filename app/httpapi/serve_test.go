package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hasura-login/app/login"
)

func TestCORS_OnlyForListedOrigins(t *testing.T) {
	s := start(t)
	preflight := func(origin string) answer {
		return s.rest("OPTIONS", "/auth/signin", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	}
	if a := preflight("https://app.example.org"); a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.org" {
		t.Errorf("listed: %d %v", a.StatusCode, a.Header)
	}
	// A page with Sentry or OpenTelemetry asks for more headers: getsentry/sentry-javascript
	// and open-telemetry/opentelemetry-js have reports of preflights that such a page fails.
	tracing := "authorization,baggage,content-type,sentry-trace,traceparent,tracestate,x-b3-traceid"
	a := s.rest("OPTIONS", "/auth/refresh", "", "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", tracing)
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Headers") != tracing {
		t.Errorf("tracing headers: %d, allowed are %q", a.StatusCode, a.Header.Get("Access-Control-Allow-Headers"))
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.org.evil.example"} {
		if a := preflight(origin); a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is allowed: %v", origin, a.Header)
		}
		if a := s.rest("POST", "/auth/signin", `{}`, "Origin", origin); a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s may send cookies: %v", origin, a.Header)
		}
	}
	a = s.rest("POST", "/auth/signin", `{}`, "Origin", "https://app.example.org")
	if a.StatusCode != 400 || a.Header.Get("Access-Control-Allow-Origin") == "" || a.Header.Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("an error answer: %d %v", a.StatusCode, a.Header)
	}
}

func TestRequestID_OfTheEdgeIsKeptAndOthersAreReplaced(t *testing.T) {
	s := start(t)
	const given = "f3a1b2c4d5e6f708192a3b4c5d6e7f80"
	if got := s.rest("GET", "/healthz", "", "X-Request-Id", given).Header.Get("X-Request-Id"); got != given {
		t.Errorf("id %q, want the one given", got)
	}
	for _, bad := range []string{"short", strings.Repeat("a", 65), `with"quote-and-more`, "with blanks in it"} {
		if got := s.rest("GET", "/healthz", "", "X-Request-Id", bad).Header.Get("X-Request-Id"); got == bad || len(got) < 32 {
			t.Errorf("id %q after %q was given", got, bad)
		}
	}
}

func TestHealthz_SaysReadyOrNotAndNothingElse(t *testing.T) {
	s := start(t)
	s.ready = errors.New("secret detail")
	if a := s.rest("GET", "/healthz", ""); a.StatusCode != 503 || strings.Contains(string(a.body), "secret") {
		t.Errorf("not ready: %d %s", a.StatusCode, a.body)
	}
	s.ready = nil
	deadline := time.Now().Add(10 * time.Second)
	for s.rest("GET", "/healthz", "").StatusCode != 200 {
		if time.Now().After(deadline) {
			t.Fatal("never ready again")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestPanic_IsAnsweredAsJSONAndLoggedWithoutItsText(t *testing.T) {
	s := start(t, func(s *setup) { s.policy = panickingPolicy{} })
	body := fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q}`, goodPassword)
	if a := s.rest("POST", "/auth/signup", body); a.StatusCode != 500 || a.code() != "internal" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if log := s.log.String(); !strings.Contains(log, `"panic"`) || strings.Contains(log, goodPassword) {
		t.Errorf("log: %s", log)
	}
}

type panickingPolicy struct{}

func (panickingPolicy) Check(password string, _ ...string) error { panic("policy saw " + password) }

func TestLog_OneLineARequestAndNothingPrivate(t *testing.T) {
	s := start(t)
	g := s.signUp("ann@example.org")
	s.rest("POST", "/auth/signin", `{"email":"ann@example.org","password":"wrong password"}`)
	s.rest("POST", "/auth/refresh", fmt.Sprintf(`{"refreshToken":%q}`, g.RefreshToken))
	s.rest("GET", "/auth/me", "", "Authorization", bearer(g))
	s.rest("GET", "/auth/sessions/ann@example.org?token=abc", "")
	s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword}, nil)
	log := s.log.String()
	if n := strings.Count(log, `"msg":"request"`); n != 6 {
		t.Errorf("%d request lines, want 6:\n%s", n, log)
	}
	for _, private := range []string{"ann@", goodPassword, "wrong password", g.Token, g.RefreshToken, g.DeviceToken, actionSecret, "token=abc"} {
		if strings.Contains(log, private) {
			t.Errorf("the log holds %q", private)
		}
	}
}

// slowHasher lets the test hold a hash, and counts those that began.
type slowHasher struct {
	login.Hasher
	began   chan struct{}
	release chan struct{}
	hashes  atomic.Int64
}

func (h *slowHasher) Verify(ctx context.Context, w login.HashRequest, hash, password string) (bool, bool, error) {
	h.began <- struct{}{}
	<-h.release
	if ctx.Err() != nil {
		return false, false, login.ErrCallerGone
	}
	h.hashes.Add(1)
	return h.Hasher.Verify(ctx, w, hash, password)
}

func withSlowHasher(h *slowHasher) func(*setup) {
	h.began, h.release = make(chan struct{}, 100), make(chan struct{})
	return func(s *setup) {
		s.hasher = func(inner login.Hasher) login.Hasher { h.Hasher = inner; return h }
	}
}

func TestShutdown_AnswersWhatIsInFlight(t *testing.T) {
	h := &slowHasher{}
	s := start(t, withSlowHasher(h))
	s.signUp("ann@example.org")
	const inFlight = 20
	statuses := make(chan int, inFlight)
	var wg sync.WaitGroup
	for range inFlight {
		wg.Go(func() {
			resp, err := http.Post(s.url+"/auth/signin", "application/json", strings.NewReader(fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)))
			if err != nil {
				statuses <- 0
				return
			}
			defer resp.Body.Close()
			statuses <- resp.StatusCode
		})
	}
	for range inFlight {
		<-h.began
	}
	stopped := make(chan error, 1)
	s.api.Drain()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		stopped <- s.api.Shutdown(ctx)
	}()
	if err := <-s.served; err != nil { // no longer accepting
		t.Errorf("serving: %v", err)
	}
	close(h.release)
	wg.Wait()
	for range inFlight {
		if status := <-statuses; status != 200 {
			t.Errorf("a request in flight got %d", status)
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func TestCallerGone_CostsNoHash(t *testing.T) {
	h := &slowHasher{}
	s := start(t, withSlowHasher(h))
	s.signUp("ann@example.org")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	check(t, err)
	body := `{"email":"ann@example.org","password":"whatever it is"}`
	_, err = fmt.Fprintf(conn, "POST /auth/signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	check(t, err)
	<-h.began
	check(t, conn.Close())
	time.Sleep(50 * time.Millisecond) // the FIN crosses the loopback
	close(h.release)
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(s.log.String(), `"route":"/auth/signin"`) {
		if time.Now().After(deadline) {
			t.Fatal("the request was never finished")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := h.hashes.Load(); n != 0 {
		t.Errorf("%d hashes for a caller that had left", n)
	}
}

func TestKeepAlive_EndsWhileDraining(t *testing.T) {
	s := start(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	check(t, err)
	defer conn.Close()
	s.api.Drain()
	_, err = fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	check(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != 200 || !resp.Close {
		t.Errorf("status %d, close %t", resp.StatusCode, resp.Close)
	}
}
