package edgelog_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
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
		"with the header of syslog": {
			`<190>Nov 24 20:05:07 nginx: {"path":"/v1/graphql","status":502,"seconds":0.1,"upstream_status":"502"}`,
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
func TestServe_CountsWhatARealNginxLogs(t *testing.T) {
	dir := testserver.TempDir(t)
	socket := filepath.Join(dir, "log.sock")
	startNginx(t, dir, socket, testserver.FreePort(t), func(base string) {
		first := edgelog.New()
		conn, err := edgelog.Listen(socket)
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- first.Serve(conn) }()

		get(t, base+"/auth/signin")
		get(t, base+"/auth/signin?password=secret")
		get(t, base+"/v1/graphql")
		eventually(t, first, `edge_requests_total{route="signin",status="2xx"} 2`)
		eventually(t, first, `edge_requests_total{route="graphql",status="4xx"} 1`)
		eventually(t, first, `edge_refused_total{kind="requests"} 1`)
		eventually(t, first, `edge_log_malformed_total 0`)

		// It is restarted; nginx is not.
		_ = conn.Close()
		if err := <-served; err != nil {
			t.Errorf("Serve ended with %v", err)
		}
		get(t, base+"/healthz") // lost, and answered all the same
		second := edgelog.New()
		again, err := edgelog.Listen(socket)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		go func() { _ = second.Serve(again) }()
		get(t, base+"/auth/signin")
		eventually(t, second, `edge_requests_total{route="signin",status="2xx"} 1`)
	})
}

// startNginx runs nginx with the product's log format and a line to the socket.
// The second request for GraphQL in a minute, its own first included, is refused.
func startNginx(t *testing.T, dir, socket string, port int, use func(base string)) {
	t.Helper()
	http := filepath.Join(testserver.RepoRoot(t), "nginx/http")
	config := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; pid %[1]s/nginx.pid; error_log stderr; worker_processes 1;
events {}
http {
	include %[2]s/client.conf;
	include %[2]s/log.conf;
	access_log syslog:server=unix:%[3]s,nohostname,tag=nginx json;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	limit_req_zone $server_port zone=one:32k rate=1r/m;
	limit_req_status 429;
	root %[1]s;
	server {
		listen 127.0.0.1:%[4]d;
		location / { return 204; }
		location = /v1/graphql { limit_req zone=one; try_files /nothing =404; }
		location = /warm-up { limit_req zone=one; try_files /nothing =404; }
	}
}`, dir, http, socket, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := testserver.Start(t, exec.Command(testserver.Binary(t, "nginx", "nginx"), "-c", config, "-p", dir)) // #nosec G204
	base := "http://" + testserver.Addr(port)
	server.WaitReady(t, 10*time.Second, func() error { return testserver.Dial(testserver.Addr(port)) })
	get(t, base+"/warm-up")
	use(base)
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
func eventually(t *testing.T, c *edgelog.Counter, line string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(scrape(c), line+"\n") {
		if time.Now().After(deadline) {
			t.Fatalf("the scrape never had %s", line)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func scrape(c *edgelog.Counter) string {
	answer := httptest.NewRecorder()
	c.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	return answer.Body.String()
}
