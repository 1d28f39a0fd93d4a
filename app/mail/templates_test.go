package mail_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
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

// Each template that comes with the service, rendered, in its own language.
func TestTemplates_EveryKindSaysWhatItHasTo(t *testing.T) {
	for _, kind := range login.MailKinds() {
		for language, hello := range map[string]string{"en": "Hello Ann,", "de": "Hallo Ann,"} {
			l := login.Letter{ID: letter().ID, Kind: kind, Recipient: "ann@example.org", Payload: login.MailPayload{
				Name: "Ann", Language: language, At: time.Date(2026, 11, 24, 18, 30, 0, 0, time.UTC), From: "203.0.113.7/32",
			}}
			wanted := []string{hello, "2026-11-24 18:30 UTC", "203.0.113.7"}
			if kind.Purpose() != "" {
				l.Link, l.ValidFor = letter().Link, kind.LinkLife()
				wanted = []string{strings.Split(hello, " ")[0], l.Link}
				if kind != login.MailResetPassword {
					wanted = append(wanted, "2026-11-24 18:30 UTC")
				}
			}
			got := delivered(t, l)
			for _, want := range wanted {
				if !strings.Contains(got["text"], want) || !strings.Contains(got["html"], want) {
					t.Errorf("%s in %s lacks %q:\n%s\n%s", kind, language, want, got["text"], got["html"])
				}
			}
			if strings.Contains(got["text"]+got["html"], "{{") || got["subject"] == "" || !strings.Contains(got["html"], `lang="`+language+`"`) {
				t.Errorf("%s in %s:\n%s\n%s", kind, language, got["text"], got["html"])
			}
			if strings.Contains(got["text"], "203.0.113.7/32") {
				t.Errorf("%s in %s shows a range where there is one address", kind, language)
			}
		}
	}
}

// delivered is a letter as a webhook gets it.
func delivered(t *testing.T, l login.Letter) map[string]string {
	t.Helper()
	var got map[string]string
	mailer := newWebhook(t, func(_ http.ResponseWriter, r *http.Request) {
		check(t, json.NewDecoder(r.Body).Decode(&got))
	})
	check(t, mailer.Send(t.Context(), l))
	return got
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
	// A kind that the default language lacks comes in English.
	var out bytes.Buffer
	l := letter()
	l.Kind = login.MailVerifyEmail
	l.Payload.Language = ""
	check(t, mail.NewShow(&out, all).Send(t.Context(), l))
	if !strings.Contains(out.String(), "Confirm your") {
		t.Errorf("printed %s", out.String())
	}
	for language, subject := range map[string]string{"en": "Ours", "de": "Neues Passwort", "fr": "Nouveau", "": "Nouveau"} {
		if out := shown(t, all, language); !strings.Contains(out, subject) {
			t.Errorf("%q gives %s", language, out)
		}
	}
}

func TestLoadTemplates_RefusesWhatCouldNotBeSent(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no subject":           {"reset-password.en.txt": "\n\n{{.Link}}"},
		"subject of lines":     {"reset-password.en.txt": "One\nTwo\n\n{{.Link}}"},
		"no link":              {"reset-password.en.txt": "Subject\n\nHello"},
		"unknown field":        {"reset-password.en.txt": "Subject\n\n{{.Link}} {{.Password}}"},
		"broken":               {"reset-password.en.html": "{{.Link"},
		"half of a language":   {"reset-password.fr.txt": "Subject\n\n{{.Link}}"},
		"other half":           {"reset-password.fr.html": "{{.Link}}"},
		"no such mail":         {"welcome.en.txt": "Subject\n\n{{.Link}}", "welcome.en.html": "{{.Link}}"},
		"a link in a notice":   {"new-device.en.txt": "Subject\n\n{{.Link}}"},
		"an account elsewhere": {"reset-password.en.txt": "Subject\n\n{{.Link}} {{.Account}}"},
		"link as script text":  {"reset-password.en.html": `<a href="{{.Name}}">x</a>`},
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
