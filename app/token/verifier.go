package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
)

// maxTokenBytes is more than an Authorization header may hold at the edge.
const maxTokenBytes = 16 << 10

// Identity is who a verified token speaks for.
type Identity struct {
	UserID      string
	SessionID   string
	Roles       []string
	DefaultRole string
	ExpiresAt   time.Time
}

// Verifier checks access tokens against the ring. Keys of the token's header
// (jwk, jku, x5u) are never looked at: a key is one of the ring or none. Tokens
// of pending keys are taken: a replica whose clock is a little ahead signs with
// the next key first, and that key is as much ours as the active one.
type Verifier struct {
	ring   *Ring
	names  Names
	parser *jwt.Parser
}

// NewVerifier checks the names.
func NewVerifier(r *Ring, n Names) (*Verifier, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	methods := make([]string, 0, len(Algorithms()))
	for _, a := range Algorithms() {
		methods = append(methods, string(a))
	}
	return &Verifier{ring: r, names: n, parser: jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithStrictDecoding())}, nil
}

// Verify checks a token in compact form. Its errors are a *login.Error of code
// unauthenticated with the reason, for the log, behind it.
func (v *Verifier) Verify(raw string, now time.Time) (Identity, error) {
	if len(raw) > maxTokenBytes {
		return Identity{}, refusal(errors.New("token is too long"))
	}
	if strings.ContainsAny(raw, "\r\n") { // base64 decoders skip them
		return Identity{}, refusal(errors.New("token has line breaks"))
	}
	var claims Claims
	_, err := v.parser.ParseWithClaims(raw, &claims, v.keyfunc(now))
	if err != nil {
		return Identity{}, refusal(err)
	}
	return claims.Identity(), nil
}

// Keyfunc is for middleware that parses tokens itself with golang-jwt. The
// claims must be a *Claims: Keyfunc checks them too, because such middleware
// knows neither issuer nor audience nor our clock.
func (v *Verifier) Keyfunc(t *jwt.Token) (any, error) {
	return v.keyfunc(v.ring.source.now())(t)
}

// Identity reads the claims of a token that was parsed with Keyfunc.
func (v *Verifier) Identity(t *jwt.Token) (Identity, error) {
	if t == nil || !t.Valid {
		return Identity{}, refusal(errors.New("no verified token"))
	}
	claims, ok := t.Claims.(*Claims)
	if !ok || !claims.checked {
		return Identity{}, refusal(errors.New("token was not verified with Keyfunc"))
	}
	return claims.Identity(), nil
}

func (v *Verifier) keyfunc(now time.Time) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		claims, ok := t.Claims.(*Claims)
		if !ok {
			return nil, errors.New("claims are not of type *token.Claims")
		}
		kid, _ := t.Header["kid"].(string)
		k, ok := v.ring.at(now).byKID[kid]
		if !ok {
			return nil, errors.New("key is not in the ring")
		}
		if t.Method.Alg() != string(k.algorithm) {
			return nil, fmt.Errorf("algorithm %s is not that of the key", t.Method.Alg())
		}
		if _, critical := t.Header["crit"]; critical {
			return nil, errors.New("header asks for extensions")
		}
		if err := claims.check(v.names, now); err != nil {
			return nil, err
		}
		return k.public, nil
	}
}

// refusal keeps one text for all reasons but expiry, which clients act on.
func refusal(reason error) error {
	message := "The access token is not valid"
	if errors.Is(reason, jwt.ErrTokenExpired) {
		message = "The access token has expired"
	}
	return fmt.Errorf("%w: %w", login.Errorf(login.CodeUnauthenticated, "%s", message), reason)
}

// Claims are what Keyfunc wants a token parsed into. They are good for nothing
// until Keyfunc has checked them: without it Validate refuses.
type Claims struct {
	jwt.RegisteredClaims
	Hasura struct {
		Roles       []string `json:"x-hasura-allowed-roles"`
		DefaultRole string   `json:"x-hasura-default-role"`
		UserID      string   `json:"x-hasura-user-id"`
		SessionID   string   `json:"x-hasura-session-id"`
	} `json:"https://hasura.io/jwt/claims"`
	checked bool
}

// Identity is the caller that the claims name.
func (c *Claims) Identity() Identity {
	return Identity{
		UserID: c.Subject, SessionID: c.Hasura.SessionID,
		Roles: slices.Clone(c.Hasura.Roles), DefaultRole: c.Hasura.DefaultRole,
		ExpiresAt: c.ExpiresAt.Time,
	}
}

// Validate is asked by the parser after the signature was verified.
func (c *Claims) Validate() error {
	if !c.checked {
		return errors.New("claims were not checked by Keyfunc")
	}
	return nil
}

// The parser would check times a second time, by another clock and without
// leeway; check has done it.

// GetExpirationTime hides exp from the parser.
func (c *Claims) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }

// GetNotBefore hides nbf from the parser.
func (c *Claims) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuedAt hides iat from the parser.
func (c *Claims) GetIssuedAt() (*jwt.NumericDate, error) { return nil, nil }

func (c *Claims) check(n Names, now time.Time) error {
	clock := jwt.WithTimeFunc(func() time.Time { return now })
	end := jwt.NewValidator(clock, jwt.WithLeeway(ClockSkew), jwt.WithExpirationRequired())
	if err := end.Validate(jwt.RegisteredClaims{ExpiresAt: c.ExpiresAt}); err != nil {
		return err
	}
	rest := jwt.NewValidator(
		clock, jwt.WithLeeway(ReplicaSkew), jwt.WithIssuedAt(), jwt.WithIssuer(n.Issuer), jwt.WithAudience(n.Audience),
	)
	if err := rest.Validate(c.RegisteredClaims); err != nil {
		return err
	}
	if c.Subject == "" || c.Hasura.UserID != c.Subject || c.Hasura.SessionID == "" {
		return errors.New("user or session id is missing")
	}
	c.checked = true
	return nil
}
