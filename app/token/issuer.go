package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/login"
)

// Names are the iss and aud of the tokens, the same for Issuer and Verifier and
// for Hasura's setting.
type Names struct {
	Issuer   string
	Audience string
	// Organizations says that each token has the ids of the user's organisations, so that
	// an account's own claims must leave room for them.
	Organizations bool
}

// Check refuses names that Hasura could not read: text with a colon must be a URI.
func (n Names) Check() error {
	return errors.Join(checkName("issuer", n.Issuer), checkName("audience", n.Audience))
}

func checkName(what, value string) error {
	if value == "" {
		return fmt.Errorf("%s of the tokens is empty", what)
	}
	if !strings.Contains(value, ":") {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || !u.IsAbs() || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("<>\"{}|\\^`", c) }) {
		return fmt.Errorf("%s %q holds a colon but is not a URI", what, value)
	}
	return nil
}

// Issuer signs access tokens with the ring's active key. It implements
// login.Issuer.
type Issuer struct {
	ring   *Ring
	names  Names
	issued map[Algorithm]*atomic.Uint64
}

// NewIssuer checks the names. Tokens live as long as the ring's settings say.
func NewIssuer(r *Ring, n Names) (*Issuer, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	i := &Issuer{ring: r, names: n, issued: make(map[Algorithm]*atomic.Uint64)}
	for _, a := range Algorithms() {
		i.issued[a] = new(atomic.Uint64)
	}
	return i, nil
}

var _ login.Issuer = (*Issuer)(nil)

// payload is the claims of a token.
type payload struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  string         `json:"aud"`
	IssuedAt  int64          `json:"iat"`
	ExpiresAt int64          `json:"exp"`
	ID        string         `json:"jti"`
	Name      string         `json:"name"`
	AMR       []string       `json:"amr,omitempty"`       // RFC 8176
	AuthTime  int64          `json:"auth_time,omitempty"` // OpenID Connect Core, 2
	Hasura    map[string]any `json:"https://hasura.io/jwt/claims"`
}

// Issue returns a signed token and when it expires, in whole seconds. Hasura refuses a
// token whose iat or nbf is ahead of its clock. So iat is early by ReplicaSkew and
// there is no nbf: a server whose clock is that much behind ours accepts the token at
// once.
func (i *Issuer) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	if s.User.ID == "" || strings.Contains(s.User.ID, ":") || s.SessionID == "" {
		return "", time.Time{}, errors.New("issuing a token: user or session id is missing or malformed")
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issuing a token: %w", err)
	}
	second := now.Truncate(time.Second)
	expiresAt := second.Add(i.ring.source.TokenLife.Truncate(time.Second))
	authTime := int64(0)
	if len(s.AMR) > 0 {
		authTime = s.AuthTime.Unix()
	}
	body, err := encodeBody(payload{
		AMR: s.AMR, AuthTime: authTime,
		Issuer: i.names.Issuer, Audience: i.names.Audience,
		Subject: s.User.ID, ID: id.String(), Name: s.User.Name,
		IssuedAt: second.Add(-ReplicaSkew).Unix(), ExpiresAt: expiresAt.Unix(),
		Hasura: hasuraClaims(s),
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issuing a token: %w", err)
	}
	active := i.ring.at(now).active
	signed, err := active.sign(body)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issuing a token: %w", err)
	}
	if len(signed) > MaxSize {
		return "", time.Time{}, login.Errorf(login.CodeTokenTooLarge, "What this account may do makes an access token of %d bytes, and browsers and servers take %d; ask whoever runs this service", len(signed), MaxSize)
	}
	i.issued[active.algorithm].Add(1)
	return signed, expiresAt, nil
}

// Key implements login.Issuer.
func (i *Issuer) Key(now time.Time) string { return i.ring.at(now).active.kid }

// encodeBody writes <, > and & as they are: escaped, as for HTML, they take six bytes.
func encodeBody(p payload) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(p)
	return bytes.TrimSuffix(body.Bytes(), []byte("\n")), err
}

// Issued counts the tokens signed with an algorithm, for metrics.
func (i *Issuer) Issued(a Algorithm) uint64 {
	if n := i.issued[a]; n != nil {
		return n.Load()
	}
	return 0
}

// sign makes the compact form; the header was encoded when the key was loaded.
func (k *key) sign(body []byte) (string, error) {
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, len(k.header)+encoding.EncodedLen(len(body))+1+encoding.EncodedLen(k.signatureSize()))
	token = append(token, k.header...)
	token = encoding.AppendEncode(token, body)
	signature, err := k.algorithm.method().Sign(string(token), k.private)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	return string(encoding.AppendEncode(token, signature)), nil
}

func (k *key) signatureSize() int {
	if k.algorithm == RS256 {
		return rsaMaxBits / 8
	}
	return 64
}
