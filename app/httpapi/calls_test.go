package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hasura-login/app/throttle"
)

// line is one line of the log.
type line struct {
	Msg, Log, Code, Client string
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
			if n := count(lines, func(l line) bool { return l.Log == "audit" }); n != 10 {
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

// Beyond a limit of login each refusal was an audit event, and strangers could turn
// over the audit trail by that alone. Now the first of a window is one.
func TestAudit_ALimitThatGoesOnRefusingIsOneEvent(t *testing.T) {
	s := start(t, func(c *setup) {
		c.limits = throttle.Limits{SignInClient: parsed(t, "3-D"), SignUpClient: parsed(t, "2-D")}
	})
	for i := range 50 {
		s.rest("POST", "/auth/signin", fmt.Sprintf(`{"email":"u%d@example.org","password":"a guess"}`, i))
		s.rest("POST", "/auth/signup", fmt.Sprintf(`{"email":"u%d@example.org","name":"Ann","password":%q}`, i, goodPassword))
	}
	if n := count(s.lines(), func(l line) bool { return l.Msg == "throttled" }); n != 2 {
		t.Errorf("%d events for two limits that refused, want 2", n)
	}
}

func parsed(t *testing.T, limit string) throttle.Limit {
	l, err := throttle.ParseLimit("LIMIT", limit)
	check(t, err)
	return l
}
