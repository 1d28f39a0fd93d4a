package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"hasura-login/app/provider/providertest"
	"hasura-login/app/testserver"
)

// providersFile writes a settings file with providers who all know login by one id and
// secret.
func providersFile(t *testing.T, clientID, clientSecret string, providers ...map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	secret, file := filepath.Join(dir, "secret"), filepath.Join(dir, "providers.json")
	check(t, os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600))
	for _, p := range providers {
		p["clientId"], p["clientSecretFile"] = clientID, secret
	}
	text, err := json.Marshal(map[string]any{"providers": providers})
	check(t, err)
	check(t, os.WriteFile(file, text, 0o600))
	return file
}

// providerSettings are those of a provider of the test's own and of those whose buttons
// follow the rules of a brand.
func providerSettings(t *testing.T, issuer string) string {
	t.Helper()
	all := []map[string]string{{"name": "corp", "title": "Example Corp", "issuer": issuer}}
	for _, preset := range []string{"google", "microsoft", "github", "discord"} {
		all = append(all, map[string]string{"preset": preset})
	}
	return providersFile(t, providertest.ClientID, providertest.ClientSecret, all...)
}

// A sign-up with a provider in a real browser. The two are different sites, so the
// browser's rules for cookies and redirects apply.
func TestPages_ProviderInABrowser(t *testing.T) {
	corp := providertest.Start(t)
	broughtBack := make(chan url.Values, 10)
	corp.Callback = func(v url.Values) { broughtBack <- v }
	api := testserver.Addr(testserver.FreePort(t))
	site := "http://localhost:" + api[strings.LastIndex(api, ":")+1:]
	startService(t, api, "LOGIN_PUBLIC_URL="+site, "LOGIN_HOSTED_PAGES_NAME=Example", "LOGIN_PROVIDERS="+providerSettings(t, corp.URL))
	b := startBrowser(t)
	b.open(site + "/auth/pages/signin")
	b.look("signin-providers")
	b.follow("New here? Create an account")

	if status := b.follow("Sign in with Example Corp"); status != http.StatusOK {
		t.Errorf("back from the provider: %d", status)
	}
	if at := get(b, chromedp.Location()); at != site+"/auth/pages/account" {
		t.Fatalf("the browser is at %s", at)
	}
	b.shows("Ann", "ann@example.org", "Example Corp", "with another site")
	b.look("account-with-provider")

	// The provider's answer works only once, and the browser stays signed in.
	spent := site + "/auth/oauth/corp/callback?" + (<-broughtBack).Encode()
	if status := b.open(spent); status != http.StatusForbidden {
		t.Errorf("the answer again: %d", status)
	}
	b.shows("The other site has not confirmed who you are", "Sign in with Example Corp")
	b.look("provider-answer-again")
	b.open(site + "/auth/pages/account")
	b.shows("ann@example.org")

	b.submit("Unlink: Example Corp")
	b.shows("only way to sign in")
	b.open(site + "/auth/pages/account")
	b.shows("Example Corp")

	b.submit("Sign out")
	b.follow("Sign in with Example Corp")
	b.shows("ann@example.org", "with another site")
	// The way back consists of redirects, so the history contains none of its pages.
	b.load(chromedp.NavigateBack())
	if at := get(b, chromedp.Location()); strings.Contains(at, "/callback") || strings.HasPrefix(at, corp.URL) {
		t.Errorf("the back button leads to %s", at)
	}
	b.open(site + "/auth/pages/account")
	b.shows("ann@example.org")
}
