package provider

import (
	"context"
	"fmt"
	"net/url"

	"golang.org/x/oauth2"

	"hasura-login/app/login"
)

// plain is a provider of OAuth 2.0 without OpenID Connect: its own API names the user
// of an access token. To add one, write a file like github.go and a line in presets.
type plain struct {
	issuer   string // under which its identities are stored
	auth     oauth2.Endpoint
	identify func(ctx context.Context, read func(address string, into any) error) (login.Assertion, error)
}

// endpoint implements site.
func (p *plain) endpoint(context.Context) (oauth2.Endpoint, []oauth2.AuthCodeOption, error) {
	return p.auth, nil, nil
}

// checkIssuer implements site. These providers publish no issuer; if one sends an
// issuer, it must at least be on the provider's host.
func (p *plain) checkIssuer(issuer string) error {
	if issuer == "" {
		return nil
	}
	own, err := url.Parse(p.auth.AuthURL)
	if err != nil {
		return err
	}
	if sent, err := url.Parse(issuer); err != nil || sent.Host != own.Host {
		return fmt.Errorf("the answer is of another provider: iss is %q", issuer)
	}
	return nil
}

// assertion implements site.
func (p *plain) assertion(ctx context.Context, t *oauth2.Token, _ Response) (login.Assertion, error) {
	a, err := p.identify(ctx, func(address string, into any) error { return getJSON(ctx, address, t, into) })
	a.Issuer = p.issuer
	return a, err
}
