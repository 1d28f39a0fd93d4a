package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hasura-login/app/config"
	"hasura-login/app/testserver"
)

// isFixed reports the settings whose value the compose file fixes for the container:
// these, and the keys that the scripts make.
func isFixed(name string) bool {
	return slices.Contains([]string{"LOGIN_LISTEN", "LOGIN_OPS_LISTEN", "LOGIN_KEYS_DIR", "LOGIN_AUDIT_DIR", "LOGIN_DATABASE_URL"}, name) ||
		slices.Contains(config.Keys(), strings.TrimPrefix(name, config.Prefix))
}

func TestEverySetting_IsExplainedAndPassedOn(t *testing.T) {
	_, lines, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	root := testserver.RepoRoot(t)
	example, err := os.ReadFile(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.prod.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if !strings.Contains(string(compose), line.Name) {
			t.Errorf("docker-compose.prod.yml does not pass %s on", line.Name)
		}
		if isFixed(line.Name) {
			continue
		}
		named := false
		for text := range strings.Lines(string(example)) {
			text = strings.TrimPrefix(text, "#")
			if name, value, ok := strings.Cut(strings.TrimSpace(text), "="); ok && strings.TrimSuffix(name, "_FILE") == line.Name {
				named = true
				if line.Origin == "default" && strings.HasPrefix(text, "LOGIN_") && !sameValue(value, line.Value) {
					t.Errorf(".env.example shows %s=%s, the default is %s", name, value, line.Value)
				}
			}
		}
		if !named {
			t.Errorf(".env.example does not explain %s", line.Name)
		}
	}
}

// sameValue takes 15m for 15m0s; what every site sets has no default to compare.
func sameValue(shown, def string) bool {
	return shown == def || strings.HasPrefix(def, shown) || strings.Contains(shown, "example.org") || strings.HasPrefix(shown, "/run/")
}
