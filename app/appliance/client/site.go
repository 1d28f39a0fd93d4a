package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	password    = "correct horse staple"
	grantFields = "id token refreshToken"
)

// site is the appliance as one client sees it.
type site struct {
	url  string
	http *http.Client
}

// newSite makes a client with its own address; nil: any.
func newSite(url string, source net.IP) *site {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if source != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: source}
	}
	// HTTP/2: a server that reloads says so before it closes.
	transport := &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	return &site{url: url, http: &http.Client{Timeout: 20 * time.Second, Transport: transport}}
}

// overHTTP1 leaves HTTP/2 out: an nginx before 1.27.1 keeps an HTTP/2 connection
// that begins in the moment of a reload in its old worker, which still sends its
// requests to the container before.
func (s *site) overHTTP1() {
	transport := s.http.Transport.(*http.Transport)
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	s.http.Transport = again{transport}
}

// again repeats a request, as browsers do, if its kept connection was closed in the
// same moment.
type again struct{ *http.Transport }

func (a again) RoundTrip(r *http.Request) (*http.Response, error) {
	// Not sent, but by its presence the library takes any method for repeatable.
	r.Header["Idempotency-Key"] = nil
	return a.Transport.RoundTrip(r)
}

type grant struct {
	ID           string `json:"id"`
	Token        string `json:"token"`
	RefreshToken string `json:"refreshToken"`
}

// failed is an answer that a user could not continue with.
type failed struct {
	status int
	body   string
}

func (f *failed) Error() string { return fmt.Sprintf("%d %s", f.status, f.body) }

// send returns the body of a 2xx answer.
func (s *site) send(method, path, token string, body any) ([]byte, error) {
	var encoded []byte
	if body != nil {
		encoded, _ = json.Marshal(body)
	}
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(encoded)) // #nosec G704 -- the operator's own site
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.http.Do(req) // #nosec G704 -- the operator's own site
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = &failed{res.StatusCode, string(text)}
	}
	return text, err
}

// rest decodes a REST answer.
func (s *site) rest(method, path, token string, body, into any) error {
	text, err := s.send(method, path, token, body)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// graphQL decodes one field of an answer without errors.
func (s *site) graphQL(token, field, query string, variables map[string]any, into any) error {
	text, err := s.send("POST", "/v1/graphql", token, map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   map[string]json.RawMessage
		Errors json.RawMessage
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if answer.Errors != nil || answer.Data[field] == nil {
		return &failed{http.StatusOK, string(text)}
	}
	return json.Unmarshal(answer.Data[field], into)
}

func (s *site) signUp(email string) (g grant, err error) {
	err = s.graphQL("", "signup", `mutation ($e: String!, $p: String!) { signup(email: $e, name: "Ann", password: $p) { `+grantFields+` } }`,
		map[string]any{"e": email, "p": password}, &g)
	return g, err
}

func (s *site) signIn(email string) (g grant, err error) {
	err = s.graphQL("", "signin", `query ($e: String!, $p: String!) { signin(email: $e, password: $p) { `+grantFields+` } }`,
		map[string]any{"e": email, "p": password}, &g)
	return g, err
}

type row struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
}

func (s *site) rows(token string) (rows []row, err error) {
	err = s.graphQL(token, "users", `{ users { id email name } }`, nil, &rows)
	return rows, err
}
