package provider_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/provider/providertest"
)

// sign makes tokens with a method and key of the forger's choice.
func sign(m jwt.SigningMethod, key any) func(jwt.MapClaims) string {
	return func(claims jwt.MapClaims) string {
		token := jwt.NewWithClaims(m, claims)
		token.Header["kid"] = "first"
		signed, err := token.SignedString(key)
		if err != nil {
			panic(err)
		}
		return signed
	}
}

func publicPEM(p *providertest.Provider) []byte {
	der, err := x509.MarshalPKIXPublicKey(p.Key())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// signWithOwnKey puts a key of the forger into the header, as jwk.
func signWithOwnKey(claims jwt.MapClaims) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["jwk"] = map[string]string{"kty": "EC", "crv": "P-256", "x": encode(public[1:33]), "y": encode(public[33:])}
	signed, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return signed
}
