package brand_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/app/brand"
)

const (
	svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>`
	png = "\x89PNG\r\n\x1a\n" + "rest"
)

func load(t *testing.T, files map[string]string) (brand.Brand, error) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return brand.Load(folder)
}

func TestLoad_TheBuiltInBrandCanBeRead(t *testing.T) {
	for name, b := range map[string]func() (brand.Brand, error){
		"none":         func() (brand.Brand, error) { return brand.Load("") },
		"empty folder": func() (brand.Brand, error) { return load(t, nil) },
	} {
		b, err := b()
		if err != nil || b.Light.Accent == "" || b.Dark.Soft == "" || b.Logo != nil {
			t.Errorf("%s: %+v, %v", name, b, err)
		}
	}
}

func TestLoad_ReadsColoursLinksAndImages(t *testing.T) {
	b, err := load(t, map[string]string{
		"brand.json": `{"colors": {"light": {"accent": "#0b6e4f"}}, "links": {"terms": "https://example.org/terms", "support": "mailto:help@example.org"}}`,
		"logo.png":   png, "logo-dark.svg": svg, "icon.svg": svg, "notes.md": "not of the brand",
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.Light.Accent != "#0b6e4f" || b.Light.OnAccent != "#ffffff" || b.Links.Terms == "" || b.Links.Support == "" {
		t.Errorf("%+v", b)
	}
	// Dark pages have the same colour, light enough to be read.
	if b.Dark.Accent == "#a3b4ff" || b.Dark.Accent == b.Light.Accent {
		t.Errorf("the dark accent is %s", b.Dark.Accent)
	}
	if b.Logo.Type != "image/png" || b.LogoDark.Ext != ".svg" || b.Icon.Type != "image/svg+xml" || b.MailLogo != b.Logo {
		t.Errorf("images %+v", b)
	}
}

// Public reports (keycloak, authentik, zitadel): after a change of colours, a login
// page could not be read: white on yellow, grey on grey.
func TestLoad_RefusesWhatPeopleCouldNotSeeOrOpen(t *testing.T) {
	colours := func(light, dark string) map[string]string {
		return map[string]string{"brand.json": `{"colors": {"light": {` + light + `}, "dark": {` + dark + `}}}`}
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"yellow links on white":  {colours(`"accent": "#ffd400"`, ``), "accent on card (#ffd400 on #ffffff) has a contrast of 1.43:1 in the light colours"},
		"grey on grey":           {colours(`"text": "#999999", "card": "#eeeeee"`, ``), "text on card"},
		"just below the bound":   {colours(`"accent": "#777777", "page": "#ffffff"`, ``), "4.48:1"},
		"dark on dark":           {colours(``, `"accent": "#2f4bc7"`), "in the dark colours"},
		"errors cannot be read":  {colours(`"card": "#ff9090", "page": "#ffffff"`, ``), "the errors' red on card"},
		"a name of a colour":     {colours(`"accent": "navy"`, ``), `"navy" is not of the form`},
		"three digits":           {colours(`"page": "#fff"`, ``), "not of the form"},
		"a way out of the style": {colours(`"accent": "#fff;}*{display:none"`, ``), "not of the form"},
		"no such colour":         {colours(`"background": "#ffffff"`, ``), "background"},
		"a link that runs":       {map[string]string{"brand.json": `{"links": {"terms": "javascript:alert(1)"}}`}, `the link "terms"`},
		"a link in the clear":    {map[string]string{"brand.json": `{"links": {"privacy": "http://example.org"}}`}, `the link "privacy"`},
		"half a file":            {map[string]string{"brand.json": `{"links": {`}, "brand.json"},
		"two logos":              {map[string]string{"logo.svg": svg, "logo.png": png}, "several files"},
		"a logo of another kind": {map[string]string{"logo.png": svg}, "not what its name says"},
		"an animated logo":       {map[string]string{"logo.gif": "GIF89a"}, "must be .svg"},
		"a large logo":           {map[string]string{"logo.png": png + strings.Repeat("x", 300<<10)}, "may have 262144"},
		"only a dark logo":       {map[string]string{"logo-dark.svg": svg}, "no logo"},
		"SVG in mails":           {map[string]string{"logo-mail.svg": svg}, "use PNG"},
	} {
		if _, err := load(t, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := brand.Load(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing folder was taken")
	}
}
