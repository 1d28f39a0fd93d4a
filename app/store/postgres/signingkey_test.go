package postgres_test

import (
	"testing"

	"hasura-login/app/token"
	"hasura-login/app/token/tokentest"
)

func (f *fixture) signingKeys(t *testing.T) {
	tokentest.Run(t, func(t *testing.T) token.Shelf {
		secret := func() []string { return []string{"keys-secret-0123456789abcdef0123456789abcdef"} }
		return token.NewSealed(f.open(t, f.newDatabase(t)), secret)
	})
}
