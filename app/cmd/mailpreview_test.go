package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailPreview_ShowsAMailAsItIsSent(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "texts"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"brand.json":    `{"colors": {"light": {"accent": "#0b6e4f"}}, "links": {"support": "mailto:help@example.org"}}`,
		"texts/sv.json": `{"mail.new-device.subject": "Ny inloggning"}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	vars := []string{"LOGIN_BRAND_DIR=" + folder, "LOGIN_HOSTED_PAGES_NAME=Example", "LOGIN_MAIL_LANGUAGE=de"}
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"mail preview", 0, []string{"new-device\n", "verify-email\n"}},
		{"mail preview new-device", 0, []string{"Neue Anmeldung in Ihrem Konto · Example\n\nHallo", "Firefox unter Windows", "mailto:help@example.org"}},
		{"mail preview new-device --language sv", 0, []string{"Ny inloggning · Example\n\nHello"}},
		{"mail preview verify-email --language ja --html", 0, []string{`<html lang="ja"`, "#0b6e4f"}},
		{"mail preview welcome", 1, []string{`there is no mail "welcome"`}},
	} {
		code, stdout, stderr := run(t, "", vars, strings.Fields(c.args)...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("%s: %d, lacks %q\n%s%s", c.args, code, want, stdout, stderr)
			}
		}
	}
}

// A brand that people could not read stops the start, with the reason said once.
func TestCheck_NamesWhatIsWrongWithABrand(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "brand.json"), []byte(`{"colors": {"light": {"accent": "#ffd400"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "", []string{"LOGIN_BRAND_DIR=" + folder}, "check")
	if said := strings.Count(stdout+stderr, "accent on card"); code != 1 || said != 1 {
		t.Errorf("%d, said %d times:\n%s%s", code, said, stdout, stderr)
	}
}
