package devstack

import (
	"net/http"

	"hasura-login/app/config"
	"hasura-login/dev/gateway"
)

// front is what answers at the stand-in's port: login's routes, and Hasura for requests
// with and without the cookie of a session.
func (v stack) front(cfg config.Config, hasura http.Handler, loginURL string) (http.Handler, error) {
	secret := ""
	if values := cfg.EdgeSecret.Values(); len(values) > 0 {
		secret = values[0]
	}
	return gateway.New(hasura, gateway.Config{LoginURL: loginURL, EdgeSecret: secret, Origin: cfg.Origin(), AllowOrigin: v.allowOrigin(cfg)})
}
