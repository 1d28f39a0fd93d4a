package login

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
)

const (
	familyBytes = 16
	secretBytes = 32
	nonceBytes  = 32
	tokenBytes  = familyBytes + secretBytes
)

// refreshToken is family ‖ secret. The family stays the same for all tokens of a
// session, and only the client knows it: attempts can be counted per session before the
// database is asked, and a spent token is recognised even if nothing else is remembered
// of it. The 256-bit secret is new each time.
type refreshToken [tokenBytes]byte

func newRefreshToken(random io.Reader) (refreshToken, error) {
	var t refreshToken
	if _, err := io.ReadFull(random, t[:]); err != nil {
		return t, fmt.Errorf("drawing a refresh token: %w", err)
	}
	return t, nil
}

func parseRefreshToken(s string) (refreshToken, bool) {
	var t refreshToken
	if base64.RawURLEncoding.DecodedLen(len(s)) != tokenBytes {
		return t, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(t[:], []byte(s))
	return t, err == nil && n == tokenBytes
}

func (t refreshToken) String() string  { return base64.RawURLEncoding.EncodeToString(t[:]) }
func (t refreshToken) hash() TokenHash { return sha256.Sum256(t[:]) }
func (t refreshToken) family() string  { return string(t[:familyBytes]) }

func (t refreshToken) key() TokenKey {
	return TokenKey{Family: sha256.Sum256(t[:familyBytes]), Token: t.hash()}
}

// child derives the successor. Every caller who presents the parent while it is good
// gets the nonce and derives the same child (RFC 5869; the nonce is the salt).
func (t refreshToken) child(nonce []byte) (refreshToken, error) {
	secret, err := hkdf.Key(sha256.New, t[:], nonce, "hasura-login refresh token", secretBytes)
	if err != nil {
		return refreshToken{}, fmt.Errorf("deriving a refresh token: %w", err)
	}
	c := t
	copy(c[familyBytes:], secret)
	return c, nil
}
