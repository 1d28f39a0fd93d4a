package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hasura-login/app/login"
)

func requireVerified(s *setup) { s.rules.RequireVerifiedEmail = true }

func TestVerify_OverRESTFromSignUpToTheFirstSession(t *testing.T) {
	s := start(t, requireVerified)
	signUp := s.rest(http.MethodPost, "/auth/signup", fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q}`, goodPassword), "Accept-Language", "de-CH,de;q=0.9")
	if signUp.StatusCode != http.StatusForbidden || signUp.code() != "email-not-verified" || !strings.Contains(string(signUp.body), "account is made") {
		t.Errorf("signing up: %d %s", signUp.StatusCode, signUp.body)
	}
	signIn := fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)
	if a := s.rest(http.MethodPost, "/auth/signin", signIn); a.StatusCode != http.StatusForbidden || a.code() != "email-not-verified" {
		t.Errorf("signing in too early: %d %s", a.StatusCode, a.body)
	}
	m, token := s.mailed(login.MailVerifyEmail)
	if m.Payload.Language != "de-CH" {
		t.Errorf("the mail is in %q", m.Payload.Language)
	}
	if a := s.rest(http.MethodPost, "/auth/email/verify", fmt.Sprintf(`{"token":%q}`, token)); a.StatusCode != http.StatusUnauthorized || a.code() != "unauthenticated" {
		t.Errorf("by the mailbox alone: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/verify", fmt.Sprintf(`{"token":%q,"password":"wrong password"}`, token)); a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-credentials" {
		t.Errorf("with a wrong password: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/verify", fmt.Sprintf(`{"token":%q,"password":%q}`, token, goodPassword)); a.StatusCode != http.StatusNoContent || len(a.body) > 0 {
		t.Errorf("verifying: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/verify", fmt.Sprintf(`{"token":%q}`, token)); a.StatusCode != http.StatusNoContent {
		t.Errorf("the second use: %d %s", a.StatusCode, a.body)
	}
	g := s.granted(s.rest(http.MethodPost, "/auth/signin", signIn))
	if o := s.rest(http.MethodGet, "/auth/me", "", "Authorization", bearer(g)).object(t); o["emailVerified"] != true {
		t.Errorf("me: %v", o)
	}
}

func TestVerify_OverActionsAnswersAlikeForAnyAddress(t *testing.T) {
	s := start(t, requireVerified)
	input := map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword, "language": "de"}
	if a := s.action("signup", input, nil); a.StatusCode != http.StatusForbidden || a.code() != "email-not-verified" {
		t.Errorf("signing up: %d %s", a.StatusCode, a.body)
	}
	if m, _ := s.mailed(login.MailVerifyEmail); m.Payload.Language != "de" {
		t.Errorf("the mail is in %q", m.Payload.Language)
	}
	for _, email := range []string{"ann@example.org", "nobody@example.org"} {
		if a := s.action("requestEmailVerification", map[string]any{"email": email, "language": nil}, nil); a.StatusCode != http.StatusOK || string(a.body) != `{"ok":true}` {
			t.Errorf("action for %s: %d %s", email, a.StatusCode, a.body)
		}
		if a := s.rest(http.MethodPost, "/auth/email/verification", fmt.Sprintf(`{"email":%q}`, email)); a.StatusCode != http.StatusAccepted || len(a.body) != 0 {
			t.Errorf("REST for %s: %d %s", email, a.StatusCode, a.body)
		}
	}
	s.mailed(login.MailVerifyEmail) // works as well as the next
	_, token := s.mailed(login.MailVerifyEmail)
	if a := s.action("verifyEmail", map[string]any{"token": token, "password": goodPassword}, nil); a.StatusCode != http.StatusOK || string(a.body) != `{"ok":true}` {
		t.Errorf("verifying: %d %s", a.StatusCode, a.body)
	}
	s.granted(s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword}, nil))
}

func TestChangeEmail_OverBothFacesForItsOwnerAlone(t *testing.T) {
	s := start(t)
	ann := s.signUp("ann@example.org")
	s.mailed(login.MailVerifyEmail)
	change := func(to, password string) string {
		return fmt.Sprintf(`{"newEmail":%q,"password":%q,"language":"de"}`, to, password)
	}
	if a := s.rest(http.MethodPost, "/auth/email/change", change("ann@new.example", goodPassword)); a.StatusCode != http.StatusUnauthorized || a.code() != "unauthenticated" {
		t.Errorf("without a token: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/change", change("ann@new.example", "wrong password"), "Authorization", bearer(ann)); a.code() != "invalid-credentials" {
		t.Errorf("with a wrong password: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/change", change("ann@new.example", goodPassword), "Authorization", bearer(ann)); a.StatusCode != http.StatusAccepted || len(a.body) != 0 {
		t.Errorf("asking: %d %s", a.StatusCode, a.body)
	}
	m, token := s.mailed(login.MailChangeEmail)
	if m.Recipient != "ann@new.example" || m.Payload.Language != "de" {
		t.Errorf("queued %+v", m)
	}
	bob := s.signUp("bob@example.org")
	s.mailed(login.MailVerifyEmail)
	input := map[string]any{"newEmail": "ann@new.example", "password": goodPassword}
	if a := s.action("requestEmailChange", input, nil); a.code() != "unauthenticated" {
		t.Errorf("the public role: %d %s", a.StatusCode, a.body)
	}
	if a := s.action("requestEmailChange", input, variablesOf(t, bob)); a.StatusCode != http.StatusOK || string(a.body) != `{"ok":true}` {
		t.Errorf("asking over an action: %d %s", a.StatusCode, a.body)
	}
	_, second := s.mailed(login.MailChangeEmail)
	for name, variables := range map[string]map[string]any{"nobody": nil, "another": variablesOf(t, bob)} {
		if a := s.action("verifyEmail", map[string]any{"token": token}, variables); a.code() != "unauthenticated" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := s.action("verifyEmail", map[string]any{"token": token}, variablesOf(t, ann)); a.StatusCode != http.StatusOK {
		t.Errorf("changing: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodPost, "/auth/email/verify", fmt.Sprintf(`{"token":%q}`, second), "Authorization", bearer(bob)); a.StatusCode != http.StatusConflict || a.code() != "email-taken" {
		t.Errorf("an address that somebody took meanwhile: %d %s", a.StatusCode, a.body)
	}
	if o := s.rest(http.MethodGet, "/auth/me", "", "Authorization", bearer(ann)).object(t); o["email"] != "ann@new.example" || o["emailVerified"] != true {
		t.Errorf("me: %v", o)
	}
}
