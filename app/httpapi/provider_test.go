package httpapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/provider"
	"hasura-login/app/provider/providertest"
)

type noObserver struct{}

func (noObserver) ProviderCall(string, string) {}

// startWithProviders starts a service whose people can sign in with test providers.
func startWithProviders(t *testing.T, names []string, change ...func(*setup)) (*server, map[string]*providertest.Provider) {
	t.Helper()
	at := map[string]*providertest.Provider{}
	var all []*provider.Provider
	file := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(file, []byte(providertest.ClientSecret), 0o600))
	for _, name := range names {
		at[name] = providertest.Start(t)
		p, err := provider.New(provider.Settings{
			Name: name, Title: strings.ToUpper(name), Issuer: at[name].URL, ClientID: providertest.ClientID, ClientSecretFile: file, SecondFactor: []string{"mfa"},
		}, provider.Options{PublicURL: "http://127.0.0.1", Observer: noObserver{}})
		check(t, err)
		all = append(all, p)
	}
	s := start(t, append([]func(*setup){withApps(), func(s *setup) { s.providers = all }}, change...)...)
	return s, at
}

// begin goes to a provider and returns the query with which it sends the browser back.
func (v *visitor) begin(path string) url.Values {
	v.t.Helper()
	a := v.get(path)
	if a.StatusCode != http.StatusSeeOther {
		v.t.Fatalf("%s: %d\n%s", path, a.StatusCode, a.body)
	}
	return v.visit(a.Header.Get("Location"))
}

// visit has the provider send the browser back.
func (v *visitor) visit(address string) url.Values {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	check(v.t, err)
	resp, err := http.DefaultTransport.RoundTrip(r)
	check(v.t, err)
	_ = resp.Body.Close()
	back, err := resp.Location()
	check(v.t, err)
	return back.Query()
}

func (v *visitor) end(name string, given url.Values) answer {
	v.t.Helper()
	return v.get("/auth/oauth/" + name + "/callback?" + given.Encode())
}

