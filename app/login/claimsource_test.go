package login_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// source is a login.ClaimSource whose answer a test changes.
type source struct {
	claims map[string]string
	err    error
}

func (s *source) Claims(context.Context, login.UserAccount) (map[string]string, error) {
	return s.claims, s.err
}

func TestClaimSource_ItsClaimsAreInTheNextTokenAndWithoutAnAnswerThereIsNone(t *testing.T) {
	first := &source{claims: map[string]string{"x-hasura-team": "red", "x-hasura-plan": "free"}}
	second := &source{claims: map[string]string{"x-hasura-plan": "paid"}}
	s := logintest.Start(t, func(d *login.Deps, _ *login.Rules) { d.Claims = []login.ClaimSource{first, second} })
	g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: logintest.Password})
	logintest.Check(t, err)
	claim := func(g login.Grant, name string) any {
		t.Helper()
		return hasuraClaims(t, g)[name]
	}
	if claim(g, "x-hasura-team") != "red" || claim(g, "x-hasura-plan") != "paid" {
		t.Errorf("claims: %v", hasuraClaims(t, g))
	}
	first.claims = map[string]string{"x-hasura-team": "blue"}
	g, err = s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
	logintest.Check(t, err)
	if claim(g, "x-hasura-team") != "blue" {
		t.Errorf("claims after a change: %v", hasuraClaims(t, g))
	}
	second.err = login.ErrUnavailable
	if lost, err := s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken}); login.AsError(err).Code != login.CodeUnavailable || lost.Token != "" {
		t.Errorf("without an answer: %q %v", lost.Token, err)
	}
	second.err = nil
	if _, err := s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken}); err != nil {
		t.Errorf("the same token afterwards: %v", err)
	}
}

// hasuraClaims are the session variables of a grant's access token.
func hasuraClaims(t *testing.T, g login.Grant) map[string]any {
	t.Helper()
	parts := strings.Split(g.Token, ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	logintest.Check(t, err)
	var claims struct {
		Hasura map[string]any `json:"https://hasura.io/jwt/claims"`
	}
	logintest.Check(t, json.Unmarshal(body, &claims))
	return claims.Hasura
}
