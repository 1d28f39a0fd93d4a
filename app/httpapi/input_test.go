package httpapi_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/ratelimit"
)

func TestBadInput_GetsItsCodeAndChangesNothing(t *testing.T) {
	s := start(t)
	long := strings.Repeat("a", 300-len("@example.org")) + "@example.org"
	signup := func(email, name, password string) string {
		return `{"email":"` + email + `","name":"` + name + `","password":"` + password + `"}`
	}
	emoji25 := strings.Repeat("😀", 25) // 100 bytes
	for _, c := range []struct {
		name, method, path, body, contentType, encoding string
		status                                          int
		code                                            login.Code
		says                                            string // part of the title
	}{
		{name: "missing field", body: `{"email":"a@example.org","name":"Ann"}`, code: login.CodeInvalidInput, says: "password: missing"},
		{name: "null field", body: `{"email":null,"name":"Ann","password":"x"}`, code: login.CodeInvalidInput, says: "email: missing"},
		{name: "extra field", body: `{"email":"a@example.org","name":"Ann","password":"` + goodPassword + `","admin":true}`, code: login.CodeInvalidInput, says: "admin: no such field"},
		{name: "field in other letters", body: `{"EMAIL":"a@example.org","name":"Ann","password":"x"}`, code: login.CodeInvalidInput, says: "email: missing"},
		{name: "wrongly typed", body: `{"email":1,"name":"Ann","password":"x"}`, code: login.CodeInvalidInput, says: "email: must be a string"},
		{name: "not JSON", body: `email=a@example.org`, code: login.CodeInvalidInput},
		{name: "JSON, but a list", body: `[]`, code: login.CodeInvalidInput},
		{name: "JSON null", body: `null`, code: login.CodeInvalidInput},
		{name: "a name twice", body: `{"email":"a@example.org","email":"b@example.org","name":"Ann","password":"` + goodPassword + `"}`, code: login.CodeInvalidInput, says: "email: the name is there twice"},
		{name: "a name twice, once escaped", body: `{"email":"a@example.org","\u0065mail":"b@example.org","name":"Ann","password":"` + goodPassword + `"}`, code: login.CodeInvalidInput, says: "twice"},
		{name: "a name twice, deep inside", body: `{"email":[{"a":[1,{"b":1,"b":2}]}],"name":"Ann","password":"x"}`, code: login.CodeInvalidInput, says: "b: the name is there twice"},
		{name: "a high surrogate alone", body: signup("a@example.org", "Ann", `correct horse \ud800 staple`), code: login.CodeInvalidInput, says: "surrogate"},
		{name: "a low surrogate alone", body: signup("a@example.org", "Ann", `correct horse \udc00`), code: login.CodeInvalidInput, says: "surrogate"},
		{name: "surrogates the wrong way round", body: signup("a@example.org", "Ann", `correct horse \ude00\ud83d`), code: login.CodeInvalidInput, says: "surrogate"},
		{name: "a backslash and then what looks like one", body: signup("a@example.org", "Ann", `\\ud800`), code: login.CodeInvalidInput, says: "password: must have"},
		{name: "compressed", encoding: "br", body: signup("a@example.org", "Ann", goodPassword), code: login.CodeUnsupportedMediaType, status: 415, says: "compress"},
		{name: "compressed, in other letters", encoding: "GZIP", body: signup("a@example.org", "Ann", goodPassword), code: login.CodeUnsupportedMediaType, status: 415, says: "compress"},
		{name: "two documents", body: `{}{}`, code: login.CodeInvalidInput},
		{name: "empty body", body: ``, contentType: "application/json", code: login.CodeInvalidInput, says: "empty"},
		{name: "broken UTF-8", body: signup("a@example.org", "Ann", "abc\xff1234567"), code: login.CodeInvalidInput, says: "UTF-8"},
		{name: "16 KiB and one", body: `{"email":"` + strings.Repeat("a", 16<<10) + `"}`, code: login.CodePayloadTooLarge, status: 413},
		{name: "NUL in the address", body: signup(`a\u0000@example.org`, "Ann", goodPassword), code: login.CodeInvalidInput, says: "email:"},
		{name: "NUL in the name", body: signup("a@example.org", `A\u0000nn`, goodPassword), code: login.CodeInvalidInput, says: "name:"},
		{name: "NUL in the password", body: signup("a@example.org", "Ann", `correct horse\u0000staple`), code: login.CodeInvalidInput, says: "password"},
		{name: "control character in the name", body: signup("a@example.org", `A\u001bnn`, goodPassword), code: login.CodeInvalidInput, says: "name:"},
		{name: "empty name", body: signup("a@example.org", "  ", goodPassword), code: login.CodeInvalidInput, says: "name:"},
		{name: "address of 300 characters", body: signup(long, "Ann", goodPassword), code: login.CodeInvalidInput, says: "email:"},
		{name: "no address at all", body: signup("ann", "Ann", goodPassword), code: login.CodeInvalidInput, says: "email:"},
		{name: "password of 73 bytes", body: signup("a@example.org", "Ann", strings.Repeat("xy1", 24)+"z"), code: login.CodeInvalidInput, says: "72 bytes"},
		{name: "25 emoji", body: signup("a@example.org", "Ann", emoji25), code: login.CodeInvalidInput, says: "72 bytes"},
		{name: "short password", body: signup("a@example.org", "Ann", "seven77"), code: login.CodeInvalidInput, says: "password"},
		{name: "common password", body: signup("a@example.org", "Ann", "password123"), code: login.CodeInvalidInput, says: "password"},
		{name: "wrong content type", body: signup("a@example.org", "Ann", goodPassword), contentType: "text/plain", code: login.CodeUnsupportedMediaType, status: 415},
		{name: "form", body: "a=b", contentType: "application/x-www-form-urlencoded", code: login.CodeUnsupportedMediaType, status: 415},
		{name: "unknown route", path: "/auth/nope", body: `{}`, code: login.CodeNotFound, status: 404},
		{name: "route in other letters", path: "/auth/SignUp", body: `{}`, code: login.CodeNotFound, status: 404},
		{name: "route with a slash more", path: "/auth/signup/", body: `{}`, code: login.CodeNotFound, status: 404},
		{name: "wrong method", method: http.MethodGet, code: login.CodeMethodNotAllowed, status: 405},
		{name: "method nobody knows", method: "BREW", code: login.CodeMethodNotAllowed, status: 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.path == "" {
				c.path = "/auth/signup"
			}
			if c.status == 0 {
				c.status = http.StatusBadRequest
			}
			req := s.request(c.method, c.path, c.body)
			if c.contentType != "" {
				req.Header.Set("Content-Type", c.contentType)
			}
			if c.encoding != "" {
				req.Header.Set("Content-Encoding", c.encoding)
			}
			a := s.do(req)
			if a.StatusCode != c.status || a.code() != string(c.code) {
				t.Fatalf("%d %s, want %d %s: %s", a.StatusCode, a.code(), c.status, c.code, a.body)
			}
			if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			title, _ := a.object(t)["title"].(string)
			if !strings.Contains(title, c.says) {
				t.Errorf("title %q does not say %q", title, c.says)
			}
			if field, _, named := strings.Cut(c.says, ": "); named && a.object(t)["field"] != field {
				t.Errorf("field %q, not %q", a.object(t)["field"], field)
			}
			if a.Header.Get("X-Request-Id") == "" || a.object(t)["requestId"] != a.Header.Get("X-Request-Id") {
				t.Errorf("request id %q in the header, %q in the body", a.Header.Get("X-Request-Id"), a.object(t)["requestId"])
			}
		})
	}
	users, err := s.store.ListUsers(t.Context(), login.UserFilter{Limit: 10})
	if err != nil || len(users) != 0 {
		t.Errorf("%d users were created (%v)", len(users), err)
	}
}

