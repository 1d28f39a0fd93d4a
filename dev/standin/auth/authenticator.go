package auth

import (
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// AdminRole is the role that needs no permission.
const AdminRole = "admin"

// The admin secret's header, and its former name. Since v2.49.4 the engine takes no secret
// from the second; the recorded messages still name it.
const (
	adminSecretHeader = "x-hasura-admin-secret" // #nosec G101 -- a header's name
	accessKeyHeader   = "x-hasura-access-key"
)

// Config is the part of Hasura's settings that concerns authentication.
type Config struct {
	// AdminSecret is HASURA_GRAPHQL_ADMIN_SECRET. It must not be empty: Hasura
	// would take everybody for admin.
	AdminSecret string
	// JWT is HASURA_GRAPHQL_JWT_SECRET; nil: admin secret only.
	JWT *JWT
	// UnauthorizedRole is who sends no token; empty: such requests are refused.
	UnauthorizedRole string
	Now              func() time.Time
	// Report gets failed fetches of the key set; nil: no one does.
	Report func(error)
}

// Session is the result: the role and the session variables.
type Session struct {
	Role string
	// Variables are the session variables, names in lower case, x-hasura-role
	// among them.
	Variables map[string]string
	// Expires is when the token does; zero: never, or no token.
	Expires time.Time
}

// Header is one header line. WebSocket clients send their own list of them.
type Header struct{ Name, Value string }

// Headers are header lines in the order in which Hasura sees them.
type Headers []Header

// FromHTTP lists the lines of a request.
func FromHTTP(h http.Header) Headers {
	var list Headers
	for name, values := range h {
		for _, v := range values {
			list = append(list, Header{name, v})
		}
	}
	return list
}

func (h Headers) all(name string) []string {
	var values []string
	for _, each := range h {
		if strings.EqualFold(each.Name, name) {
			values = append(values, each.Value)
		}
	}
	return values
}

// variables are the session variables in the headers, without the secrets. If a header
// is repeated, the last one stays.
func (h Headers) variables() map[string]string {
	found := map[string]string{}
	for _, each := range h {
		name := strings.ToLower(each.Name)
		if strings.HasPrefix(name, variablePrefix) && name != adminSecretHeader && name != accessKeyHeader {
			found[name] = each.Value
		}
	}
	return found
}

// Authenticator decides about requests.
type Authenticator struct {
	secret [sha512.Size]byte
	cfg    Config
	static keySet
	poller *poller
}

// New checks the settings and, with a jwk_url, that the key set can be had:
// like Hasura it refuses to start otherwise.
func New(ctx context.Context, cfg Config) (*Authenticator, error) {
	if cfg.AdminSecret == "" {
		return nil, errors.New("the admin secret is empty: everybody would be admin")
	}
	if cfg.Report == nil {
		cfg.Report = func(error) {}
	}
	a := &Authenticator{secret: sha512.Sum512([]byte(cfg.AdminSecret)), cfg: cfg}
	if cfg.JWT == nil {
		return a, nil
	}
	if err := cfg.JWT.validate(); err != nil {
		return nil, err
	}
	if cfg.JWT.JWKURL == "" {
		key, err := parseStaticKey(cfg.JWT)
		a.static = keySet{key}
		return a, err
	}
	a.poller = newPoller(cfg.JWT.JWKURL, cfg.Now, cfg.Report)
	return a, a.poller.probe(ctx)
}

// Run keeps the key set of a jwk_url fresh until ctx ends.
func (a *Authenticator) Run(ctx context.Context, cycle time.Duration) {
	for {
		a.CheckKeys(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(cycle):
		}
	}
}

// CheckKeys is one cycle of Run.
func (a *Authenticator) CheckKeys(ctx context.Context) {
	if a.poller != nil {
		a.poller.check(ctx)
	}
}

// Authenticate decides by admin secret, else token, else unauthorized role. A
// wrong secret or a bad token is final; neither falls through.
func (a *Authenticator) Authenticate(h Headers) (*Session, *Error) {
	if secret, sent := adminSecret(h); sent {
		sum := sha512.Sum512([]byte(secret))
		if subtle.ConstantTimeCompare(sum[:], a.secret[:]) != 1 {
			return nil, &Error{Message: fmt.Sprintf("invalid %q/%q", adminSecretHeader, accessKeyHeader), Code: "access-denied", Status: http.StatusUnauthorized}
		}
		return adminSession(h), nil
	}
	if a.cfg.JWT == nil {
		if a.cfg.UnauthorizedRole != "" {
			return a.unauthorized(h), nil
		}
		return nil, &Error{Message: fmt.Sprintf("%q/%q required, but not found", adminSecretHeader, accessKeyHeader), Code: "access-denied", Status: http.StatusUnauthorized}
	}
	return a.byToken(h)
}

func adminSecret(h Headers) (string, bool) {
	values := h.all(adminSecretHeader)
	if len(values) == 0 {
		return "", false
	}
	return values[len(values)-1], true
}

// adminSession believes every header.
func adminSession(h Headers) *Session {
	variables := h.variables()
	if variables[roleVariable] == "" {
		variables[roleVariable] = AdminRole
	}
	return &Session{Role: variables[roleVariable], Variables: variables}
}

// unauthorized ignores the requested role, but every other x-hasura-* header of
// the client becomes a session variable: no permission of this role may rest on one.
func (a *Authenticator) unauthorized(h Headers) *Session {
	variables := h.variables()
	variables[roleVariable] = a.cfg.UnauthorizedRole
	return &Session{Role: a.cfg.UnauthorizedRole, Variables: variables}
}

func (a *Authenticator) byToken(h Headers) (*Session, *Error) {
	j := a.cfg.JWT
	tokens, refused := j.tokens(h)
	if refused != nil {
		return nil, refused
	}
	if len(tokens) == 0 {
		if a.cfg.UnauthorizedRole != "" {
			return a.unauthorized(h), nil
		}
		return nil, refuse("invalid-headers", "Missing 'Authorization' or 'Cookie' header in JWT authentication mode")
	}
	ours := slices.DeleteFunc(tokens, func(t string) bool {
		issuer, known := unverifiedIssuer(t)
		return j.Issuer != "" && known && issuer != j.Issuer
	})
	switch len(ours) {
	case 0:
		return nil, notVerified("JWTNotInIssuer")
	case 1:
	default:
		return nil, refuse("invalid-headers", "Could not verify JWT: Multiple JWTs found")
	}
	verified, refused := j.verifyToken(ours[0], a.keys(), a.cfg.Now())
	if refused != nil {
		return nil, refused
	}
	var requested string
	if roles := h.all(roleVariable); len(roles) > 0 {
		requested = roles[0]
	}
	session, refused := j.session(verified.claims, requested)
	if refused != nil {
		return nil, refused
	}
	if exp := verified.claims.registered.ExpiresAt; exp != nil {
		session.Expires = time.Time(*exp)
	}
	return session, nil
}

func (a *Authenticator) keys() keySet {
	if a.poller != nil {
		return a.poller.set()
	}
	return a.static
}

// tokens finds every candidate in the one configured place.
func (j *JWT) tokens(h Headers) ([]string, *Error) {
	at := Location{Type: "authorization"}
	if j.Header != nil {
		at = *j.Header
	}
	switch strings.ToLower(at.Type) {
	case "cookie":
		var found []string
		for _, line := range h.all("Cookie") {
			for _, c := range cookies(line) {
				if c.Name == at.Name {
					found = append(found, c.Value)
				}
			}
		}
		return found, nil
	case "customheader":
		return h.all(at.Name), nil
	}
	var found []string
	for _, value := range h.all("Authorization") {
		words := strings.Fields(value)
		if len(words) != 2 || words[0] != "Bearer" {
			return nil, refuse("invalid-headers", "Malformed Authorization header")
		}
		found = append(found, words[1])
	}
	return found, nil
}

func cookies(line string) []*http.Cookie {
	list, err := http.ParseCookie(line)
	if err != nil {
		return nil
	}
	return list
}
