package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/httpapi"
	"hasura-login/app/login"
	"hasura-login/app/metrics"
)

var routes = append(httpapi.Routes(), httpapi.PageRoutes()...)

func TestScrape_NoFloodAddsALine(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	flood(m, "first", 0) // with the first call of each kind to the database
	before := seriesNames(scrape(t, m))
	for i := range 10_000 {
		flood(m, fmt.Sprintf("value-%d", i), i)
	}
	after := seriesNames(scrape(t, m))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("series changed (-before +after):\n%s", diff)
	}
}

func flood(m *metrics.Metrics, anything string, i int) {
	m.Attempt(login.Operation(anything), anything)
	m.Attempt(login.OpSignIn, anything)
	m.HTTPRequest("/"+anything, "GET", i, time.Duration(i))
	m.HTTPRequest("/auth/signin", anything, i%700, time.Duration(i))
	m.Throttled(anything)
	metrics.CountingAuditor(&recorded{}, m).Record(context.Background(), login.Event{Name: login.EventName(anything)})
	m.HashRefused(login.Operation(anything))
	m.Store("exchanging a refresh token", errors.New(anything), time.Duration(i))
}

func TestScrape_StaysSmall(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	for i := range 100_000 { // long numbers, as after a year
		m.HTTPRequest("/auth/signin", "POST", 200, time.Duration(i)*time.Microsecond)
		flood(m, "x", i)
	}
	start := time.Now()
	body := scrape(t, m)
	t.Logf("a scrape has %d bytes in %d lines and took %s", len(body), strings.Count(body, "\n"), time.Since(start))
	// The number of use cases, and nothing that clients send, decides it.
	limit := 25_000 + 800*len(login.Operations())
	if len(body) > limit {
		t.Errorf("a scrape has %d bytes, more than %d", len(body), limit)
	}
}

func TestScrape_HasEveryLabelValueBeforeAnythingHappened(t *testing.T) {
	body := scrape(t, metrics.New("1.2.3", routes))
	var want []string
	for _, op := range login.Operations() {
		for _, result := range []string{"ok", "internal", "unavailable"} {
			want = append(want, fmt.Sprintf(`login_attempts_total{operation="%s",result="%s"} 0`, op, result))
		}
	}
	for _, s := range metrics.Scopes() {
		want = append(want, fmt.Sprintf(`login_throttled_total{scope="%s"} 0`, s))
	}
	for _, e := range []string{"started", "refreshed", "reused", "ended", "ended-all"} {
		want = append(want, fmt.Sprintf(`login_sessions_total{event="%s"} 0`, e))
	}
	for _, class := range []string{"2xx", "4xx", "5xx"} {
		want = append(want,
			fmt.Sprintf(`login_http_requests_total{interface="rest",status="%s"} 0`, class),
			fmt.Sprintf(`login_http_requests_total{interface="action",status="%s"} 0`, class),
			fmt.Sprintf(`login_http_requests_total{interface="page",status="%s"} 0`, class),
			fmt.Sprintf(`login_http_requests_total{interface="other",status="%s"} 0`, class))
	}
	want = append(want,
		`login_http_requests_total{interface="page",status="other"} 0`,
		`login_attempts_total{operation="signin",result="caller-gone"} 0`,
	)
	want = append(want,
		`login_key_state{state="pending"} 0`, `login_key_state{state="active"} 0`, `login_key_state{state="retired"} 0`,
		"login_key_active_age_seconds 0",
		"login_limiter_degraded 0", "login_hash_queue_length 0", "login_mail_queue_length 0", `login_mail_total{kind="reset-password",result="sent"} 0`, "login_hash_workers 0",
	)
	for _, line := range want {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the first scrape lacks %s", line)
		}
	}
}