func TestGoodInput_ThatOthersRefuse(t *testing.T) {
	s := start(t)
	for _, body := range []string{
		`{"email":"a+b@example.org","name":"Ann","password":"correct horse staple"}`,
		`{"email":"UPPER@Example.ORG","name":"José 李","password":"  spaces count  "}`,
		`{"email":"x@y.z","name":"X","password":"😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"}`,
	} {
		if a := s.rest(http.MethodPost, "/auth/signup", body, "Content-Type", "application/json; charset=utf-8"); a.StatusCode != http.StatusCreated {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
}

func TestMethodNotAllowed_NamesTheMethods(t *testing.T) {
	s := start(t)
	for path, want := range map[string]string{"/auth/signin": "POST", "/auth/me": "DELETE, GET, HEAD, PATCH", "/.well-known/jwks.json": "GET, HEAD"} {
		if a := s.rest(http.MethodPut, path, "{}"); a.StatusCode != 405 || a.Header.Get("Allow") != want {
			t.Errorf("%s: %d, Allow %q, want %q", path, a.StatusCode, a.Header.Get("Allow"), want)
		}
	}
}

func TestUnreadableRequests_AreAnsweredAsJSON(t *testing.T) {
	s := start(t)
	for name, raw := range map[string]string{
		"malformed":       "GET  HTTP/1.1\r\n\r\n",
		"headers too big": "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: " + strings.Repeat("a", 40<<10) + "\r\n\r\n",
	} {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), time.Second)
		check(t, err)
		defer conn.Close()
		_, _ = conn.Write([]byte(raw)) // the server may close before all is written
		check(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		buf := make([]byte, 4096)
		n, _ := conn.Read(buf)
		if answer := string(buf[:n]); !strings.Contains(answer, "application/problem+json") || !strings.Contains(answer, `"code":"`) {
			t.Errorf("%s: %q", name, answer)
		}
	}
}

func TestRateLimited_SaysWhenToComeBack(t *testing.T) {
	limit, err := ratelimit.ParseLimit("LIMIT", "3-H")
	check(t, err)
	s := start(t, func(s *setup) { s.limits.SignInAccount = limit })
	s.signUp("ann@example.org")
	var a answer
	for range 4 {
		a = s.rest(http.MethodPost, "/auth/signin", `{"email":"ANN@example.org","password":"wrong one"}`)
	}
	if a.StatusCode != 429 || a.code() != "rate-limited" {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for _, name := range []string{"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
		if a.Header.Get(name) == "" {
			t.Errorf("header %s is missing", name)
		}
	}
	if a.object(t)["retryAfter"] == nil {
		t.Errorf("retryAfter is missing: %s", a.body)
	}
	a = s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword}, nil)
	extensions, _ := a.object(t)["extensions"].(map[string]any)
	if a.StatusCode != 429 || extensions["code"] != "rate-limited" || extensions["retryAfter"] == nil || extensions["requestId"] == nil {
		t.Errorf("over the action: %d %s", a.StatusCode, a.body)
	}
}

// The public reports are those of nginx's answer (app/appliance): too large a header
// is no matter of the body.
func TestInput_AHeaderThatIsTooLargeIsNamedSo(t *testing.T) {
	s := start(t)
	ann := s.signUp("ann@example.org")
	for _, size := range []int{maxHeaders, 12 << 10} {
		for _, path := range []string{"/auth/me", "/auth/signin", "/actions/signin", "/nothing"} {
			a := s.rest("GET", path, "", "Cookie", "a="+strings.Repeat("x", size))
			if a.StatusCode != 431 || a.code() != "header-too-large" || strings.Contains(string(a.body), "a body") {
				t.Errorf("%s with %d bytes: %d %s", path, size, a.StatusCode, a.body)
			}
		}
	}
	a := s.rest("GET", "/auth/me", "", "Authorization", bearer(ann), "Cookie", "a="+strings.Repeat("x", maxHeaders-1024-len(ann.Token)))
	if a.StatusCode != 200 {
		t.Errorf("a header that fits: %d %s", a.StatusCode, a.body)
	}
}

const maxHeaders = 8 << 10
