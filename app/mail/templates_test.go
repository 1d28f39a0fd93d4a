package mail_test

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	check(t, mail.NewShow(&out, nil, all).Send(t.Context(), l))
	return out.String()
}

func TestTemplates_LanguageIsTheOneAskedForOrTheDefault(t *testing.T) {
	all := templates(t)
	for language, subject := range map[string]string{
		"de": "Neues Passwort", "DE": "Neues Passwort", "de-CH": "Neues Passwort", "en": "Set a new", "fr": "Définir un nouveau", "sv": "Set a new", "": "Set a new", "../de": "Set a new",
	} {
		if out := shown(t, all, language); !strings.Contains(out, subject) {
			t.Errorf("%q gives %s", language, out)
		}
	}
}

// A name that strangers chose is text in both forms, and not in the subject.
func TestTemplates_AnOrganizationsNameIsText(t *testing.T) {
	const name = `Fish & <a href="x">Chips</a>{{.Link}}{site}`
	for _, language := range []string{"en", "de"} {
		l := login.Letter{ID: letter().ID, Kind: login.MailOrganizationInvitation, Recipient: "ann@example.org", Link: letter().Link, Payload: login.MailPayload{
			Language: language, Account: "e•••@e•••", Organization: name,
		}}
		got := delivered(t, l)
		if text := strings.Join(strings.Fields(got["text"]), " "); !strings.Contains(text, name) || !strings.Contains(text, "e•••@e•••") {
			t.Errorf("%s: %s", language, text)
		}
		if !strings.Contains(got["html"], html.EscapeString(name)) && !strings.Contains(got["html"], strings.ReplaceAll(html.EscapeString(name), "&#34;", "&quot;")) || strings.Contains(got["html"], "<a href=\"x\">") || strings.Contains(got["subject"], "Fish") {
			t.Errorf("%s: %s\n%s", language, got["subject"], got["html"])
		}
		l.Payload.Organization = ""
		if got := delivered(t, l); strings.ContainsAny(got["text"], "“„") {
			t.Errorf("%s without a name: %s", language, got["text"])
		}
	}
}

// Each built-in mail, in each language: it names the site, says what happened when, with
// which browser and from where, and has one link at most.
func TestTemplates_EveryKindSaysWhatItHasTo(t *testing.T) {
	catalogue := options(t, "", "en").Catalogue
	at := time.Date(2026, 11, 24, 18, 30, 0, 0, time.UTC)
	for _, kind := range login.MailKinds() {
		for _, texts := range catalogue.Languages() {
			l := login.Letter{ID: letter().ID, Kind: kind, Recipient: "ann@example.org", Payload: login.MailPayload{
				Name: "Ann <Ä>", Language: texts.Tag, At: at, From: "203.0.113.7/32", Client: firefox, Account: "a•••@e•••",
			}}
			wanted := []string{"Ann <Ä>", "Example", texts.Time(at)}
			if kind != login.MailSetPassword && kind.Purpose() != login.PurposeInvitation { // another person sends it
				wanted = append(wanted, "203.0.113.7", texts.Text("language.browser", "browser", "Firefox", "system", "Windows"))
			}
			if kind.Purpose() != "" {
				l.Link, l.ValidFor = letter().Link, kind.LinkLife()
				wanted = append(wanted, l.Link)
			}
			if kind.HasCode() {
				l.Code, l.ValidFor = "314159", login.MailCodeLife
				wanted = append(wanted, l.Code)
			}
			about := slices.Contains(login.NoticeKinds(), kind) || kind == login.MailElevationCode
			if about {
				wanted = append(wanted, accountURL)
			}
			got := delivered(t, l)
			for _, want := range wanted {
				if !strings.Contains(unwrapped(got["text"]), want) || !strings.Contains(got["html"], html.EscapeString(want)) {
					t.Errorf("%s in %s lacks %q:\n%s\n%s", kind, texts.Tag, want, got["text"], got["html"])
				}
			}
			if !about && strings.Contains(got["text"]+got["html"], accountURL) {
				t.Errorf("%s in %s links to an account", kind, texts.Tag)
			}
			if strings.ContainsAny(got["subject"]+got["text"], "{}") || !strings.HasSuffix(got["subject"], " · Example") || !strings.Contains(got["html"], `lang="`+texts.Tag+`"`) {
				t.Errorf("%s in %s: %s\n%s\n%s", kind, texts.Tag, got["subject"], got["text"], got["html"])
			}
			if strings.Contains(got["text"], "203.0.113.7/32") {
				t.Errorf("%s in %s shows a range where there is one address", kind, texts.Tag)
			}
		}
	}
}

