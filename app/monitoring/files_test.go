package monitoring_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gopkg.in/yaml.v3"

	"hasura-login/app/testserver"
)

type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

// alertsAndRecords returns every rule of ops/prometheus/rules.
func alertsAndRecords(t *testing.T) []rule {
	t.Helper()
	var rules []rule
	for _, path := range glob(t, "ops/prometheus/rules/*.yml") {
		var file struct {
			Groups []struct{ Rules []rule }
		}
		decode(t, path, yaml.Unmarshal, &file)
		for _, g := range file.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	return rules
}

type target struct {
	Expr         string
	RefID        string `json:"refId"`
	Datasource   datasource
	LegendFormat string
	Range        bool
}

type datasource struct{ Type, UID string }

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  datasource
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
	Links       []struct{ Title, URL string }
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []struct{ Color string } }
		}
	}
}

type dashboard struct {
	file          string
	UID           string
	Title         string
	Description   string
	SchemaVersion int
	Refresh       string
	Tags          []string
	Panels        []panel
	Annotations   struct {
		List []struct {
			Name       string
			BuiltIn    int
			Datasource datasource
			Target     target
		}
	}
}

func dashboards(t *testing.T) []dashboard {
	t.Helper()
	var all []dashboard
	for _, path := range glob(t, "ops/grafana/dashboards/*.json") {
		d := dashboard{file: filepath.Base(path)}
		decode(t, path, json.Unmarshal, &d)
		all = append(all, d)
	}
	return all
}

// glob returns the files of the project that match, of which there must be one.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(testserver.RepoRoot(t), pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no file is %s (%v)", pattern, err)
	}
	return paths
}

func decode(t *testing.T, path string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	if err := unmarshal([]byte(read(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path) // #nosec G304 -- the project's own files
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run fails the test if a tool finds fault.
func run(t *testing.T, tool, debianPackage string, arguments ...string) string {
	t.Helper()
	cmd := exec.Command(testserver.Binary(t, tool, debianPackage), arguments...) // #nosec G204 -- the test's own
	cmd.Dir = testserver.RepoRoot(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", tool, arguments, err, out)
	}
	return string(out)
}
