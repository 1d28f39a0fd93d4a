package appliance_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

func TestErrors_BodiesThatAreTooLargeNeverReachAnUpstream(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for path, limit := range map[string]int{"/auth/signin": 16 << 10, "/auth/refresh": 16 << 10, "/v1/graphql": 256 << 10} {
		if a := g.do(t, "POST", g.URL(path), strings.Repeat(" ", limit)); a.StatusCode != http.StatusOK {
			t.Errorf("%s: %d bytes: %d", path, limit, a.StatusCode)
		}
		g.login.take()
		g.hasura.take()
		checkError(t, g.do(t, "POST", g.URL(path), strings.Repeat(" ", limit+1)), http.StatusRequestEntityTooLarge, "payload-too-large")
		if n := len(g.login.take()) + len(g.hasura.take()); n != 0 {
			t.Errorf("%s: reached the upstream", path)
		}
	}
}

func TestErrors_AnUpstreamThatIsGoneIsUnavailableWithTheTimeToComeBack(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.Close()
	g.hasura.Close()
	for _, path := range []string{"/auth/signin", "/auth/refresh", "/v1/graphql"} {
		a := g.do(t, "POST", g.URL(path), `{}`)
		checkError(t, a, http.StatusServiceUnavailable, "unavailable")
		if a.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: retry after %q", path, a.Header.Get("Retry-After"))
		}
	}
	checkError(t, g.do(t, "GET", g.URL("/.well-known/jwks.json"), ""), http.StatusServiceUnavailable, "unavailable")
	checkError(t, g.do(t, "GET", g.URL("/healthz"), ""), http.StatusServiceUnavailable, "unavailable")
}

func TestErrors_AnUpstreamThatBreaksOffIsUnavailable(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	breakOff := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}
	g.login.answers(breakOff)
	g.hasura.answers(breakOff)
	for _, path := range []string{"/auth/signin", "/v1/graphql"} {
		checkError(t, g.do(t, "POST", g.URL(path), `{}`), http.StatusServiceUnavailable, "unavailable")
	}
	// A request that may have done something is never sent twice.
	if n := len(g.login.take()) + len(g.hasura.take()); n != 2 {
		t.Errorf("the upstreams got %d requests, not one each", n)
	}
}

func TestErrors_AnUpstreamThatDoesNotAcceptIsUnavailableWithinSeconds(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.PointUpstream(t, "login", fullQueue(t))
	g.Reload(t)
	for deadline := time.Now().Add(20 * time.Second); ; {
		a := g.do(t, "POST", g.URL("/auth/signin"), `{}`)
		if a.StatusCode == http.StatusServiceUnavailable {
			checkError(t, a, http.StatusServiceUnavailable, "unavailable")
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still answers %d", a.StatusCode)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// fullQueue listens, accepts nothing and has no room for another connection, as
// a service does that hangs.
func fullQueue(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 3 {
		if c, err := net.DialTimeout("tcp", address, 200*time.Millisecond); err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
	}
	return address
}

func TestErrors_OfAnUpstreamPassUnchanged(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const body = `{"code":"overloaded","retryAfter":3}`
	own := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(body))
	}
	g.login.answers(own)
	g.hasura.answers(own)
	for _, path := range []string{"/auth/signin", "/v1/graphql"} {
		a := g.do(t, "POST", g.URL(path), `{}`)
		if a.StatusCode != http.StatusServiceUnavailable || string(a.body) != body || a.Header.Get("Retry-After") != "3" {
			t.Errorf("%s: %d %q %s", path, a.StatusCode, a.Header.Get("Retry-After"), a.body)
		}
	}
}

func TestErrors_WhatCannotBeReadIsRefusedInJSONAndGoesNowhere(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	host := "Host: localhost\r\n"
	for name, text := range map[string]string{
		"no path":              "POST\r\n\r\n",
		"a zero in the path":   "GET /auth/%00 HTTP/1.1\r\n" + host + "\r\n",
		"a bad escape":         "GET /auth/%zz HTTP/1.1\r\n" + host + "\r\n",
		"above the root":       "GET /../etc/passwd HTTP/1.1\r\n" + host + "\r\n",
		"a huge request line":  "GET /auth/" + strings.Repeat("x", 40_000) + " HTTP/1.1\r\n" + host + "\r\n",
		"two lengths":          "POST /auth/signin HTTP/1.1\r\n" + host + "Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
		"a length and chunks":  "POST /auth/signin HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"an unknown encoding":  "POST /auth/signin HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"a negative length":    "POST /auth/signin HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
		"two hosts":            "GET /auth/me HTTP/1.1\r\n" + host + host + "\r\n",
		"a blank in the path":  "GET /auth/ me HTTP/1.1\r\n" + host + "\r\n",
		"a blank before colon": "GET /auth/me HTTP/1.1\r\nHost : localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			raw := rawAnswer(t, g.Port, text)
			if raw == "" {
				return // closed: as good
			}
			if !strings.HasPrefix(raw, "HTTP/1.1 400 ") || !strings.Contains(raw, "\r\nContent-Type: application/problem+json\r\n") || !strings.Contains(raw, `"code":"invalid-input"`) {
				t.Errorf("answers:\n%s", raw)
			}
			if n := len(g.login.take()); n != 0 {
				t.Error("reached login")
			}
		})
	}
}

