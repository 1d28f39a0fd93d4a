package provider

import (
	"context"
	"strconv"

	"golang.org/x/oauth2"

	"hasura-login/app/login"
)

// newGitHub follows docs.github.com: "Authorizing OAuth apps", "Get the authenticated
// user", "List email addresses for the authenticated user".
func newGitHub(Settings) (preset, error) {
	return preset{title: "GitHub", scopes: []string{"read:user", "user:email"}, site: &plain{
		issuer: "https://github.com",
		auth: oauth2.Endpoint{
			AuthURL: "https://github.com/login/oauth/authorize", TokenURL: "https://github.com/login/oauth/access_token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
		identify: identifyAtGitHub,
	}}, nil
}

func identifyAtGitHub(_ context.Context, read func(string, any) error) (a login.Assertion, err error) {
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if err := read("https://api.github.com/user", &user); err != nil {
		return a, err
	}
	var addresses []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := read("https://api.github.com/user/emails", &addresses); err != nil {
		return a, err
	}
	if user.ID != 0 { // the login can be renamed, and taken by somebody else
		a.Subject = strconv.FormatInt(user.ID, 10)
	}
	if a.Name = user.Name; a.Name == "" {
		a.Name = user.Login
	}
	for _, address := range addresses {
		if address.Primary {
			a.Email, a.EmailVerified = address.Email, address.Verified
		}
	}
	return a, nil
}
