package pages_test

import (
	"net/http"
	"regexp"
	"testing"

	"hasura-login/app/testserver"
)

// printed waits for the next mail that the service prints, and returns its code and link.
func (s *service) printed(after int) (code, link string) {
	s.t.Helper()
	mail := regexp.MustCompile(`mail \([a-z-]+, en\): [^\n]*\n  ([0-9]{6})\n(?:  (http\S+)\n)?`)
	testserver.Eventually(s.t, "a mail with a code", func() bool {
		found := mail.FindStringSubmatch(s.log.String()[after:])
		if found == nil {
			return false
		}
		code, link = found[1], found[2]
		return true
	})
	return code, link
}

// A mailed code and a mailed link, from an account that does not exist yet to its end,
// in a real browser.
func TestPages_MailSignInInABrowser(t *testing.T) {
	api := testserver.Addr(testserver.FreePort(t))
	s := startService(t, api, "LOGIN_PUBLIC_URL=http://"+api, "LOGIN_HOSTED_PAGES_NAME=Example", "LOGIN_MAIL_SIGNIN=signup", "LOGIN_ELEVATION_TTL=1m")
	site := "http://" + api
	b := startBrowser(t)
	b.open(site + "/auth/pages/signin")
	b.follow("Sign in with a code by mail")
	b.look("mail-sign-in")
	b.fill("form-email", "kim@example.org")
	b.submit("Send code")
	b.shows("Check your mail", "If kim@example.org can sign in here, a mail with a code is on its way there.")
	b.look("mail-code")
	code, link := s.printed(0)
	if link != "" {
		t.Errorf("a stranger got the link %s", link)
	}
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	b.fill("form-code", wrong)
	if status := b.submit("Sign in"); status != http.StatusUnauthorized {
		t.Errorf("a wrong code: %d", status)
	}
	b.shows("This code is not the one in the newest mail.")
	b.look("mail-code-refused")
	b.fill("form-code", code)
	b.submit("Sign in")
	b.shows("kim@example.org", "confirmed", "by mail")
	b.look("account-without-password")
	b.submit("Sign out")

	seen := len(s.log.String())
	b.open(site + "/auth/pages/signin/mail")
	b.fill("form-email", "kim@example.org")
	b.submit("Send code")
	_, link = s.printed(seen)
	b.open(link)
	b.shows("Sign in here as kim@example.org?")
	b.look("mail-link")
	b.submit("Sign in")
	b.shows("Where you are signed in")
	b.unfold("Set password")
	b.fill("password-password", firstPassword)
	b.submit("Set password")
	b.shows("Your password is changed.")
	b.submit("Sign out")
	if status := b.open(link); status != http.StatusUnauthorized {
		t.Errorf("a link that was used: %d", status)
	}
	b.shows("This link has expired or was used already.", "Sign in with a code")
}