// Public reports (lobehub/lobehub#7435, akash-network/console#526): a client with too
// many cookies, or with a token that is too large, got an error about a bad request or
// a body.
func TestErrors_AHeaderThatIsTooLargeIsNamedSo(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	for _, path := range []string{"/auth/signin", "/auth/me", "/v1/graphql", "/auth/pages/signin"} {
		for name, header := range map[string]string{
			"one that is large":     "Cookie: a=" + strings.Repeat("x", 17<<10) + "\r\n",
			"a token that is large": "Authorization: Bearer " + strings.Repeat("x", 17<<10) + "\r\n",
			"many":                  strings.Repeat("X-Cookie: "+strings.Repeat("x", 4<<10)+"\r\n", 9),
		} {
			raw := rawAnswer(t, g.Port, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\n"+header+"Content-Length: 0\r\n\r\n")
			if !strings.HasPrefix(raw, "HTTP/1.1 431 ") || !strings.Contains(raw, "\r\nContent-Type: application/problem+json\r\n") ||
				!strings.Contains(raw, `"code":"header-too-large"`) || !strings.Contains(raw, `"status":431`) {
				t.Errorf("%s, %s: answers:\n%s", path, name, raw)
			}
		}
		fits := "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + strings.Repeat("x", 4<<10) + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
		if raw := rawAnswer(t, g.Port, fits); strings.HasPrefix(raw, "HTTP/1.1 4") && strings.Contains(raw, "too-large") {
			t.Errorf("%s: a token of 4 kB is answered with\n%s", path, raw)
		}
	}
	if n := len(g.hasura.take()); n != 1 {
		t.Errorf("Hasura got %d requests, want the one that fits", n)
	}
}

// rawAnswer is all that comes back for a text, until nginx closes or has said its answer.
func rawAnswer(t *testing.T, port int, text string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", testserver.Addr(port), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprint(c, text); err != nil {
		return ""
	}
	var all strings.Builder
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.Read(buffer)
		all.Write(buffer[:n])
		if err != nil || strings.HasSuffix(all.String(), "}") {
			return all.String()
		}
	}
}

func TestErrors_APageOfOursMayReadThem(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{CORSOrigins: "https://app.example.org,http://localhost:5173"})
	g.hasura.Close()
	for _, path := range []string{"/nothing", "/v1/graphql"} {
		for origin, want := range map[string]string{
			"https://app.example.org": "https://app.example.org", "http://localhost:5173": "http://localhost:5173",
			"https://evil.example": "", "https://app.example.org.evil.example": "", "null": "",
		} {
			a := g.do(t, "POST", g.URL(path), `{}`, "Origin", origin)
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != want || a.Header.Get("Vary") != "Origin" {
				t.Errorf("%s from %s: allowed is %q, varies by %q", path, origin, got, a.Header.Get("Vary"))
			}
		}
	}
}

// Reports of people who see JSON in a browser, after a typing error or while the service
// is away (ory/kratos, authelia): they get a page, programs the problem.
func TestErrors_PeopleGetAPageAndProgramsAProblem(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	g.login.Close()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
	for path, want := range map[string]struct {
		status      int
		code, title string
	}{
		"/":                            {http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable"},
		"/nothing":                     {http.StatusNotFound, "not-found", "Not found"},
		"/favicon.ico":                 {http.StatusNotFound, "not-found", "Not found"},
		"/v1/nothing":                  {http.StatusNotFound, "not-found", "Not found"},
		"/auth":                        {http.StatusNotFound, "not-found", "Not found"},
		"/auth/nothing":                {http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable"},
		"/.well-known/change-password": {http.StatusServiceUnavailable, "unavailable", "Temporarily unavailable"},
	} {
		for name, accept := range map[string]string{"nothing": "", "anything": "*/*", "JSON": "application/json, text/plain, */*", "JSON or HTML": "text/html;q=0.5, application/json"} {
			header := []string{"Accept", accept}
			if accept == "" {
				header = nil
			}
			t.Run(path+" for "+name, func(t *testing.T) {
				checkError(t, g.do(t, "GET", g.URL(path), "", header...), want.status, want.code)
			})
		}
		a := g.do(t, "GET", g.URL(path), "", "Accept", browser)
		if a.StatusCode != want.status || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(string(a.body), "<h1>"+want.title+"</h1>") {
			t.Errorf("%s for a browser: %d %s\n%s", path, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		}
		checkSecurityHeaders(t, path, a.Header, "")
		if head := g.do(t, "HEAD", g.URL(path), "", "Accept", browser); head.StatusCode != want.status {
			t.Errorf("HEAD %s: %d", path, head.StatusCode)
		}
	}
}

// pageErrorPolicy is the policy by which a page of nginx's own may use its stylesheet.
func pageErrorPolicy(t *testing.T) string {
	t.Helper()
	style := regexp.MustCompile(`<style>(.*)</style>`).FindStringSubmatch(read(t, "nginx/http/pages.conf"))
	if style == nil {
		t.Fatal("nginx/http/pages.conf has no stylesheet")
	}
	digest := sha256.Sum256([]byte(style[1]))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; frame-ancestors 'none'"
}
