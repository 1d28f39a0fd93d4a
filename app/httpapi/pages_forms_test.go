package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"hasura-login/app/login"
)

// browse opens a path as a browser does.
func (v *visitor) browse(path string, header ...string) answer {
	v.t.Helper()
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, v.url+path, http.NoBody)
	check(v.t, err)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return v.do(req)
}

// Reports of people who see JSON in a browser: at the front door, after a typing error,
// after a link that is too long (ory/kratos, authelia).
func TestPages_PeopleSeeNoJSON(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	leadsTo(t, v.browse("/"), "/auth/pages/account")
	leadsTo(t, v.browse("/.well-known/change-password"), "/auth/pages/account#password-form")
	for _, path := range []string{"/auth/pages/nothing", "/auth/pages/", "/auth/pages/signin/", "/auth/pages/signin/mail/nothing", "/nothing", "/auth/nothing", "/auth/oauth/nobody/x"} {
		a := v.browse(path, "Accept-Language", "de")
		says(t, a, http.StatusNotFound, `<html lang="de"`, "Diese Seite gibt es nicht")
		if a.Header.Get("Content-Security-Policy") == "" || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %v", path, a.Header)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/auth/pages/signin", strings.NewReader("x"))
	check(t, err)
	req.Header.Set("Accept", "text/html")
	says(t, v.do(req), http.StatusMethodNotAllowed, "<h1>", "</html>")
	// Other programs keep the JSON answers.
	for _, path := range []string{"/auth/nothing", "/auth/pages/nothing"} {
		if a := s.rest(http.MethodGet, path, ""); a.StatusCode != http.StatusNotFound || a.code() != "not-found" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := v.browse("/auth/me"); a.code() != "unauthenticated" {
		t.Errorf("an API's error is %s", a.body)
	}
}

func TestPages_LanguageIsTheOneChosen(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	says(t, v.browse("/auth/pages/signin", "Accept-Language", "de"), http.StatusOK, `<html lang="de"`, `href="/auth/pages/signin?ui_locales=en"`)
	says(t, v.browse("/auth/pages/signin?ui_locales=xx+en-GB", "Accept-Language", "de"), http.StatusOK, `<html lang="en"`)
	says(t, v.browse("/auth/pages/signup?state=x", "Accept-Language", "de"), http.StatusOK, `<html lang="en"`, `href="/auth/pages/signup?state=x&amp;ui_locales=de"`)
	says(t, v.browse("/auth/pages/signup?ui_locales=%22%3E%3Cscript%3E", "Accept-Language", "de"), http.StatusOK, `<html lang="en"`)
	// The answer to a form cannot be opened again, so nothing leads to it.
	if a := v.post("/auth/pages/signin", "email", "x", "password", "y"); strings.Contains(string(a.body), "ui_locales") {
		t.Errorf("the answer to a form has a switch:\n%s", a.body)
	}
	says(t, s.visitor().browse("/auth/pages/signin", "Accept-Language", "de"), http.StatusOK, `<html lang="de"`)
}

// Password managers save a password for the account that the form names. What follows for
// Chromium's own was seen by hand (version 156, with a window): it saves the address and
// the password of a sign-up, fills both in at the next sign-in, fills in the current
// password before a change and nothing in the new one's field, and then keeps the new
// password for the same account.
func TestPages_FormsNameTheAccount(t *testing.T) {
	s := start(t, withPages())
	s.visitor().enter("ann@example.org")
	v := s.visitor()
	v.post("/auth/pages/forgot", "email", "ann@example.org")
	says(t, v.get("/auth/pages/forgot"), http.StatusOK, "If ann@example.org has an account")
	token := s.mailedToken(login.MailResetPassword)
	named := regexp.MustCompile(`<input type="email" name="username" value="ann@example.org" autocomplete="username" readonly hidden>`)
	page := v.get("/auth/pages/reset?token=" + token)
	refused := v.post("/auth/pages/reset", "token", token, "password", "password123")
	says(t, refused, http.StatusBadRequest, "It is among the most common ones")
	for what, a := range map[string]answer{"first": page, "after an error": refused} {
		if !named.Match(a.body) || !strings.Contains(string(a.body), "autofocus") {
			t.Errorf("%s: the form names no account or has no focus:\n%s", what, a.body)
		}
	}
	leadsTo(t, v.post("/auth/pages/reset", "token", token, "password", anotherPassword), "/auth/pages/account")
	account := v.get("/auth/pages/account")
	forms := 0
	for _, form := range regexp.MustCompile(`(?s)<form .*?</form>`).FindAll(account.body, -1) {
		if !bytes.Contains(form, []byte(`type="password"`)) {
			continue
		}
		forms++
		// The first address in it is the account's: that of a change of address comes later.
		if at, other := named.FindIndex(form), bytes.Index(form, []byte(`name="email"`)); at == nil || other >= 0 && other < at[0] {
			t.Errorf("a password manager would take this form for another account's:\n%s", form)
		}
	}
	if forms < 5 {
		t.Errorf("the account has only %d forms with a password", forms)
	}
	// A spent link says so before anybody types a password.
	says(t, v.get("/auth/pages/reset?token="+token), http.StatusUnauthorized, "has expired or was used already")
}

const anotherPassword = "seven tame otters"

// The link of a mail leads back to the app that had sent the person, in the same browser.
func TestPages_AForgottenPasswordLeadsBackToTheApp(t *testing.T) {
	s := start(t, withApps())
	s.visitor().enter("ann@example.org")
	v := s.visitor()
	asked := url.Values{"app": {"admin"}, "code_challenge": {strings.Repeat("A", 43)}, "state": {"s"}}
	page := v.get("/auth/pages/forgot?" + asked.Encode())
	var form []string
	for _, m := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(string(page.body), -1) {
		form = append(form, m[1], m[2])
	}
	v.post("/auth/pages/forgot", append(form, "email", "ann@example.org")...)
	token := s.mailedToken(login.MailResetPassword)
	there := v.post("/auth/pages/reset", "token", token, "password", anotherPassword)
	location := there.Header.Get("Location")
	if there.StatusCode != http.StatusSeeOther || !strings.HasPrefix(location, "/auth/pages/signin?") {
		t.Fatalf("%d to %q", there.StatusCode, location)
	}
	says(t, v.get(location), http.StatusOK, "Your new password is set", "Continue to admin.example.org")

	// Another browser knows of no app.
	w := s.visitor()
	v.post("/auth/pages/forgot", append(form, "email", "ann@example.org")...)
	leadsTo(t, w.post("/auth/pages/reset", "token", s.mailedToken(login.MailResetPassword), "password", goodPassword), "/auth/pages/account")
}

// A person whose app keeps its session in a cookie is not asked to sign in again.
func TestPages_TheSessionOfAnAppIsEnoughForTheAccount(t *testing.T) {
	s := start(t, withPages(), func(s *setup) { s.origin = "http://127.0.0.1" })
	s.visitor().enter("ann@example.org")
	v := s.visitor()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/auth/signin",
		strings.NewReader(fmt.Sprintf(`{"email":"ann@example.org","password":%q,"session":"cookie"}`, goodPassword)))
	check(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "https://app.example.org")
	if a := v.do(req); a.StatusCode != http.StatusOK {
		t.Fatalf("signing in: %d %s", a.StatusCode, a.body)
	}
	says(t, v.get("/auth/pages/account"), http.StatusOK, "ann@example.org", "this device")
	leadsTo(t, v.post("/auth/pages/account", "do", "signout"), "/auth/pages/signin")
	leadsTo(t, v.get("/auth/pages/account"), "/auth/pages/signin?to=account")
	if v.cookie("dev-session") != "" {
		t.Error("the app's session has its cookie yet")
	}
}
