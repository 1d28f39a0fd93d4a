package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"hasura-login/app/login"
)

const (
	// discoveryLife is how long a discovery document is valid.
	discoveryLife = time.Hour
	// discoveryRest is the pause after a failed discovery.
	discoveryRest = 2 * time.Second
	// skew is how far a provider's clock may be ahead.
	skew = 5 * time.Minute
)

// openID is a provider of OpenID Connect.
type openID struct {
	issuer   string
	clientID string
	rules    rules
	now      func() time.Time

	asked   singleflight.Group
	mu      sync.Mutex
	current *discovered
	failed  error // why the last discovery failed; kept during discoveryRest
	until   time.Time
}

// rules are where a preset differs from the standard.
type rules struct {
	// issuerOf returns the issuer that a token with these claims must have; if nil, it is
	// the provider's own.
	issuerOf func(claims idClaims) (string, error)
	// verified tells whether the provider vouches that the user reads the address; if nil,
	// email_verified decides.
	verified func(claims idClaims) bool
	// name reads the name from Apple's form field.
	name func(user string) string
}

// discovered is a provider's discovery document with its keys.
type discovered struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	endpoint oauth2.Endpoint
	userInfo bool
	sendsIss bool // RFC 9207: every answer has iss
}

// idClaims are the claims of an ID token that login uses.
type idClaims struct {
	Issuer        string   `json:"iss"`
	Subject       string   `json:"sub"`
	AuthorizedFor string   `json:"azp"`
	Email         string   `json:"email"`
	EmailVerified truth    `json:"email_verified"`
	Name          string   `json:"name"`
	AMR           []string `json:"amr"`

	HostedDomain string `json:"hd"`       // Google
	Tenant       string `json:"tid"`      // Microsoft
	DomainOwner  truth  `json:"xms_edov"` // Microsoft: the tenant has proved that the address's domain is its own
}

// truth is a boolean that some providers write as a string or number.
type truth bool

// UnmarshalJSON implements json.Unmarshaler.
func (t *truth) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true", "1":
		*t = true
	default:
		*t = false
	}
	return nil
}

// endpoint implements site.
func (o *openID) endpoint(ctx context.Context) (oauth2.Endpoint, []oauth2.AuthCodeOption, error) {
	d, err := o.discover(ctx)
	if err != nil {
		return oauth2.Endpoint{}, nil, err
	}
	return d.endpoint, nil, nil
}

// checkIssuer implements site.
func (o *openID) checkIssuer(issuer string) error {
	o.mu.Lock()
	d := o.current
	o.mu.Unlock()
	switch {
	case issuer == "" && d != nil && d.sendsIss:
		return errors.New("the answer lacks iss, which this provider always sends")
	case issuer != "" && issuer != o.issuer && o.rules.issuerOf == nil:
		return fmt.Errorf("the answer is of another provider: iss is %q", issuer)
	}
	return nil
}

// discover returns the provider's documents. Concurrent callers wait for the same
// answer. An expired document stays in use until a newer one arrives.
func (o *openID) discover(ctx context.Context) (*discovered, error) {
	o.mu.Lock()
	current, failed, fresh := o.current, o.failed, o.now().Before(o.until)
	o.mu.Unlock()
	switch {
	case fresh && current != nil:
		return current, nil
	case fresh && failed != nil:
		return nil, trouble{failed}
	}
	client := ctx.Value(oauth2.HTTPClient)
	answer := o.asked.DoChan("discovery", func() (any, error) {
		// A context of its own: the first caller may leave while others wait.
		ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), oauth2.HTTPClient, client), patience)
		defer cancel()
		return o.fetch(ctx)
	})
	select {
	case <-ctx.Done():
		return nil, trouble{ctx.Err()}
	case r := <-answer:
		if r.Err != nil {
			return nil, trouble{r.Err}
		}
		return r.Val.(*discovered), nil
	}
}

func (o *openID) fetch(ctx context.Context) (*discovered, error) {
	d, err := o.read(ctx)
	o.mu.Lock()
	defer o.mu.Unlock()
	var other *oidc.IssuerMismatchError
	switch {
	case err == nil:
		o.current, o.failed, o.until = d, nil, o.now().Add(discoveryLife)
	case errors.As(err, &other): // the earlier document is no longer trusted
		o.current, o.failed, o.until = nil, err, o.now().Add(discoveryRest)
	default:
		o.failed, o.until = err, o.now().Add(discoveryRest)
	}
	if o.current == nil {
		return nil, err
	}
	return o.current, nil
}

