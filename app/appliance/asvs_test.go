package appliance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hasura-login/app/testserver"
)

// A map of requirements is worth what its entries are worth.
func TestStandards_NameOnlyFilesAndTestsThatExist(t *testing.T) {
	root := testserver.RepoRoot(t)
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := fs.WalkDir(os.DirFS(root), "app", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range declared.FindAllStringSubmatch(read(t, path), -1) {
			tests[m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`\n]+)`")
	for _, page := range []string{"docs/asvs.md", "docs/threat-model.md", "docs/sizing.md", "docs/firewall.md"} {
		for _, m := range quoted.FindAllStringSubmatch(read(t, page), -1) {
			name := m[1]
			switch {
			case strings.HasPrefix(name, "Test"):
				if !tests[name] {
					t.Errorf("%s names the test %s, which is not there", page, name)
				}
			case regexp.MustCompile(`^(app|nginx|ops|docs|hasura|scripts)/\S+$`).MatchString(name):
				if _, err := os.Stat(filepath.Join(root, name)); err != nil {
					t.Errorf("%s names the file %s, which is not there", page, name)
				}
			}
		}
	}
}