func TestProvider_SignsUpSignsInAndGoesBackToTheApp(t *testing.T) {
	s, _ := startWithProviders(t, []string{"corp", "other"})
	v := s.visitor()
	says(t, v.get("/auth/pages/signin?state=x&code_challenge="+appChallenge), http.StatusOK,
		`<a href="/auth/oauth/corp?code_challenge=`+appChallenge, "Sign in with CORP", "Sign in with OTHER")
	leadsTo(t, v.end("corp", v.begin("/auth/oauth/corp")), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "<h1>Ann</h1>", "ann@example.org", "CORP", "with another site", "Link OTHER")

	app := s.visitor() // another browser; the same person
	code := handed(t, app.end("corp", app.begin("/auth/oauth/corp?app=admin&state=s+1&code_challenge="+appChallenge)), "https://admin.example.org/in", "s 1")
	g := s.granted(s.exchange(code, appVerifier))
	a := s.rest(http.MethodGet, "/auth/identities", "", "Authorization", bearer(g))
	if a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), `"provider":"corp","email":"ann@example.org"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodGet, "/auth/providers", ""); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for _, secret := range []string{"ann@", appVerifier, providertest.ClientSecret, "subject-1"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// A sign-in that somebody else began, or that has ended, is refused (RFC 9700, 4.4,
// 4.5 and 4.7).
func TestProvider_RefusesAWayBackThatIsNotThisBrowsers(t *testing.T) {
	for name, try := range map[string]func(t *testing.T, s *server, at map[string]*providertest.Provider, v *visitor) answer{
		"another browser's state": func(_ *testing.T, s *server, _ map[string]*providertest.Provider, v *visitor) answer {
			return v.end("corp", s.visitor().begin("/auth/oauth/corp"))
		},
		"a made-up state": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			given.Set("state", given.Get("state")[1:])
			return v.end("corp", given)
		},
		"no state": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			given.Del("state")
			return v.end("corp", given)
		},
		"no code": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			given.Del("code")
			return v.end("corp", given)
		},
		"mixed up with another provider": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			return v.end("other", v.begin("/auth/oauth/corp"))
		},
		"another provider's code under this one's state": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given, other := v.begin("/auth/oauth/corp"), v.begin("/auth/oauth/other")
			given.Set("code", other.Get("code"))
			return v.end("corp", given)
		},
		"a code of somebody else's sign-in": func(_ *testing.T, s *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			given.Set("code", s.visitor().begin("/auth/oauth/corp").Get("code"))
			return v.end("corp", given)
		},
		"a code of somebody else's at a provider without PKCE": func(_ *testing.T, s *server, at map[string]*providertest.Provider, v *visitor) answer {
			at["corp"].Lenient = true // then the nonce decides
			given := v.begin("/auth/oauth/corp")
			given.Set("code", s.visitor().begin("/auth/oauth/corp").Get("code"))
			return v.end("corp", given)
		},
		"twice": func(t *testing.T, s *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			leadsTo(t, v.end("corp", given), "/auth/pages/account")
			return v.end("corp", given)
		},
		"twice, at a provider that takes codes again": func(t *testing.T, s *server, at map[string]*providertest.Provider, v *visitor) answer {
			at["corp"].Lenient = true
			given := v.begin("/auth/oauth/corp")
			leadsTo(t, v.end("corp", given), "/auth/pages/account")
			return v.end("corp", given)
		},
		"the person said no": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			given := v.begin("/auth/oauth/corp")
			return v.end("corp", url.Values{"state": given["state"], "error": {"access_denied"}, "error_description": {"<script>alert(1)</script>"}})
		},
		"an unknown provider": func(_ *testing.T, _ *server, _ map[string]*providertest.Provider, v *visitor) answer {
			return v.end("nowhere", v.begin("/auth/oauth/corp"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, at := startWithProviders(t, []string{"corp", "other"})
			v := s.visitor()
			before := v.cookie("login-session")
			a := try(t, s, at, v)
			if a.StatusCode < 400 || a.StatusCode >= 500 || a.Header.Get("Location") != "" || strings.Contains(theScript.ReplaceAllLiteralString(string(a.body), ""), "<script") {
				t.Errorf("%d to %q\n%s", a.StatusCode, a.Header.Get("Location"), a.body)
			}
			if !strings.HasPrefix(name, "twice") && v.cookie("login-session") != before {
				t.Error("somebody is signed in")
			}
		})
	}
}

// Two tabs begin two sign-ins, and both end.
func TestProvider_TwoTabs(t *testing.T) {
	s, _ := startWithProviders(t, []string{"corp", "other"})
	v := s.visitor()
	first, second := v.begin("/auth/oauth/corp"), v.begin("/auth/oauth/corp?state=2&code_challenge="+appChallenge)
	leadsTo(t, v.end("corp", first), "/auth/pages/account")
	handed(t, v.end("corp", second), "https://app.example.org/in?x=1", "2")
}

func TestProvider_LinksFromTheAccountsPage(t *testing.T) {
	s, at := startWithProviders(t, []string{"corp", "other"})
	at["corp"].Claims = map[string]any{"email": "somebody@else.example"}
	v := s.visitor()
	v.enter("kim@example.org")
	link := func(name string) url.Values {
		t.Helper()
		a := v.post("/auth/pages/account", "do", "link-identity", "provider", name)
		found := regexp.MustCompile(`<meta http-equiv="refresh" content="0; url=([^"]+)">`).FindSubmatch(a.body)
		if a.StatusCode != http.StatusOK || found == nil {
			t.Fatalf("%d\n%s", a.StatusCode, a.body)
		}
		return v.visit(strings.ReplaceAll(string(found[1]), "&amp;", "&"))
	}
	leadsTo(t, v.end("corp", link("corp")), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "Linked.", "somebody@else.example", `value="unlink-identity"`, "not confirmed yet")

	// The provider's account signs in to this one now, whatever address it shows.
	other := s.visitor()
	leadsTo(t, other.end("corp", other.begin("/auth/oauth/corp")), "/auth/pages/account")
	says(t, other.get("/auth/pages/account"), http.StatusOK, "kim@example.org")

	// It belongs to one account; the answer does not say to which.
	eve := s.visitor()
	eve.enter("eve@example.org")
	a := eve.post("/auth/pages/account", "do", "link-identity", "provider", "corp")
	found := regexp.MustCompile(`url=([^"]+)">`).FindSubmatch(a.body)
	a = eve.end("corp", eve.visit(strings.ReplaceAll(string(found[1]), "&amp;", "&")))
	says(t, a, http.StatusConflict, "belongs to another account here")
	if strings.Contains(string(a.body), "kim@") {
		t.Errorf("it names whose it is:\n%s", a.body)
	}

	id := regexp.MustCompile(`name="identity" value="([^"]+)"`).FindSubmatch(v.get("/auth/pages/account").body)
	leadsTo(t, v.post("/auth/pages/account", "do", "unlink-identity", "identity", string(id[1])), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "can no longer sign in")
	says(t, v.post("/auth/pages/account", "do", "link-identity", "provider", "nowhere"), http.StatusNotFound)
	// A link begun by a session that has ended since links nothing.
	given := link("other")
	leadsTo(t, v.post("/auth/pages/account", "do", "signout"), "/auth/pages/signin")
	leadsTo(t, v.end("other", given), "/auth/pages/signin?to=account")
	for _, events := range []login.EventName{login.EventIdentityLinked, login.EventIdentityUnlinked} {
		if len(s.audited(events)) != 1 {
			t.Errorf("%d events %s", len(s.audited(events)), events)
		}
	}
}

