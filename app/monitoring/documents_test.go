package monitoring_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// operatorDocuments returns the runbooks and the other pages that tell an operator what to type, by name.
func operatorDocuments(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, path := range append(glob(t, "docs/runbooks/*.md"), glob(t, "docs/vps.md")...) {
		pages[strings.TrimPrefix(path, testserver.RepoRoot(t)+"/")] = read(t, path)
	}
	return pages
}

// documentedQueries returns the Prometheus queries of the pages.
func documentedQueries(t *testing.T) []string {
	t.Helper()
	ask := regexp.MustCompile(`docker compose exec -T prometheus promtool query instant http://localhost:9090 '([^'\n]+)'`)
	var found []string
	count := 0
	for _, text := range operatorDocuments(t) {
		count += strings.Count(text, "exec -T prometheus ")
		for _, m := range ask.FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
	}
	if len(found) != count || count < 10 {
		t.Fatalf("%d of %d commands for Prometheus have the form that this test knows", len(found), count)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestDocuments_NameOnlyWhatThereIs(t *testing.T) {
	root := testserver.RepoRoot(t)
	everything := read(t, filepath.Join(root, ".env.example")) + read(t, filepath.Join(root, "docker-compose.prod.yml"))
	metrics := read(t, filepath.Join(root, "docs/metrics.md"))
	panels, units, services := titles(t), baseNames(t, "ops/systemd/*"), composeServices(t)
	alerts := map[string]bool{}
	for _, r := range alertsAndRecords(t) {
		alerts[r.Alert] = true
	}
	tests := map[string]struct {
		find  *regexp.Regexp
		there func(name string) bool
	}{
		"setting":   {regexp.MustCompile(`\b((?:LOGIN|BACKUP|POSTGRES|HASURA|COMPOSE)_[A-Z_]+)\b`), func(n string) bool { return strings.Contains(everything, n) }},
		"metric":    {regexp.MustCompile("[`'({ ]((?:login|edge)_[a-z_]+)[{\\[`' )]"), func(n string) bool { return strings.Contains(metrics, histogramOf(n)) }},
		"panel":     {regexp.MustCompile(`(?:panel|dashboard)s? \*([^*]+)\*|\*([^*]+)\* in the (?:dashboard|overview)`), func(n string) bool { return panels[n] }},
		"path":      {regexp.MustCompile(`\b((?:scripts|ops|docs)/[a-z][a-zA-Z0-9_./-]*[a-z])`), func(n string) bool { return formerPaths[n] || exists(filepath.Join(root, n)) }},
		"unit":      {regexp.MustCompile(`\b(hasura-login-[a-z-]+@?(?:[a-z.]+)?\.(?:service|timer|path))\b`), func(n string) bool { return units[instance.ReplaceAllString(n, "@.$1")] }},
		"service":   {regexp.MustCompile("docker compose (?:exec|restart|kill -s HUP)(?: -T| -e [^ ]+)* ([a-z][a-z-]*)"), func(n string) bool { return services[n] }},
		"alert":     {regexp.MustCompile(`\[((?:[A-Z][a-z]+){2,})\]\([a-z-]+\.md\)`), func(n string) bool { return alerts[n] }},
		"own check": {regexp.MustCompile(`http://(?:localhost|127\.0\.0\.1):(8080/healthz\?strict=true)`), func(n string) bool { return strings.Contains(everything, n) }},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			found := 0
			for page, text := range operatorDocuments(t) {
				for _, m := range test.find.FindAllStringSubmatch(text, -1) {
					name := m[1]
					if name == "" {
						name = m[2]
					}
					if found++; !test.there(name) {
						t.Errorf("%s names the %s %q, which is not there", page, what, name)
					}
				}
			}
			if found == 0 {
				t.Error("none is named: the test looks for the wrong thing")
			}
		})
	}
}

// formerPaths are files of earlier releases, of which a runbook says where they went.
var formerPaths = map[string]bool{"ops/alertmanager/alertmanager.yml": true, "ops/prometheus/targets/public.yml": true}

var instance = regexp.MustCompile(`@[a-z.]+\.([a-z]+)$`)

// histogramOf is the name under which docs/metrics.md has a histogram's series.
func histogramOf(series string) string {
	for _, end := range []string{"_bucket", "_count", "_sum"} {
		if name, cut := strings.CutSuffix(series, end); cut {
			return name
		}
	}
	return series
}

func titles(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, d := range dashboards(t) {
		for _, name := range []string{d.Title, strings.TrimPrefix(d.Title, "Login: ")} {
			all[name] = true
		}
		for _, p := range d.Panels {
			all[p.Title] = true
		}
	}
	return all
}

func baseNames(t *testing.T, pattern string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, path := range glob(t, pattern) {
		name := filepath.Base(path)
		all[name] = true
		all[instance.ReplaceAllString(name, "@.$1")] = true
	}
	return all
}

func composeServices(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	service := regexp.MustCompile(`(?m)^  ([a-z-]+):$`)
	for _, m := range service.FindAllStringSubmatch(read(t, filepath.Join(testserver.RepoRoot(t), "docker-compose.prod.yml")), -1) {
		all[m[1]] = true
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
