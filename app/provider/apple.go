package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/secretfile"
)

const (
	appleIssuer = "https://appleid.apple.com"
	// appleSecretLife is far below the six months that Apple allows, so that a leaked
	// secret soon expires.
	appleSecretLife = time.Hour
)

// newApple follows developer.apple.com: "Sign in with Apple REST API", "Creating a
// client secret".
func newApple(s Settings) (preset, error) {
	p := preset{title: "Apple", issuer: appleIssuer, scopes: []string{"openid", "name", "email"}, formPost: true, rules: rules{name: nameFromApple}}
	if s.TeamID == "" || s.KeyID == "" || s.PrivateKeyFile == "" {
		return p, errors.New("needs teamId, keyId and privateKeyFile")
	}
	key, err := secretfile.Open(s.PrivateKeyFile)
	if err != nil {
		return p, fmt.Errorf("privateKeyFile: %w", err)
	}
	secret := &appleSecret{settings: s, key: key, now: time.Now}
	if _, err := secret.get(); err != nil {
		return p, err
	}
	p.secret = secret.get
	return p, nil
}

// appleSecret is a client secret. It is signed again before it expires, and at once
// when the key file is replaced.
type appleSecret struct {
	settings Settings
	key      secretfile.Secret
	now      func() time.Time

	mu     sync.Mutex
	signed string
	of     string // the key that signed it
	until  time.Time
}

func (a *appleSecret) get() (string, error) {
	pem := a.key.Value()
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if a.signed != "" && a.of == pem && now.Before(a.until) {
		return a.signed, nil
	}
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(pem))
	if err != nil || key.Curve != elliptic.P256() {
		return "", errors.New("privateKeyFile: is not a private key of Apple's (.p8, P-256)")
	}
	signed, err := a.sign(key, now)
	if err != nil {
		return "", err
	}
	a.signed, a.of, a.until = signed, pem, now.Add(appleSecretLife/2)
	return signed, nil
}

func (a *appleSecret) sign(key *ecdsa.PrivateKey, now time.Time) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.RegisteredClaims{
		Issuer: a.settings.TeamID, Subject: a.settings.ClientID, Audience: jwt.ClaimStrings{appleIssuer},
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(appleSecretLife)),
	})
	token.Header["kid"] = a.settings.KeyID
	signed, err := token.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("signing Apple's client secret: %w", err)
	}
	return signed, nil
}

// nameFromApple reads the form field user, which comes through the browser. It only
// names a new account and proves nothing.
func nameFromApple(user string) string {
	var u struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	_ = json.Unmarshal([]byte(user), &u)
	return strings.TrimSpace(u.Name.First + " " + u.Name.Last)
}
