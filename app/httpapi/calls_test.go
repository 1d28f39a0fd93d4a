package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
)

// line is one line of the log.
type line struct {
	Msg, Code, Client string
}

func (s *server) lines() (lines []line) {
	s.t.Helper()
	for text := range strings.Lines(s.log.String()) {
		var l line
		check(s.t, json.Unmarshal([]byte(text), &l))
		if !strings.Contains(text, `"level":"debug"`) { // the harness writes those too
			lines = append(lines, l)
		}
	}
	return lines
}

func count(lines []line, is func(line) bool) (n int) {
	for _, l := range lines {
		if is(l) {
			n++
		}
	}
	return n
}

// A document of some hundred bytes calls an action under a thousand names, and each
// call wrote a line and an audit event: enough of them turned over all the log that
// the container engine keeps. Known from engines without a limit on aliases
// (GraphQL "alias overloading").
func TestAction_OneRequestCausesNoMoreThanTenAndElevenLines(t *testing.T) {
	for name, headers := range map[string][]string{
		"over HTTP":                    {"X-Request-Id", "0123456789abcdef0123456789abcdef", "X-Edge-Secret", edgeSecret, "X-Real-Ip", "198.51.100.4"},
		"over a WebSocket":             {"X-Request-Id", "5b0ebbdb-1b1c-4bbf-b8f0-0f3dc0e7d0b4"},
		"with an id and a false claim": {"X-Request-Id", "0123456789abcdef0123456789abcdef", "X-Edge-Secret", "guess", "X-Real-Ip", "198.51.100.4"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			call := func(i int, headers []string) answer {
				body := fmt.Sprintf(`{"action":{"name":"signin"},"input":{"email":"u%d@example.org","password":"a guess"},"session_variables":{"x-hasura-role":"public"}}`, i)
				return s.rest("POST", "/actions/signin", body, append([]string{"X-Hasura-Action-Secret", actionSecret}, headers...)...)
			}
			codes := map[string]int{}
			for i := range 100 {
				codes[call(i, headers).code()]++
			}
			if codes["invalid-credentials"] != 10 || codes["rate-limited"] != 90 {
				t.Errorf("got %v, want 10 that were tried and 90 refused", codes)
			}
			lines := s.lines()
			if n := len(s.audited("")); n != 10 {
				t.Errorf("%d audit events, want one for each that was tried", n)
			}
			if n := count(lines, func(l line) bool { return l.Msg == "request" }); n != 11 {
				t.Errorf("%d request lines, want 11: a refusal is told once", n)
			}
			if n := count(lines, func(l line) bool { return l.Code == "rate-limited" && l.Client != "" }); n != 1 {
				t.Error("the line of the refusal does not name its client")
			}
			other := append([]string{"X-Request-Id", "another-request"}, headers[2:]...)
			if got := call(0, other).code(); got != "invalid-credentials" {
				t.Errorf("another request: %s", got)
			}
		})
	}
}

// Each refusal was an audit event that said neither whose account was tried nor which
// limit refused, and strangers could turn over the audit trail by being refused.
func TestAudit_AttemptsBeyondALimitAreOneEventThatSaysWhoseAndWhy(t *testing.T) {
	s := start(t, func(c *setup) {
		limit, err := ratelimit.ParseLimit("LIMIT", "3-D")
		check(t, err)
		c.limits = ratelimit.Limits{SignInAccount: limit}
	})
	ann := s.signUp("ann@example.org")
	for range 50 {
		s.rest("POST", "/auth/signin", `{"email":"Ann@example.org","password":"a guess"}`)
	}
	s.trail.Close()
	total, events := 0, s.audited(login.EventThrottled)
	for _, e := range events {
		total += e.Count
		if e.User != ann.ID || e.Scope != "account" || e.Reason != "rate-limited" || e.Operation != login.OpSignIn {
			t.Errorf("the event is %+v", e)
		}
	}
	if total != 47 || len(events) > 2 { // one a minute
		t.Errorf("%d attempts in %d events, want 47 in one", total, len(events))
	}
}
