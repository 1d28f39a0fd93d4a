package pages_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testserver"
)

// The page of a new password helps with it while it is typed.
func TestPages_HelpWithANewPassword(t *testing.T) {
	s := startService(t, testserver.Addr(testserver.FreePort(t)), "LOGIN_HOSTED_PAGES_NAME=Greenhouse", "LOGIN_BRAND_DIR=../../dev/preview/brand")
	site := "http://" + s.api
	b := startBrowser(t)
	b.open(site + "/auth/pages/signin?ui_locales=pl")
	b.shows("Zaloguj się")
	if focus := eval[string](b, `document.activeElement.id`); focus != "form-email" {
		t.Errorf("the focus is on %q", focus)
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
	b.shows("Ann")
}

// says waits until the hint of a new password begins with a text.
func (b *browser) says(text string) {
	b.t.Helper()
	testserver.Eventually(b.t, "the hint: "+text, func() bool {
		return strings.HasPrefix(eval[string](b, `document.querySelector(".live").textContent`), text)
	})
}
