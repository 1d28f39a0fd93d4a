package appliance_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

func TestAccessLog_IsOneJSONLineARequestWithoutAnythingSecret(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const secret = "do-not-log-me"
	a := g.do(t, "POST", g.URL("/auth/signin?token="+secret), `{"password":"`+secret+`"}`,
		"Authorization", "Bearer "+secret, "Cookie", "s="+secret, "X-Hasura-Admin-Secret", secret, "Referer", "https://x/?t="+secret,
		"User-Agent", "quote\" backslash\\ tab\t <script>")
	g.do(t, "GET", g.URL("/nothing%0Ainjected?q="+secret), "")
	lines := g.AccessLog(t, 2)
	if len(lines) != 2 {
		t.Fatalf("%d lines, not 2", len(lines))
	}
	if joined := bytes.Join(lines, nil); bytes.Contains(joined, []byte(secret)) {
		t.Errorf("a secret is in the log: %s", joined)
	}
	var line map[string]any
	if err := json.Unmarshal(lines[0], &line); err != nil {
		t.Fatalf("%v in %s", err, lines[0])
	}
	if _, err := time.Parse(time.RFC3339, line["time"].(string)); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]any{
		"request_id": a.Header.Get("X-Request-Id"), "client": "127.0.0.1", "method": "POST", "host": "127.0.0.1", "path": "/auth/signin",
		"protocol": "HTTP/1.1", "status": 200.0, "limit": "PASSED", "connection_limit": "PASSED",
		"upstream": g.login.address(), "upstream_status": "200", "user_agent": "quote\" backslash\\ tab\t <script>",
	} {
		if diff := cmp.Diff(want, line[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// app/metrics/edgelog, which counts the log's lines, relies on these names.
	names := slices.Sorted(maps.Keys(line))
	if want := []string{"answer_bytes", "client", "connection_limit", "host", "limit", "method", "path", "protocol", "request_bytes", "request_id", "seconds", "status", "time", "tls", "upstream", "upstream_seconds", "upstream_status", "user_agent"}; !slices.Equal(names, want) {
		t.Errorf("fields %v", names)
	}
}

func TestAccessLog_SaysWhatALimitRefused(t *testing.T) {
	g := newCrowdedGateway(t)
	g.hammer(t, 40, "POST", "/auth/signin", "2001:db8:1:2::9")
	refused := 0
	for _, raw := range g.AccessLog(t, 40) {
		var line struct {
			Status        int
			Limit, Client string
		}
		if err := json.Unmarshal(raw, &line); err != nil {
			t.Fatal(err)
		}
		if (line.Status == http.StatusTooManyRequests) != (line.Limit == "REJECTED") || line.Client != "2001:db8:1:2::/64" {
			t.Errorf("line %s", raw)
		}
		if line.Limit == "REJECTED" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	if strings.Contains(g.Output(), "limiting requests") {
		t.Error("the error log repeats what the access log says")
	}
}
