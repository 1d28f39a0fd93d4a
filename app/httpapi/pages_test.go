package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/pages"
	"hasura-login/app/ratelimit"
)

// visitor is a browser without script.
type visitor struct {
	*server
	jar *cookiejar.Jar
}

func withPages(change ...func(*pages.Settings)) func(*setup) {
	return func(s *setup) {
		s.pages = &pages.Settings{PublicURL: "http://127.0.0.1", Name: "Example", SignUpEnabled: true, MailEnabled: true, PasswordMinLength: 8}
		for _, f := range change {
			f(s.pages)
		}
	}
}

func (s *server) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	check(s.t, err)
	return &visitor{s, jar}
}

func (v *visitor) do(req *http.Request) answer {
	v.t.Helper()
	for _, c := range v.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // follows nothing
	check(v.t, err)
	v.jar.SetCookies(req.URL, resp.Cookies())
	return readAll(v.t, resp)
}

func (v *visitor) get(path string, headers ...string) answer {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, "", headers...))
}

// post sends a form, its fields as name, value, …
func (v *visitor) post(path string, fields ...string) answer {
	v.t.Helper()
	return v.do(v.formRequest(path, fields...))
}

func (v *visitor) formRequest(path string, fields ...string) *http.Request {
	v.t.Helper()
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return v.request(http.MethodPost, path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (v *visitor) cookie(name string) string {
	v.t.Helper()
	u, err := url.Parse(v.url)
	check(v.t, err)
	for _, c := range v.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (v *visitor) enter(email string) {
	v.t.Helper()
	leadsTo(v.t, v.post("/auth/pages/signup", "name", "Ann", "email", email, "password", goodPassword), "/auth/pages/account")
}

func leadsTo(t *testing.T, a answer, location string) {
	t.Helper()
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != location {
		t.Fatalf("%s %s: %d to %q, not to %q\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.Header.Get("Location"), location, a.body)
	}
}

func says(t *testing.T, a answer, status int, texts ...string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: %d, not %d", a.Request.Method, a.Request.URL.Path, a.StatusCode, status)
	}
	for _, text := range texts {
		if !strings.Contains(string(a.body), text) {
			t.Errorf("%s %s does not say %q:\n%s", a.Request.Method, a.Request.URL.Path, text, a.body)
		}
	}
}

func TestPages_OffTheyAreUnknownPaths(t *testing.T) {
	s := start(t)
	for _, path := range append(pages.Paths(), pages.AssetRoutes()...) {
		if a := s.rest(http.MethodGet, path, ""); a.StatusCode != http.StatusNotFound || a.code() != "not-found" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestPages_EveryUseCase(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	v.enter("ann@example.org")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "<h1>Ann</h1>", "ann@example.org", "not confirmed yet", "this device")

	leadsTo(t, v.post("/auth/pages/account", "do", "verify"), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "a mail is on its way")
	says(t, v.get("/auth/pages/verify?token="+s.mailedToken(login.MailVerifyEmail)), http.StatusOK, "Confirm address")
	says(t, v.post("/auth/pages/verify", "token", "no-such-token"), http.StatusUnauthorized, "has expired or was used already")

	elsewhere := s.granted(s.rest(http.MethodPost, "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)))
	other := regexp.MustCompile(`name="session" value="([^"]+)"`).FindSubmatch(v.get("/auth/pages/account").body)
	if other == nil {
		t.Fatal("the other session is not listed")
	}
	leadsTo(t, v.post("/auth/pages/account", "do", "end-session", "session", string(other[1])), "/auth/pages/account")
	if a := s.rest(http.MethodGet, "/auth/me", "", "Authorization", bearer(elsewhere)); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the ended session: %d", a.StatusCode)
	}
	leadsTo(t, v.post("/auth/pages/account", "do", "end-session", "session", string(other[1])), "/auth/pages/account")

	says(t, v.post("/auth/pages/account", "do", "password", "current", "guess-guess", "password", "battery of volta 1800"), http.StatusUnauthorized, "This is not your current password", "<details open>")
	says(t, v.post("/auth/pages/account", "do", "password", "current", goodPassword, "password", "short"), http.StatusBadRequest, "It must have at least 8 characters")
	leadsTo(t, v.post("/auth/pages/account", "do", "password", "current", goodPassword, "password", "battery of volta 1800"), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "Your password is changed.")

	says(t, v.post("/auth/pages/account", "do", "email", "email", "not an address", "current", "battery of volta 1800"), http.StatusBadRequest, `value="not an address"`)
	leadsTo(t, v.post("/auth/pages/account", "do", "email", "email", "anna@example.org", "current", "battery of volta 1800"), "/auth/pages/account")
	leadsTo(t, v.post("/auth/pages/verify", "token", s.mailedToken(login.MailChangeEmail)), "/auth/pages/signin")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "anna@example.org", "Your e-mail address is confirmed.")

	says(t, v.post("/auth/pages/account", "do", "name", "name", "Ann\u202e"), http.StatusBadRequest, "A name has 1 to 200 characters", "value=\"Ann\u202e\"", "<h1>Ann</h1>")
	leadsTo(t, v.post("/auth/pages/account", "do", "name", "name", "Anna"), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "Your name is changed.", "<h1>Anna</h1>")

	says(t, v.post("/auth/pages/account", "do", "nonsense"), http.StatusBadRequest, "not one of this page")
	leadsTo(t, v.post("/auth/pages/account", "do", "signout-all"), "/auth/pages/signin")
	says(t, v.get("/auth/pages/signin"), http.StatusOK, "You are signed out everywhere.")
	leadsTo(t, v.get("/auth/pages/account"), "/auth/pages/signin?to=account")

	says(t, v.post("/auth/pages/signin", "email", "anna@example.org", "password", "guess-guess"), http.StatusUnauthorized, "E-mail address or password wrong", `value="anna@example.org"`)
	leadsTo(t, v.post("/auth/pages/signin", "email", "anna@example.org", "password", "battery of volta 1800"), "/auth/pages/account")
	leadsTo(t, v.get("/auth/pages/signin"), "/auth/pages/account")
	leadsTo(t, v.post("/auth/pages/account", "do", "signout"), "/auth/pages/signin")

	leadsTo(t, v.post("/auth/pages/forgot", "email", "anna@example.org"), "/auth/pages/forgot")
	says(t, v.get("/auth/pages/forgot"), http.StatusOK, "Check your mail")
	token := s.mailedToken(login.MailResetPassword)
	for range 2 { // looking spends nothing, and the token counts only where it is posted
		says(t, v.get("/auth/pages/reset?token="+token), http.StatusOK, `value="`+token+`"`)
	}
	says(t, v.post("/auth/pages/reset?token="+token, "password", goodPassword), http.StatusUnauthorized)
	leadsTo(t, v.post("/auth/pages/reset", "token", token, "password", goodPassword), "/auth/pages/account")
	says(t, v.post("/auth/pages/reset", "token", token, "password", goodPassword), http.StatusUnauthorized, "has expired or was used already", `action="/auth/pages/forgot"`)

	says(t, v.post("/auth/pages/account", "do", "delete", "current", ""), http.StatusBadRequest, "Please give your current password")
	leadsTo(t, v.post("/auth/pages/account", "do", "delete", "current", goodPassword), "/auth/pages/signin")
	says(t, v.get("/auth/pages/signin"), http.StatusOK, "Your account is deleted.")
	if got := v.cookie("login-session") + v.cookie("login-access") + v.cookie("login-device") + v.cookie("login-notice"); got != "" {
		t.Errorf("cookies that stay: %q", got)
	}
	for _, secret := range []string{"ann@", "anna@", goodPassword, token} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
	if !strings.Contains(s.log.String(), `"route":"/auth/pages/signin","status":401,"code":"invalid-credentials"`) {
		t.Errorf("the log lacks a refused sign-in:\n%s", s.log)
	}
}

// A form that another site sends is refused before anything happens: nobody is
// signed out, deleted, or signed in as somebody else.
func TestPages_TakeNoFormsFromElsewhere(t *testing.T) {
	s := start(t, withPages())
	s.signUp("mallory@example.org")
	own := strings.TrimPrefix(s.url, "http://")
	for name, c := range map[string]struct {
		headers []string
		refused bool
	}{
		"another site":                  {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
		"a sibling domain":              {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://x.example.org"}, true},
		"another site, older browser":   {[]string{"Origin", "https://evil.example"}, true},
		"a sandbox, older browser":      {[]string{"Origin", "null"}, true},
		"another port":                  {[]string{"Origin", "http://127.0.0.1:1"}, true},
		"a page of ours":                {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "null"}, false},
		"by hand":                       {[]string{"Sec-Fetch-Site", "none"}, false},
		"a page of ours, older browser": {[]string{"Origin", "http://" + own}, false},
		"a page of ours behind a proxy": {[]string{"Origin", "http://127.0.0.1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visitor()
			req := v.formRequest("/auth/pages/signin", "email", "mallory@example.org", "password", goodPassword)
			for i := 0; i < len(c.headers); i += 2 {
				req.Header.Set(c.headers[i], c.headers[i+1])
			}
			a := v.do(req)
			if !c.refused {
				leadsTo(t, a, "/auth/pages/account")
				return
			}
			says(t, a, http.StatusForbidden, "sent from another site")
			if a.Header.Get("Set-Cookie") != "" || v.cookie("login-session") != "" {
				t.Errorf("signed in: %q", a.Header.Values("Set-Cookie"))
			}
			v.enter(url.PathEscape(name) + "@example.org")
			for _, do := range []string{"delete", "signout", "signout-all", "password"} {
				req := v.formRequest("/auth/pages/account", "do", do, "current", goodPassword, "password", "battery of volta 1800")
				for i := 0; i < len(c.headers); i += 2 {
					req.Header.Set(c.headers[i], c.headers[i+1])
				}
				says(t, v.do(req), http.StatusForbidden)
			}
			says(t, v.get("/auth/pages/account"), http.StatusOK, "<h1>Ann</h1>")
		})
	}
}

func TestPages_Cookies(t *testing.T) {
	for name, c := range map[string]struct {
		publicURL, prefix string
		secure            bool
	}{
		"over TLS":     {"https://login.example.org", "__Host-", true},
		"at a machine": {"http://127.0.0.1", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, withPages(func(p *pages.Settings) { p.PublicURL = c.publicURL }))
			set := map[string]*http.Cookie{}
			for _, cookie := range s.visitor().post("/auth/pages/signup", "name", "Ann", "email", "ann@example.org", "password", goodPassword).Cookies() {
				set[cookie.Name] = cookie
				if !cookie.HttpOnly || cookie.Secure != c.secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
					t.Errorf("%+v", cookie)
				}
			}
			for name, age := range map[string]time.Duration{"session": time.Hour, "access": 15*time.Minute - 30*time.Second, "device": 90 * 24 * time.Hour} {
				cookie := set[c.prefix+"login-"+name]
				if cookie == nil || time.Duration(cookie.MaxAge)*time.Second > age || time.Duration(cookie.MaxAge)*time.Second < age-5*time.Second {
					t.Errorf("%s: %+v", name, cookie)
				}
			}
			if len(set) != 3 {
				t.Errorf("%d cookies", len(set))
			}
		})
	}
}

// theScript is the only one, which uses passkeys. The policy allows it by its digest.
var theScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

func TestPages_HeadersAndAssets(t *testing.T) {
	s := start(t, withApps())
	digest := ""
	for _, path := range []string{"/auth/pages/signin", "/auth/pages/signup", "/auth/pages/forgot", "/auth/pages/reset?token=x", "/auth/pages/verify"} {
		a := s.visitor().get(path)
		if script := theScript.FindSubmatch(a.body); len(script) == 2 {
			sum := sha256.Sum256(script[1])
			digest = base64.StdEncoding.EncodeToString(sum[:])
			a.body = theScript.ReplaceAll(a.body, nil)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; script-src 'sha256-" + digest + "'; connect-src 'self'; style-src 'self'; img-src 'self'; form-action 'self' https://app.example.org http://localhost:5173 https://admin.example.org; frame-ancestors 'none'; base-uri 'none'",
		} {
			if got := a.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if regexp.MustCompile(`<script|<style| style=| on\w+=|javascript:`).Match(a.body) {
			t.Errorf("%s has script or style in it:\n%s", path, a.body)
		}
		loaded := regexp.MustCompile(`(?:href|src)="(/auth/pages/[a-z]+-[0-9a-f]{16}\.\w+)"`).FindAllSubmatch(a.body, -1)
		if len(loaded) != 3 {
			t.Fatalf("%s loads %q", path, loaded)
		}
		for _, l := range loaded {
			asset := s.visitor().get(string(l[1]))
			if asset.StatusCode != http.StatusOK || asset.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || len(asset.body) == 0 {
				t.Errorf("%s: %d %q", l[1], asset.StatusCode, asset.Header.Get("Cache-Control"))
			}
		}
	}
}

// What a visitor wrote comes back as text, wherever it is put.
func TestPages_RepeatTextAsText(t *testing.T) {
	s := start(t, withPages())
	const hostile = `"><script>alert(1)</script><a href='`
	v := s.visitor()
	for _, a := range []answer{
		v.post("/auth/pages/signup", "name", hostile, "email", hostile, "password", "x", "state", hostile),
		v.post("/auth/pages/signin", "email", hostile, "password", "x"),
		v.post("/auth/pages/forgot", "email", hostile),
		v.post("/auth/pages/reset", "token", hostile, "password", "x"),
		v.get("/auth/pages/reset?token=" + url.QueryEscape(hostile)),
		v.get("/auth/pages/verify?token=" + url.QueryEscape(hostile)),
		v.get("/auth/pages/signin?state=" + url.QueryEscape(hostile) + "&to=" + url.QueryEscape(hostile)),
	} {
		if body := theScript.ReplaceAllLiteralString(string(a.body), ""); strings.Contains(body, "<script") || strings.Contains(body, "alert(1)</") || strings.Contains(body, `"">`) {
			t.Errorf("%s %s:\n%s", a.Request.Method, a.Request.URL, a.body)
		}
	}
	leadsTo(t, v.post("/auth/pages/signup", "name", hostile, "email", "ann@example.org", "password", goodPassword), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "<h1>&quot;&gt;&lt;script&gt;")
	// A note is one of a list, whoever sets its cookie.
	u, _ := url.Parse(s.url)
	v.jar.SetCookies(u, []*http.Cookie{{Name: "login-notice", Value: "Call-me"}})
	if a := v.get("/auth/pages/account"); strings.Contains(string(a.body), "Call-me") || strings.Contains(string(a.body), `class="notice"`) {
		t.Errorf("a note of a stranger:\n%s", a.body)
	}
}

func TestPages_SayWhenToComeBack(t *testing.T) {
	s := start(t, withPages(), func(s *setup) {
		limit, err := ratelimit.ParseLimit("test", "2-M")
		check(t, err)
		s.limits.SignInAccount = limit
	})
	s.signUp("ann@example.org")
	v := s.visitor()
	for range 2 {
		says(t, v.post("/auth/pages/signin", "email", "ann@example.org", "password", "guess-guess"), http.StatusUnauthorized)
	}
	a := v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword)
	says(t, a, http.StatusTooManyRequests, "Too many attempts. Try again in ", `value="ann@example.org"`)
	if a.Header.Get("Retry-After") == "" || a.Header.Get("RateLimit-Limit") != "2" || strings.Contains(string(a.body), goodPassword) {
		t.Errorf("%v\n%s", a.Header, a.body)
	}
	req := v.formRequest("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword)
	req.Header.Set("Accept-Language", "sv, de-CH;q=0.8, en;q=0.5")
	says(t, v.do(req), http.StatusTooManyRequests, `<html lang="de">`, "Zu viele Versuche. Versuchen Sie es in ")
}

func TestPages_OverloadedOrWithoutStoreTheySaySo(t *testing.T) {
	s := start(t, withPages(), func(s *setup) {
		s.hasher = func(h login.Hasher) login.Hasher { return fullLimiter{h} }
	})
	v := s.visitor()
	a := v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword)
	says(t, a, http.StatusServiceUnavailable, "Many people are signing in right now. Try again in 7 seconds.", `value="ann@example.org"`)
	if a.Header.Get("Retry-After") != "7" {
		t.Errorf("%v", a.Header)
	}
	check(t, s.store.Close())
	says(t, v.post("/auth/pages/forgot", "email", "ann@example.org"), http.StatusServiceUnavailable, "This is not available right now.", `value="ann@example.org"`)
}

// fullLimiter refuses everything.
type fullLimiter struct{ login.Hasher }

func (fullLimiter) Admit(w login.HashRequest) (login.HashRequest, error) {
	return w, login.RetryLater(login.CodeOverloaded, 7*time.Second, "full")
}

// Tabs that are opened at once, when the access token has expired, all go on
// with one session.
func TestPages_TabsShareASession(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	v.enter("ann@example.org")
	u, _ := url.Parse(s.url)
	v.jar.SetCookies(u, []*http.Cookie{{Name: "login-access", MaxAge: -1}})
	old := v.cookie("login-session")
	answers := make([]answer, 6)
	var tabs sync.WaitGroup
	for i := range answers {
		req := v.request(http.MethodGet, "/auth/pages/account", "")
		req.AddCookie(&http.Cookie{Name: "login-session", Value: old})
		tabs.Go(func() {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err == nil {
				answers[i] = readAll(t, resp)
			}
		})
	}
	tabs.Wait()
	successors := map[string]bool{}
	for _, a := range answers {
		says(t, a, http.StatusOK, "<h1>Ann</h1>")
		for _, c := range a.Cookies() {
			if c.Name == "login-session" {
				successors[c.Value] = true
			}
		}
	}
	if len(successors) != 1 || successors[old] {
		t.Errorf("%d successors", len(successors))
	}
}

func TestPages_AnEndedSessionLeadsToSignIn(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	v.enter("ann@example.org")
	g := s.granted(s.rest(http.MethodPost, "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)))
	s.rest(http.MethodPost, "/auth/signout-all", "", "Authorization", bearer(g))
	leadsTo(t, v.post("/auth/pages/account", "do", "password", "current", goodPassword, "password", "battery of volta 1800"), "/auth/pages/signin?to=account")
	says(t, v.get("/auth/pages/signin"), http.StatusOK, "Your session has ended")
	if v.cookie("login-session") != "" || v.cookie("login-device") == "" {
		t.Error("the session's cookie stays, or the device's does not")
	}
}

const (
	appVerifier  = "a-code-verifier-of-43-characters-or-more-0123"
	appChallenge = "KRS9Hk66-D4nCHhEA8CgM8MtpsN5rddNqGx2JScy_74"
)

func withApps() func(*setup) {
	return withPages(func(p *pages.Settings) {
		p.Apps = []pages.App{
			{Name: "web", ReturnURLs: []string{"https://app.example.org/in?x=1", "http://localhost:5173/in"}},
			{Name: "admin", ReturnURLs: []string{"https://admin.example.org/in"}},
		}
	})
}

// handed is the code that an answer gives to an app; it must lead nowhere else.
func handed(t *testing.T, a answer, to, state string) string {
	t.Helper()
	location := a.Header.Get("Location")
	query, back := strings.CutPrefix(location, to)
	given, err := url.ParseQuery(strings.TrimLeft(query, "?&"))
	check(t, err)
	if a.StatusCode != http.StatusSeeOther || !back || given.Get("state") != state || given.Get("code") == "" || strings.Contains(location, "#") {
		t.Fatalf("%d to %s, not to %s with a code", a.StatusCode, location, to)
	}
	return given.Get("code")
}

func (s *server) exchange(code, verifier string) answer {
	s.t.Helper()
	return s.rest(http.MethodPost, "/auth/exchange", fmt.Sprintf(`{"code":%q,"codeVerifier":%q}`, code, verifier))
}

// The app gets a code for a session of its own at one of the addresses that the
// operator set, and at no other, with the state that it came with. No token stands
// in an address.
func TestPages_HandACodeToTheApp(t *testing.T) {
	s := start(t, withApps())
	s.signUp("ann@example.org")
	v := s.visitor()
	ask := []string{"code_challenge", appChallenge, "code_challenge_method", "S256", "state", "s 1"}
	credentials := []string{"email", "ann@example.org", "password", goodPassword}
	says(t, v.get("/auth/pages/signin?state=s%201&code_challenge="+appChallenge+"&next=https://evil.example"), http.StatusOK, `name="state" value="s 1"`, `name="return" value="https://app.example.org/in?x=1"`)
	code := handed(t, v.post("/auth/pages/signin", append(append(ask, credentials...), "next", "https://evil.example")...), "https://app.example.org/in?x=1", "s 1")
	app := s.granted(s.exchange(code, appVerifier))
	if a := s.exchange(code, appVerifier); a.StatusCode != http.StatusUnauthorized || a.code() != "invalid-token" {
		t.Errorf("the code twice: %d %s", a.StatusCode, a.body)
	}
	if v.cookie("login-session") == app.RefreshToken || v.cookie("login-session") == "" || v.cookie("login-device") == "" {
		t.Error("the pages' session is the app's, or none")
	}

	// The next app takes one click.
	other := append(slices.Clone(ask), "app", "admin")
	says(t, v.get("/auth/pages/signin?app=admin&code_challenge="+appChallenge), http.StatusOK, "You are signed in as", "Ann", "admin.example.org", "Use another account")
	admin := s.granted(s.exchange(handed(t, v.post("/auth/pages/signin", append(other, "do", "continue")...), "https://admin.example.org/in", "s 1"), appVerifier))
	handed(t, v.post("/auth/pages/signin", append(slices.Clone(ask), "do", "continue", "return", "http://localhost:5173/in")...), "http://localhost:5173/in", "s 1")
	handed(t, v.post("/auth/pages/signin", append(slices.Clone(ask), "do", "continue", "app", "web", "return", "http://localhost:5173/in")...), "http://localhost:5173/in", "s 1")

	// Signing out of an app is signing out here; the other app's session stays.
	if a := s.rest(http.MethodPost, "/auth/signout", fmt.Sprintf(`{"refreshToken":%q}`, app.RefreshToken)); a.StatusCode != http.StatusNoContent {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	leadsTo(t, v.get("/auth/pages/account"), "/auth/pages/signin?to=account")
	s.granted(s.rest(http.MethodPost, "/auth/refresh", fmt.Sprintf(`{"refreshToken":%q}`, admin.RefreshToken)))
	a := v.post("/auth/pages/signin", append(slices.Clone(ask), "do", "continue")...)
	if u, _ := url.Parse(a.Header.Get("Location")); a.StatusCode != http.StatusSeeOther || u.Path != "/auth/pages/signin" || u.Query().Get("code_challenge") != appChallenge {
		t.Errorf("going on after signing out: %d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	// A visitor who comes without an app stays at the account page.
	leadsTo(t, v.post("/auth/pages/signin", credentials...), "/auth/pages/account")
	leadsTo(t, v.get("/auth/pages/signin?state=s+1"), "/auth/pages/account")
}

// Prefix matches, other hosts that only look alike and the like are how codes were
// stolen elsewhere (RFC 9700, 4.1).
func TestPages_LeadToNoAddressThatIsNotListed(t *testing.T) {
	s := start(t, withApps())
	s.signUp("ann@example.org")
	for name, fields := range map[string][]string{
		"another host":              {"return", "https://evil.example/in"},
		"a longer path":             {"return", "https://app.example.org/in?x=1/../evil"},
		"a longer query":            {"return", "https://app.example.org/in?x=1&y=2"},
		"a shorter one":             {"return", "https://app.example.org/in"},
		"another case":              {"return", "https://APP.example.org/in?x=1"},
		"a port":                    {"return", "https://app.example.org:443/in?x=1"},
		"a user":                    {"return", "https://app.example.org@evil.example/in?x=1"},
		"a backslash":               {"return", `https://app.example.org\@evil.example/in?x=1`},
		"a fragment":                {"return", "https://app.example.org/in?x=1#"},
		"no scheme":                 {"return", "//app.example.org/in?x=1"},
		"a blank":                   {"return", "https://app.example.org/in?x=1 "},
		"another app's":             {"app", "admin", "return", "https://app.example.org/in?x=1"},
		"an app that is not set up": {"app", "other"},
		"a challenge of no digest":  {"code_challenge", "x"},
		"a challenge in the clear":  {"code_challenge_method", "plain"},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.visitor()
			all := []string{"email", "ann@example.org", "password", goodPassword}
			values := url.Values{"code_challenge": {appChallenge}}
			for i := 0; i < len(fields); i += 2 {
				values.Set(fields[i], fields[i+1])
			}
			for name := range values {
				all = append(all, name, values.Get(name))
			}
			for _, a := range []answer{v.get("/auth/pages/signin?" + values.Encode()), v.post("/auth/pages/signin", all...)} {
				says(t, a, http.StatusBadRequest)
				if a.Header.Get("Location") != "" || v.cookie("login-session") != "" {
					t.Errorf("leads to %q", a.Header.Get("Location"))
				}
			}
		})
	}
}

func TestPages_UnconfirmedAddresses(t *testing.T) {
	s := start(t, withPages(), func(s *setup) { s.rules.RequireVerifiedEmail = true })
	v := s.visitor()
	leadsTo(t, v.post("/auth/pages/signup", "name", "Ann", "email", "ann@example.org", "password", goodPassword), "/auth/pages/signin")
	says(t, v.get("/auth/pages/signin"), http.StatusOK, "Your account is made.")
	says(t, v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword), http.StatusForbidden, "This address is not confirmed yet.", `href="/auth/pages/verify"`)
	leadsTo(t, v.post("/auth/pages/verify", "email", "ann@example.org"), "/auth/pages/verify")
	token := s.mailedToken(login.MailVerifyEmail)
	says(t, v.get("/auth/pages/verify?token="+token), http.StatusOK, "ann@example.org", `autocomplete="current-password"`, "/auth/pages/reset?token="+token)
	says(t, v.post("/auth/pages/verify", "token", token, "password", "wrong password"), http.StatusUnauthorized, "not the password of the account")
	says(t, v.get("/auth/pages/reset?token="+token), http.StatusOK, "For the account ann@example.org")
	leadsTo(t, v.post("/auth/pages/verify", "token", token, "password", goodPassword), "/auth/pages/signin")
	says(t, v.get("/auth/pages/signin"), http.StatusOK, "Your e-mail address is confirmed.")
	says(t, v.get("/auth/pages/verify?token="+token), http.StatusOK, "confirmed already")
	leadsTo(t, v.post("/auth/pages/verify", "token", token), "/auth/pages/signin")
	leadsTo(t, v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword), "/auth/pages/account")
}

func TestPages_WithoutSignUpOrMail(t *testing.T) {
	s := start(t, withPages(func(p *pages.Settings) { p.SignUpEnabled, p.MailEnabled = false, false }), func(s *setup) {
		s.rules.SignUp, s.rules.MailEnabled = login.SignUpClosed, false
	})
	v := s.visitor()
	if a := v.get("/auth/pages/signin"); strings.Contains(string(a.body), "/auth/pages/signup") || strings.Contains(string(a.body), "/auth/pages/forgot") {
		t.Errorf("links lead nowhere:\n%s", a.body)
	}
	says(t, v.get("/auth/pages/signup"), http.StatusOK, "not open to everyone")
	says(t, v.get("/auth/pages/forgot"), http.StatusOK, "sends no mail")
	says(t, v.post("/auth/pages/signup", "name", "Ann", "email", "ann@example.org", "password", goodPassword), http.StatusForbidden)
	says(t, v.post("/auth/pages/forgot", "email", "ann@example.org"), http.StatusForbidden)
}

// mailedToken is the token in the newest queued mail of a kind.
func (s *server) mailedToken(kind login.MailKind) string {
	s.t.Helper()
	token := ""
	for {
		m, err := s.store.ClaimMail(s.t.Context(), time.Now(), time.Minute)
		if err != nil {
			break
		}
		if m.Kind != kind {
			continue
		}
		tokens, err := logintest.MailSecret.Tokens(m.ID)
		check(s.t, err)
		token = tokens[0]
	}
	if token == "" {
		s.t.Fatalf("no mail of kind %s is queued", kind)
	}
	return token
}

var (
	hiddenValue = regexp.MustCompile(`name="(challenge|enrolment|uri|secret)" value="([^"]*)"`)
	codeShown   = regexp.MustCompile(`<li>([a-z2-9-]{27})</li>`)
)

// hiddenOf are the values that a form carries.
func hiddenOf(a answer) map[string]string {
	values := map[string]string{}
	for _, m := range hiddenValue.FindAllStringSubmatch(string(a.body), -1) {
		values[m[1]] = html.UnescapeString(m[2])
	}
	return values
}

func TestPages_SecondFactorFromFirstCodeToLastCodes(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	v.enter("ann@example.org")
	says(t, v.post("/auth/pages/account", "do", "add-app", "current", "wrong password"), 401, "This is not your current password")
	a := v.post("/auth/pages/account", "do", "add-app", "current", goodPassword)
	says(t, a, 200, "<svg", "Scan this with the app")
	h := hiddenOf(a)
	fields := []string{"do", "confirm-app", "enrolment", h["enrolment"], "uri", h["uri"], "secret", h["secret"], "code"}
	a = v.post("/auth/pages/account", append(fields, "000000")...)
	says(t, a, 401, "This code is wrong", "<svg", h["enrolment"])
	leadsTo(t, v.post("/auth/pages/account", append(fields, code(t, h["secret"], -1))...), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), 200, "The app is added", "Make new recovery codes", "Remove the authenticator app")

	other := s.visitor()
	leadsTo(t, other.get("/auth/pages/second-factor"), "/auth/pages/signin")
	a = other.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword, "state", "s1", "to", "account")
	says(t, a, 200, "One more step", `name="state" value="s1"`, `type="checkbox"`)
	challenge := hiddenOf(a)["challenge"]
	a = other.post("/auth/pages/second-factor", "challenge", challenge, "code", "000000", "to", "account")
	says(t, a, 401, "This code is wrong", challenge)
	says(t, other.post("/auth/pages/second-factor", "challenge", "x", "code", "000000"), 401, "Please sign in again")
	leadsTo(t, other.post("/auth/pages/second-factor", "challenge", challenge, "code", code(t, h["secret"], 0), "remember", "yes", "to", "account"), "/auth/pages/account")

	// The session that has just proved the factor may change things; another may not yet.
	a = other.post("/auth/pages/account", "do", "new-codes", "current", goodPassword)
	codes := codeShown.FindAllStringSubmatch(string(a.body), -1)
	if len(codes) != 10 {
		t.Fatalf("%d codes are shown\n%s", len(codes), a.body)
	}
	says(t, v.post("/auth/pages/account", "do", "signout"), 303)
	v = other // which is remembered, and proves the password alone this time
	leadsTo(t, v.post("/auth/pages/account", "do", "signout"), "/auth/pages/signin")
	leadsTo(t, v.post("/auth/pages/signin", "email", "ann@example.org", "password", goodPassword, "to", "account"), "/auth/pages/account")
	says(t, v.post("/auth/pages/account", "do", "remove-app", "current", goodPassword), 200, "Prove that it is you")
	says(t, v.post("/auth/pages/account", "do", "elevate", "code", "000000"), 401, "This code is wrong")
	leadsTo(t, v.post("/auth/pages/account", "do", "elevate", "code", codes[0][1]), "/auth/pages/account")
	leadsTo(t, v.post("/auth/pages/account", "do", "remove-app", "current", goodPassword), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), 200, "The app is removed", "Add an authenticator app")
}

