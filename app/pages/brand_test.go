package pages_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"hasura-login/app/cmd"
	"hasura-login/app/login"
	"hasura-login/app/testserver"
)

// brandFolder is the brand of a company whose colours are not ours.
func brandFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	logo := func(colour string) string {
		return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 50"><circle cx="25" cy="25" r="20" fill="` + colour + `"/>` +
			`<path d="M60 15h120M60 35h80" stroke="` + colour + `" stroke-width="9" stroke-linecap="round"/></svg>`
	}
	for name, content := range map[string]string{
		"logo.svg": logo("#0b6e4f"), "logo-dark.svg": logo("#7fd8b5"), "icon.svg": logo("#0b6e4f"),
		"brand.json": `{"colors": {"light": {"accent": "#0b6e4f", "page": "#f1f6f3", "text": "#17211c"}, "dark": {"page": "#0f1512", "card": "#18211c"}},
			"links": {"terms": "https://example.org/terms", "privacy": "https://example.org/privacy", "support": "mailto:help@example.org"}}`,
	} {
		check(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return folder
}

// Each page that a stranger can open and the account, in two languages and a brand of its
// own: axe, light and dark, on a phone and with large letters.
func TestPages_ABrandInTwoLanguages(t *testing.T) {
	api := testserver.Addr(testserver.FreePort(t))
	s := startService(t, api, "LOGIN_HOSTED_PAGES_NAME=Greenhouse", "LOGIN_BRAND_DIR="+brandFolder(t), "LOGIN_MAIL_SIGNIN=signup")
	site := "http://" + s.api
	b := startBrowser(t)
	b.open(site + "/auth/pages/signin?ui_locales=pl")
	b.shows("Zaloguj się")
	if focus := eval[string](b, `document.activeElement.id`); focus != "form-email" {
		t.Errorf("the focus is on %q", focus)
	}
	if loaded := eval[bool](b, `[...document.images].every(i => i.complete && i.naturalWidth > 0)`); !loaded {
		t.Error("the logo cannot be seen")
	}
	for _, c := range []struct{ password, hint string }{
		{"short", "Jeszcze za krótkie"}, {"Password123", "Jedno z najczęstszych haseł"}, {firstPassword, "Wystarczająco długie"},
	} {
		b.open(site + "/auth/pages/signup")
		b.fill("form-name", "Ann", "form-email", "ann@example.org", "form-password", c.password)
		b.says(c.hint)
	}
	b.run(chromedp.Click(chromedp.CSS(".reveal")))
	if shown := eval[string](b, `document.getElementById("form-password").type`); shown != "text" {
		t.Errorf("the password is %s", shown)
	}
	b.submit("Utwórz konto")
	for _, tag := range []string{"pl", "ja"} {
		b.open(site + "/auth/pages/account?ui_locales=" + tag)
		b.run(chromedp.Click(chromedp.CSS(".languages summary")))
		b.look("brand-account-" + tag)
	}
	b.load(chromedp.Click(chromedp.CSS(`.who > form.quiet button`)))
	for _, tag := range []string{"pl", "ja"} {
		for _, page := range []string{"signin", "signup", "forgot", "verify", "signin/mail", "nothing"} {
			b.open(site + "/auth/pages/" + page + "?ui_locales=" + tag)
			b.look("brand-" + strings.ReplaceAll(page, "/", "-") + "-" + tag)
		}
	}
}

// says waits until the hint of a new password begins with a text.
func (b *browser) says(text string) {
	b.t.Helper()
	testserver.Eventually(b.t, "the hint: "+text, func() bool {
		return strings.HasPrefix(eval[string](b, `document.querySelector(".live").textContent`), text)
	})
}

// Each mail, as a mail program with a browser inside shows it.
func TestMails_LookRightInABrowser(t *testing.T) {
	vars := []string{"LOGIN_HOSTED_PAGES=true", "LOGIN_PUBLIC_URL=https://login.example.org", "LOGIN_HOSTED_PAGES_NAME=Greenhouse", "LOGIN_BRAND_DIR=" + brandFolder(t)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, tag, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		var out bytes.Buffer
		cmd.Main(r.Context(), []string{"mail", "preview", kind, "--language", tag, "--html"}, cmd.Environment{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Vars: vars})
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(out.Bytes())
	}))
	defer server.Close()
	b := startBrowser(t)
	for _, kind := range login.MailKinds() {
		for _, tag := range []string{"de", "ja"} {
			b.open(server.URL + "/" + string(kind) + "/" + tag)
			b.shows("Greenhouse")
			name := "mail-" + string(kind) + "-" + tag
			for scheme, rules := range map[string]string{"light": `{runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}`, "dark": `{runOnly: ["color-contrast"]}`} {
				b.prefer(scheme)
				b.checkAccessibility(name+" in "+scheme, rules)
				b.run(chromedp.EmulateViewport(390, 844))
				b.picture(name + "-" + scheme + "-phone")
				b.run(chromedp.EmulateViewport(1100, 860))
			}
			b.checkReflow(name)
		}
	}
}
