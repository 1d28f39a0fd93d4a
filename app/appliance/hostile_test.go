package appliance_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// Where two readers of one request could disagree about where it ends, the first
// of them refuses it.
func TestHostile_AmbiguousRequestsReachNobody(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const post = "POST /auth/signin HTTP/1.1\r\nHost: localhost\r\n"
	const get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
	const empty = "0\r\n\r\n"
	for name, text := range map[string]string{
		"a length and chunks":                post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + empty,
		"two lengths":                        post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"the same length twice":              post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"a list of lengths":                  post + "Content-Length: 2, 2\r\n\r\n{}",
		"a signed length":                    post + "Content-Length: +2\r\n\r\n{}",
		"a negative length":                  post + "Content-Length: -2\r\n\r\n{}",
		"a length beyond 64 bits":            post + "Content-Length: 18446744073709551618\r\n\r\n{}",
		"a blank before the colon":           post + "Transfer-Encoding : chunked\r\n\r\n" + empty,
		"a folded header":                    post + "Transfer-Encoding:\r\n chunked\r\n\r\n" + empty,
		"a coding that looks like chunks":    post + "Transfer-Encoding: xchunked\r\n\r\n" + empty,
		"a coding after a vertical tab":      post + "Transfer-Encoding: \vchunked\r\n\r\n" + empty,
		"two codings":                        post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + empty,
		"chunks of chunks":                   post + "Transfer-Encoding: chunked, chunked\r\n\r\n" + empty,
		"chunks in HTTP/1.0":                 "POST /auth/signin HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + empty,
		"a line end within a chunk's header": post + "Transfer-Encoding: chunked\r\n\r\n2;x=\"\r\ny\r\n{}\r\n" + empty,
		"two hosts":                          get + "Host: evil.example\r\n\r\n",
		"two dots after the host":            "GET /healthz HTTP/1.1\r\nHost: localhost..\r\n\r\n",
		"a path in the host":                 "GET /healthz HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
		"a user in the host":                 "GET /healthz HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n",
		"two authorizations":                 get + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
		"a return within a header":           get + "User-Agent: a\rX-Edge-Secret: b\r\n\r\n",
		"a zero byte in a header":            get + "User-Agent: a\x00b\r\n\r\n",
		"a blank in the path":                "GET /healthz x HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"tabs in the request line":           "GET\t/healthz\tHTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a method in lower case":             "get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"the server as a whole":              "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"another host in an absolute path":   "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"HTTP/0.9":                           "GET http://localhost/healthz\r\n",
		"HTTP/2 in a line of HTTP/1":         "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
		"HTTP/2 in plain text":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"a request line beyond 16 KiB":       "GET /auth/" + strings.Repeat("a", 17000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := raw(t, g, text)
			if len(got) > 0 && (!strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, `{"code":"invalid-input",`)) {
				t.Errorf("answers %.300s", got)
			}
			if n := len(g.login.take()) + len(g.hasura.take()); n != 0 {
				t.Errorf("reached an upstream")
			}
		})
	}
}

// raw sends a request exactly as written and returns all that is answered until
// nginx closes the connection.
func raw(t *testing.T, g *gateway, text string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", testserver.Addr(g.Port), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, text)
	got, _ := io.ReadAll(c)
	return string(got)
}

