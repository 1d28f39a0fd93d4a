package appliance_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

const pagePolicy = "default-src 'none'; style-src 'self'"

func TestPages_GetWhatTheyNeedAndNothingElse(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	a := g.do(t, "POST", g.URL("/auth/pages/signin?state=abc"), "email=x", append(forged,
		"Content-Type", "application/x-www-form-urlencoded", "User-Agent", "a browser", "Accept", "text/html",
		"Origin", "http://127.0.0.1", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Accept-Language", "de", "Referer", "http://127.0.0.1/?token=x")...)
	requests := g.login.take()
	if len(requests) != 1 || requests[0].Method+" "+requests[0].RequestURI != "POST /auth/pages/signin?state=abc" {
		t.Fatalf("login gets %v", requests)
	}
	want := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {"7"}, "User-Agent": {"a browser"}, "Accept": {"text/html"},
		"Origin": {"http://127.0.0.1"}, "Sec-Fetch-Site": {"same-origin"}, "Accept-Language": {"de"}, "Cookie": {"session=stolen"},
		"X-Real-Ip": {"127.0.0.1"}, "X-Edge-Secret": {"edge-secret-of-the-test"}, "X-Request-Id": {a.Header.Get("X-Request-Id")},
	}
	if diff := cmp.Diff(want, requests[0].Header); diff != "" {
		t.Errorf("headers at login (-want +got):\n%s", diff)
	}
}

// The policy of a page is login's; of anything else it is nginx's.
func TestPages_SayThemselvesWhatTheyMayLoad(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("X-Frame-Options", "the upstream's opinion")
		w.Header().Add("Set-Cookie", "__Host-login-session=1; Path=/; Secure; HttpOnly")
		w.Header().Add("Set-Cookie", "__Host-login-device=2; Path=/; Secure; HttpOnly")
		w.WriteHeader(http.StatusUnauthorized)
	})
	a := g.do(t, "GET", g.URL("/auth/pages/signin"), "")
	if got := a.Header.Values("Content-Security-Policy"); len(got) != 1 || got[0] != pagePolicy {
		t.Errorf("the page's policy: %q", got)
	}
	if got := a.Header.Values("Set-Cookie"); len(got) != 2 {
		t.Errorf("cookies %q", got)
	}
	for name, want := range securityHeaders {
		if got := a.Header.Values(name); name != "Content-Security-Policy" && (len(got) != 1 || got[0] != want) {
			t.Errorf("%s is %q", name, got)
		}
	}
	checkSecurityHeaders(t, "another path", g.do(t, "POST", g.URL("/auth/signin"), "{}").Header, "")
	// Login answers browsers with pages at some other paths, too.
	g.login.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
	})
	for _, path := range []string{"/", "/.well-known/change-password", "/auth/nothing", "/auth/oauth/google/callback"} {
		if got := g.do(t, "GET", g.URL(path), "").Header.Get("Content-Security-Policy"); got != pagePolicy {
			t.Errorf("the policy of the page at %s: %q", path, got)
		}
	}
	// Without one from login, nothing may be loaded.
	g.login.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	checkSecurityHeaders(t, "no page", g.do(t, "GET", g.URL("/auth/pages/signin"), "").Header, "")
}

func TestPages_RefuseOtherMethodsInHTML(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		a := g.do(t, method, g.URL("/auth/pages/account"), "", "Origin", "https://app.example.org", "Access-Control-Request-Method", "POST")
		if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD, POST" || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d, allowed are %q, %s", method, a.StatusCode, a.Header.Get("Allow"), a.Header.Get("Content-Type"))
		}
		if method != "HEAD" && !strings.Contains(string(a.body), "<h1>Method not allowed</h1>") {
			t.Errorf("%s: %s", method, a.body)
		}
		checkSecurityHeaders(t, method, a.Header, "")
	}
	if n := len(g.login.take()); n != 0 {
		t.Errorf("%d requests reached login", n)
	}
}

func TestPages_AreLimitedAsSignInsAre(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	refused := 0
	for range 40 {
		a := g.do(t, "POST", g.URL("/auth/pages/signin"), "email=x")
		if a.StatusCode != http.StatusTooManyRequests {
			continue
		}
		refused++
		if a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "<h1>Too many requests</h1>") {
			t.Fatalf("refused with %v %s", a.Header, a.body)
		}
	}
	if reached := len(g.login.take()); refused == 0 || reached+refused != 40 {
		t.Errorf("%d refused, %d reached login", refused, reached)
	}
}

// The token in a mail's link is in no log, whatever goes wrong.
func TestPages_LinksOfMailsAreNotLogged(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const secret = "token-of-a-mail"
	g.do(t, "GET", g.URL("/auth/pages/reset?token="+secret), "")
	g.login.Close()
	a := g.do(t, "GET", g.URL("/auth/pages/reset?token="+secret), "", "Referer", "http://127.0.0.1/auth/pages/reset?token="+secret)
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "Temporarily unavailable") {
		t.Errorf("without login: %d %s", a.StatusCode, a.body)
	}
	for _, line := range g.AccessLog(t, 2) {
		if strings.Contains(string(line), secret) {
			t.Errorf("the access log has it: %s", line)
		}
	}
	if strings.Contains(g.Output(), secret) {
		t.Errorf("the error log has it: %s", g.Output())
	}
}
