package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"golang.org/x/oauth2"
)

// maxAnswer is larger than any provider's document or token.
const maxAnswer = 512 << 10

// newClient makes a client with short timeouts. It follows no redirect, reads at most
// maxAnswer, and refuses plain HTTP to other machines.
func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost, t.MaxConnsPerHost = 4, 16
		t.MaxResponseHeaderBytes = 64 << 10
		transport = t
	}
	return &http.Client{
		Timeout: patience, Transport: bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded is a transport that limits the size of answers.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL.Scheme, r.URL.Hostname()) {
		return nil, fmt.Errorf("%s is not https", r.URL.Host)
	}
	resp, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, maxAnswer}
	return resp, nil
}

// secure tells whether nobody on the network can read what is sent to the URL.
func secure(scheme, host string) bool {
	ip := net.ParseIP(host)
	return scheme == "https" || scheme == "http" && (host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback())
}

var errTooLarge = errors.New("the answer is too large")

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// getJSON gets a document with an access token.
func getJSON(ctx context.Context, address string, token *oauth2.Token, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return trouble{err}
	}
	token.SetAuthHeader(r)
	r.Header.Set("Accept", "application/json")
	client, _ := ctx.Value(oauth2.HTTPClient).(*http.Client)
	resp, err := client.Do(r)
	if err != nil {
		return trouble{err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return trouble{fmt.Errorf("%s answers with status %d", address, resp.StatusCode)}
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return trouble{fmt.Errorf("reading %s: %w", address, err)}
	}
	return nil
}
