package edgelog_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hasura-login/app/metrics/edgelog"
	"hasura-login/app/testserver"
)

func TestLine_CountsByRouteAndStatus(t *testing.T) {
	tests := map[string]struct {
		line string
		want []string
	}{
		"a sign-in that login answered": {
			`{"path":"/auth/signin","status":200,"seconds":0.080,"limit":"PASSED","connection_limit":"PASSED","upstream_status":"200"}`,
			[]string{`edge_requests_total{route="signin",status="2xx"} 1`, `edge_request_seconds_count{route="signin"} 1`},
		},
		"an engine that fails": {
			`{"path":"/v1/graphql","status":502,"seconds":0.1,"upstream_status":"502"}`,
			[]string{`edge_requests_total{route="graphql",status="5xx"} 1`},
		},
		"refused by nginx: no time of a service": {
			`{"path":"/auth/refresh","status":429,"seconds":0.000,"limit":"REJECTED","connection_limit":"PASSED","upstream_status":""}`,
			[]string{
				`edge_requests_total{route="refresh",status="4xx"} 1`, `edge_refused_total{kind="requests"} 1`,
				`edge_refused_total{kind="connections"} 0`, `edge_request_seconds_count{route="refresh"} 0`,
			},
		},
		"too many connections": {
			`{"path":"/","status":429,"seconds":0,"limit":"PASSED","connection_limit":"REJECTED","upstream_status":""}`,
			[]string{`edge_refused_total{kind="connections"} 1`, `edge_requests_total{route="other",status="4xx"} 1`},
		},
		"a WebSocket that lived an hour": {
			`{"path":"/v1/graphql","status":101,"seconds":3600.1,"upstream_status":"101"}`,
			[]string{
				`edge_requests_total{route="websocket",status="1xx"} 1`, `edge_request_seconds_count{route="websocket"} 0`,
				`edge_request_seconds_count{route="graphql"} 0`,
			},
		},
		"another route of login": {
			`{"path":"/auth/sessions/0f8fad5b","status":204,"seconds":0.01,"upstream_status":"204"}`,
			[]string{`edge_requests_total{route="auth",status="2xx"} 1`},
		},
		"a path that plays at being the rest of the line": {
			`{"path":"/x\",\"status\":500,\"limit\":\"REJECTED","status":404,"seconds":0,"limit":"PASSED","upstream_status":""}`,
			[]string{`edge_requests_total{route="other",status="4xx"} 1`, `edge_refused_total{kind="requests"} 0`},
		},
		"no JSON":            {`GET / HTTP/1.1`, []string{`edge_log_malformed_total 1`}},
		"cut off":            {`{"path":"/auth/signin","sta`, []string{`edge_log_malformed_total 1`}},
		"no status of HTTP":  {`{"path":"/auth/signin","status":0}`, []string{`edge_log_malformed_total 1`}},
		"a status too large": {`{"path":"/auth/signin","status":600}`, []string{`edge_log_malformed_total 1`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := edgelog.New()
			c.Line([]byte(test.line))
			body := scrape(c)
			for _, line := range test.want {
				if !strings.Contains(body, line+"\n") {
					t.Errorf("the scrape lacks %s", line)
				}
			}
		})
	}
}

func TestLine_NoPathAddsALine(t *testing.T) {
	c := edgelog.New()
	before := strings.Count(scrape(c), "\n")
	for i := range 10_000 {
		c.Line(fmt.Appendf(nil, `{"path":"/%d","status":%d,"seconds":1,"limit":"%d","upstream_status":"%d"}`, i, i, i, i))
	}
	if after := strings.Count(scrape(c), "\n"); after != before {
		t.Errorf("a scrape had %d lines and has %d", before, after)
	}
}

