package monitoring_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"hasura-login/app/testserver"
)

func TestPrometheus_AcceptsConfigurationAndRules(t *testing.T) {
	run(t, "promtool", "prometheus", "check", "config", "ops/prometheus/prometheus.yml")
	run(t, "promtool", "prometheus", append([]string{"check", "rules"}, glob(t, "ops/prometheus/rules/*.yml")...)...)
	run(t, "prometheus-blackbox-exporter", "prometheus-blackbox-exporter", "--config.check", "--config.file=ops/prometheus/blackbox.yml")
}

func TestRules_FireAndKeepQuietAsTheirTestsSay(t *testing.T) {
	for _, file := range glob(t, "ops/prometheus/tests/*.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			run(t, "promtool", "prometheus", "test", "rules", file)
		})
	}
}

func TestAlertmanager_AcceptsItsConfiguration(t *testing.T) {
	amtool := testserver.Alertmanager(t, "amtool")
	for name, s := range map[string]*site{
		"nothing set up": newSite(t, "", nil),
		"every way": newSite(t, "ALERT_MAIL_TO=it's@example.org\nALERT_MAIL_FROM=\"Ops: login\" <a@example.org>\nALERT_MAIL_SERVER=mail.example.org:465\nALERT_TELEGRAM_CHAT=-100\n",
			map[string]string{"slack_url": "https://slack.example.org", "telegram_token": "t", "ntfy_url": "https://ntfy.example.org/x", "webhook_url": "https://pager.example.org", "dead_man_url": "https://dead.example.org"}),
	} {
		t.Run(name, func(t *testing.T) {
			config := s.config(t)
			run(t, amtool, "", "check-config", config)
			routes := map[string]string{
				"severity=critical alertname=LoginDown": "at-once",
				"severity=warning alertname=SignInSlow": "by-day",
				"severity=none alertname=Watchdog":      "dead-man",
			}
			for labels, receiver := range routes {
				arguments := append([]string{"config", "routes", "test", "--config.file=" + config, "--verify.receivers=" + receiver}, strings.Fields(labels)...)
				run(t, amtool, "", arguments...)
			}
		})
	}
	for _, template := range []string{"login.subject", "login.text"} {
		run(t, amtool, "", "template", "render",
			"--template.glob=ops/alertmanager/*.tmpl", `--template.text={{ template "`+template+`" . }}`)
	}
}

func TestAlerts_SayHowBadWhatAndWhatToDo(t *testing.T) {
	severities := []string{"critical", "warning", "none"}
	names := map[string]bool{}
	for _, r := range alertsAndRecords(t) {
		if r.Alert == "" {
			continue
		}
		names[r.Alert] = true
		if !regexp.MustCompile(`^([A-Z][a-z]+)+$`).MatchString(r.Alert) {
			t.Errorf("%s is not in CamelCase", r.Alert)
		}
		if !slices.Contains(severities, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks its summary or description", r.Alert)
		}
		if got, want := r.Annotations["runbook_url"], "docs/runbooks/"+kebab(r.Alert)+".md"; got != want {
			t.Errorf("%s names the runbook %q, not %q", r.Alert, got, want)
		}
	}
	if len(names) < 12 {
		t.Errorf("there are only %d alerts", len(names))
	}
}

func TestRunbooks_ExplainEveryAlertAndWhatToDo(t *testing.T) {
	root := testserver.RepoRoot(t)
	for _, r := range alertsAndRecords(t) {
		if r.Alert == "" {
			continue
		}
		path := filepath.Join(root, "docs/runbooks", kebab(r.Alert)+".md")
		text, err := os.ReadFile(path) // #nosec G304 -- the project's own files
		if err != nil {
			t.Errorf("%s has no runbook: %v", r.Alert, err)
			continue
		}
		for _, part := range []string{"# " + r.Alert + "\n", "## What it means\n", "## Look\n", "## Do\n"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q", path, strings.TrimSpace(part))
			}
		}
	}
}

func TestRunbooks_AreListedByAlert(t *testing.T) {
	index := read(t, filepath.Join(testserver.RepoRoot(t), "docs/runbooks/alerts.md"))
	for _, r := range alertsAndRecords(t) {
		if r.Alert != "" && !strings.Contains(index, "["+r.Alert+"]("+kebab(r.Alert)+".md)") {
			t.Errorf("docs/runbooks/alerts.md does not list %s", r.Alert)
		}
	}
}

func TestRunbooks_NameOnlyScriptsThatExist(t *testing.T) {
	root := testserver.RepoRoot(t)
	script := regexp.MustCompile(`\bscripts/[a-z-]+`)
	for _, r := range alertsAndRecords(t) {
		if r.Alert == "" {
			continue
		}
		for _, name := range script.FindAllString(read(t, filepath.Join(root, "docs/runbooks", kebab(r.Alert)+".md")), -1) {
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("the runbook of %s calls %s: %v", r.Alert, name, err)
			}
		}
	}
}

func TestAlerts_EachHasATestThatItFiresAndOneThatItDoesNot(t *testing.T) {
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, path := range glob(t, "ops/prometheus/tests/*.yml") {
		var file struct {
			Tests []struct {
				AlertRuleTest []struct {
					Alertname string
					ExpAlerts []any `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		decode(t, path, yaml.Unmarshal, &file)
		for _, test := range file.Tests {
			for _, c := range test.AlertRuleTest {
				if len(c.ExpAlerts) > 0 {
					fires[c.Alertname] = true
				} else {
					quiet[c.Alertname] = true
				}
			}
		}
	}
	for _, r := range alertsAndRecords(t) {
		if r.Alert == "" {
			continue
		}
		if !fires[r.Alert] {
			t.Errorf("no test makes %s fire", r.Alert)
		}
		if !quiet[r.Alert] && r.Alert != "Watchdog" { // which never is
			t.Errorf("no test keeps %s quiet", r.Alert)
		}
	}
}

// kebab writes LoginDown as login-down.
func kebab(camel string) string {
	return strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(camel, "$1-$2"))
}