func (o *openID) read(ctx context.Context) (*discovered, error) {
	asked := ctx
	if o.rules.issuerOf != nil { // the document names a template; each token is checked
		asked = oidc.InsecureIssuerURLContext(ctx, o.issuer)
	}
	p, err := oidc.NewProvider(asked, o.issuer)
	if err != nil {
		var other *oidc.IssuerMismatchError
		if errors.As(err, &other) {
			return nil, err
		}
		return nil, fmt.Errorf("reading the discovery document of %s: %w", o.issuer, withoutBody(err))
	}
	var more struct {
		JWKS     string   `json:"jwks_uri"`
		SendsIss bool     `json:"authorization_response_iss_parameter_supported"`
		Methods  []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	d := &discovered{provider: p, endpoint: p.Endpoint(), sendsIss: more.SendsIss, userInfo: p.UserInfoEndpoint() != ""}
	if d.endpoint.AuthURL == "" || d.endpoint.TokenURL == "" || more.JWKS == "" {
		return nil, errors.New("the discovery document lacks an endpoint")
	}
	// Without a choice the library tries both ways, the second with a used code.
	d.endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if len(more.Methods) > 0 && !slices.Contains(more.Methods, "client_secret_basic") {
		d.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	d.verifier = oidc.NewVerifier(o.issuer, keySet{oidc.NewRemoteKeySet(ctx, more.JWKS)}, &oidc.Config{
		ClientID: o.clientID, Now: o.now, SkipIssuerCheck: o.rules.issuerOf != nil,
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA},
	})
	return d, nil
}

// withoutBody shortens an error that repeats an answer, which may be a page of HTML.
func withoutBody(err error) error {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if len(text) > 200 {
		text = text[:200]
	}
	return errors.New(strings.ToValidUTF8(text, ""))
}

// keySet distinguishes missing keys from a wrong signature: the library's verifier
// keeps only the error's text.
type keySet struct{ *oidc.RemoteKeySet }

type missingKeys struct{ err error }

// VerifySignature implements oidc.KeySet.
func (k keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.RemoteKeySet.VerifySignature(ctx, token)
	if missing, _ := ctx.Value(missingKeysKey{}).(*missingKeys); err != nil && missing != nil && errors.Unwrap(err) != nil {
		missing.err = err
	}
	return payload, err
}

type missingKeysKey struct{}

// assertion implements site.
func (o *openID) assertion(ctx context.Context, t *oauth2.Token, r Response) (login.Assertion, error) {
	d, err := o.discover(ctx)
	if err != nil {
		return login.Assertion{}, err
	}
	raw, ok := t.Extra("id_token").(string)
	if !ok || raw == "" {
		return login.Assertion{}, trouble{errors.New("the answer has no ID token")}
	}
	token, c, err := o.verify(ctx, d, raw, r.Nonce)
	if err != nil {
		return login.Assertion{}, err
	}
	if c.Email == "" && d.userInfo {
		if err := o.ask(ctx, d, token, t, &c); err != nil {
			return login.Assertion{}, err
		}
	}
	a := login.Assertion{Issuer: c.Issuer, Subject: c.Subject, Email: c.Email, EmailVerified: bool(c.EmailVerified), Name: c.Name, AMR: c.AMR}
	if o.rules.verified != nil {
		a.EmailVerified = o.rules.verified(c)
	}
	if o.rules.name != nil && r.User != "" {
		a.Name = o.rules.name(r.User)
	}
	return a, nil
}

// verify checks an ID token as OpenID Connect Core, 3.1.3.7 demands.
func (o *openID) verify(ctx context.Context, d *discovered, raw, nonce string) (*oidc.IDToken, idClaims, error) {
	var c idClaims
	missing := &missingKeys{}
	token, err := d.verifier.Verify(context.WithValue(ctx, missingKeysKey{}, missing), raw)
	var expired *oidc.TokenExpiredError
	switch {
	case missing.err != nil:
		return nil, c, trouble{withoutBody(missing.err)}
	case errors.As(err, &expired):
		return nil, c, trouble{fmt.Errorf("the ID token had expired when it came, at %s: a clock is wrong", expired.Expiry)}
	case err != nil:
		return nil, c, fmt.Errorf("the ID token: %w", withoutBody(err))
	}
	if err := token.Claims(&c); err != nil {
		return nil, c, fmt.Errorf("the ID token: %w", err)
	}
	switch {
	case nonce == "" || !same(token.Nonce, nonce):
		return nil, c, errors.New("the ID token is of another sign-in: its nonce differs")
	case c.AuthorizedFor != "" && c.AuthorizedFor != o.clientID, len(token.Audience) > 1 && c.AuthorizedFor == "":
		return nil, c, errors.New("the ID token is for another client")
	case token.IssuedAt.After(o.now().Add(skew)):
		return nil, c, trouble{fmt.Errorf("the ID token was issued in the future, at %s: a clock is wrong", token.IssuedAt)}
	}
	if o.rules.issuerOf == nil {
		c.Issuer = o.issuer // Google also writes it without the scheme
		return token, c, nil
	}
	want, err := o.rules.issuerOf(c)
	if err == nil && c.Issuer != want {
		err = fmt.Errorf("the ID token is of another issuer: %q", c.Issuer)
	}
	return token, c, err
}

// ask gets from the user info endpoint what the ID token lacks. The answer counts only
// if it belongs to the same user and tokens (OpenID Connect Core, 5.3.2).
func (o *openID) ask(ctx context.Context, d *discovered, id *oidc.IDToken, t *oauth2.Token, c *idClaims) error {
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(t.AccessToken); err != nil {
			return errors.New("the access token is not that of the ID token")
		}
	}
	info, err := d.provider.UserInfo(ctx, oauth2.StaticTokenSource(t))
	if err != nil {
		return trouble{fmt.Errorf("asking the user info endpoint: %w", withoutBody(err))}
	}
	if info.Subject != c.Subject {
		return errors.New("the user info endpoint speaks of another user")
	}
	var more struct {
		Email         string `json:"email"`
		EmailVerified truth  `json:"email_verified"`
		Name          string `json:"name"`
	}
	if err := info.Claims(&more); err != nil {
		return trouble{fmt.Errorf("asking the user info endpoint: %w", err)}
	}
	c.Email, c.EmailVerified = more.Email, more.EmailVerified
	if c.Name == "" {
		c.Name = more.Name
	}
	return nil
}
