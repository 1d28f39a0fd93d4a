package e2e_test

import (
	"maps"
	"net/http"
	"testing"
	"time"
)

// Nothing that a stranger sends, and no setting of login, may fail the proofs on
// which deploys and rotations rest. Earlier releases signed in through the public
// limits with an address that everybody knew.
func TestScripts_ProveWhateverLoginIsSetToAndStrangersSend(t *testing.T) {
	a := startAppliance(t, time.Now, time.Minute)
	settings := []struct {
		name string
		env  map[string]string
	}{
		{"only verified addresses", map[string]string{
			"LOGIN_REQUIRE_VERIFIED_EMAIL": "true", "LOGIN_MAIL_FROM": "login@example.org", "LOGIN_MAIL_SMTP_HOST": "127.0.0.1",
			"LOGIN_MAIL_RESET_LINK": "https://app.example.org/reset#token={token}", "LOGIN_MAIL_VERIFY_LINK": "https://app.example.org/verify#token={token}",
		}},
		{"nobody signs up, passwords of 64 characters, another role", map[string]string{
			"LOGIN_SIGNUP": "closed", "LOGIN_PASSWORD_MIN_LENGTH": "64", "LOGIN_DEFAULT_ROLES": "customer", "LOGIN_HOSTED_PAGES": "true",
		}},
		{"every limit at one a day", map[string]string{
			"LOGIN_LIMIT_SIGNIN_CLIENT": "1-D", "LOGIN_LIMIT_SIGNIN_ACCOUNT": "1-D", "LOGIN_LIMIT_SIGNUP_CLIENT": "1-D",
			"LOGIN_LIMIT_DEVICE_CLIENT": "1-D", "LOGIN_LIMIT_REFRESH_CLIENT": "1-D", "LOGIN_LIMIT_REFRESH_SESSION": "1-D", "LOGIN_LIMIT_RESET_CLIENT": "1-D", "LOGIN_LIMIT_RESET_ACCOUNT": "1-D",
		}},
	}
	for _, c := range settings {
		t.Run(c.name, func(t *testing.T) {
			a.restartLogin(c.env)
			a.useUpSharedLimits()
			a.script("lib/replace-service", "hasura")
			a.script("rotate-server-secret")
		})
	}
}

// restartLogin starts login again on the same address, with other settings.
func (a *appliance) restartLogin(env map[string]string) {
	a.t.Helper()
	all := map[string]string{"LOGIN_LIMIT_REFRESH_CLIENT": "5-M", "LOGIN_LIMIT_SIGNIN_CLIENT": "30-M", "LOGIN_LIMIT_SIGNIN_ACCOUNT": "5-M"}
	maps.Copy(all, env)
	a.login.Kill()
	a.login = a.startLoginAt(a.login.api, a.login.ops, all)
	for _, c := range a.engine.containers {
		if c.service == "login" {
			c.env, c.logs = a.login.Env(), a.login.Output
		}
	}
}

// useUpSharedLimits does what somebody can do who knows even the probe's address,
// and who comes, as over a WebSocket, as a client of unknown address.
func (a *appliance) useUpSharedLimits() {
	a.t.Helper()
	c := a.client()
	c.base = "http://" + a.login.api
	refused := map[string]bool{}
	probe := a.read("operator/probe_email")
	for range 50 {
		for path, body := range map[string]map[string]any{
			"/auth/refresh": {"refreshToken": "none"},
			"/auth/signin":  {"email": probe, "password": "wrong password of a stranger"},
		} {
			if refused[path] {
				continue
			}
			refused[path] = c.rest("POST", path, body).status == http.StatusTooManyRequests
		}
		if len(refused) == 2 && refused["/auth/refresh"] && refused["/auth/signin"] {
			return
		}
	}
	a.t.Fatalf("the limits are not used up: %v", refused)
}