// The log format is nginx's own file, so that a change of it shows here.
func TestRun_CountsWhatARealNginxLogs(t *testing.T) {
	dir := testserver.TempDir(t)
	base := startNginx(t, dir)
	log := filepath.Join(dir, "access.log")
	get(t, base+"/auth/signin")        // before anybody follows: not counted
	for size := int64(0); size == 0; { // nginx answers first, then logs
		if info, err := os.Stat(log); err == nil {
			size = info.Size()
		}
	}
	metrics := run(t, log)

	get(t, base+"/auth/signin")
	get(t, base+"/auth/signin?password=secret")
	get(t, base+"/v1/graphql") // not found
	get(t, base+"/v1/graphql") // refused: one a minute
	eventually(t, metrics, `edge_requests_total{route="signin",status="2xx"} 2`)
	eventually(t, metrics, `edge_requests_total{route="graphql",status="4xx"} 2`)
	eventually(t, metrics, `edge_refused_total{kind="requests"} 1`)
	eventually(t, metrics, `edge_log_malformed_total 0`)

	// The file is emptied while nginx goes on writing to it.
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	get(t, base+"/auth/signup")
	eventually(t, metrics, `edge_requests_total{route="signup",status="2xx"} 1`)
	eventually(t, metrics, `edge_log_malformed_total 0`)
}

func TestRun_FollowsAFileThatComesLaterAndIsReplaced(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.log")
	metrics := run(t, log)
	const line = `{"path":"/auth/refresh","status":200,"seconds":0.01,"upstream_status":"200"}`

	write := func(text string) {
		file, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write(line + "\n" + line[:20])
	eventually(t, metrics, `edge_requests_total{route="refresh",status="2xx"} 1`)
	write(line[20:] + "\n")
	eventually(t, metrics, `edge_requests_total{route="refresh",status="2xx"} 2`)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(strings.Repeat(line+"\n", 3000)) // more than one read
	eventually(t, metrics, `edge_requests_total{route="refresh",status="2xx"} 3002`)
	eventually(t, metrics, `edge_log_malformed_total 0`)
}

// run starts Run and returns where its metrics are.
func run(t *testing.T, log string) (metrics string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- edgelog.Run(ctx, log, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
	metrics = "http://" + l.Addr().String() + "/metrics"
	eventually(t, metrics, "edge_log_malformed_total 0") // answers: it has skipped what was there
	return metrics
}

func startNginx(t *testing.T, dir string) (base string) {
	t.Helper()
	port := testserver.FreePort(t)
	config := filepath.Join(dir, "nginx.conf")
	// No prefix of an operator's.
	if err := os.WriteFile(filepath.Join(dir, "nat64.conf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`daemon off; pid %[1]s/nginx.pid; error_log stderr; worker_processes 1;
events {}
http {
	%[2]s
	%[3]s
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	limit_req_zone $server_port zone=one:32k rate=1r/m;
	limit_req_status 429;
	root %[1]s;
	server {
		listen 127.0.0.1:%[4]d;
		location / { return 204; }
		location = /v1/graphql { limit_req zone=one; try_files /nothing =404; }
	}
}`, dir, settings(t, "client.conf", "/run/nginx/site/", dir), settings(t, "log.conf", "/var/log/edge/", dir), port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := testserver.Start(t, exec.Command(testserver.Binary(t, "nginx", "nginx"), "-c", config, "-p", dir)) // #nosec G204
	server.WaitReady(t, 10*time.Second, func() error { return testserver.Dial(testserver.Addr(port)) })
	return "http://" + testserver.Addr(port)
}

// settings are the product's own, with one folder's files in that of the test.
func settings(t *testing.T, name, folder, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "nginx/http", name))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), folder) {
		t.Fatalf("nginx/http/%s names no file in %s", name, folder)
	}
	return strings.ReplaceAll(string(text), folder, dir+"/")
}

func get(t *testing.T, url string) {
	t.Helper()
	answer, err := http.Get(url) // #nosec G107 -- loopback
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}

// eventually waits until a scrape has the line.
func eventually(t *testing.T, metrics, line string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		answer, err := http.Get(metrics) // #nosec G107 -- loopback
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), line+"\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a scrape never had %s, but\n%s", line, grep(string(body), " [1-9]"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// grep returns the lines of edge_ counters that are not zero.
func grep(body, pattern string) string {
	return strings.Join(regexp.MustCompile(`(?m)^edge_[a-z_]*total.*`+pattern+`.*$`).FindAllString(body, -1), "\n")
}

func scrape(c *edgelog.Counter) string {
	answer := httptest.NewRecorder()
	c.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}
