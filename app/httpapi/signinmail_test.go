package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/pages"
)

func byMail(s *setup) { s.rules.MailSignIn = login.MailSignInSignUp }

// code is that of the next mail of a kind.
func (s *server) code(kind login.MailKind) string {
	s.t.Helper()
	for {
		m, err := s.store.ClaimMail(s.t.Context(), time.Now(), time.Minute)
		check(s.t, err)
		if m.Kind == kind {
			return s.codeOf(m)
		}
	}
}

func (s *server) codeOf(m login.QueuedMail) string {
	s.t.Helper()
	codes, err := (logintest.MailSecret).Codes(m.ID)
	check(s.t, err)
	return codes[0]
}

func wrongCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestMailSignIn_OverREST(t *testing.T) {
	s := start(t, byMail)
	ask := func(email string) string {
		t.Helper()
		a := s.rest("POST", "/auth/signin/mail", fmt.Sprintf(`{"email":%q,"language":"de"}`, email))
		if o := a.object(t); a.StatusCode != http.StatusAccepted || len(o) != 2 || o["expiresAt"] == "" {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return a.object(t)["challenge"].(string)
	}
	challenge := ask("ann@example.org")
	code := s.code(login.MailSignInCode)
	enter := func(challenge, code string) answer {
		return s.rest("POST", "/auth/signin/mail/code", fmt.Sprintf(`{"challenge":%q,"code":%q,"name":"Ann"}`, challenge, code))
	}
	if a := enter(challenge, wrongCode(code)); a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-code" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := enter(strings.Repeat("A", 43), code); a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-token" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	made := s.granted(enter(challenge, code))
	if o := s.rest("GET", "/auth/me", "", "Authorization", bearer(made)).object(t); o["name"] != "Ann" || o["emailVerified"] != true {
		t.Errorf("me: %v", o)
	}
	if got := claims(t, made.Token); fmt.Sprint(got["amr"]) != "[otp]" {
		t.Errorf("claims %v", got)
	}

	challenge = ask("ann@example.org")
	m, token := s.mailed(login.MailSignInLink)
	// Programs that check mails follow links; only a POST spends one.
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if a := s.rest(method, "/auth/signin/mail/link?token="+token, ""); a.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
	g := s.granted(s.rest("POST", "/auth/signin/mail/link", fmt.Sprintf(`{"token":%q,"deviceToken":null}`, token)))
	if g.ID != made.ID {
		t.Errorf("signed in as %s, signed up as %s", g.ID, made.ID)
	}
	if a := enter(challenge, s.codeOf(m)); a.code() != "invalid-token" {
		t.Errorf("the code of a mail whose link was used: %d %s", a.StatusCode, a.body)
	}
	for path, body := range map[string]string{
		"/auth/signin/mail": `{"email":"x"}`, "/auth/signin/mail/code": `{"challenge":"x"}`, "/auth/signin/mail/link": `{}`,
	} {
		if a := s.rest("POST", path, body); a.StatusCode != http.StatusBadRequest || a.code() != "invalid-input" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestMailSignIn_OverActions(t *testing.T) {
	s := start(t, byMail)
	public := map[string]any{"x-hasura-role": "public"}
	a := s.action("requestSigninMail", map[string]any{"email": "ann@example.org"}, public)
	c := decoded[struct{ Challenge, ExpiresAt string }](t, a)
	if a.StatusCode != http.StatusOK || c.Challenge == "" || c.ExpiresAt == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.action("signinMailCode", map[string]any{"challenge": c.Challenge, "code": s.code(login.MailSignInCode)}, public)
	g := decoded[grant](t, a)
	if a.StatusCode != http.StatusOK || g.Token == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	// A code by mail, and then another change without a password.
	variables := map[string]any{"x-hasura-role": "user", "x-hasura-user-id": g.ID, "x-hasura-session-id": claims(t, g.Token)["https://hasura.io/jwt/claims"].(map[string]any)["x-hasura-session-id"]}
	a = s.action("requestElevationMail", map[string]any{}, variables)
	if a.StatusCode != http.StatusOK || decoded[struct{ ExpiresAt string }](t, a).ExpiresAt == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.action("elevate", map[string]any{"method": "mail-code", "code": s.code(login.MailElevationCode)}, variables)
	token := decoded[struct{ Token string }](t, a).Token
	if a.StatusCode != http.StatusOK || claims(t, token)["https://hasura.io/jwt/claims"].(map[string]any)["x-hasura-auth-elevated"] != g.ID {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := s.action("deleteAccount", map[string]any{}, variables); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestMailSignIn_OffAnswersMailDisabled(t *testing.T) {
	s := start(t)
	if a := s.rest("POST", "/auth/signin/mail", `{"email":"ann@example.org"}`); a.StatusCode != http.StatusForbidden || a.code() != "mail-disabled" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestPages_MailSignIn(t *testing.T) {
	s := start(t, byMail, withPages(func(p *pages.Settings) { p.MailSignIn = true }))
	v := s.visitor()
	says(t, v.get("/auth/pages/signin"), 200, `href="/auth/pages/signin/mail"`)
	says(t, v.get("/auth/pages/signin/mail/code"), 200, "Tell us your address")
	says(t, v.post("/auth/pages/signin/mail", "email", "x"), 400, "This is not an e-mail address")
	a := v.post("/auth/pages/signin/mail", "email", "ann@example.org", "to", "account")
	says(t, a, 200, "is on its way", `name="to" value="account"`, `autocomplete="one-time-code"`)
	code, challenge := s.code(login.MailSignInCode), hiddenOf(a)["challenge"]
	says(t, v.post("/auth/pages/signin/mail/code", "challenge", challenge, "code", wrongCode(code)), 401, "not the one in the newest mail", challenge)
	says(t, v.post("/auth/pages/signin/mail/code", "challenge", "x", "code", code), 401, "Ask for a new one", `name="email"`)
	leadsTo(t, v.post("/auth/pages/signin/mail/code", "challenge", challenge, "code", code, "to", "account"), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), 200, "by mail")

	other := s.visitor()
	other.post("/auth/pages/signin/mail", "email", "ann@example.org")
	_, token := s.mailed(login.MailSignInLink)
	leadsTo(t, other.get("/auth/pages/signin/mail/link"), "/auth/pages/signin")
	for range 3 {
		says(t, other.get("/auth/pages/signin/mail/link?token="+token), 200, "Sign in here as ann@example.org?")
	}
	leadsTo(t, other.post("/auth/pages/signin/mail/link", "token", token), "/auth/pages/account")
	says(t, other.get("/auth/pages/signin/mail/link?token="+token), 401, "used already")
	says(t, other.post("/auth/pages/signin/mail/link", "token", token), 401, "used already")

	// The link of another kind of mail does not sign in.
	other.post("/auth/pages/forgot", "email", "ann@example.org")
	_, token = s.mailed(login.MailResetPassword)
	says(t, other.get("/auth/pages/signin/mail/link?token="+token), 401, "used already")
	says(t, other.post("/auth/pages/signin/mail/link", "token", token), 401, "used already")
}

func TestPages_MailSignInOff(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	if a := v.get("/auth/pages/signin"); strings.Contains(string(a.body), "signin/mail") {
		t.Errorf("%s", a.body)
	}
	leadsTo(t, v.get("/auth/pages/signin/mail"), "/auth/pages/signin")
	leadsTo(t, v.get("/auth/pages/signin/mail/link?token=x"), "/auth/pages/signin")
	says(t, v.post("/auth/pages/signin/mail", "email", "ann@example.org"), 403)
}

// A user without a password proves who they are with a mailed code if the sign-in is a
// while ago.
func TestPages_ElevationByMail(t *testing.T) {
	s := start(t, byMail, withPages(func(p *pages.Settings) { p.MailSignIn = true }), func(s *setup) { s.rules.ElevationTTL = 1 })
	v := s.visitor()
	challenge := hiddenOf(v.post("/auth/pages/signin/mail", "email", "ann@example.org"))["challenge"]
	leadsTo(t, v.post("/auth/pages/signin/mail/code", "challenge", challenge, "code", s.code(login.MailSignInCode)), "/auth/pages/account")
	if a := v.get("/auth/pages/account"); strings.Contains(string(a.body), "Current password") {
		t.Errorf("asks for a password that there is not:\n%s", a.body)
	}
	says(t, v.post("/auth/pages/account", "do", "delete"), 200, "a code that we send to your address", `value="send-code"`)
	says(t, v.post("/auth/pages/account", "do", "send-code"), 200, "Check your mail")
	code := s.code(login.MailElevationCode)
	says(t, v.post("/auth/pages/account", "do", "elevate", "method", "mail-code", "code", wrongCode(code)), 401, "not the one in the newest mail")
	leadsTo(t, v.post("/auth/pages/account", "do", "elevate", "method", "mail-code", "code", code), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), 200, "For the next minutes you can make your change.")
}

// Rights that take a second factor are worth a word where they are missed.
func TestPages_TellOfWithheldRoles(t *testing.T) {
	s := start(t, withPages(), func(s *setup) { s.rules.SecondFactorRoles = []string{"editor"} })
	v := s.visitor()
	v.enter("ann@example.org")
	ua, err := s.store.UserAccountByEmail(t.Context(), "ann@example.org")
	check(t, err)
	role := "editor"
	check(t, s.store.UpdateAccount(t.Context(), ua.User.ID, login.AccountChange{Roles: []string{"user", "editor"}, DefaultRole: &role}, time.Now()))
	leadsTo(t, v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), 200, "Some of your rights here take a second factor")
	signIn := fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)
	a := s.rest("POST", "/auth/signin", signIn)
	g := s.granted(a)
	hasura := claims(t, g.Token)["https://hasura.io/jwt/claims"].(map[string]any)
	if a.object(t)["rolesWithheld"] != true || fmt.Sprintf("%v %v", hasura["x-hasura-allowed-roles"], hasura["x-hasura-default-role"]) != "[user] user" {
		t.Errorf("%s, claims %v", a.body, hasura)
	}
}