func TestProvider_SaysWhatIsWrong(t *testing.T) {
	s, at := startWithProviders(t, []string{"corp"})
	s.signUp("ann@example.org") // not verified here
	v := s.visitor()
	says(t, v.end("corp", v.begin("/auth/oauth/corp")), http.StatusForbidden, "There is an account with this e-mail address already", `type="password"`)
	at["corp"].SetInstead("/token", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	says(t, v.end("corp", v.begin("/auth/oauth/corp")), http.StatusBadGateway, "does not answer as it should", "Sign in with CORP")
	if !strings.Contains(s.log.String(), `"msg":"provider"`) {
		t.Error("the log does not say what is wrong")
	}
	req := v.request(http.MethodGet, "/auth/oauth/nowhere", "", "Accept-Language", "de")
	says(t, v.do(req), http.StatusNotFound, `<html lang="de">`)
}

// The cookie that binds a flow to its browser, over TLS; Apple's form brings it along.
func TestProvider_TheFlowsCookie(t *testing.T) {
	for _, form := range []bool{false, true} {
		s, _ := startWithProviders(t, []string{"corp"}, func(s *setup) {
			s.pages.PublicURL = "https://login.example.org"
			s.providers[0].FormPost = form
		})
		v := s.visitor()
		var found *http.Cookie
		for _, c := range v.get("/auth/oauth/corp").Cookies() {
			if c.Name == "__Host-login-browser" {
				found = c
			}
		}
		want := http.SameSiteLaxMode
		if form {
			want = http.SameSiteNoneMode
		}
		if found == nil || !found.HttpOnly || !found.Secure || found.SameSite != want || found.Path != "/" || len(found.Value) != 43 {
			t.Errorf("form %v: %+v", form, found)
		}
	}
}

// A form post from a provider's page is accepted, because the flow checks its content.
func TestProvider_TakesTheProvidersForm(t *testing.T) {
	s, _ := startWithProviders(t, []string{"corp"}, func(s *setup) { s.providers[0].FormPost = true })
	v := s.visitor()
	given := v.begin("/auth/oauth/corp")
	req := v.formRequest("/auth/oauth/corp/callback", "code", given.Get("code"), "state", given.Get("state"), "user", `{"name":{"firstName":"Eve"}}`)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://appleid.apple.com")
	leadsTo(t, v.do(req), "/auth/pages/account")
}

// Nothing that a stranger writes into an address of ours, or that a provider adds to its
// answer, leads the browser to another origin (RFC 9700, 4.11).
func TestProvider_LeadsToNoOtherOrigin(t *testing.T) {
	const evil = "https://evil.example/"
	s, _ := startWithProviders(t, []string{"corp", "other"})
	for _, query := range []string{
		"app=" + evil, "app=nowhere&code_challenge=" + appChallenge, "to=" + evil, "to=//evil.example", "to=/%5Cevil.example", "to=account%0d%0aLocation:" + evil,
		"redirect_uri=" + evil, "return=" + evil, "return_to=" + evil, "state=" + evil + "&code_challenge=" + appChallenge, "code_challenge=" + evil,
	} {
		v := s.visitor()
		a := v.get("/auth/oauth/corp?" + query)
		if a.StatusCode != http.StatusSeeOther {
			if a.StatusCode < 400 || a.StatusCode >= 500 {
				t.Errorf("%s: %d", query, a.StatusCode)
			}
			continue
		}
		given := v.visit(a.Header.Get("Location"))
		for _, name := range []string{"redirect_uri", "return", "to", "app"} {
			given.Set(name, evil)
		}
		to, err := v.end("corp", given).Location()
		if err != nil || to.Host != "" && to.Host != "app.example.org" && !strings.HasPrefix(s.url, "http://"+to.Host) {
			t.Errorf("%s leads to %v, %v", query, to, err)
		}
	}
}
