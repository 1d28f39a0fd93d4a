package provider

import (
	"context"

	"golang.org/x/oauth2"

	"hasura-login/app/login"
)

// newDiscord follows docs.discord.com: "OAuth2", "Get Current User".
func newDiscord(Settings) (preset, error) {
	return preset{title: "Discord", scopes: []string{"identify", "email"}, site: &plain{
		issuer: "https://discord.com",
		auth: oauth2.Endpoint{
			AuthURL: "https://discord.com/oauth2/authorize", TokenURL: "https://discord.com/api/oauth2/token",
			AuthStyle: oauth2.AuthStyleInHeader,
		},
		identify: identifyAtDiscord,
	}}, nil
}

func identifyAtDiscord(_ context.Context, read func(string, any) error) (login.Assertion, error) {
	var user struct {
		ID         string `json:"id"`
		Username   string `json:"username"`
		GlobalName string `json:"global_name"`
		Email      string `json:"email"`
		Verified   bool   `json:"verified"`
	}
	err := read("https://discord.com/api/users/@me", &user)
	a := login.Assertion{Subject: user.ID, Name: user.GlobalName, Email: user.Email, EmailVerified: user.Verified}
	if a.Name == "" {
		a.Name = user.Username
	}
	return a, err
}
