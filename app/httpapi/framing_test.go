package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/httpapi"
)

// HEAD is answered as GET is, without the body (RFC 9110, 9.3.2). Monitors and
// load balancers ask so; a 405 to them is a common report about login services.
func TestHead_IsAnsweredWhereverGetIs(t *testing.T) {
	s := start(t, withPages())
	auth := bearer(s.signUp("ann@example.org"))
	for _, route := range append(httpapi.Routes(), httpapi.PageRoutes()...) {
		parts := strings.Fields(route)
		if parts[0] != http.MethodGet || strings.Contains(parts[1], "{") {
			continue
		}
		get := s.rest("GET", parts[1], "", "Authorization", auth)
		head := s.rest("HEAD", parts[1], "", "Authorization", auth)
		if len(head.body) != 0 || head.StatusCode != get.StatusCode {
			t.Errorf("%s: HEAD answers %d with %d bytes, GET %d", route, head.StatusCode, len(head.body), get.StatusCode)
		}
		if length := head.Header.Get("Content-Length"); length != strconv.Itoa(len(get.body)) {
			t.Errorf("%s: HEAD says %q bytes, GET sends %d", route, length, len(get.body))
		}
		get.Header.Del("X-Request-Id")
		head.Header.Del("X-Request-Id")
		for name := range get.Header {
			if name != "Date" && name != "Set-Cookie" && head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: HEAD has %s %q, GET %q", route, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestAllow_NamesWhatTheRouteTakes(t *testing.T) {
	s := start(t, withPages())
	for path, want := range map[string]string{
		"/healthz": "GET, HEAD", "/.well-known/jwks.json": "GET, HEAD", "/auth/me": "DELETE, GET, HEAD, PATCH",
		"/auth/signin": "POST", "/actions/signin": "POST", "/auth/pages/signin": "GET, HEAD, POST", "/auth/sessions/4711": "DELETE",
	} {
		for _, method := range []string{"PUT", "PATCH", "PROPFIND"} {
			if strings.Contains(want, method) {
				continue
			}
			if a := s.rest(method, path, ""); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != want {
				t.Errorf("%s %s: %d, allowed are %q, want %q", method, path, a.StatusCode, a.Header.Get("Allow"), want)
			}
		}
		if slices.Contains(strings.Split(want, ", "), http.MethodGet) {
			continue
		}
		if a := s.rest("HEAD", path, ""); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != want {
			t.Errorf("HEAD %s: %d, allowed are %q", path, a.StatusCode, a.Header.Get("Allow"))
		}
	}
}

// A small compressed body that unpacks to gigabytes is the report known of every
// framework that unpacks on reading (for Fiber, its advisories on c.Body()).
func TestCompressedBody_IsRefusedBeforeItIsUnpacked(t *testing.T) {
	s := start(t, withPages())
	huge := make([]byte, 8<<20)
	bodies := map[string][]byte{
		"br": fasthttp.AppendBrotliBytes(nil, huge), "gzip": fasthttp.AppendGzipBytes(nil, huge[:4<<20]), "deflate": fasthttp.AppendDeflateBytes(nil, huge[:4<<20]),
	}
	for _, encodings := range [][]string{
		{"br"}, {"gzip"}, {"deflate"}, {"zstd"}, {"BR"}, {"GZip"}, {"x-gzip"}, {"unknown"}, {""}, {"identity, br"}, {"br, br"},
		{"identity", "br"}, {"br", "identity"}, {" br "}, {"identity;q=1"},
	} {
		body := bodies[strings.ToLower(strings.TrimSpace(encodings[len(encodings)-1]))]
		if body == nil {
			body = bodies["br"]
		}
		for _, path := range []string{"/auth/signin", "/auth/refresh", "/actions/signin", "/auth/pages/signin"} {
			req := s.request("POST", path, string(body), "X-Hasura-Action-Secret", actionSecret)
			req.Header["Content-Encoding"] = encodings
			began := time.Now()
			a := s.do(req)
			if a.StatusCode != http.StatusUnsupportedMediaType || a.code() != "unsupported-media-type" {
				t.Errorf("%s as %q: %d %s", path, encodings, a.StatusCode, a.body)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("%s as %q took %s", path, encodings, took)
			}
		}
	}
	for _, identity := range []string{"identity", "Identity"} {
		if a := s.rest("POST", "/auth/signin", `{"email":"a@example.org","password":"x"}`, "Content-Encoding", identity); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", identity, a.StatusCode, a.body)
		}
	}
}

func TestTransferEncoding_IsChunkedOrRefused(t *testing.T) {
	s := start(t)
	const empty = "2\r\n{}\r\n0\r\n\r\n"
	for name, headers := range map[string]string{
		"gzip":           "Transfer-Encoding: gzip\r\n",
		"gzip, chunked":  "Transfer-Encoding: gzip, chunked\r\n",
		"twice":          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"a length too":   "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
		"chunked, twice": "Transfer-Encoding: chunked, chunked\r\n",
		"like chunked":   "Transfer-Encoding: xchunked\r\n",
	} {
		conn := dial(t, s.url)
		fmt.Fprintf(conn, "POST /auth/signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s", headers, empty)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a := readAll(t, resp); a.StatusCode != http.StatusBadRequest || !resp.Close || !strings.Contains(string(a.body), "invalid-input") {
			t.Errorf("%s: %d, closes: %t, %s", name, a.StatusCode, resp.Close, a.body)
		}
	}
	conn := dial(t, s.url)
	fmt.Fprintf(conn, "POST /auth/signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: Chunked\r\n\r\n%s", empty)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	if a := readAll(t, resp); !strings.Contains(string(a.body), "email: missing") {
		t.Errorf("chunks: %d %s", a.StatusCode, a.body)
	}
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return conn
}

// Requests sent ahead, and a stray line end after a body as old clients write
// it (RFC 9112, 2.2), are the report known as fasthttp's lost answers where it
// saves memory.
func TestPipelining_EveryRequestGetsItsAnswer(t *testing.T) {
	s := start(t)
	ops := opsServer(t)
	const get, post = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	for name, c := range map[string]struct {
		url, text string
		want      []int
	}{
		"three of the API":        {s.url, fmt.Sprintf(get+get+get, "/healthz", "/nothing", "/healthz"), []int{200, 404, 200}},
		"bodies of the API":       {s.url, fmt.Sprintf(post+post+get, "/auth/signin", "/auth/signin", "/healthz"), []int{400, 400, 200}},
		"a line end after a body": {s.url, fmt.Sprintf(post+"\r\n"+get, "/auth/signin", "/healthz"), []int{400, 200}},
		"line ends after bodies":  {s.url, fmt.Sprintf(post+"\r\n"+post+"\r\n"+get, "/auth/signin", "/auth/signin", "/healthz"), []int{400, 400, 200}},
		"HEAD among them":         {s.url, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + fmt.Sprintf(get, "/nothing"), []int{200, 404}},
		"three of the ops port":   {ops, fmt.Sprintf(get+get+get, "/livez", "/nothing", "/readyz"), []int{200, 404, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, c.url)
			_, err := conn.Write([]byte(c.text))
			check(t, err)
			r := bufio.NewReader(conn)
			for i, want := range c.want {
				method := "GET"
				if i == 0 && strings.HasPrefix(c.text, "HEAD") {
					method = "HEAD"
				}
				resp, err := http.ReadResponse(r, &http.Request{Method: method})
				if err != nil {
					t.Fatalf("answer %d: %v", i+1, err)
				}
				if a := readAll(t, resp); a.StatusCode != want {
					t.Errorf("answer %d is %d, want %d", i+1, a.StatusCode, want)
				}
			}
		})
	}
}

