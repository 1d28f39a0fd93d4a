package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"
)

// client is a front-end's view of the stack.
type client struct {
	t     *testing.T
	base  string
	token string // sent as Bearer unless empty
	// header is sent with every request; a real client could forge any of it.
	header http.Header
	http   *http.Client
}

func (s *stack) client() *client {
	return &client{t: s.t, base: s.nginx.URL(""), header: http.Header{}, http: (&browser{}).client()}
}

// browser sends a request as browsers do: if the kept connection was closed at that
// moment, it repeats the request on another one. The tests' nginx closes idle
// connections when it reloads; from 1.27.4 on, it waits a moment first
// (nginx/start.sh).
type browser struct {
	http.Transport
	again atomic.Int64 // requests sent again
}

func (b *browser) client() *http.Client { return &http.Client{Timeout: 15 * time.Second, Transport: b} }

func (b *browser) RoundTrip(r *http.Request) (*http.Response, error) {
	var connections int64
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections++ }}))
	// Not sent, but by its presence the library takes any method for repeatable.
	r.Header["Idempotency-Key"] = nil
	resp, err := b.Transport.RoundTrip(r)
	b.again.Add(max(connections-1, 0))
	return resp, err
}

func (c *client) as(g grant) *client {
	other := *c
	other.token = g.Token
	return &other
}

func (c *client) with(name, value string) *client {
	other := *c
	other.header = c.header.Clone()
	other.header.Set(name, value)
	return &other
}

type grant struct {
	ID           string `json:"id"`
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
	DeviceToken  string `json:"deviceToken"`
}

// reply is an answer over either way.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) send(method, path string, body any) (reply, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return reply{}, err
		}
	}
	req, err := http.NewRequest(method, c.base+path, bytes.NewReader(encoded))
	if err != nil {
		return reply{}, err
	}
	req.Header = c.header.Clone()
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

func (c *client) rest(method, path string, body any) reply {
	c.t.Helper()
	r, err := c.send(method, path, body)
	check(c.t, err)
	return r
}

// graphQL sends one operation.
func (c *client) graphQL(query string, variables map[string]any) reply {
	c.t.Helper()
	return c.rest("POST", "/v1/graphql", map[string]any{"query": query, "variables": variables})
}

// code is the error code of either way, or "" for a success.
func (r reply) code() string {
	var o struct {
		Code   string
		Errors []struct{ Extensions struct{ Code string } }
	}
	_ = json.Unmarshal(r.body, &o)
	if len(o.Errors) > 0 {
		return o.Errors[0].Extensions.Code
	}
	return o.Code
}

// data decodes a field of a GraphQL answer's data.
func (r reply) data(t *testing.T, field string, into any) {
	t.Helper()
	var o struct{ Data map[string]json.RawMessage }
	if err := json.Unmarshal(r.body, &o); err != nil || o.Data[field] == nil {
		t.Fatalf("no data.%s in %d %s", field, r.status, r.body)
	}
	check(t, json.Unmarshal(o.Data[field], into))
}

// decode reads a REST answer.
func (r reply) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("%v in %d %s", err, r.status, r.body)
	}
}

const grantFields = "id token refreshToken deviceToken"

func (c *client) signUp(email string) grant {
	c.t.Helper()
	var g grant
	c.graphQL(`mutation ($e: String!, $p: String!) { signup(email: $e, name: "Ann", password: $p) { `+grantFields+` } }`,
		map[string]any{"e": email, "p": goodPassword}).data(c.t, "signup", &g)
	return g
}

func (c *client) signIn(email, password string) reply {
	c.t.Helper()
	return c.graphQL(`query ($e: String!, $p: String!) { signin(email: $e, password: $p) { `+grantFields+` } }`,
		map[string]any{"e": email, "p": password})
}

func (c *client) restGrant(method, path string, body any) grant {
	c.t.Helper()
	r := c.rest(method, path, body)
	if r.status/100 != 2 {
		c.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	var g grant
	r.decode(c.t, &g)
	return g
}

func email(n int) string { return fmt.Sprintf("user%d@example.org", n) }
