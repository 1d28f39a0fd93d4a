package standin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"hasura-login/dev/standin/auth"
)

func (w *world) replayRequest(t testing.TB) {
	body := string(w.Request.Body)
	if w.Request.BodyRaw != nil {
		body = *w.Request.BodyRaw
	}
	status, headers, got := w.exchange(t, body)
	if status != w.Response.Status {
		t.Errorf("status %d, want %d", status, w.Response.Status)
	}
	var want any
	if w.Response.BodyRaw != nil {
		want = *w.Response.BodyRaw
	} else {
		want = w.expected(t, w.Response.Body)
	}
	w.compare(t, want, got)
	for name, value := range w.Response.Headers {
		if have := headers.Get(name); have == "" || !isPlaceholder(value) && have != value {
			t.Errorf("header %s is %q, want %q", name, have, value)
		}
	}
	if object, ok := got.(map[string]any); ok && object["errors"] != nil && w.Request.Method == http.MethodPost && headers.Get("X-Request-Id") == "" {
		t.Error("an error carries no x-request-id")
	}
	asked := w.handler.asked()
	w.checkHandler(t, asked)
	if w.check != nil {
		w.check(t, asked, headers)
	}
}

// exchange sends the case's request. With a jwk_url, the engine fetches the key set in
// the background, so exchange asks again while it has no keys.
func (w *world) exchange(t testing.TB, body string) (int, http.Header, any) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), w.Request.Method, w.engine.URL+w.Request.Path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, raw := range w.Request.Headers {
			value := w.header(t, raw)
			if strings.EqualFold(name, "Host") {
				req.Host = value
			}
			req.Header.Set(name, value)
		}
		status, headers, got := send(t, req, nil)
		early := strings.Contains(fmt.Sprint(got), "NoUsableKeys") && !strings.Contains(string(w.Response.Body), "NoUsableKeys")
		if !early || time.Now().After(deadline) {
			return status, headers, got
		}
	}
}

// header makes a header's value: a literal, a placeholder for a token, or a
// description of one.
func (w *world) header(t testing.TB, raw json.RawMessage) string {
	t.Helper()
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.NewReplacer("<secret>", adminSecret,
			"<user token>", tokenFor(t, annID, nil), "<login_service token>", roleToken(t, "login_service")).Replace(text)
	}
	var described struct {
		Bearer    tokenDescription `json:"bearer"`
		RawPrefix string           `json:"rawPrefix"`
	}
	if err := json.Unmarshal(raw, &described); err != nil {
		t.Fatal(err)
	}
	if described.RawPrefix == "" {
		described.RawPrefix = "Bearer "
	}
	return described.RawPrefix + described.Bearer.sign(t)
}

func roleToken(t testing.TB, role string) string {
	return tokenFor(t, annID, jwt.MapClaims{auth.DefaultNamespace: map[string]any{
		"x-hasura-user-id": annID, "x-hasura-default-role": role, "x-hasura-allowed-roles": []string{role},
	}})
}

type tokenDescription struct {
	Alg       string         `json:"alg"`
	Kid       string         `json:"kid"`
	Claims    map[string]any `json:"claims"`
	Signature string         `json:"signature"`
}

var otherRSAKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func (d tokenDescription) sign(t testing.TB) string {
	t.Helper()
	claims := jwt.MapClaims{}
	for name, value := range d.Claims {
		claims[name] = value
		if text, ok := value.(string); ok && (name == "iat" || name == "exp" || name == "nbf") {
			claims[name] = relativeTime(t, text)
		}
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(d.Alg), claims)
	if d.Kid != "absent" {
		token.Header["kid"] = d.Kid
	}
	var key any = rsaKey()
	if d.Signature == "invalid" {
		key = otherRSAKey()
	}
	if strings.HasPrefix(d.Alg, "HS") {
		key = []byte(strings.Repeat("k", 64))
	}
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

var relative = regexp.MustCompile(`^now ([+-]) (\d+) (s|h)$`)

func relativeTime(t testing.TB, text string) int64 {
	t.Helper()
	m := relative.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("time %q is not understood", text)
	}
	n, _ := strconv.ParseInt(m[1]+m[2], 10, 64)
	if m[3] == "h" {
		n *= 3600
	}
	return time.Now().Unix() + n
}

var placeholder = regexp.MustCompile(`<[^<>]+>`)

