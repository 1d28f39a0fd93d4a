package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProjectAdd_ShowsAndAsksBeforeItWrites(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"config.yaml": "version: 3\n", "metadata/version.yaml": "version: 3\n",
		"metadata/databases/databases.yaml":             "- name: default\n  kind: postgres\n  tables: \"!include default/tables/tables.yaml\"\n",
		"metadata/databases/default/tables/tables.yaml": "[]\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	written := func() bool {
		_, err := os.Stat(filepath.Join(dir, "metadata/actions.yaml"))
		return err == nil
	}
	for _, step := range []struct {
		input   string
		args    []string
		code    int
		says    string
		written bool
	}{
		{"", []string{dir, "--source", "main"}, 1, "nothing was changed:", false},
		{"n\n", []string{dir}, 1, "new file metadata/actions.yaml", false},
		{"", []string{dir}, 1, "nothing was changed", false},
		{"y\n", []string{dir}, 0, "hasura migrate apply --database-name default", true},
		{"", []string{dir, "--yes"}, 0, "The project has all of Hasura Login already.", true},
	} {
		code, stdout, stderr := run(t, step.input, nil, append([]string{"project", "add"}, step.args...)...)
		if code != step.code || !strings.Contains(stdout+stderr, step.says) || written() != step.written {
			t.Errorf("%v with %q: exit code %d, written: %v; it says %s%s", step.args, step.input, code, written(), stdout, stderr)
		}
	}
}
