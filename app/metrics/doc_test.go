package metrics_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"gopkg.in/yaml.v3"

	"hasura-login/app/httpapi"
	"hasura-login/app/metrics"
	"hasura-login/app/metrics/edgelog"
	"hasura-login/app/testserver"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

func TestDocs_DescribeEveryMetricThatTheCodeExports(t *testing.T) {
	root := testserver.RepoRoot(t)
	uses := readUses(t, root)
	var doc strings.Builder
	doc.WriteString(introduction)
	doc.WriteString("\n## Login\n\nPort 9100 of each replica, path `/metrics`.\n")
	describe(t, &doc, metrics.New("", append(httpapi.Routes(), httpapi.PageRoutes()...)).Registry(), uses)
	doc.WriteString("\n## Edge\n\nPort 9114 of `hasura-login edge-metrics`, which follows nginx's access log.\n")
	describe(t, &doc, edgelog.New().Registry(), uses)

	path := filepath.Join(root, "docs/metrics.md")
	if *update {
		if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil { // #nosec G306 -- documentation
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), doc.String()); diff != "" {
		t.Errorf("docs/metrics.md is out of date; run go test ./app/metrics -update (-written +code):\n%s", diff)
	}
}

const introduction = `# Metrics

Made by ` + "`go test ./app/metrics -update`" + ` from the code, the rules and the dashboards; do not edit.

Every label has a closed list of values and every series is there from the first
scrape on (those of calls to the database: from the first such call on), so a rate
sees the first event and no flood adds a line. Values that
no list names count as ` + "`other`" + `. Times are seconds. No label holds a user, an
address, a session or a token.

Besides these, both export the standard ` + "`process_*`" + `, and login ` + "`go_*`" + `, of the
Prometheus client (memory, open files, processor time, start time, goroutines).
`

var standard = regexp.MustCompile(`^(go|process)_`)

func describe(t *testing.T, doc *strings.Builder, registry *prometheus.Registry, uses []use) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if standard.MatchString(f.GetName()) {
			continue
		}
		fmt.Fprintf(doc, "\n### `%s`\n\n%s. %s\n", f.GetName(), kind(f), f.GetHelp())
		for _, label := range labels(f) {
			fmt.Fprintf(doc, "- label %s\n", label)
		}
		shown := usesOf(uses, f.GetName())
		if len(shown) == 0 {
			t.Errorf("no rule and no dashboard uses %s", f.GetName())
		}
		fmt.Fprintf(doc, "- used by %s\n", strings.Join(shown, "; "))
	}
}

func kind(f *dto.MetricFamily) string {
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		return "Counter"
	case dto.MetricType_GAUGE:
		return "Gauge"
	case dto.MetricType_HISTOGRAM:
		return "Histogram"
	case dto.MetricType_SUMMARY:
		return "Sum and count"
	default:
		return f.GetType().String()
	}
}

// labels names each label with its values, but those that are not the same
// everywhere.
func labels(f *dto.MetricFamily) []string {
	values := map[string][]string{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			values[l.GetName()] = append(values[l.GetName()], l.GetValue())
		}
	}
	var text []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all := slices.Compact(slices.Sorted(slices.Values(values[name])))
		if name == "version" || name == "goversion" {
			text = append(text, fmt.Sprintf("`%s`", name))
			continue
		}
		text = append(text, fmt.Sprintf("`%s`: `%s`", name, strings.Join(all, "`, `")))
	}
	return text
}

// use is a rule or a dashboard with the expressions in it.
type use struct {
	name        string
	expressions string
}

func usesOf(uses []use, metric string) []string {
	pattern := regexp.MustCompile(`\b` + metric + `(_bucket|_sum|_count)?\b`)
	var names []string
	for _, u := range uses {
		if pattern.MatchString(u.expressions) && !slices.Contains(names, u.name) {
			names = append(names, u.name)
		}
	}
	return names
}

func readUses(t *testing.T, root string) []use {
	t.Helper()
	var uses []use
	for _, path := range glob(t, filepath.Join(root, "ops/prometheus/rules/*.yml")) {
		var file struct {
			Groups []struct {
				Rules []struct{ Alert, Record, Expr string }
			}
		}
		decode(t, path, yaml.Unmarshal, &file)
		for _, g := range file.Groups {
			for _, r := range g.Rules {
				name := "alert " + r.Alert
				if r.Record != "" {
					name = "rule `" + r.Record + "`"
				}
				uses = append(uses, use{name, r.Expr})
			}
		}
	}
	for _, path := range glob(t, filepath.Join(root, "ops/grafana/dashboards/*.json")) {
		var board struct {
			Title  string
			Panels []struct{ Targets []struct{ Expr string } }
		}
		decode(t, path, json.Unmarshal, &board)
		var all []string
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				all = append(all, target.Expr)
			}
		}
		uses = append(uses, use{"dashboard “" + board.Title + "”", strings.Join(all, "\n")})
	}
	return uses
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file is %s (%v)", pattern, err)
	}
	return paths
}

func decode(t *testing.T, path string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
