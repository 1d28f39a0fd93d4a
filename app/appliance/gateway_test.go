package appliance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hasura-login/app/testserver"
)

// upstream is an HTTP server in the place of login or Hasura that remembers what
// reaches it.
type upstream struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   [][]byte
	answer   http.HandlerFunc
}

func newUpstream(t *testing.T, name string) *upstream {
	u := &upstream{}
	u.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"upstream":"`+name+`"}`)
	}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.mu.Lock()
		u.requests, u.bodies = append(u.requests, r), append(u.bodies, body)
		answer := u.answer
		u.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(u.Close)
	return u
}

// answers sets how the upstream answers from now on.
func (u *upstream) answers(h http.HandlerFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = h
}

func (u *upstream) address() string { return strings.TrimPrefix(u.URL, "http://") }

// take returns the requests that arrived since the last call.
func (u *upstream) take() []*http.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.requests
	u.requests, u.bodies = nil, nil
	return got
}

// gateway is the real nginx between a client and two upstreams.
type gateway struct {
	*testserver.Nginx
	login, hasura *upstream
	client        *http.Client
}

func newGateway(t *testing.T, s testserver.NginxSettings) *gateway {
	t.Helper()
	g := &gateway{login: newUpstream(t, "login"), hasura: newUpstream(t, "hasura")}
	s.Login, s.Hasura = g.login.address(), g.hasura.address()
	g.Nginx = testserver.StartNginx(t, s)
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	g.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return g
}

// answer is a client's response with its body.
type answer struct {
	*http.Response
	body []byte
}

func (g *gateway) do(t *testing.T, method, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{resp, b}
}

// problem is an error over REST; graphqlErrors one over GraphQL.
type problem struct {
	Code, Title, RequestID string
	Status, RetryAfter     int
}

type graphqlErrors struct {
	Errors []struct {
		Message    string
		Extensions struct {
			Code, RequestID string
			RetryAfter      int
		}
	}
}

// checkError fails unless the answer is an error of the API in the form that its
// route has.
func checkError(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: status %d, not %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	id := a.Header.Get("X-Request-Id")
	if a.Request.URL.Path == "/v1/graphql" {
		var got graphqlErrors
		decode(t, a, &got)
		if len(got.Errors) != 1 || got.Errors[0].Message == "" || got.Errors[0].Extensions.Code != code || got.Errors[0].Extensions.RequestID != id {
			t.Errorf("not the GraphQL error %s of request %s: %s", code, id, a.body)
		}
		if ct := a.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
			t.Errorf("content type %q", ct)
		}
		return
	}
	var got problem
	decode(t, a, &got)
	if got.Code != code || got.Status != status || got.Title == "" || got.RequestID != id {
		t.Errorf("not the problem %s of request %s: %s", code, id, a.body)
	}
	if ct := a.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q", ct)
	}
}

func decode(t *testing.T, a answer, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s %s: %v in %s", a.Request.Method, a.Request.URL, err, a.body)
	}
}
