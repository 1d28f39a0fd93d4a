package mail_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hasura-login/app/mail"
)

func shown(t *testing.T, all *mail.Templates, language string) string {
	t.Helper()
	var out bytes.Buffer
	l := letter()
	l.Payload.Language = language
	check(t, mail.NewShow(&out, all).Send(t.Context(), l))
	return out.String()
}

func TestTemplates_LanguageIsTheOneAskedForOrTheDefault(t *testing.T) {
	all := templates(t)
	for language, subject := range map[string]string{
		"de": "Neues Passwort", "DE": "Neues Passwort", "de-CH": "Neues Passwort", "en": "Set a new", "fr": "Set a new", "": "Set a new", "../de": "Set a new",
	} {
		if out := shown(t, all, language); !strings.Contains(out, subject) {
			t.Errorf("%q gives %s", language, out)
		}
	}
}

func TestShow_PrintsTheLinkAndNotTheRecipient(t *testing.T) {
	out := shown(t, templates(t), "en")
	if !strings.Contains(out, letter().Link) || strings.Contains(out, "ann@") || strings.Contains(out, "Ann") {
		t.Errorf("printed %q", out)
	}
}

func TestTemplates_AFolderReplacesAndAdds(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{
		"reset-password.en.txt":  "Ours\n\n{{.Link}}",
		"reset-password.fr.txt":  "Nouveau mot de passe\n\n{{.Link}}",
		"reset-password.fr.html": `<a href="{{.Link}}">{{.Name}}</a>`,
		"notes.md":               "not a template",
	} {
		check(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	all, err := mail.LoadTemplates(folder, "fr")
	check(t, err)
	for language, subject := range map[string]string{"en": "Ours", "de": "Neues Passwort", "fr": "Nouveau", "": "Nouveau"} {
		if out := shown(t, all, language); !strings.Contains(out, subject) {
			t.Errorf("%q gives %s", language, out)
		}
	}
}

func TestLoadTemplates_RefusesWhatCouldNotBeSent(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no subject":          {"reset-password.en.txt": "\n\n{{.Link}}"},
		"subject of lines":    {"reset-password.en.txt": "One\nTwo\n\n{{.Link}}"},
		"no link":             {"reset-password.en.txt": "Subject\n\nHello"},
		"unknown field":       {"reset-password.en.txt": "Subject\n\n{{.Link}} {{.Password}}"},
		"broken":              {"reset-password.en.html": "{{.Link"},
		"half of a language":  {"reset-password.fr.txt": "Subject\n\n{{.Link}}"},
		"other half":          {"reset-password.fr.html": "{{.Link}}"},
		"no such mail":        {"welcome.en.txt": "Subject\n\n{{.Link}}", "welcome.en.html": "{{.Link}}"},
		"link as script text": {"reset-password.en.html": `<a href="{{.Name}}">x</a>`},
	} {
		folder := t.TempDir()
		for file, content := range files {
			check(t, os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600))
		}
		if _, err := mail.LoadTemplates(folder, "en"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := mail.LoadTemplates("", "fr"); err == nil {
		t.Error("a default language without templates was taken")
	}
	if _, err := mail.LoadTemplates(filepath.Join(t.TempDir(), "missing"), "en"); err == nil {
		t.Error("a missing folder was taken")
	}
}

func TestParseLink_WantsAURLWithThePlaceForTheToken(t *testing.T) {
	for _, good := range []string{"https://app.example.org/reset#token={token}", "http://localhost:5173/?t={token}", "https://app.example.org/r/{token}", "https://app.example.org?token={token}"} {
		link, err := mail.ParseLink(good)
		if err != nil || link.With("abc") != strings.ReplaceAll(good, "{token}", "abc") {
			t.Errorf("%s: %v, %s", good, err, link.With("abc"))
		}
	}
	for _, bad := range []string{"", "https://app.example.org/reset", "/reset?token={token}", "https://{token}.example.org/", "javascript:{token}", "https://a/{token}/{token}"} {
		if _, err := mail.ParseLink(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
