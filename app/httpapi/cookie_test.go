package httpapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/routers/gorillamux"

	"hasura-login/app/login"
)

const appOrigin = "https://app.example.org"

// kept are the cookies of a browser.
type kept map[string]string

// take takes the cookies of an answer, and checks how they are set.
func (k kept) take(t *testing.T, a answer) kept {
	t.Helper()
	for _, c := range a.Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("the cookie is set as %s", c.Raw)
		}
		if c.Value == "" || c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(k, c.Name)
			continue
		}
		if c.MaxAge <= 0 {
			t.Errorf("it ends with the browser: %s", c.Raw)
		}
		k[c.Name] = c.Value
	}
	return k
}

func (k kept) String() string {
	var pairs []string
	for name, value := range k {
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

const sessionCookie = "__Host-session"

// browser sends REST calls of a page.
type browser struct {
	*server
	kept
}

func (s *server) browser() *browser { return &browser{s, kept{}} }

func (b *browser) call(method, path, body string, headers ...string) answer {
	b.t.Helper()
	a := b.rest(method, path, body, append([]string{"Origin", appOrigin, "Cookie", b.String()}, headers...)...)
	b.take(b.t, a)
	for _, token := range []string{"oken", b.kept[sessionCookie]} {
		if a.StatusCode < 300 && token != "" && strings.Contains(string(a.body), token) {
			b.t.Errorf("%s %s answers with a token: %s", method, path, a.body)
		}
	}
	return a
}

func (b *browser) must(status int, method, path, body string, headers ...string) answer {
	b.t.Helper()
	a := b.call(method, path, body, headers...)
	if a.StatusCode != status {
		b.t.Fatalf("%s %s: %d %s, not %d", method, path, a.StatusCode, a.body, status)
	}
	return a
}

// enter signs up; the session is in the cookie.
func (b *browser) enter(email string) *browser {
	b.t.Helper()
	b.must(201, "POST", "/auth/signup", fmt.Sprintf(`{"email":%q,"name":"Ann","password":%q,"session":"cookie"}`, email, goodPassword))
	if b.kept[sessionCookie] == "" {
		b.t.Fatal("no cookie")
	}
	return b
}

func (b *browser) gateway(headers ...string) answer {
	b.t.Helper()
	req := b.request("GET", "/gateway", "", "X-Edge-Secret", edgeSecret, "Cookie", b.String(), "Origin", appOrigin, "X-Forwarded-Method", "POST", "Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return b.do(req)
}

func TestCookie_ALife(t *testing.T) {
	s := start(t)
	b := s.browser().enter("ann@example.org")
	device := b.kept["__Host-login-device"]
	if device == "" {
		t.Error("the device has no cookie")
	}
	var me struct{ ID, Email string }
	check(t, json.Unmarshal(b.must(200, "GET", "/auth/me", "").body, &me))
	if me.Email != "ann@example.org" {
		t.Errorf("me: %+v", me)
	}
	// Another sign-in in this browser: its earlier session ends.
	first := b.kept[sessionCookie]
	answered := b.must(200, "POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q,"session":"cookie"}`, goodPassword)).object(t)
	if len(answered) != 3 || answered["id"] != me.ID || answered["rolesWithheld"] != false {
		t.Errorf("the grant: %v", answered)
	}
	if ends, err := time.Parse(time.RFC3339, answered["sessionExpiresAt"].(string)); err != nil || ends.Before(time.Now()) {
		t.Errorf("the session ends at %v, %v", ends, err)
	}
	if a := s.rest("GET", "/auth/me", "", "Cookie", sessionCookie+"="+first); a.code() != "unauthenticated" {
		t.Errorf("the first session: %d %s", a.StatusCode, a.body)
	}
	var sessions []struct{ Current bool }
	check(t, json.Unmarshal(b.must(200, "GET", "/auth/sessions", "").body, &sessions))
	if len(sessions) != 1 || !sessions[0].Current {
		t.Errorf("sessions: %+v", sessions)
	}
	b.must(204, "POST", "/auth/elevate", fmt.Sprintf(`{"method":"password","password":%q}`, goodPassword))
	// A change of the password ends all sessions; the browser has a new one.
	second := b.kept[sessionCookie]
	b.must(200, "POST", "/auth/password", fmt.Sprintf(`{"currentPassword":%q,"newPassword":"battery of volta 1800"}`, goodPassword))
	if b.kept[sessionCookie] == second {
		t.Error("the cookie is that of before the new password")
	}
	b.must(200, "GET", "/auth/me", "")
	b.must(204, "POST", "/auth/signout", "")
	if b.kept[sessionCookie] != "" {
		t.Error("signed out, and the cookie is still there")
	}
	if b.kept["__Host-login-device"] == "" {
		t.Error("signing out makes the device a stranger")
	}
	b.must(401, "GET", "/auth/me", "")
	for path, body := range map[string]string{"/auth/signout-all": "", "/auth/signout": "{}"} {
		b.must(200, "POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800","session":"cookie"}`)
		if b.must(204, "POST", path, body); b.kept[sessionCookie] != "" {
			t.Errorf("%s leaves the cookie", path)
		}
	}
	b.must(200, "POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800","session":"cookie"}`)
	check(t, json.Unmarshal(b.must(200, "GET", "/auth/sessions", "").body, &sessions))
	var own []struct{ ID string }
	check(t, json.Unmarshal(b.must(200, "GET", "/auth/sessions", "").body, &own))
	if b.must(204, "DELETE", "/auth/sessions/"+own[0].ID, ""); b.kept[sessionCookie] != "" {
		t.Error("the session has ended itself, and its cookie is still there")
	}
	b.must(200, "POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800","session":"cookie"}`)
	if b.must(204, "DELETE", "/auth/me", `{"password":"battery of volta 1800"}`); b.kept[sessionCookie] != "" {
		t.Error("the account is deleted, and the cookie is still there")
	}
}

// Every operation that gives a grant must declare that it can set the cookie.
func TestCookie_EveryGrantCanBeKeptInOne(t *testing.T) {
	s := start(t)
	b := s.browser().enter("ann@example.org")
	tried := 0
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			grants := false
			for _, response := range op.Responses.Map() {
				grants = grants || strings.HasSuffix(response.Ref, "/Grant")
			}
			offers := false
			if op.RequestBody != nil && op.RequestBody.Value != nil {
				_, offers = op.RequestBody.Value.Content["application/json"].Schema.Value.Properties["session"]
			}
			if op.OperationID != "refresh" && grants != offers {
				t.Errorf("%s %s: gives a grant: %t, takes the argument session: %t", method, path, grants, offers)
			}
			if !grants || op.OperationID == "refresh" {
				continue
			}
			tried++
			body := map[string]any{"session": "pigeon"}
			for name, property := range op.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
				if property.Value.Type.Is("object") {
					body[name] = map[string]any{"id": "x"}
				} else if slices.Contains(op.RequestBody.Value.Content["application/json"].Schema.Value.Required, name) {
					body[name] = "x"
				}
			}
			encoded, err := json.Marshal(body)
			check(t, err)
			a := b.rest(method, path, string(encoded), "Cookie", b.String())
			if a.StatusCode != 400 || a.object(t)["field"] != "session" {
				t.Errorf("%s %s with a session kept by a pigeon: %d %s", method, path, a.StatusCode, a.body)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d operations give a grant", tried)
	}
}

// Hasura passes no cookies on, so actions do not offer them.
func TestCookie_ActionsHaveNone(t *testing.T) {
	s := start(t)
	s.signUp("ann@example.org")
	a := s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword, "session": "cookie"}, nil)
	if a.code() != "invalid-input" || len(a.Cookies()) != 0 {
		t.Errorf("%d %s %v", a.StatusCode, a.body, a.Cookies())
	}
}

// senders are requests by where they come from.
var senders = []struct {
	name    string
	headers []string
	allowed bool
}{
	{"a page of an allowed origin", []string{"Origin", appOrigin, "Sec-Fetch-Site", "same-site"}, true},
	{"the same in an old browser", []string{"Origin", appOrigin}, true},
	{"the service's own page", []string{"Origin", "https://login.example.org", "Sec-Fetch-Site", "same-origin"}, true},
	{"the same in an old browser, or a WebSocket", []string{"Origin", "https://login.example.org"}, true},
	{"a page that reaches the service through its own host", []string{"Origin", "https://proxied.example", "Sec-Fetch-Site", "same-origin"}, true},
	{"a server that renders a page", nil, true},
	{"a person who has typed the address", []string{"Sec-Fetch-Site", "none"}, true},
	{"a foreign page", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
	{"a foreign page in an old browser", []string{"Origin", "https://evil.example"}, false},
	{"a sibling that is not listed", []string{"Origin", "https://blog.example.org", "Sec-Fetch-Site", "same-site"}, false},
	{"a sandboxed frame", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, false},
	{"an origin like an allowed one", []string{"Origin", appOrigin + ".evil.example"}, false},
	{"another port", []string{"Origin", "https://login.example.org:8443", "Sec-Fetch-Site", "same-site"}, false},
	{"plain http", []string{"Origin", "http://login.example.org"}, false},
	{"a foreign image or link", []string{"Sec-Fetch-Site", "cross-site"}, false},
	{"a sibling's image or link", []string{"Sec-Fetch-Site", "same-site"}, false},
}

func TestCookie_ComesFromAllowedPagesOnly(t *testing.T) {
	s := start(t, func(c *setup) { c.origin = "https://login.example.org" })
	b := s.browser().enter("ann@example.org")
	for _, sender := range senders {
		headers := append([]string{"Cookie", b.String()}, sender.headers...)
		check := func(what string, a answer, ok int) {
			t.Helper()
			if sender.allowed && a.StatusCode != ok || !sender.allowed && (a.StatusCode != 403 || a.code() != "origin-refused") {
				t.Errorf("%s, %s: %d %s", sender.name, what, a.StatusCode, a.body)
			}
		}
		check("reading", s.rest("GET", "/auth/me", "", headers...), 200)
		check("changing", s.rest("POST", "/auth/elevate", `{"method":"pigeon"}`, headers...), 400)
		check("signing in", s.rest("POST", "/auth/signin", `{"email":"x","password":"x"}`, headers...), 400)
		check("signing in without a cookie yet", s.rest("POST", "/auth/signin", `{"email":"x","password":"x","session":"cookie"}`, sender.headers...), 400)

		a := b.gateway(append([]string{"Origin", "", "Sec-Fetch-Site", ""}, sender.headers...)...)
		if sender.allowed && a.StatusCode != 204 || !sender.allowed && (a.StatusCode != 403 || a.Header.Get("Gateway-Code") != "origin-refused" || a.Header.Get("Authorization") != "") {
			t.Errorf("%s, to Hasura: %d %v", sender.name, a.StatusCode, a.Header)
		}
		// Everybody may read what everybody is shown.
		if a := s.rest("GET", "/auth/providers", "", headers...); a.StatusCode != 200 {
			t.Errorf("%s, the providers: %d", sender.name, a.StatusCode)
		}
	}
	if n := len(s.audited(login.EventRefused)); n == 0 {
		t.Error("refused origins are not in the audit trail")
	}
}

// A form of any site can send other types without asking first.
func TestCookie_BodiesAreJSON(t *testing.T) {
	s := start(t)
	b := s.browser().enter("ann@example.org")
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json", ""} {
		for _, path := range []string{"/auth/signout", "/auth/elevate", "/auth/password"} {
			req := s.request("POST", path, `{"method":"password"}`, "Cookie", b.String())
			req.Header["Content-Type"] = []string{contentType}
			if contentType == "" {
				req.Header.Del("Content-Type")
			}
			if a := s.do(req); a.StatusCode != 403 || a.code() != "origin-refused" {
				t.Errorf("%s as %q: %d %s", path, contentType, a.StatusCode, a.body)
			}
		}
		if a := b.gateway("Content-Type", contentType); a.Header.Get("Gateway-Code") != "origin-refused" {
			t.Errorf("to Hasura as %q: %d %v", contentType, a.StatusCode, a.Header)
		}
	}
	// A WebSocket has no body.
	if a := b.gateway("Content-Type", "", "X-Forwarded-Method", "GET"); a.StatusCode != 204 {
		t.Errorf("a WebSocket: %d %v", a.StatusCode, a.Header)
	}
	b.must(200, "GET", "/auth/me", "")
}

func TestCookie_NextToAnotherTokenIsAmbiguous(t *testing.T) {
	s := start(t)
	b := s.browser().enter("ann@example.org")
	other := s.signUp("bob@example.org")
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/auth/me", ""}, {"POST", "/auth/signout-all", ""}, {"POST", "/auth/signin", `{}`}, {"POST", "/auth/signout", ""}, {"POST", "/auth/email/verify", `{}`},
	} {
		if a := b.call(call.method, call.path, call.body, "Authorization", bearer(other)); a.StatusCode != 400 || a.code() != "ambiguous-credentials" {
			t.Errorf("%s %s: %d %s", call.method, call.path, a.StatusCode, a.body)
		}
	}
	if a := b.gateway("Authorization", bearer(other)); a.StatusCode != 403 || a.Header.Get("Gateway-Code") != "ambiguous-credentials" || a.Header.Get("Authorization") != "" {
		t.Errorf("to Hasura: %d %v", a.StatusCode, a.Header)
	}
	if a := b.call("POST", "/auth/signout", fmt.Sprintf(`{"refreshToken":%q}`, other.RefreshToken)); a.code() != "ambiguous-credentials" {
		t.Errorf("two ways to sign out: %d %s", a.StatusCode, a.body)
	}
	b.must(200, "GET", "/auth/me", "")
	if a := s.rest("GET", "/auth/me", "", "Authorization", bearer(other)); a.StatusCode != 200 {
		t.Errorf("the other session: %d", a.StatusCode)
	}
}

func TestGateway_AnswersTheEdgeAlone(t *testing.T) {
	s := start(t)
	b := s.browser().enter("ann@example.org")
	a := b.gateway("X-Hasura-Role", "user")
	if a.StatusCode != 204 || !strings.HasPrefix(a.Header.Get("Authorization"), "Bearer ") || a.Header.Get("X-Hasura-Role") != "user" || len(a.body) != 0 {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if a := s.rest("GET", "/auth/me", "", "Authorization", a.Header.Get("Authorization")); a.StatusCode != 200 {
		t.Errorf("its token: %d %s", a.StatusCode, a.body)
	}
	if a := b.gateway("X-Hasura-Role", "admin"); a.Header.Get("Gateway-Code") != "forbidden" || a.Header.Get("X-Hasura-Role") != "" || a.Header.Get("Authorization") != "" {
		t.Errorf("as admin: %d %v", a.StatusCode, a.Header)
	}
	for _, secret := range []string{"", "guess", edgeSecret + "x"} {
		if a := b.gateway("X-Edge-Secret", secret); a.StatusCode != 404 || a.Header.Get("Authorization") != "" {
			t.Errorf("with the secret %q: %d %v", secret, a.StatusCode, a.Header)
		}
	}
	nobody := s.browser()
	if a := nobody.gateway(); a.Header.Get("Gateway-Code") != "unauthenticated" {
		t.Errorf("without a cookie: %d %v", a.StatusCode, a.Header)
	}
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"route":"/gateway","status":403`) && !strings.Contains(line, `"client":"unknown"`) {
			t.Errorf("the log does not say who was refused: %s", line)
		}
	}
	if logged := s.log.String(); strings.Contains(logged, b.kept[sessionCookie]) || strings.Contains(logged, a.Header.Get("Authorization")[20:]) {
		t.Error("the log has tokens")
	}
}

// Calls that need no session work while the browser still has the cookie of one that is
// over; those that need one say so.
func TestCookie_OfASessionThatIsOver(t *testing.T) {
	s := start(t, byMail)
	b := s.browser().enter("ann@example.org")
	over := b.String()
	b.must(204, "POST", "/auth/signout", "")
	call := func(method, path, body string) answer {
		t.Helper()
		return s.rest(method, path, body, "Cookie", over)
	}
	for _, c := range []struct {
		method, path, body, code string
		status                   int
	}{
		{"GET", "/auth/me", "", "unauthenticated", 401}, {"POST", "/auth/signout-all", "", "unauthenticated", 401},
		{"POST", "/auth/email/verify", `{"token":"x"}`, "invalid-token", 401}, {"POST", "/auth/password/forgot", `{"email":"ann@example.org"}`, "", 202},
		{"POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword), "", 200},
		{"POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q,"session":"cookie"}`, goodPassword), "", 200},
	} {
		a := call(c.method, c.path, c.body)
		if a.StatusCode != c.status || a.code() != c.code {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.StatusCode, a.body)
		}
		if c.code == "unauthenticated" && len(a.Cookies()) != 0 {
			t.Errorf("%s %s removes the cookie at once: %v", c.method, c.path, a.Cookies())
		}
	}
	if a := call("POST", "/auth/signout", ""); a.StatusCode != 204 || len(a.Cookies()) != 1 || a.Cookies()[0].Value != "" {
		t.Errorf("signing out again: %d %v", a.StatusCode, a.Cookies())
	}
	if a := s.rest("GET", "/auth/me", "", "Cookie", sessionCookie+"=never-was-one"); a.code() != "unauthenticated" || len(a.Cookies()) != 1 {
		t.Errorf("what never was a session's: %d %v", a.StatusCode, a.Cookies())
	}
}

// In development there is no https.
func TestCookie_OverPlainHTTP(t *testing.T) {
	s := start(t, func(c *setup) { c.origin = "http://localhost:8080" })
	a := s.rest("POST", "/auth/signup", fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q,"session":"cookie"}`, goodPassword), "Origin", "http://localhost:8080")
	var names []string
	for _, c := range a.Cookies() {
		names = append(names, c.Name)
		if c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie is set as %s", c.Raw)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"dev-session", "login-device"}) {
		t.Fatalf("%d %s sets %q", a.StatusCode, a.body, names)
	}
	if a := s.rest("GET", "/auth/me", "", "Cookie", a.Cookies()[0].String()+"; "+a.Cookies()[1].String()); a.StatusCode != 200 {
		t.Errorf("me: %d %s", a.StatusCode, a.body)
	}
}

func TestCookie_ByAMailedCode(t *testing.T) {
	s := start(t, byMail)
	b := s.browser().enter("ann@example.org")
	b.must(204, "POST", "/auth/signout", "")
	challenge := b.must(202, "POST", "/auth/signin/mail", `{"email":"ann@example.org"}`).object(t)["challenge"]
	b.must(200, "POST", "/auth/signin/mail/code", fmt.Sprintf(`{"challenge":%q,"code":%q,"session":"cookie"}`, challenge, s.code(login.MailSignInCode)))
	b.must(200, "GET", "/auth/me", "")
}

// The device's cookie stands in for the device token: no notice about a new device, and
// no second factor where the device is remembered.
func TestCookie_TheDeviceIsKnown(t *testing.T) {
	s := start(t, byMail, func(c *setup) { c.rules.Notices = []login.MailKind{login.MailNewDevice} })
	b := s.browser().enter("ann@example.org")
	s.rest("POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword))
	notices := func() (n int) {
		for {
			m, err := s.store.ClaimMail(t.Context(), time.Now(), time.Minute)
			if errors.Is(err, login.ErrNotFound) {
				return n
			}
			check(t, err)
			if m.Kind == login.MailNewDevice {
				n++
			}
		}
	}
	stranger := notices()
	b.must(200, "POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q,"session":"cookie"}`, goodPassword))
	if known := notices(); stranger != 1 || known != 0 {
		t.Errorf("notices about a new device: %d for a stranger, %d for a known one", stranger, known)
	}
}

func TestOpenAPI_DescribesAnswersWithCookies(t *testing.T) {
	s := start(t)
	router, err := gorillamux.NewRouter(document(t))
	check(t, err)
	b := s.browser()
	call := func(status int, method, path, body string) {
		t.Helper()
		a := b.must(status, method, path, body)
		validate(t, router, s.request(method, path, body), a)
	}
	call(201, "POST", "/auth/signup", fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q,"session":"cookie"}`, goodPassword))
	call(204, "POST", "/auth/elevate", fmt.Sprintf(`{"method":"password","password":%q}`, goodPassword))
	call(200, "POST", "/auth/password", fmt.Sprintf(`{"currentPassword":%q,"newPassword":"battery of volta 1800"}`, goodPassword))
	call(204, "POST", "/auth/signout", "")
	call(401, "GET", "/auth/me", "")
}
