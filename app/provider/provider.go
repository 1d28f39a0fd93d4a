// Package provider signs people in with other sites: by OpenID Connect with discovery,
// and by plain OAuth 2.0 for sites that have only that. It talks to the providers and
// checks their answers. Package login decides what an answer means for an account.
package provider

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"hasura-login/app/login"
)

// patience bounds one step with a provider as a whole.
const patience = 5 * time.Second

// Request holds the values that a sign-in with a provider begins with. All are drawn
// for this sign-in.
type Request struct {
	State    string
	Nonce    string
	Verifier string // of PKCE (RFC 7636)
}

// Response is what the browser brings back, with the values that the sign-in began
// with.
type Response struct {
	Request
	Code   string
	Issuer string // the parameter iss of RFC 9207
	User   string // Apple's form field: the name, only at the first sign-in
}

// A site speaks to one provider. The context has a deadline and the HTTP client.
type site interface {
	// endpoint returns where the browser goes, with further parameters.
	endpoint(ctx context.Context) (oauth2.Endpoint, []oauth2.AuthCodeOption, error)
	// checkIssuer refuses the answer of another provider (RFC 9207).
	checkIssuer(issuer string) error
	// assertion reads from the tokens who has signed in.
	assertion(ctx context.Context, t *oauth2.Token, r Response) (login.Assertion, error)
}

// Provider is one site that people can sign in with.
type Provider struct {
	Name  string // in addresses, settings and metrics
	Title string // for people
	Brand string // whose button it has; empty: a plain one
	// FormPost tells that the provider answers with a form of its own. Browsers send no
	// SameSite=Lax cookie with it.
	FormPost bool
	// SecondFactor are values of amr (RFC 8176) that count as a second factor here.
	SecondFactor []string

	site        site
	clientID    string
	secret      func() (string, error)
	scopes      []string
	redirectURI string
	client      *http.Client
	observer    Observer
}

// Observer counts the results of calls.
type Observer interface {
	// ProviderCall reports one call: "ok", "refused" or "unavailable".
	ProviderCall(provider, result string)
}

// trouble is an error of the provider or the network, and not of the person.
type trouble struct{ error }

func (t trouble) Unwrap() error { return t.error }

// AuthURL is where the browser goes to sign in.
func (p *Provider) AuthURL(ctx context.Context, r Request) (address string, err error) {
	err = p.call(ctx, func(ctx context.Context) error {
		config, more, err := p.config(ctx)
		if err != nil {
			return err
		}
		more = append(more, oauth2.S256ChallengeOption(r.Verifier), oauth2.SetAuthURLParam("nonce", r.Nonce))
		if p.FormPost {
			more = append(more, oauth2.SetAuthURLParam("response_mode", "form_post"))
		}
		address = config.AuthCodeURL(r.State, more...)
		return nil
	})
	return address, err
}

// Assert redeems the code and returns who has signed in.
func (p *Provider) Assert(ctx context.Context, r Response) (a login.Assertion, err error) {
	err = p.call(ctx, func(ctx context.Context) error {
		config, _, err := p.config(ctx)
		if err != nil {
			return err
		}
		if err := p.site.checkIssuer(r.Issuer); err != nil {
			return err
		}
		token, err := config.Exchange(ctx, r.Code, oauth2.VerifierOption(r.Verifier))
		if err != nil {
			return exchangeError(err)
		}
		if a, err = p.site.assertion(ctx, token, r); err != nil {
			return err
		}
		if a.Issuer == "" || a.Subject == "" || len(a.Subject) > maxSubject {
			return errors.New("the provider names no user, or with more than 255 bytes")
		}
		return nil
	})
	if err != nil {
		return login.Assertion{}, err
	}
	a.Provider = p.Name
	return a, nil
}

// maxSubject bounds a subject (OpenID Connect Core, 2).
const maxSubject = 255

func (p *Provider) config(ctx context.Context) (*oauth2.Config, []oauth2.AuthCodeOption, error) {
	endpoint, more, err := p.site.endpoint(ctx)
	if err != nil {
		return nil, nil, err
	}
	secret, err := p.secret()
	if err != nil {
		return nil, nil, trouble{fmt.Errorf("the client secret: %w", err)}
	}
	return &oauth2.Config{
		ClientID: p.clientID, ClientSecret: secret, Endpoint: endpoint, RedirectURL: p.redirectURI, Scopes: p.scopes,
	}, more, nil
}

// call gives a step its deadline and reports its result. The cause goes only to the
// log.
func (p *Provider) call(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, p.client), patience)
	defer cancel()
	err := step(ctx)
	result := "ok"
	var e *login.Error
	var of trouble
	switch {
	case err == nil:
	case errors.As(err, &of) || ctx.Err() != nil:
		result = "unavailable"
		e = login.Caused(login.CodeProviderUnavailable, fmt.Errorf("%s: %w", p.Name, err), "%s does not answer as it should; try again shortly, or sign in another way", p.Title)
	default:
		result = "refused"
		e = login.Caused(login.CodeProviderRefused, fmt.Errorf("%s: %w", p.Name, err), "%s has not confirmed who you are; begin the sign-in again", p.Title)
	}
	p.observer.ProviderCall(p.Name, result)
	if e != nil {
		return e
	}
	return nil
}

// exchangeError distinguishes a code that the provider refuses from a failing provider
// and from one that refuses the client itself.
func exchangeError(err error) error {
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) && (answered.ErrorCode == "invalid_grant" || answered.ErrorCode == "bad_verification_code") {
		return fmt.Errorf("redeeming the code: %s", answered.ErrorCode)
	}
	if errors.As(err, &answered) { // its body may repeat what login sent
		return trouble{fmt.Errorf("redeeming the code: status %d, error %q", answered.Response.StatusCode, answered.ErrorCode)}
	}
	return trouble{fmt.Errorf("redeeming the code: %w", err)}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
