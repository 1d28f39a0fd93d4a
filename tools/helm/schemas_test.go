package helm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// Where the schemas come from: no server is asked, only the module proxy.
const (
	kubernetes         = "k8s.io/kubernetes@v1.34.4"
	prometheusOperator = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

// newValidator returns a function that checks an object as kubeconform does, with Kubernetes' own
// description of its objects. Unknown fields are errors.
func newValidator(t *testing.T) func(object map[string]any) error {
	t.Helper()
	schemas := t.TempDir()
	writeSchemas(t, schemas)
	v, err := validator.New([]string{schemas + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"}, validator.Opts{Strict: true, KubernetesVersion: "1.34.4"})
	if err != nil {
		t.Fatal(err)
	}
	return func(object map[string]any) error {
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		var faults []error
		for _, result := range v.Validate("chart", io.NopCloser(bytes.NewReader(text))) {
			if result.Status != validator.Valid {
				faults = append(faults, fmt.Errorf("status %d: %w", result.Status, result.Err))
			}
		}
		return errors.Join(faults...)
	}
}

func module(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", name).Output()
	var found struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &found); err != nil || jsonErr != nil {
		t.Fatalf("go mod download %s: %v %s", name, err, out)
	}
	return found.Dir
}

// writeSchemas writes a file for each kind, all with references into one.
func writeSchemas(t *testing.T, folder string) {
	t.Helper()
	var swagger struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	text, err := os.ReadFile(filepath.Join(module(t, kubernetes), "api/openapi-spec/swagger.json"))
	if err == nil {
		err = json.Unmarshal(text, &swagger)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, definition := range swagger.Definitions {
		closeObjects(definition)
		if definition["format"] == "int-or-string" || strings.HasSuffix(name, ".resource.Quantity") {
			swagger.Definitions[name] = map[string]any{"type": []string{"string", "number"}}
		}
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			writeSchema(t, folder, dig(kind, "kind"), dig(kind, "group"), dig(kind, "version"), map[string]any{"$ref": "all.json#/definitions/" + name})
		}
	}
	writeJSON(t, filepath.Join(folder, "all.json"), swagger)
	for _, name := range []string{"servicemonitors", "prometheusrules"} {
		var definition map[string]any
		readInto(t, &definition, filepath.Join(module(t, prometheusOperator), "example/prometheus-operator-crd/monitoring.coreos.com_"+name+".yaml"))
		version := dig(definition, "spec", "versions", 0)
		shape, _ := dig(version, "schema", "openAPIV3Schema").(map[string]any)
		closeObjects(shape)
		dig(shape, "properties").(map[string]any)["metadata"] = map[string]any{"type": "object"}
		writeSchema(t, folder, dig(definition, "spec", "names", "kind"), dig(definition, "spec", "group"), dig(version, "name"), shape)
	}
}

// closeObjects forbids fields that a description does not name.
func closeObjects(value any) {
	switch at := value.(type) {
	case map[string]any:
		if _, ok := at["properties"].(map[string]any); ok && at["additionalProperties"] == nil {
			at["additionalProperties"] = false
		}
		if at["x-kubernetes-int-or-string"] == true {
			delete(at, "anyOf")
			at["type"] = []string{"string", "number"}
		}
		for _, below := range at {
			closeObjects(below)
		}
	case []any:
		for _, below := range at {
			closeObjects(below)
		}
	}
}

func readInto(t *testing.T, target any, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, target)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeSchema(t *testing.T, folder string, kind, group, version any, shape map[string]any) {
	t.Helper()
	suffix := ""
	if g, _, _ := strings.Cut(group.(string), "."); g != "" {
		suffix = "-" + g
	}
	writeJSON(t, filepath.Join(folder, strings.ToLower(fmt.Sprintf("%s%s-%s.json", kind, suffix, version))), shape)
}

func writeJSON(t *testing.T, path string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
