package language_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/language"
)

func load(t *testing.T, files map[string]string) (*language.Catalogue, error) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return language.Load(folder)
}

// Reports of pages and mails that are half in English come from catalogues that nothing
// compares (keycloak, authelia, ory/kratos).
func TestLoad_EveryLanguageHasEveryText(t *testing.T) {
	c, err := language.Load("")
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	for _, l := range c.Languages() {
		tags = append(tags, l.Tag)
		if len(l.Missing) > 0 {
			t.Errorf("app/language/texts/%s.json lacks %d texts: %s", l.Tag, len(l.Missing), strings.Join(l.Missing, ", "))
		}
	}
	if want := shipped; !slices.Equal(tags, want) {
		t.Errorf("there are %q, want %q", tags, want)
	}
}

// Each language has every placeholder of the English text, and says it with as many
// plural forms as it has.
func TestLoad_TranslationsLoseNothing(t *testing.T) {
	c, err := language.Load("")
	if err != nil {
		t.Fatal(err)
	}
	placeholder := regexp.MustCompile(`\{[^}]*\}`)
	of := func(text string) []string {
		all := placeholder.FindAllString(text, -1)
		slices.Sort(all)
		return slices.Compact(all)
	}
	english := c.Best(language.English, "").Under("")
	for _, l := range c.Languages() {
		for name, text := range l.Under("") {
			if want := of(english[name]); !slices.Equal(of(text), want) {
				t.Errorf("%s: %s has %q, want %q", l.Tag, name, of(text), want)
			}
		}
	}
}

func TestTexts_TakeThePluralFormOfTheNumber(t *testing.T) {
	c, err := load(t, map[string]string{"pl.json": `{"page.waitSeconds": {"one": "{n} sekundę", "few": "{n} sekundy", "many": "{n} sekund", "other": "{n} sekundy"}}`})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		tag  string
		n    int
		text string
	}{
		{"en", 1, "Try again in 1 second."}, {"en", 2, "Try again in 2 seconds."}, {"en", 0, "Try again in 0 seconds."},
		{"de", 1, "Versuchen Sie es in 1 Sekunde noch einmal."}, {"de", 21, "Versuchen Sie es in 21 Sekunden noch einmal."},
		{"pl", 1, "1 sekundę"}, {"pl", 2, "2 sekundy"}, {"pl", 5, "5 sekund"}, {"pl", 12, "12 sekund"}, {"pl", 22, "22 sekundy"},
	} {
		if got := c.Best(want.tag, "").Count("page.waitSeconds", want.n); got != want.text {
			t.Errorf("%d in %s: %q, want %q", want.n, want.tag, got, want.text)
		}
	}
}

func TestTexts_WriteDatesAsTheLanguageDoes(t *testing.T) {
	c, err := load(t, map[string]string{"sv.json": `{"language.name": "Svenska"}`})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 23, 30, 0, 0, time.FixedZone("", -3600))
	for tag, want := range map[string]string{
		"en": "2 March 2026", "de": "2. März 2026", "sv": "2026-03-02", "fr": "2 mars 2026", "es": "2 de marzo de 2026",
		"it": "2 marzo 2026", "pt": "2 de março de 2026", "nl": "2 maart 2026", "pl": "2 marca 2026", "ja": "2026年3月2日",
	} {
		if c.Has(tag) && c.Best(tag, "").Date(at) != want {
			t.Errorf("%s: %q, want %q", tag, c.Best(tag, "").Date(at), want)
		}
	}
}

func TestLoad_AFolderReplacesAndAdds(t *testing.T) {
	c, err := load(t, map[string]string{
		"en.json":    `{"page.signIn": "Log in"}`,
		"sv.json":    `{"page.signIn": "Logga in"}`,
		"de-CH.json": `{"page.account": "Ihr Konto hier"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ preferred, fallback, name, text string }{
		{"en", "", "page.signIn", "Log in"},
		{"en", "", "page.signUp", "Create account"},
		{"sv-SE", "", "page.signIn", "Logga in"},
		{"sv", "", "page.signUp", "Create account"},
		{"de-CH", "", "page.account", "Ihr Konto hier"},
		{"de-CH", "", "page.signIn", "Anmelden"}, // and not in English
		{"de-AT", "", "page.account", "Ihr Konto"},
		{"xx", "de", "page.signIn", "Anmelden"},
		{"xx", "yy", "page.signIn", "Log in"},
	} {
		if got := c.Best(want.preferred, want.fallback).Text(want.name); got != want.text {
			t.Errorf("%s for %q: %q, want %q", want.name, want.preferred, got, want.text)
		}
	}
	if missing := c.Best("sv", "").Missing; !slices.Contains(missing, "page.signUp") || slices.Contains(missing, "page.signIn") {
		t.Errorf("Swedish lacks %q", missing)
	}
}

func TestText_AValueIsNoPlaceholder(t *testing.T) {
	c, err := language.Load("")
	if err != nil {
		t.Fatal(err)
	}
	got := c.Best("en", "").Text("page.changeIntro", "from", "{to}", "to", "b@example.org")
	if !strings.Contains(got, "{to}") {
		t.Errorf("%q", got)
	}
}

func TestLoad_RefusesWhatNobodyWouldSee(t *testing.T) {
	for name, c := range map[string]struct{ file, content, want string }{
		"no such text":        {"en.json", `{"page.singIn": "Log in"}`, `"page.singIn" is not the name of a text`},
		"no such placeholder": {"de.json", `{"page.resetIntro": "Für {emial}"}`, `"page.resetIntro" has no {emial}`},
		"no such form":        {"de.json", `{"page.waitSeconds": {"eins": "x", "other": "y"}}`, `"eins" is not one of the plural forms`},
		"no other form":       {"de.json", `{"page.waitSeconds": {"one": "x"}}`, `the plural form "other" is missing`},
		"a form is missing":   {"pl.json", `{"page.waitSeconds": {"one": "x", "other": "y"}}`, `lacks the plural form`},
		"forms of no number":  {"de.json", `{"page.signIn": {"one": "x", "other": "y"}}`, `has no plural forms`},
		"twice":               {"de.json", `{"page.signIn": "a", "page.signIn": "b"}`, `"page.signIn" is there twice`},
		"empty":               {"de.json", `{"page.signIn": " "}`, `is empty`},
		"a number":            {"de.json", `{"page.signIn": 1}`, `neither a text nor`},
		"a list":              {"de.json", `["page.signIn"]`, `not a JSON object`},
		"a list of forms":     {"de.json", `{"page.waitSeconds": ["x"]}`, `plural form`},
		"half a file":         {"de.json", `{"page.signIn": "a"`, `JSON`},
		"more than a file":    {"de.json", `{} {}`, `more after`},
		"no language":         {"german.json", `{}`, `not a language`},
		"a path":              {"de_.json", `{}`, `not a language`},
	} {
		if _, err := load(t, map[string]string{c.file: c.content}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := language.Load(filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Errorf("a brand without texts: %v", err)
	}
}

var shipped = []string{"de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt"}