// A request that two readers could understand differently leaves nginx with one
// meaning.
func TestHostile_WhatPassesIsWrittenAnew(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	const end = "Connection: close\r\n\r\n"
	const post = "POST /auth/signin HTTP/1.1\r\nHost: localhost\r\n"
	for name, c := range map[string]struct{ text, reaches string }{
		"chunks":                   {post + "Transfer-Encoding: chunked\r\n" + end + "2\r\n{}\r\n0\r\nX-Edge-Secret: guess\r\n\r\n", "POST localhost /auth/signin 2"},
		"an underscore in a name":  {post + "Transfer_Encoding: chunked\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/signin 2"},
		"headers of the hop":       {post + "Content-Length: 2\r\nConnection: close, X-Real-IP, X-Edge-Secret\r\n\r\n{}", "POST localhost /auth/signin 2"},
		"a dot after the host":     {"POST /auth/signin HTTP/1.1\r\nHost: LOCALHOST.:80\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/signin 2"},
		"an absolute path":         {"POST http://localhost/auth/signin HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/signin 2"},
		"two slashes":              {"POST //auth//signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/signin 2"},
		"a fragment":               {"POST /auth/signin#/../../actions/signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/signin 2"},
		"dots encoded twice":       {"POST /auth/%252e%252e/actions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/%252e%252e/actions 2"},
		"line ends in the path":    {"POST /auth/%0d%0aX:%20y HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + end + "{}", "POST localhost /auth/%0D%0AX:%20y 2"},
		"out of the hosted pages":  {"GET /auth/pages/..%2fsignin HTTP/1.1\r\nHost: localhost\r\n" + end, "GET localhost /auth/signin 0"},
		"a socket with a body":     {"GET /v1/graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nContent-Length: 29\r\n\r\nGET /v1/metadata HTTP/1.1\r\n\r\n\r\n", "GET localhost /v1/graphql 0"},
		"a second request, unseen": {"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nPOST /actions/signin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + end, "GET localhost /healthz 0"},
	} {
		t.Run(name, func(t *testing.T) {
			answered := raw(t, g, c.text)
			var reached []string
			for _, r := range append(g.login.take(), g.hasura.take()...) {
				reached = append(reached, fmt.Sprintf("%s %s %s %d", r.Method, r.Host, r.RequestURI, r.ContentLength))
				if r.TransferEncoding != nil || r.Trailer != nil || r.Header.Get("X-Edge-Secret") != "edge-secret-of-the-test" || r.Header.Get("X-Real-Ip") != "127.0.0.1" {
					t.Errorf("arrives as %+v", r)
				}
			}
			if got := strings.Join(reached, ", "); got != c.reaches {
				t.Errorf("reaches %q, not %q\n%.300s", got, c.reaches, answered)
			}
		})
	}
}

func TestHostile_NoSpellingOfAHasuraHeaderPassesButTheRole(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	raw(t, g, "POST /v1/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"+
		"X-HASURA-ADMIN-SECRET: a\r\nx-hasura-user-id: b\r\nX-hasura-Access-Key: c\r\nX_Hasura_Role: admin\r\nX-Hasura_Role: admin\r\n"+
		"X.Hasura.Role: admin\r\nX-Hasura-Role : admin\r\n X-Hasura-Role: admin\r\n\r\n{}")
	raw(t, g, "POST /v1/graphql HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"+
		"X-HASURA-ADMIN-SECRET: a\r\nx-hasura-user-id: b\r\nX-hasura-Access-Key: c\r\nX_Hasura_Role: admin\r\nX-Hasura_Role: admin\r\nX.Hasura.Role: admin\r\nConnection: close\r\n\r\n{}")
	for name := range received(t, g.hasura) {
		if strings.Contains(strings.ToLower(name), "hasura") {
			t.Errorf("%s passes", name)
		}
	}
}

// The forms that HTTP/2 has for the same tricks.
func TestHostile_HTTP2(t *testing.T) {
	g := newTLSGateway(t)
	line := func(authority, path string, more ...string) []string {
		return append([]string{":method", "GET", ":scheme", "https", ":authority", authority, ":path", path}, more...)
	}
	for name, c := range map[string]struct {
		fields  []string
		reaches string
	}{
		"as it should be":              {line(siteName, "/healthz"), siteName + " /healthz"},
		"an unknown authority":         {line("evil.example", "/healthz"), ""},
		"a known host, another name":   {line("evil.example", "/healthz", "host", siteName), ""},
		"another path in the path":     {line(siteName, "/auth/%2e%2e/actions/signin"), ""},
		"an absolute path":             {line(siteName, "https://evil.example/healthz"), ""},
		"a line end in the path":       {line(siteName, "/healthz HTTP/1.1\r\nX-Edge-Secret: guess\r\n\r\n"), ""},
		"a line end in a value":        {line(siteName, "/healthz", "user-agent", "a\r\nx-edge-secret: guess"), ""},
		"a line end in a name":         {line(siteName, "/healthz", "a\r\nx-edge-secret", "guess"), ""},
		"a name in upper case":         {line(siteName, "/healthz", "User-Agent", "a"), ""},
		"a colon in a name":            {line(siteName, "/healthz", "x:y", "a"), ""},
		"a line end in the method":     {[]string{":method", "GET /actions HTTP/1.1\r\nx:", ":scheme", "https", ":authority", siteName, ":path", "/healthz"}, ""},
		"two paths":                    {line(siteName, "/healthz", ":path", "/v1/metadata"), ""},
		"a length without a body":      {line(siteName, "/healthz", "content-length", "5"), ""},
		"a tunnel":                     {[]string{":method", "CONNECT", ":authority", siteName + ":443"}, ""},
		"a socket, as extended tunnel": {[]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", siteName, ":path", "/v1/graphql"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g.http2(t, c.fields)
			var reached []string
			for _, r := range append(g.login.take(), g.hasura.take()...) {
				reached = append(reached, r.Host+" "+r.RequestURI)
			}
			if got := strings.Join(reached, ", "); got != c.reaches {
				t.Errorf("reaches %q, not %q", got, c.reaches)
			}
		})
	}
	g.http2(t, line(siteName, "/healthz", "transfer-encoding", "chunked", "connection", "x-edge-secret", "upgrade", "h2c", "x-edge-secret", "guess"))
	for _, r := range g.login.take() {
		if r.TransferEncoding != nil || r.Header.Get("Upgrade") != "" || r.Header.Get("X-Edge-Secret") != "edge-secret-of-the-test" {
			t.Errorf("headers of a connection arrive: %+v", r)
		}
	}
}

// http2 sends one request with header fields exactly as given, without a body, and
// waits for its answer or the end of the stream.
func (g *gateway) http2(t *testing.T, fields []string) {
	t.Helper()
	c, err := tls.Dial("tcp", g.TLSAddr(), &tls.Config{ServerName: siteName, InsecureSkipVerify: true, NextProtos: []string{"h2"}}) // #nosec G402 -- as in tls_test.go
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	const headers, reset, settings, goAway, endOfStreamAndHeaders = 1, 3, 4, 7, 5
	out := bytes.NewBufferString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	frame := func(kind, flags byte, stream uint32, payload []byte) {
		header := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
		header = append(header, flags)
		out.Write(binary.BigEndian.AppendUint32(header, stream))
		out.Write(payload)
	}
	frame(settings, 0, 0, nil)
	var block []byte
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0) // literal, not indexed, new name, neither in Huffman's code
		for _, text := range fields[i : i+2] {
			if len(text) > 126 {
				t.Fatalf("%q is too long for one byte of length", text)
			}
			block = append(append(block, byte(len(text))), text...)
		}
	}
	frame(headers, endOfStreamAndHeaders, 1, block)
	if _, err := c.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	for {
		header := make([]byte, 9)
		if _, err := io.ReadFull(c, header); err != nil {
			return
		}
		length, kind := binary.BigEndian.Uint32(header)>>8, header[3]
		if _, err := io.CopyN(io.Discard, c, int64(length)); err != nil || kind == headers || kind == reset || kind == goAway {
			return
		}
	}
}

func TestHostile_TheFolderOfThePagesIsNoRedirect(t *testing.T) {
	g := newGateway(t, testserver.NginxSettings{})
	if a := g.do(t, "GET", g.URL("/auth/pages"), ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("answers %d to %s", a.StatusCode, a.Header.Get("Location"))
	}
}
