package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"hasura-login/app/testserver"
)

// realProvider is login with a provider that others have written, and a browser. Login and
// the provider are different sites.
type realProvider struct {
	*browser
	at         *testserver.OIDC
	site, back string // login, and where the provider sends the browser back to
}

func startRealProvider(t *testing.T) realProvider {
	t.Helper()
	api := testserver.Addr(testserver.FreePort(t))
	site := "http://" + api
	back := site + "/auth/oauth/example/callback"
	p := realProvider{at: testserver.StartOIDC(t, back), site: site, back: back}
	file := providersFile(t, p.at.ClientID, p.at.ClientSecret, map[string]string{"name": "example", "title": "Example", "issuer": p.at.Issuer})
	startService(t, api, "LOGIN_PUBLIC_URL="+site, "LOGIN_HOSTED_PAGES_NAME=Service", "LOGIN_PROVIDERS="+file)
	p.browser = startBrowser(t)
	return p
}

// begin goes from login to the provider's own form.
func (p realProvider) begin() {
	p.t.Helper()
	p.open(p.site + "/auth/pages/signin")
	p.follow("Sign in with Example")
	if at := get(p.browser, chromedp.Location()); !strings.HasPrefix(at, p.at.Issuer+"login/") {
		p.t.Fatalf("the browser is at %s", at)
	}
}

// end signs in at the provider, which leads back.
func (p realProvider) end() int {
	p.t.Helper()
	p.fill("username", p.at.User, "password", p.at.Password)
	return p.submit("Login")
}

func (p realProvider) isAt(path string) {
	p.t.Helper()
	if at := get(p.browser, chromedp.Location()); at != p.site+path {
		p.t.Fatalf("the browser is at %s", at)
	}
}

func (p realProvider) signOut() {
	p.t.Helper()
	p.open(p.site + "/auth/pages/account")
	p.submit("Sign out")
}

// goBack presses the back button. Then it reloads the page, because browsers restore
// some pages without a response to wait for.
func (p realProvider) goBack() {
	p.t.Helper()
	before := get(p.browser, chromedp.Location())
	eval[bool](p.browser, `setTimeout(() => history.back(), 100), true`)
	testserver.Eventually(p.t, "the browser goes back", func() bool {
		at, err := chromedp.Run(p.ctx, chromedp.Location())
		return err == nil && at != before
	})
	p.load(chromedp.Reload())
}

// visit asks for a page and follows no redirect.
func (p realProvider) visit(address string) *http.Response {
	p.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	check(p.t, err)
	check(p.t, resp.Body.Close())
	return resp
}

// approve signs in at the provider's form that the browser shows, and returns the URL to
// which the provider sends the browser, which stays where it is.
func (p realProvider) approve() string {
	p.t.Helper()
	client := http.Client{CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), p.back) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	id := eval[string](p.browser, `document.querySelector("input[name=id]").value`)
	resp, err := client.PostForm(p.at.Issuer+"login/username", url.Values{"id": {id}, "username": {p.at.User}, "password": {p.at.Password}})
	check(p.t, err)
	check(p.t, resp.Body.Close())
	return resp.Header.Get("Location")
}

// The whole flow at a provider that this project has not written: discovery, PKCE, its
// keys, the client's secret, and an address that only its userinfo endpoint tells.
func TestPages_OpenIDProviderOfOthers(t *testing.T) {
	p := startRealProvider(t)
	p.begin()
	p.fill("username", p.at.User, "password", "wrong")
	p.submit("Login")
	p.shows("username or password wrong")
	if status := p.end(); status != http.StatusOK {
		t.Errorf("back from the provider: %d", status)
	}
	p.isAt("/auth/pages/account")
	p.shows(p.at.Email, "Test User", "Example", "with another site")
	p.signOut()

	t.Run("signs in to the same account again", func(*testing.T) {
		p.begin()
		p.end()
		p.isAt("/auth/pages/account")
		p.shows(p.at.Email, "with another site")
	})
	t.Run("the back button repeats nothing", func(t *testing.T) {
		p.goBack() // to the provider's form: the answer itself is in no history
		p.end()
		if at := get(p.browser, chromedp.Location()); !strings.HasPrefix(at, p.at.Issuer) {
			t.Errorf("a sign-in that has ended leads to %s", at)
		}
		p.open(p.site + "/auth/pages/account")
		p.shows(p.at.Email)
		p.signOut()
		p.goBack() // to the account's page, which no cache may keep
		p.isAt("/auth/pages/signin?to=account")
	})
	t.Run("two tabs", func(t *testing.T) {
		tab, closeTab := chromedp.NewContext(p.ctx)
		defer closeTab()
		check(t, chromedp.Do(tab)) // a tab lives as long as the context of its first steps
		other := p
		other.browser = &browser{t: t, ctx: tab}
		p.begin()
		other.begin()
		other.end()
		other.isAt("/auth/pages/account")
		p.end()
		p.isAt("/auth/pages/account")
		p.shows(p.at.Email)
		p.signOut()
	})
	t.Run("its answer works once, and in one browser", func(t *testing.T) {
		p.begin()
		answer := p.approve()
		stranger, err := http.Get(answer) // #nosec G107 -- the test's own server
		check(t, err)
		check(t, stranger.Body.Close())
		if stranger.StatusCode < 400 || len(stranger.Header.Values("Set-Cookie")) > 1 {
			t.Errorf("a stranger's browser: %d", stranger.StatusCode)
		}
		p.open(answer)
		p.isAt("/auth/pages/account")
		if status := p.open(answer); status != http.StatusForbidden {
			t.Errorf("the answer again: %d", status)
		}
		p.shows("Sign in with Example")
		p.signOut()
	})
	t.Run("it sends no browser to another origin", func(t *testing.T) {
		for _, other := range []string{"http://127.0.0.1:1/auth/oauth/example/callback", p.site + "/elsewhere", p.back + "/x", "http://evil.example/"} {
			p.open(p.site + "/auth/pages/signin")
			link := eval[string](p.browser, `[...document.links].find(l => l.textContent.includes("Example")).href`)
			address, err := p.visit(link).Location()
			check(t, err)
			q := address.Query()
			q.Set("redirect_uri", other)
			address.RawQuery = q.Encode()
			if resp := p.visit(address.String()); resp.StatusCode < 400 || resp.Header.Get("Location") != "" {
				t.Errorf("%s: %d to %q", other, resp.StatusCode, resp.Header.Get("Location"))
			}
		}
	})
}
