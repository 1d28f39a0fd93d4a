package monitoring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// site is an operator's folder: settings and secrets of the ways that alerts go.
type site struct{ root, telegram string }

// newSite writes .env and secrets/alertmanager.
func newSite(t *testing.T, env string, secrets map[string]string) *site {
	t.Helper()
	s := &site{root: testserver.TempDir(t), telegram: "https://api.telegram.org"}
	folder := filepath.Join(s.root, "secrets/alertmanager")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(testserver.RepoRoot(t), "ops"), filepath.Join(s.root, "ops")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.root, ".env"), env)
	for name, value := range secrets {
		writeFile(t, filepath.Join(folder, name), value)
	}
	return s
}

// run calls a function of the operator scripts.
func (s *site) run(t *testing.T, stdin string, environment []string, function ...string) (string, error) {
	t.Helper()
	lib := filepath.Join(testserver.RepoRoot(t), "scripts/lib/all.bash")
	cmd := exec.Command("bash", append([]string{"-c", `set -eEuo pipefail; source "$0"; "$@"`, lib}, function...)...) // #nosec G204 -- the project's own
	cmd.Env = append(append(os.Environ(), "HASURA_LOGIN_ROOT="+s.root, "HASURA_LOGIN_TELEGRAM="+s.telegram), environment...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.String(), nil
}

// config writes what Alertmanager reads, with this machine's paths.
func (s *site) config(t *testing.T) (path string) {
	t.Helper()
	text, err := s.run(t, "", nil, "alertmanager_config")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(s.root, "alertmanager.yml")
	writeFile(t, path, strings.NewReplacer(
		"/run/secrets/", filepath.Join(s.root, "secrets/alertmanager")+"/",
		"/etc/alertmanager/", filepath.Join(testserver.RepoRoot(t), "ops/alertmanager")+"/",
		"group_wait: 30s", "group_wait: 1s", "group_wait: 10s", "group_wait: 1s", "group_interval: 5m", "group_interval: 1s",
	).Replace(text))
	return path
}

// post is a request that a receiver got.
type post struct {
	path, body string
	header     http.Header
}

// inbox is a fake Slack, Telegram, ntfy, pager and dead man's switch in one.
type inbox struct {
	*httptest.Server
	mu    sync.Mutex
	posts []post
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	b := &inbox{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.posts = append(b.posts, post{r.URL.Path, string(body), r.Header})
		b.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/bot") {
			_, _ = io.WriteString(w, `{"ok":true,"result":{"message_id":1,"chat":{"id":-100},"date":1}}`)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}))
	t.Cleanup(b.Close)
	return b
}

// got waits for a post to path that holds every text.
func (b *inbox) got(t *testing.T, path string, texts ...string) (found post) {
	t.Helper()
	waitFor(t, 30*time.Second, func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, p := range b.posts {
			if p.path == path && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(p.body, text) }) {
				found = p
				return nil
			}
		}
		return fmt.Errorf("no post to %s with %q among %+v", path, texts, b.posts)
	})
	return found
}

func (b *inbox) paths() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var paths []string
	for _, p := range b.posts {
		paths = append(paths, p.path)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// everyWay is an operator who set up all that there is.
func everyWay(t *testing.T, mail *testserver.Mailpit, b *inbox) *site {
	t.Helper()
	s := newSite(t, fmt.Sprintf("SITE_NAMES=login.example.org\nALERT_MAIL_TO=ops@example.org, Ann <ann@example.org>\n"+
		"ALERT_MAIL_FROM=Hasura Login <alerts@example.org>\nALERT_MAIL_SERVER=127.0.0.1:%d\nALERT_MAIL_USER=%s\nALERT_TELEGRAM_CHAT=-100\n", mail.Port, mail.User),
		map[string]string{
			"smtp_password": mail.Password, "slack_url": b.URL + "/slack", "telegram_token": "12:token", "ntfy_url": b.URL + "/topic", "ntfy_token": "tk_ntfy",
			"webhook_url": b.URL + "/pager", "webhook_token": "tk_pager", "dead_man_url": b.URL + "/dead-man",
		})
	s.telegram = b.URL
	return s
}

func startAlertmanager(t *testing.T, config string, environment ...string) (address string) {
	t.Helper()
	return testserver.StartExporter(t, testserver.Alertmanager(t, "alertmanager"), environment,
		"--web.listen-address=$ADDR", "--cluster.listen-address=", "--config.file="+config, "--storage.path="+testserver.TempDir(t))
}

// fire hands an alert to Alertmanager as Prometheus does.
func fire(t *testing.T, address, name, severity string, ends time.Time) {
	t.Helper()
	alert := map[string]any{
		"labels":      map[string]string{"alertname": name, "severity": severity},
		"annotations": map[string]string{"summary": "The sum of " + name, "description": "What <" + name + "> & it means", "runbook_url": "docs/runbooks/x.md"},
		"startsAt":    time.Now().Add(-time.Minute).Format(time.RFC3339),
	}
	if !ends.IsZero() {
		alert["endsAt"] = ends.Format(time.RFC3339)
	}
	body, err := json.Marshal([]any{alert})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post("http://"+address+"/api/v2/alerts", "application/json", bytes.NewReader(body)) // #nosec G107 -- loopback
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", answer.Status)
	}
}