func TestAttempt_EachErrorCodeOfAnOperationHasItsOwnSeries(t *testing.T) {
	// Results that only the HTTP layer or another operation has get no series.
	tests := map[login.Operation][]login.Code{
		login.OpSignIn:  {login.CodeInvalidCredentials, login.CodeAccountDisabled, login.CodeRateLimited, login.CodeOverloaded},
		login.OpSignUp:  {login.CodeEmailTaken, login.CodeSignupDisabled, login.CodeInvalidInput},
		login.OpRefresh: {login.CodeInvalidRefreshToken, login.CodeUnavailable},
		login.OpMe:      {login.CodeUnauthenticated},
	}
	for op, codes := range tests {
		for _, code := range codes {
			m := metrics.New("1.2.3", routes)
			m.Attempt(op, string(code))
			want := fmt.Sprintf(`login_attempts_total{operation="%s",result="%s"} 1`, op, code)
			if !strings.Contains(scrape(t, m), want+"\n") {
				t.Errorf("after %s of %s there is no %s", code, op, want)
			}
		}
	}
}

func TestCounting_UnlistedValuesAreOther(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	m.Attempt(login.OpSignIn, "no-such-code")
	m.Attempt("no-such-operation", "ok")
	m.HTTPRequest("/wp-login.php", "POST", 404, time.Second)
	m.HTTPRequest("/auth/signin", "BREW", 405, time.Second)
	m.HTTPRequest("/auth/signin", "POST", 302, time.Second)
	body := scrape(t, m)
	for _, line := range []string{
		`login_attempts_total{operation="other",result="other"} 2`,
		`login_http_requests_total{interface="other",status="4xx"} 2`,
		`login_http_requests_total{interface="rest",status="other"} 1`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
}

func TestCounting_AllocatesNothing(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	allocations := testing.AllocsPerRun(1000, func() {
		m.HTTPRequest("/auth/signin", "POST", 200, time.Millisecond)
		m.HTTPRequest("/nowhere", "PUT", 404, time.Millisecond)
		m.Attempt(login.OpSignIn, "invalid-credentials")
		m.Store("exchanging a refresh token", nil, time.Millisecond)
		m.Throttled(metrics.ScopeClient)
	})
	if allocations != 0 {
		t.Errorf("counting allocates %v times", allocations)
	}
}

func TestGauges_TellTheStateAtTheScrape(t *testing.T) {
	m := metrics.New("1.2.3", routes)
	length := 7
	m.SetHashQueueLength(func() int { return length })
	m.SetHashWorkers(4)
	m.Degraded(true)
	m.SetTokensIssued(func(alg string) uint64 { return uint64(len(alg)) })
	m.Keys(func() metrics.KeyStates {
		return metrics.KeyStates{Pending: 1, Active: 1, Retired: 2, ActiveAge: time.Hour}
	})
	length = 9
	body := scrape(t, m)
	for _, line := range []string{
		"login_hash_queue_length 9", "login_hash_workers 4", "login_limiter_degraded 1",
		`login_tokens_issued_total{alg="EdDSA"} 5`, `login_tokens_issued_total{alg="RS256"} 5`,
		`login_key_state{state="retired"} 2`, "login_key_active_age_seconds 3600",
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("the scrape lacks %s", line)
		}
	}
	m.Degraded(false)
	if !strings.Contains(scrape(t, m), "login_limiter_degraded 0\n") {
		t.Error("the limiter stays degraded")
	}
}

func TestNew_RefusesARouteWithoutOperation(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took a route without an operation")
		}
	}()
	metrics.New("1.2.3", []string{"POST /auth/signin"})
}

func scrape(t testing.TB, m *metrics.Metrics) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 {
		t.Fatalf("scrape answered %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// seriesNames are the lines of a scrape without their values.
func seriesNames(body string) []string {
	var names []string
	for _, line := range strings.Split(body, "\n") {
		names = append(names, valueAtEnd.ReplaceAllString(line, ""))
	}
	slices.Sort(names)
	return names
}

var valueAtEnd = regexp.MustCompile(` [^ ]+$`)
