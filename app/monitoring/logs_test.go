package monitoring_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// As docs/logs.md promises: the id that a client is told leads to one line of
// nginx, one of login and the audit event, on either way, and none of them holds
// what the person typed.
func TestLogs_OneIdLeadsThroughAFailedSignIn(t *testing.T) {
	const address, password = "eve.private@example.org", "not the right password"
	api, graphql, _, log := runService(t)
	nginx := testserver.StartNginx(t, testserver.NginxSettings{Login: api, Hasura: graphql})
	tests := map[string]struct{ path, body, route string }{
		"REST":    {"/auth/signin", `{"email":"` + address + `","password":"` + password + `"}`, "/auth/signin"},
		"GraphQL": {"/v1/graphql", `{"query":"{ signin(email: \"` + address + `\", password: \"` + password + `\") { id } }"}`, "/actions/signin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			answer, err := http.Post(nginx.URL(test.path), "application/json", strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var body bytes.Buffer
			if _, err := body.ReadFrom(answer.Body); err != nil {
				t.Fatal(err)
			}
			id := answer.Header.Get("X-Request-Id")
			if len(id) != 32 || !strings.Contains(body.String(), `"requestId":"`+id+`"`) {
				t.Fatalf("the client was told the id %q and the body %s", id, body.String())
			}
			atNginx := findLine(t, func() string { return string(bytes.Join(nginx.AccessLog(t, 1), []byte("\n"))) }, "request_id", id, "path", test.path)
			t.Logf("nginx: %v", atNginx)
			request := findLine(t, log.String, "id", id, "msg", "request")
			if request["route"] != test.route || request["code"] != "invalid-credentials" {
				t.Errorf("login's line is %v", request)
			}
			audit := findLine(t, log.String, "id", id, "log", "audit")
			if audit["msg"] != "refused" || audit["reason"] != "invalid-credentials" || audit["client"] != request["client"] {
				t.Errorf("the audit event is %v", audit)
			}
		})
	}
	everything := log.String() + string(bytes.Join(nginx.AccessLog(t, 2), []byte("\n")))
	for _, secret := range []string{address, password, "eve.private", "right password"} {
		if strings.Contains(everything, secret) {
			t.Errorf("a log holds %q", secret)
		}
	}
}

// findLine waits for a JSON line with two fields: logs are written a moment
// after the answer.
func findLine(t *testing.T, log func() string, field1, value1, field2, value2 string) map[string]any {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for line := range strings.Lines(log()) {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && fields[field1] == value1 && fields[field2] == value2 {
				return fields
			}
		}
	}
	t.Fatalf("no line has %s %s and %s %s in\n%s", field1, value1, field2, value2, log())
	return nil
}
