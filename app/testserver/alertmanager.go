package testserver

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Alertmanager returns the program of the version that production runs, or its
// amtool, built once for all tests.
func Alertmanager(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(RepoRoot(t), "ops/build-alertmanager")).Output() // #nosec G204 -- the project's own script
	if err != nil {
		t.Fatalf("building Alertmanager: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), name)
}
