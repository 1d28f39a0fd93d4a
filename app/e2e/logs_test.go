package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// docs/logs.md promises: the audit trail has every event whose answer a client has got,
// even if the process is killed at the next moment, and no line is lost when the
// process is stopped.
func TestLogs_SurviveTheEndOfTheProcess(t *testing.T) {
	s := start(t, options{})
	c := s.direct("192.0.2.7")
	post := func(path string, body map[string]any) reply { return c.rest("POST", path, body) }
	credentials := map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword}
	answered := []string{post("/auth/signup", credentials).header.Get("X-Request-Id")}
	for range 3 {
		answered = append(answered, post("/auth/signin", map[string]any{"email": "ann@example.org", "password": "not it"}).header.Get("X-Request-Id"))
	}
	answered = append(answered, post("/auth/refresh", map[string]any{"refreshToken": "unknown"}).header.Get("X-Request-Id"))
	s.login.Kill()
	for _, id := range answered {
		if trail := s.run("audit", "--json", "--request", id); !strings.Contains(trail, `"event":"signed-up"`) && !strings.Contains(trail, `"event":"refused"`) {
			t.Errorf("of %s the killed process had written %q only", id, trail)
		}
	}

	s.login = s.startLoginAt(s.login.api, s.login.ops, nil)
	var g grant
	post("/auth/signin", map[string]any{"email": "ann@example.org", "password": goodPassword}).decode(t, &g)
	answered = nil
	for range 20 {
		r := post("/auth/refresh", map[string]any{"refreshToken": g.RefreshToken})
		r.decode(t, &g)
		answered = append(answered, r.header.Get("X-Request-Id"))
	}
	s.login.Stop()
	for _, id := range answered {
		msgs, trail := messagesOf(s.login.Output(), id), s.run("audit", "--json", "--request", id)
		if fmt.Sprint(msgs) != "[request]" || strings.Count(trail, `"event":"refreshed"`) != 1 {
			t.Errorf("of %s the stopped process had written %v and %q", id, msgs, trail)
		}
	}
}

// messagesOf lists the lines with a request's id.
func messagesOf(log, id string) []string {
	var found []string
	for line := range strings.Lines(log) {
		var fields struct{ ID, Msg string }
		if json.Unmarshal([]byte(line), &fields) == nil && fields.ID == id {
			found = append(found, fields.Msg)
		}
	}
	return found
}
