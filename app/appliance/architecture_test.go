package appliance_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each section of docs/architecture.md shows by one example which files a change
// touches. The list is compared with the files that name the example, by path or in
// their text.
func TestArchitecture_ListsTheFilesOfAChange(t *testing.T) {
	for section, c := range map[string]struct {
		example   string
		withTests bool
	}{
		"A use case":        {example: `(?i)\b(Op)?requestEmailVerification\b`},
		"A secret":          {example: `login/totp_secret|secrets/totp_secret|TOTP_SECRET|rotate-totp-secret|\bcfg\.TOTPSecret`, withTests: true},
		"A credential kind": {example: `MethodRecoveryCode|[rR]ecoveryCode|recovery[_-]code`},
		"A mail":            {example: `MailNewDevice|new-device`},
		"A store":           {example: `store/sqlite`},
	} {
		t.Run(section, func(t *testing.T) {
			naming := filesNaming(t, regexp.MustCompile(c.example))
			listed := filesListed(t, section)
			naming = slices.DeleteFunc(naming, func(name string) bool {
				return name == "CHANGELOG.md" || name == "docs/architecture.md" || name == "app/appliance/architecture_test.go" ||
					!c.withTests && (strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/testdata/"))
			})
			for _, pattern := range listed {
				matches := func(name string) bool { ok, _ := path.Match(pattern, name); return ok }
				if !slices.ContainsFunc(naming, matches) {
					t.Errorf("%s is listed, and nothing there names the example", pattern)
				}
				naming = slices.DeleteFunc(naming, matches)
			}
			for _, name := range naming {
				t.Errorf("%s names the example and is not listed", name)
			}
		})
	}
}

// filesListed are the files, or patterns of files, in the table of a section.
func filesListed(t *testing.T, section string) []string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "docs/architecture.md"), "## "+section+", file by file\n")
	if !found {
		t.Fatal("docs/architecture.md has no such section")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	var listed []string
	for line := range strings.Lines(text) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			cell, _, _ = strings.Cut("`"+cell, " |")
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
				listed = append(listed, name[1])
			}
		}
	}
	return listed
}

// An operation's policy is one row, so only the routes and the pages need its name, and the
// metrics, which time some of them on their own.
func TestArchitecture_OnlyRoutesAndPagesNameOperations(t *testing.T) {
	for _, name := range filesNaming(t, regexp.MustCompile(`\blogin\.Op[A-Z]`)) {
		allowed := strings.HasPrefix(name, "app/pages/") || name == "app/metrics/http.go" || strings.HasPrefix(name, "app/httpapi/operation") || strings.HasSuffix(name, "_test.go")
		if strings.HasSuffix(name, ".go") && !allowed {
			t.Errorf("%s names an operation; its rules belong in its policy", name)
		}
	}
}