func mailWith(t *testing.T, mail *testserver.Mailpit, subject string) (found testserver.ReceivedMail) {
	t.Helper()
	waitFor(t, 30*time.Second, func() error {
		for _, m := range mail.Mails(t) {
			if m.Subject == subject {
				found = m
				return nil
			}
		}
		return fmt.Errorf("no mail %q", subject)
	})
	return found
}

// Mail, Slack, Telegram, ntfy, a webhook and the dead man's switch, as docs/alerts.md
// has them set up.
func TestReceivers_EveryWayCarriesAnAlertAndItsEnd(t *testing.T) {
	t.Parallel()
	mail, b := testserver.StartMailpit(t, false), newInbox(t)
	s := everyWay(t, mail, b)
	address := startAlertmanager(t, s.config(t), "SSL_CERT_FILE="+mail.CertFile)
	fire(t, address, "LoginDown", "critical", time.Time{})
	fire(t, address, "Watchdog", "none", time.Time{})

	letter := mailWith(t, mail, "[CRITICAL] LoginDown")
	for _, want := range []string{"The sum of LoginDown", "What <LoginDown> & it means", "docs/runbooks/x.md"} {
		if !strings.Contains(letter.Text, want) {
			t.Errorf("the mail lacks %q: %s", want, letter.Text)
		}
	}
	if len(letter.To) != 2 || letter.From.Address != "alerts@example.org" {
		t.Errorf("the mail is from %v to %v", letter.From, letter.To)
	}
	b.got(t, "/slack", "[CRITICAL] LoginDown", "The sum of LoginDown")
	b.got(t, "/bot12:token/sendMessage", "-100", "The sum of LoginDown")
	if p := b.got(t, "/topic", `"status":"firing"`, "LoginDown"); p.header.Get("X-Template") != "alertmanager" || p.header.Get("Authorization") != "Bearer tk_ntfy" {
		t.Errorf("ntfy gets the header %v", p.header)
	}
	if p := b.got(t, "/pager", `"status":"firing"`, "LoginDown"); p.header.Get("Authorization") != "Bearer tk_pager" {
		t.Errorf("the webhook gets the header %v", p.header)
	}
	b.got(t, "/dead-man", "Watchdog")

	fire(t, address, "LoginDown", "critical", time.Now().Add(-time.Second))
	mailWith(t, mail, "[over] LoginDown")
	for _, path := range []string{"/topic", "/pager"} {
		b.got(t, path, `"status":"resolved"`, "LoginDown")
	}
	b.got(t, "/slack", "[over] LoginDown")
	b.got(t, "/bot12:token/sendMessage", "[over] LoginDown")
}

func TestReceivers_GoTheWaysThatTheSettingsName(t *testing.T) {
	t.Parallel()
	mail, b := testserver.StartMailpit(t, true), newInbox(t)
	s := everyWay(t, mail, b)
	env := read(t, filepath.Join(s.root, ".env"))
	writeFile(t, filepath.Join(s.root, ".env"), env+"ALERT_CRITICAL=ntfy, webhook\nALERT_WARNINGS=\"slack\"\n")
	address := startAlertmanager(t, s.config(t))
	fire(t, address, "LoginDown", "critical", time.Time{})
	fire(t, address, "MailStuck", "warning", time.Time{})
	b.got(t, "/slack", "MailStuck")
	b.got(t, "/topic", "LoginDown")
	b.got(t, "/pager", "LoginDown")
	if got, want := b.paths(), []string{"/pager", "/slack", "/topic"}; !slices.Equal(got, want) {
		t.Errorf("posted to %v, not %v", got, want)
	}
	for _, p := range b.posts {
		if (p.path == "/slack") != strings.Contains(p.body, "MailStuck") {
			t.Errorf("%s gets %s", p.path, p.body)
		}
	}
}