func isPlaceholder(text string) bool { return placeholder.MatchString(text) }

// expected decodes the answer that the client should get, on this project's tables.
func (w *world) expected(t testing.TB, raw json.RawMessage) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(w.Name, "auth-") {
		v = ownRows(v)
	}
	return v
}

// ownRows replaces the rows of the engine's test tables by ours.
func ownRows(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = ownRows(v[i])
		}
	case map[string]any:
		if v["title"] != nil { // an article of user 1
			return map[string]any{"id": annID, "email": "a@example.com", "name": "Ann"}
		}
		if n, ok := v["id"].(float64); ok {
			v["id"] = []string{annID, bobID, publicID}[int(n)-1]
		}
		for key := range v {
			v[key] = ownRows(v[key])
		}
	}
	return v
}

// compare compares JSON values. A placeholder in the expected value matches any text;
// the address of the test's handler counts as the case's.
func (w *world) compare(t testing.TB, want, got any) {
	t.Helper()
	host := strings.TrimPrefix(w.handler.URL, "http://")
	normalise(got, host)
	fill(want, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func normalise(v any, handlerAddr string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			normalise(e, handlerAddr)
		}
	case map[string]any:
		if port, ok := v["port"].(float64); ok && fmt.Sprintf("%v:%.0f", v["host"], port) == handlerAddr {
			v["host"], v["port"] = "login", float64(3000)
		}
		for _, e := range v {
			normalise(e, handlerAddr)
		}
	}
}

// fill puts what came in place of placeholders that match it.
func fill(want, got any) {
	switch want := want.(type) {
	case []any:
		list, _ := got.([]any)
		for i := range min(len(want), len(list)) {
			fill(want[i], list[i])
		}
	case map[string]any:
		object, _ := got.(map[string]any)
		for key, value := range want {
			text, isText := value.(string)
			have, ok := object[key].(string)
			if isText && ok && isPlaceholder(text) && matches(text, have) {
				want[key] = have
				continue
			}
			fill(value, object[key])
		}
	}
}

func matches(pattern, text string) bool {
	parts := placeholder.Split(pattern, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".+") + "$").MatchString(text)
}

// checkHandler compares the requests to the action's handler.
func (w *world) checkHandler(t testing.TB, asked []handled) {
	t.Helper()
	if w.Handler == nil || string(w.Handler.Receives) == "null" {
		if len(asked) > 0 {
			t.Errorf("the handler was asked %d times, want not at all", len(asked))
		}
		return
	}
	var prose string
	if json.Unmarshal(w.Handler.Receives, &prose) == nil {
		if w.check == nil {
			t.Errorf("nothing checks that the handler gets %q", prose)
		}
		return
	}
	if len(asked) != 1 {
		t.Fatalf("the handler was asked %d times, want once", len(asked))
	}
	var wanted struct {
		Method  string            `json:"method"`
		Headers map[string]string `json:"headers"`
		Body    map[string]any    `json:"body"`
	}
	if err := json.Unmarshal(w.Handler.Receives, &wanted); err != nil {
		t.Fatal(err)
	}
	var request struct {
		Query string `json:"query"`
	}
	if err := json.Unmarshal(w.Request.Body, &request); err != nil {
		t.Fatal(err)
	}
	wanted.Body["request_query"] = request.Query
	if diff := cmp.Diff(wanted.Body, asked[0].Body); diff != "" {
		t.Errorf("the handler was sent (-want +got):\n%s", diff)
	}
	checkHandlerHeaders(t, wanted.Headers, asked[0].Header, w.Name != "action-configured-headers-first")
}

// checkHandlerHeaders compares the headers. With all, only the HTTP library's own
// headers may come in addition.
func checkHandlerHeaders(t testing.TB, want map[string]string, got http.Header, all bool) {
	t.Helper()
	rest := got.Clone()
	for name, value := range want {
		if value == "<value>" {
			value = "shared"
		}
		if have := got.Get(name); have == "" || !matches(value, have) {
			t.Errorf("the handler got %s: %q, want %q", name, have, value)
		}
		rest.Del(name)
	}
	for _, name := range []string{"Accept-Encoding", "Content-Length"} {
		rest.Del(name)
	}
	if all && len(rest) > 0 {
		t.Errorf("the handler got more headers: %v", rest)
	}
}
