package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"hasura-login/app/login"
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
	for range 2 { // the first mail's link was replaced by the second
		m, err := s.store.ClaimMail(t.Context(), time.Now(), time.Minute)
		check(t, err)
		tokens, err := login.MailSecret{Keys: func() [][]byte { return [][]byte{[]byte("device-secret-0123456789abcdef")} }}.Tokens(m.ID)
		check(t, err)
		a := s.action("resetPassword", map[string]any{"token": tokens[0], "newPassword": "battery of volta 1800"}, nil)
		if a.StatusCode == http.StatusOK {
			s.granted(a)
			if again := s.action("resetPassword", map[string]any{"token": tokens[0], "newPassword": "battery of volta 1800"}, nil); again.code() != "invalid-token" {
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

func TestReset_WithoutMailSaysSo(t *testing.T) {
	s := start(t, func(s *setup) { s.rules.MailEnabled = false })
	if a := s.rest(http.MethodPost, "/auth/password/forgot", `{"email":"ann@example.org"}`); a.StatusCode != http.StatusForbidden || a.code() != "mail-disabled" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
