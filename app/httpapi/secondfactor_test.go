package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pquerna/otp/totp"
)

// decoded reads an answer's body into a T.
func decoded[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

type challengeAnswer struct {
	Code      string   `json:"code"`
	Challenge string   `json:"challenge"`
	Methods   []string `json:"methods"`
}

// claims reads what a token says, without its signature.
func claims(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	check(t, err)
	return parsed.Claims.(jwt.MapClaims)
}

// A code is spent with its time step, so each call needs another one. The oldest that the
// service takes is made early enough in a step to be still taken when it arrives.
func code(t *testing.T, secret string, steps int) string {
	t.Helper()
	const step = 30 * time.Second
	if left := step - time.Duration(time.Now().UnixNano())%step; steps < 0 && left < 2*time.Second {
		time.Sleep(left)
	}
	c, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(steps)*step))
	check(t, err)
	return c
}

func TestSecondFactor_OverREST(t *testing.T) {
	s := start(t)
	auth := bearer(s.signUp("ann@example.org"))
	a := s.rest("POST", "/auth/totp/enrolment", `{"password":"wrong password"}`, "Authorization", auth)
	if a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-credentials" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.rest("POST", "/auth/totp/enrolment", `{"password":"`+goodPassword+`"}`, "Authorization", auth)
	enrolment := decoded[struct{ Secret, URI, Enrolment string }](t, a)
	a = s.rest("POST", "/auth/totp", fmt.Sprintf(`{"enrolment":%q,"code":"000000"}`, enrolment.Enrolment), "Authorization", auth)
	if a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-code" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.rest("POST", "/auth/totp", fmt.Sprintf(`{"enrolment":%q,"code":%q}`, enrolment.Enrolment, code(t, enrolment.Secret, -1)), "Authorization", auth)
	if a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}

	a = s.rest("POST", "/auth/signin", `{"email":"ann@example.org","password":"`+goodPassword+`"}`)
	c := decoded[challengeAnswer](t, a)
	if a.StatusCode != http.StatusUnauthorized || c.Code != "second-factor-required" || c.Challenge == "" || len(c.Methods) != 1 || c.Methods[0] != "totp" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for body, want := range map[string]string{
		`{"challenge":"x","method":"totp"}`:                                   "invalid-input",
		`{"challenge":"x","method":"totp","code":"1","rememberDevice":"yes"}`: "invalid-input",
		`{"challenge":"x","method":"sms","code":"123456"}`:                    "invalid-input",
		`{"challenge":"x","method":"totp","code":"123456"}`:                   "invalid-token",
	} {
		if a := s.rest("POST", "/auth/signin/second-factor", body); a.code() != want {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	a = s.rest("POST", "/auth/signin/second-factor", fmt.Sprintf(`{"challenge":%q,"method":"totp","code":%q,"rememberDevice":true}`, c.Challenge, code(t, enrolment.Secret, 0)))
	grant := decoded[struct{ Token, DeviceToken string }](t, a)
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	got := claims(t, grant.Token)
	if fmt.Sprint(got["amr"]) != "[pwd otp mfa]" || got["auth_time"] == nil {
		t.Errorf("claims %v", got)
	}
	if hasura := got["https://hasura.io/jwt/claims"].(map[string]any); hasura["x-hasura-auth-elevated"] != got["sub"] {
		t.Errorf("a session that was opened by a second factor is not elevated: %v", hasura)
	}
	a = s.rest("POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q,"deviceToken":%q}`, goodPassword, grant.DeviceToken))
	if a.StatusCode != http.StatusOK {
		t.Errorf("the remembered device: %d %s", a.StatusCode, a.body)
	}
	auth = bearer(s.granted(a)) // by the password alone

	for _, route := range []string{"DELETE /auth/totp", "POST /auth/recovery-codes"} {
		var method, path string
		_, _ = fmt.Sscan(route, &method, &path)
		a = s.rest(method, path, `{"password":"`+goodPassword+`"}`, "Authorization", auth)
		if c := decoded[challengeAnswer](t, a); a.StatusCode != http.StatusForbidden || c.Code != "elevation-required" || len(c.Methods) != 1 {
			t.Errorf("%s: %d %s", route, a.StatusCode, a.body)
		}
	}
	a = s.rest("POST", "/auth/elevate", fmt.Sprintf(`{"method":"totp","code":%q}`, code(t, enrolment.Secret, 1)), "Authorization", auth)
	elevated := decoded[struct{ Token string }](t, a)
	if hasura := claims(t, elevated.Token)["https://hasura.io/jwt/claims"].(map[string]any); hasura["x-hasura-auth-elevated"] == nil {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.rest("POST", "/auth/recovery-codes", `{"password":"`+goodPassword+`"}`, "Authorization", auth)
	codes := decoded[struct{ Codes []string }](t, a).Codes
	if len(codes) != 10 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.rest("POST", "/auth/totp/enrolment", `{"password":"`+goodPassword+`"}`, "Authorization", auth)
	if a.StatusCode != http.StatusConflict || a.code() != "credential-exists" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Hasura hands message and extensions to the client as they are.
func TestSecondFactor_OverActions(t *testing.T) {
	s := start(t)
	grant := s.signUp("ann@example.org")
	auth := bearer(grant)
	enrolment := decoded[struct{ Secret, Enrolment string }](t, s.rest("POST", "/auth/totp/enrolment", `{"password":"`+goodPassword+`"}`, "Authorization", auth))
	s.rest("POST", "/auth/totp", fmt.Sprintf(`{"enrolment":%q,"code":%q}`, enrolment.Enrolment, code(t, enrolment.Secret, -1)), "Authorization", auth)
	public := map[string]any{"x-hasura-role": "public"}
	a := s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword}, public)
	e := decoded[struct {
		Message    string
		Extensions challengeAnswer
	}](t, a)
	if a.StatusCode != http.StatusUnauthorized || e.Message == "" || e.Extensions.Code != "second-factor-required" || e.Extensions.Challenge == "" || len(e.Extensions.Methods) != 1 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	a = s.action("signinSecondFactor", map[string]any{"challenge": e.Extensions.Challenge, "method": "totp", "code": code(t, enrolment.Secret, 0), "rememberDevice": nil}, public)
	if a.StatusCode != http.StatusOK || decoded[struct{ Token string }](t, a).Token == "" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
}