// The message of scripts/doctor --tell if no Alertmanager runs.
func TestTell_ReachesEveryWayByItself(t *testing.T) {
	t.Parallel()
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mail, b := testserver.StartMailpit(t, implicit), newInbox(t)
			s := everyWay(t, mail, b)
			if implicit { // what port 465 stands for
				writeFile(t, filepath.Join(s.root, "curl"), "#!/bin/sh\nsed 's|smtp://|smtps://|' | exec /usr/bin/curl \"$@\"\n")
				if err := os.Chmod(filepath.Join(s.root, "curl"), 0o700); err != nil { // #nosec G302 -- a program
					t.Fatal(err)
				}
			}
			environment := []string{"CURL_CA_BUNDLE=" + mail.CertFile, "PATH=" + s.root + ":" + os.Getenv("PATH")}
			text := "PROBLEM  a \"disk\" with \\ and ü is 97 % full\n         → docs/runbooks/full-disk.md"
			if _, err := s.run(t, text, environment, "tell", "firing", "login.example.org: 1 problem(s)"); err != nil {
				t.Fatal(err)
			}
			letter := mailWith(t, mail, "login.example.org: 1 problem(s)")
			if !strings.Contains(strings.ReplaceAll(letter.Text, "\r", ""), text) || len(letter.To) != 2 {
				t.Errorf("to %v: %q", letter.To, letter.Text)
			}
			quoted, _ := json.Marshal(text)
			inner := strings.Trim(string(quoted), `"`)
			b.got(t, "/slack", inner)
			b.got(t, "/bot12:token/sendMessage", `"chat_id":"-100"`, inner)
			if p := b.got(t, "/topic", text); p.header.Get("Title") != "login.example.org: 1 problem(s)" || p.header.Get("Authorization") != "Bearer tk_ntfy" {
				t.Errorf("ntfy gets the header %v", p.header)
			}
			if p := b.got(t, "/pager", `"status":"firing"`, inner); p.header.Get("Authorization") != "Bearer tk_pager" {
				t.Errorf("the webhook gets the header %v", p.header)
			}
			if _, err := s.run(t, "", environment, "call_dead_man"); err != nil {
				t.Fatal(err)
			}
			b.got(t, "/dead-man")
		})
	}
}

func TestTell_FailsWhereOneWayFails(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	s := newSite(t, "", map[string]string{"slack_url": b.URL + "/slack", "webhook_url": "http://127.0.0.1:1/"})
	if _, err := s.run(t, "x", nil, "tell", "firing", "x"); err == nil || !strings.Contains(err.Error(), "could not tell by webhook") {
		t.Errorf("it ends with %v", err)
	}
	b.got(t, "/slack", "x")
}

func TestReceivers_RefuseSettingsThatWouldTellNobody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env     string
		secrets map[string]string
		want    string
	}{
		"a way that is not set up": {"ALERT_CRITICAL=telegram\n", nil, `"telegram", which is not set up`},
		"a way that is not there":  {"ALERT_WARNINGS=pigeon\n", nil, `"pigeon", which is not set up`},
		"mail without a server":    {"ALERT_MAIL_TO=a@example.org\nALERT_MAIL_FROM=b@example.org\n", nil, "ALERT_MAIL_SERVER is not"},
		"a server without a port":  {"ALERT_MAIL_TO=a@example.org\nALERT_MAIL_FROM=b@example.org\nALERT_MAIL_SERVER=mail\n", nil, "HOST:PORT"},
		"a user without password":  {"ALERT_MAIL_TO=a@example.org\nALERT_MAIL_FROM=b@example.org\nALERT_MAIL_SERVER=mail:587\nALERT_MAIL_USER=u\n", nil, "scripts/set-secret alertmanager/smtp_password"},
		"a chat by name":           {"ALERT_TELEGRAM_CHAT=@ops\n", map[string]string{"telegram_token": "t"}, "number of a chat"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, tc.env, tc.secrets)
			_, err := s.run(t, "", nil, "write_site")
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("it says %v, not %q", err, tc.want)
			}
			if _, err := os.Stat(filepath.Join(s.root, "site/alertmanager/alertmanager.yml")); err == nil {
				t.Error("a file was written")
			}
		})
	}
}