// A line end that comes a moment after its body does not end the connection's use.
func TestPipelining_ALateLineEndIsNoRequest(t *testing.T) {
	s := start(t)
	conn := dial(t, s.url)
	r := bufio.NewReader(conn)
	for range 3 {
		_, err := conn.Write([]byte("POST /auth/signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"))
		check(t, err)
		resp, err := http.ReadResponse(r, nil)
		check(t, err)
		if a := readAll(t, resp); a.code() != "invalid-input" || !strings.Contains(string(a.body), "email: missing") {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		_, err = conn.Write([]byte("\r\n"))
		check(t, err)
		time.Sleep(20 * time.Millisecond)
	}
}

func opsServer(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	live := httpapi.Check{Name: "keys", Run: func(context.Context) error { return nil }}
	srv := httpapi.OpsServer(httpapi.Ops(http.NotFoundHandler(), []httpapi.Check{live}, nil))
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + ln.Addr().String()
}

func TestOps_HeadAndAllow(t *testing.T) {
	url := opsServer(t)
	for _, path := range []string{"/livez", "/readyz"} {
		resp, err := http.Head(url + path)
		check(t, err)
		if a := readAll(t, resp); a.StatusCode != 200 || a.ContentLength <= 0 {
			t.Errorf("HEAD %s: %d with %d bytes", path, a.StatusCode, a.ContentLength)
		}
		resp, err = http.Post(url+path, "application/json", nil)
		check(t, err)
		if a := readAll(t, resp); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d, allowed are %q", path, a.StatusCode, a.Header.Get("Allow"))
		}
	}
}
