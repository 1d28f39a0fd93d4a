package testserver

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// OIDC is a real OpenID provider that others have written: the example server of
// zitadel/oidc.
type OIDC struct {
	*Process
	Issuer                 string
	ClientID, ClientSecret string
	User, Password         string // of its one administrator
	Email                  string // which it says is verified
}

// StartOIDC builds the provider from tools/oidc and starts it on a free port. Browsers come
// back from it to one of the URLs.
func StartOIDC(t testing.TB, redirectURLs ...string) *OIDC {
	t.Helper()
	port := FreePort(t)
	cmd := exec.Command(tool(t, "oidc", "server")) // #nosec G204 -- a test's own server
	cmd.Env = []string{"PORT=" + strconv.Itoa(port), "REDIRECT_URI=" + strings.Join(redirectURLs, ",")}
	p := &OIDC{
		Process: Start(t, cmd), Issuer: "http://localhost:" + strconv.Itoa(port) + "/",
		ClientID: "web", ClientSecret: "secret",
		User: "test-user@localhost", Password: "verysecure", Email: "test-user@zitadel.ch",
	}
	p.WaitReady(t, 20*time.Second, func() error { return Dial(Addr(port)) })
	return p
}
