package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
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
	codes, err := (login.MailSecret{Keys: func() [][]byte { return [][]byte{[]byte("server-secret-0123456789abcdef")} }}).Codes(m.ID)
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
