package monitoring_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"hasura-login/app/testserver"
)

// prometheusSource is what provisioning names and every panel uses.
var prometheusSource = datasource{Type: "prometheus", UID: "prometheus"}

func TestGrafana_ProvisionsTheDatasourceThatDashboardsName(t *testing.T) {
	root := testserver.RepoRoot(t)
	var sources struct {
		Datasources []struct {
			UID, Type, URL string
			IsDefault      bool `yaml:"isDefault"`
		}
	}
	decode(t, filepath.Join(root, "ops/grafana/provisioning/datasources/prometheus.yml"), yaml.Unmarshal, &sources)
	if len(sources.Datasources) != 1 {
		t.Fatalf("%d datasources are provisioned", len(sources.Datasources))
	}
	got := datasource{Type: sources.Datasources[0].Type, UID: sources.Datasources[0].UID}
	if got != prometheusSource {
		t.Errorf("the datasource is %v, the dashboards use %v", got, prometheusSource)
	}
}

// The types come from the schema that Grafana publishes for dashboards.
func TestDashboards_HoldOnlyWhatGrafanaKnows(t *testing.T) {
	cmd := exec.Command("go", append([]string{"run", "."}, glob(t, "ops/grafana/dashboards/*.json")...)...) // #nosec G204 -- the project's own files
	cmd.Dir = filepath.Join(testserver.RepoRoot(t), "tools/grafana")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDashboards_AreToBeReadWithoutAClick(t *testing.T) {
	uids := map[string]string{}
	for _, d := range dashboards(t) {
		if other, taken := uids[d.UID]; taken || d.UID == "" {
			t.Errorf("%s has the uid %q, as has %s", d.file, d.UID, other)
		}
		uids[d.UID] = d.file
		if d.file != d.UID+".json" {
			t.Errorf("%s holds %s", d.file, d.UID)
		}
		// 39 came with Grafana 10.4; a version is taken as it is or brought up
		// to date by whatever release loads it.
		if d.SchemaVersion < 39 || d.SchemaVersion > 42 {
			t.Errorf("%s has schema version %d", d.file, d.SchemaVersion)
		}
		if d.Title == "" || d.Description == "" || d.Refresh == "" || !slices.Contains(d.Tags, "hasura-login") {
			t.Errorf("%s lacks a title, a description, a refresh or the tag that links them", d.file)
		}
		var annotations []string
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 0 {
				annotations = append(annotations, a.Name)
			}
		}
		if !slices.Contains(annotations, "Deploys") || !slices.Contains(annotations, "Key rotations") {
			t.Errorf("%s marks only %v", d.file, annotations)
		}
		checkPanels(t, d)
	}
	if len(uids) != 3 {
		t.Errorf("there are %d dashboards", len(uids))
	}
}

func checkPanels(t *testing.T, d dashboard) {
	t.Helper()
	root := testserver.RepoRoot(t)
	known := []string{"timeseries", "stat", "table", "state-timeline"}
	ids, titles := map[int]bool{}, map[string]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		name := d.file + ": " + p.Title
		if ids[p.ID] || titles[p.Title] {
			t.Errorf("%s: its id or title is there twice", name)
		}
		ids[p.ID], titles[p.Title] = true, true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, hit := taken[[2]int{x, y}]; hit || x > 23 {
					t.Fatalf("%s lies over %q or over the edge", name, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if !slices.Contains(known, p.Type) {
			t.Errorf("%s is of type %s", name, p.Type)
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.FieldConfig.Defaults.Thresholds.Steps) == 0 || len(p.Targets) == 0 {
			t.Errorf("%s lacks a title, a description, a unit, thresholds or a query", name)
		}
		for _, target := range p.Targets {
			if target.Datasource != prometheusSource || p.Datasource != prometheusSource {
				t.Errorf("%s asks the datasource %v", name, target.Datasource)
			}
		}
		for _, target := range p.Targets {
			if p.Type == "stat" && target.Range && !strings.Contains(target.Expr, "vector(") {
				t.Errorf("%s would go on showing the last value of what is gone: ask for now alone, or for a value always", name)
			}
		}
		for _, l := range p.Links {
			page, isRunbook := strings.CutPrefix(l.URL, "/runbooks/")
			if _, err := os.Stat(filepath.Join(root, "docs/runbooks", page)); err != nil || !isRunbook {
				t.Errorf("%s links to %s: %v", name, l.URL, err)
			}
		}
	}
}