// exportedAddress stands for all that the service keeps about an account.
func exportedAddress(_ context.Context, ua login.UserAccount) ([]byte, error) {
	return json.Marshal(map[string]string{"email": ua.User.Email})
}

// A copy of all data tells more than the page does, such as where its owner has been: a
// session alone does not get it.
func TestPages_TheOwnersDataTakesTheirPassword(t *testing.T) {
	s := start(t, withPages())
	v := s.visitor()
	v.enter("ann@example.org")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "Your data", `value="export"`)
	says(t, v.post("/auth/pages/account", "do", "export", "current", "not the password"), http.StatusUnauthorized)
	a := v.post("/auth/pages/account", "do", "export", "current", goodPassword)
	says(t, a, http.StatusOK, `{"email":"ann@example.org"}`)
	if kind, how := a.Header.Get("Content-Type"), a.Header.Get("Content-Disposition"); kind != "application/json" || how != `attachment; filename="account.json"` || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("it comes as %q, %q, %q", kind, how, a.Header.Get("Cache-Control"))
	}
	if got := s.audited(login.EventAccountExported); len(got) != 1 {
		t.Errorf("audit: %v", got)
	}
	says(t, s.visitor().post("/auth/pages/account", "do", "export", "current", goodPassword), http.StatusSeeOther)
}