const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"

func unwrapped(text string) string { return strings.ReplaceAll(text, "\n", " ") }

// Reports of login mails as a way to send spam: strangers put their words into a name,
// a User-Agent or another header that the mail repeats (GHSA advisories of keycloak,
// discourse and wordpress).
func TestTemplates_NoWordOfAStrangerTravels(t *testing.T) {
	for _, kind := range login.MailKinds() {
		l := login.Letter{ID: letter().ID, Kind: kind, Recipient: "ann@example.org", Payload: login.MailPayload{
			At: time.Now(), Client: "You have won! Visit http://evil.example Firefox/1 Windows", Language: "won",
		}}
		if kind.Purpose() != "" {
			l.Link, l.ValidFor = letter().Link, kind.LinkLife()
		}
		got := delivered(t, l)
		for _, part := range []string{"subject", "text", "html"} {
			if strings.Contains(got[part], "won") || strings.Contains(got[part], "evil") {
				t.Errorf("%s: the %s is\n%s", kind, part, got[part])
			}
		}
	}
}

func TestTemplates_TextIsNarrowAndHTMLIsText(t *testing.T) {
	l := letter()
	l.Payload.Client = firefox
	got := delivered(t, l)
	for line := range strings.Lines(got["text"]) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 72 {
			t.Errorf("a line is %d characters long: %s", len([]rune(line)), line)
		}
	}
	if strings.Contains(got["html"], "<Ä>") {
		t.Errorf("a name is markup:\n%s", got["html"])
	}
	if strings.Contains(got["html"], "http") && regexp.MustCompile(`<img|url\(|@import|<link|<script`).MatchString(got["html"]) {
		t.Errorf("the mail loads something:\n%s", got["html"])
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
		"reset-password.sv.txt":  "Nytt lösenord\n\n{{.Link}}",
		"reset-password.sv.html": `<a href="{{.Link}}">{{.Name}}</a>`,
		"notes.md":               "not a template",
	} {
		check(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	all, err := mail.LoadTemplates(options(t, folder, "sv"))
	check(t, err)
	// A kind that the default language lacks comes in English.
	var out bytes.Buffer
	l := letter()
	l.Kind = login.MailVerifyEmail
	l.Payload.Language = ""
	check(t, mail.NewShow(&out, nil, all).Send(t.Context(), l))
	if !strings.Contains(out.String(), "Confirm your") {
		t.Errorf("printed %s", out.String())
	}
	for language, subject := range map[string]string{"en": "Ours", "de": "Neues Passwort", "sv": "Nytt", "": "Nytt"} {
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
		"half of a language":   {"reset-password.sv.txt": "Subject\n\n{{.Link}}"},
		"other half":           {"reset-password.sv.html": "{{.Link}}"},
		"no such mail":         {"welcome.en.txt": "Subject\n\n{{.Link}}", "welcome.en.html": "{{.Link}}"},
		"a link in a notice":   {"new-device.en.txt": "Subject\n\n{{.Link}}"},
		"an account elsewhere": {"reset-password.en.txt": "Subject\n\n{{.Link}} {{.Account}}"},
		"link as script text":  {"reset-password.en.html": `<a href="{{.Name}}">x</a>`},
	} {
		folder := t.TempDir()
		for file, content := range files {
			check(t, os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600))
		}
		if _, err := mail.LoadTemplates(options(t, folder, "en")); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := mail.LoadTemplates(options(t, "", "sv")); err == nil {
		t.Error("a default language without templates was taken")
	}
	if _, err := mail.LoadTemplates(options(t, filepath.Join(t.TempDir(), "missing"), "en")); err == nil {
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
