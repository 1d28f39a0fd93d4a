package cmd

import (
	"context"
	"time"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/token"
)

// shownGrant is a session for scripts, with the names that clients see too.
type shownGrant struct {
	ID             string    `json:"id"`
	Token          string    `json:"token"`
	TokenExpiresAt time.Time `json:"tokenExpiresAt"`
	RefreshToken   string    `json:"refreshToken"`
}

// openSession opens a session with the keys and the database of the service. Its output
// gives access to the account, so it goes only to stdout.
func openSession(ctx context.Context, env Environment, ref string) error {
	return withKeys(ctx, env, func(cfg config.Config, k token.Keys) error {
		issuer, err := newIssuer(cfg, k)
		if err != nil {
			return err
		}
		return changing(ctx, env, func(ctx context.Context, o *login.Operator) error {
			o.Issuer, o.Rules = issuer, rules(cfg, false)
			g, err := o.OpenSession(ctx, ref)
			if err != nil {
				return err
			}
			return showJSON(env.Stdout, shownGrant{g.UserID, g.Token, g.TokenExpiresAt.UTC(), g.RefreshToken})
		})
	})
}

func newIssuer(cfg config.Config, k token.Keys) (*token.Issuer, error) {
	ring, err := token.Open(k, token.Hooks{})
	if err != nil {
		return nil, err
	}
	return token.NewIssuer(ring, tokenNames(cfg))
}
