package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func TestReset_OverActionAndRESTAnswersAlikeForAnyAddress(t *testing.T) {
	s := start(t)
	s.signUp("ann@example.org")
	for _, email := range []string{"ann@example.org", "nobody@example.org"} {
		if a := s.action("requestPasswordReset", map[string]any{"email": email, "language": nil}, nil); a.StatusCode != http.StatusOK || string(a.body) != `{"ok":true}` {
			t.Errorf("action for %s: %d %s", email, a.StatusCode, a.body)
		}
		if a := s.rest(http.MethodPost, "/auth/password/forgot", fmt.Sprintf(`{"email":%q}`, email)); a.StatusCode != http.StatusAccepted || len(a.body) != 0 {
			t.Errorf("REST for %s: %d %s", email, a.StatusCode, a.body)
		}
	}
	s.mailed(login.MailVerifyEmail) // of the sign-up
	for range 2 {                   // the first mail's link was replaced by the second
		_, token := s.mailed(login.MailResetPassword)
		a := s.action("resetPassword", map[string]any{"token": token, "newPassword": "battery of volta 1800"}, nil)
		if a.StatusCode == http.StatusOK {
			s.granted(a)
			if again := s.action("resetPassword", map[string]any{"token": token, "newPassword": "battery of volta 1800"}, nil); again.code() != "invalid-token" {
				t.Errorf("the second use: %s", again.body)
			}
		} else if a.code() != "invalid-token" || a.StatusCode != http.StatusUnauthorized {
			t.Errorf("a replaced token: %d %s", a.StatusCode, a.body)
		}
	}
	if a := s.rest(http.MethodPost, "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`); a.StatusCode != http.StatusOK {
		t.Errorf("the new password: %d %s", a.StatusCode, a.body)
	}
}

// mailed claims the mail that is due, which must be of a kind, and returns it with
// its token.
func (s *server) mailed(kind login.MailKind) (login.QueuedMail, string) {
	s.t.Helper()
	m, err := s.store.ClaimMail(s.t.Context(), time.Now(), time.Minute)
	check(s.t, err)
	if m.Kind != kind {
		s.t.Fatalf("the mail is of kind %s, want %s", m.Kind, kind)
	}
	tokens, err := logintest.MailSecret.Tokens(m.ID)
	check(s.t, err)
	return m, tokens[0]
}

func TestReset_WithoutMailSaysSo(t *testing.T) {
	s := start(t, func(s *setup) { s.rules.MailEnabled = false })
	if a := s.rest(http.MethodPost, "/auth/password/forgot", `{"email":"ann@example.org"}`); a.StatusCode != http.StatusForbidden || a.code() != "mail-disabled" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
