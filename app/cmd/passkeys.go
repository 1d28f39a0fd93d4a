package cmd

import (
	"cmp"
	"fmt"

	"hasura-login/app/config"
	"hasura-login/app/login"
	"hasura-login/app/webauthn"
)

// newPasskeys makes the ceremonies of passkeys; nil if the settings name no domain that
// passkeys could be for.
func newPasskeys(cfg config.Config) (login.Passkeys, error) {
	domain, origins := cfg.Passkeys()
	if domain == "" && len(origins) == 0 {
		return nil, nil
	}
	ceremonies, err := webauthn.New(
		webauthn.RelyingParty{ID: domain, Name: cmp.Or(cfg.HostedPagesName, domain), Origins: origins},
		func() [][]byte { return bytesOf(cfg.ServerSecret.Values()) },
	)
	if err != nil {
		return nil, fmt.Errorf("%sPASSKEY_DOMAIN, %sPASSKEY_ORIGINS: %w", config.Prefix, config.Prefix, err)
	}
	return ceremonies, nil
}
