package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hasura-login/app/language"
	"hasura-login/app/pages"
)

// The pages use every text of the catalogue, and the catalogue has every text that they
// use: by a field, by a map, or by its name in the code.
func TestTexts_AreThoseThatThePagesUse(t *testing.T) {
	catalogue, err := language.Load("")
	check(t, err)
	english := catalogue.Best(language.English, "")
	used, groups := pages.TextFields()
	files, err := filepath.Glob("*.go")
	check(t, err)
	named := regexp.MustCompile(`"(page\.[A-Za-z0-9.]*[A-Za-z0-9])"`)
	var code strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		check(t, err)
		code.Write(text)
	}
	for _, found := range named.FindAllStringSubmatch(code.String(), -1) {
		used = append(used, found[1])
	}
	groups = append(groups, "page.invalid.") // invalidField appends the field's name
	there := english.Under("page.")
	for _, name := range used {
		if there[strings.TrimPrefix(name, "page.")] == "" {
			t.Errorf("there is no text %s", name)
		}
	}
	for name := range there {
		name = "page." + name
		if !slices.Contains(used, name) && !slices.ContainsFunc(groups, func(g string) bool { return strings.HasPrefix(name, g) }) {
			t.Errorf("no page uses the text %s", name)
		}
	}
	for _, group := range []struct{ prefix, constants string }{
		{"page.notices.", `(?m)^\tnotice\w+\s+notice = "([^"]+)"|^\tnotice\w+\s+= notice\("([^"]+)"\)|^\tnotice\w+\s+notice\s+= "([^"]+)"`},
		{"page.invalid.", `(?m)^\tfield(?:Code|Current)\s+= "([^"]+)"`},
	} {
		found := regexp.MustCompile(group.constants).FindAllStringSubmatch(code.String(), -1)
		if len(found) == 0 {
			t.Errorf("no constant matches %s", group.constants)
		}
		for _, c := range found {
			if name := group.prefix + strings.Join(c[1:], ""); there[strings.TrimPrefix(name, "page.")] == "" {
				t.Errorf("there is no text %s", name)
			}
		}
	}
}
