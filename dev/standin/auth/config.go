// Package auth authenticates a request as Hasura CE v2.48 does: by admin secret, by
// JWT, or as the unauthorized role.
package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DefaultNamespace is the claim that holds Hasura's own claims.
const DefaultNamespace = "https://hasura.io/jwt/claims"

// JWT is the object of HASURA_GRAPHQL_JWT_SECRET. Either Key with Type, or
// JWKURL.
type JWT struct {
	Type   string `json:"type,omitempty"`
	Key    string `json:"key,omitempty"` // PEM, or the secret of an HS type
	JWKURL string `json:"jwk_url,omitempty"`

	Issuer      string  `json:"issuer,omitempty"`
	Audience    Strings `json:"audience,omitempty"`
	AllowedSkew int     `json:"allowed_skew,omitempty"` // seconds

	Header          *Location                `json:"header,omitempty"`
	ClaimsNamespace string                   `json:"claims_namespace,omitempty"`
	ClaimsFormat    string                   `json:"claims_format,omitempty"` // "json" (default) or "stringified_json"
	ClaimsMap       map[string]ClaimLocation `json:"claims_map,omitempty"`
}

// ParseJWT reads the value of HASURA_GRAPHQL_JWT_SECRET. Unlike Hasura it
// refuses unknown fields: a misspelt "issuer" would go unnoticed.
func ParseJWT(text string) (*JWT, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var j JWT
	if err := dec.Decode(&j); err != nil {
		return nil, fmt.Errorf("JWT secret: %w", err)
	}
	return &j, j.validate()
}

func (j *JWT) validate() error {
	switch {
	case (j.Key == "") == (j.JWKURL == ""):
		return errors.New("JWT secret: exactly one of key and jwk_url is needed")
	case j.ClaimsFormat != "" && j.ClaimsFormat != "json" && j.ClaimsFormat != "stringified_json":
		return fmt.Errorf("JWT secret: claims_format %q is unknown", j.ClaimsFormat)
	}
	if j.ClaimsMap != nil {
		for _, name := range []string{allowedRolesClaim, defaultRoleClaim} {
			if _, ok := j.ClaimsMap[name]; !ok {
				return fmt.Errorf("JWT secret: claims_map lacks %s", name)
			}
		}
	}
	return nil
}

func (j *JWT) skew() time.Duration {
	return time.Duration(max(j.AllowedSkew, -j.AllowedSkew)) * time.Second
}

func (j *JWT) namespace() string {
	if j.ClaimsNamespace != "" {
		return j.ClaimsNamespace
	}
	return DefaultNamespace
}

// Location says where a request carries its token.
type Location struct {
	Type string `json:"type"` // Authorization, Cookie or CustomHeader, in any case of letters
	Name string `json:"name,omitempty"`
}

// ClaimLocation is an entry of claims_map: a literal, or a JSON path into the
// claims with a default.
type ClaimLocation struct {
	Literal json.RawMessage
	Path    string
	Default json.RawMessage
}

// UnmarshalJSON tells a literal from a path by the object's key "path".
func (c *ClaimLocation) UnmarshalJSON(b []byte) error {
	var at struct {
		Path    string          `json:"path"`
		Default json.RawMessage `json:"default"`
	}
	if err := json.Unmarshal(b, &at); err == nil && at.Path != "" {
		c.Path, c.Default = at.Path, at.Default
		return nil
	}
	c.Literal = bytes.Clone(b)
	return nil
}

// Strings is a string or a list of strings.
type Strings []string

// UnmarshalJSON reads either form.
func (s *Strings) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*s = Strings{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(s))
}
