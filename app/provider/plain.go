package provider

import (
	"context"
	"fmt"
	"net/url"

	"golang.org/x/oauth2"

	"hasura-login/app/login"
)

// plain is a provider of OAuth 2.0 without OpenID Connect: who has signed in is what
// its own API says to the access token. One more of the kind is a file like github.go
// and a line in presets.
type plain struct {
	issuer   string // what its identities are stored under
	auth     oauth2.Endpoint
	identify func(ctx context.Context, read func(address string, into any) error) (login.Assertion, error)
}

// endpoint implements site.
func (p *plain) endpoint(context.Context) (oauth2.Endpoint, []oauth2.AuthCodeOption, error) {
	return p.auth, nil, nil
}

// checkIssuer implements site. These providers publish no issuer; what one sends must
// at least be on its own host.
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
