package monitoring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hasura-login/app/cmd"
	"hasura-login/app/testserver"
	"hasura-login/dev/devstack"
)

// docs/logs.md promises: the request id of an answer leads to one line of nginx, one of
// login and the audit event, over REST and over Hasura, and none of them holds anything
// that the person typed.
func TestLogs_OneIdLeadsThroughAFailedSignIn(t *testing.T) {
	const address, password = "eve.private@example.org", "not the right password"
	api, graphql, _, log, data := runService(t)
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
			audit := findLine(t, func() string { return trail(t, data, "--json", "--request", id) }, "id", id, "event", "refused")
			if audit["reason"] != "invalid-credentials" || audit["client"] != request["client"] {
				t.Errorf("the audit event is %v", audit)
			}
			followAsDocumented(t, id, test.path, logFiles(t, nginx, log, id, data))
		})
	}
	everything := log.String() + trail(t, data, "--json") + string(bytes.Join(nginx.AccessLog(t, 2), []byte("\n")))
	for _, secret := range []string{address, password, "eve.private", "right password"} {
		if strings.Contains(everything, secret) {
			t.Errorf("a log holds %q", secret)
		}
	}
}

// trail is the output of the verb audit.
func trail(t *testing.T, data string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	code := devstack.Main(t.Context(), append([]string{"--data", data, "audit"}, args...), cmd.Environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
	if code != 0 {
		t.Fatal(out.String())
	}
	return out.String()
}

// logFiles are each service's log as docker compose prints it. Hasura's lines have
// their own form: a request, and an operation over a WebSocket.
func logFiles(t *testing.T, nginx *testserver.Nginx, login *testserver.Output, id, data string) (dir string) {
	t.Helper()
	dir = testserver.TempDir(t)
	writeFile(t, filepath.Join(dir, "nginx"), string(bytes.Join(nginx.AccessLog(t, 1), []byte("\n")))+"\nnot JSON\n")
	writeFile(t, filepath.Join(dir, "login"), login.String()+"not JSON\n")
	writeFile(t, filepath.Join(dir, "audit"), trail(t, data, "--json", "--request", id))
	writeFile(t, filepath.Join(dir, "hasura"), `{"type":"startup","detail":"text"}
{"type":"http-log","level":"error","detail":{"request_id":"`+id+`","operation":{"error":{"code":"invalid-credentials"}},"http_info":{"status":200,"url":"/v1/graphql"}}}
{"type":"websocket-log","level":"info","detail":{"event":{"type":"operation","detail":{"request_id":"`+id+`"}}}}
{"type":"websocket-log","level":"info","detail":{"event":{"type":"accepted"}}}
`)
	return dir
}

// followAsDocumented runs the lines that docs/logs.md tells an operator to paste.
func followAsDocumented(t *testing.T, id, path, logs string) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, filepath.Join(testserver.RepoRoot(t), "docs/logs.md")), "\n## Follow one failed sign-in\n")
	_, lines, _ := strings.Cut(section, "```sh\n")
	lines, _, _ = strings.Cut(lines, "```")
	printed := paste(t, regexp.MustCompile(`(?m)^id=.*$`).ReplaceAllString(lines, "id="+id), logs)
	for _, want := range []string{`"request_id":"` + id + `"`, `"path":"` + path + `"`, `"type":"http-log"`, `"type":"websocket-log"`, `"msg":"request"`, `"event":"refused"`} {
		if !strings.Contains(printed, want) {
			t.Errorf("what docs/logs.md says does not print %s:\n%s", want, printed)
		}
	}
	if n := strings.Count(printed, "\n"); n != 5 {
		t.Errorf("it prints %d lines, not one of nginx and two each of Hasura and of login and its trail:\n%s", n, printed)
	}
}

// paste runs lines in a shell whose docker has only the logs and the audit trail, and
// fails if any program writes to stderr.
func paste(t *testing.T, lines, logs string) string {
	t.Helper()
	bin := testserver.TempDir(t)
	docker := filepath.Join(bin, "docker")
	writeFile(t, docker, "#!/bin/bash\ncase $2 in\n  logs) cat \"${LOGS}/${!#}\" ;;\n  exec) [[ $* != *' /hasura-login audit '* ]] || cat \"${LOGS}/audit\" ;;\nesac\n")
	if err := os.Chmod(docker, 0o700); err != nil { // #nosec G302 -- a program
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", lines) // #nosec G204 -- of the project's own documents
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "LOGS="+logs)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) { // grep that finds nothing is no fault
		t.Fatal(err)
	}
	if complaints.Len() > 0 {
		t.Errorf("%s\nends with %s", lines, complaints.String())
	}
	return out.String()
}

// Every line of the documents that reads a log is one that a shell, jq and the
// rest take as it stands.
func TestDocs_LinesOverLogsWork(t *testing.T) {
	testserver.Binary(t, "jq", "jq")
	root := testserver.RepoRoot(t)
	logs := testserver.TempDir(t)
	for _, service := range []string{"nginx", "hasura", "login"} {
		writeFile(t, filepath.Join(logs, service), "not JSON\n{\"msg\":\"request\"}\n")
	}
	writeFile(t, filepath.Join(logs, "audit"), `{"event":"throttled","scope":"client","client":"192.0.2.7/32","count":3}`+"\n")
	line := regexp.MustCompile("(?m)^docker compose (logs|exec .* audit) .*\\| *jq.*$|`(docker compose (logs|exec [^`]* audit) [^`]*\\| *jq[^`]*)`")
	found := 0
	for _, path := range append(glob(t, "docs/*.md"), glob(t, "docs/runbooks/*.md")...) {
		for _, m := range line.FindAllStringSubmatch(read(t, path), -1) {
			found++
			command := strings.ReplaceAll(strings.Trim(m[0], "`"), "/var/log/", logs+"/")
			t.Run(strings.TrimPrefix(path, root+"/"), func(t *testing.T) { paste(t, "id=x\n"+command, logs) })
		}
	}
	if found < 10 {
		t.Errorf("only %d lines were found", found)
	}
}

func TestDocs_NameEveryAuditEvent(t *testing.T) {
	root := testserver.RepoRoot(t)
	text := read(t, filepath.Join(root, "docs/logs.md"))
	for _, m := range regexp.MustCompile(`EventName = "([a-z-]+)"`).FindAllStringSubmatch(read(t, filepath.Join(root, "app/login/audit.go")), -1) {
		if !strings.Contains(text, "`"+m[1]+"`") {
			t.Errorf("docs/logs.md does not name the event %s", m[1])
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
