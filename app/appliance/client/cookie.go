package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// keepCookie signs in as a browser does that keeps its session in a cookie, reads its row
// over HTTP and over a WebSocket, and signs out.
func keepCookie(address, email string) error {
	s := newSite(address, nil)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	s.http.Jar = jar
	text, err := s.send("POST", "/auth/signin", "", map[string]any{"email": email, "password": password, "session": "cookie"})
	if err != nil {
		return err
	}
	if strings.Contains(string(text), "oken") {
		return fmt.Errorf("the answer has tokens: %s", text)
	}
	if rows, err := s.rows(""); err != nil || len(rows) != 1 || rows[0].Email != email {
		return fmt.Errorf("%v, %w", rows, orNone(err))
	}
	if err := s.readOverWebSocket(email); err != nil {
		return fmt.Errorf("over a WebSocket: %w", err)
	}
	if _, err := s.rows("x.y.z"); !refusedWith(err, "ambiguous-credentials") {
		return fmt.Errorf("with a token as well: %w", orNone(err))
	}
	before := s.cookies()
	if err := s.rest("POST", "/auth/signout", "", nil, nil); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	s.http.Jar = nil
	s.http.Transport = withCookies{s.http.Transport, before}
	if _, err := s.rows(""); !refusedWith(err, "unauthenticated") {
		return fmt.Errorf("after signing out: %w", orNone(err))
	}
	return nil
}

func refusedWith(err error, code string) bool {
	var f *failed
	return errors.As(err, &f) && strings.Contains(f.body, `"code":"`+code+`"`)
}

// cookies is the header that the site gets.
func (s *site) cookies() string {
	at, err := url.Parse(s.url + "/")
	if err != nil {
		return ""
	}
	var pairs []string
	for _, c := range s.http.Jar.Cookies(at) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// withCookies sends the same cookies with every request.
type withCookies struct {
	http.RoundTripper
	cookies string
}

func (w withCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Cookie", w.cookies)
	return w.RoundTripper.RoundTrip(r)
}

func (s *site) readOverWebSocket(email string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(s.url, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Cookie": {s.cookies()}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }()
	for _, frame := range []string{`{"type":"connection_init"}`, `{"id":"1","type":"subscribe","payload":{"query":"{ users { email } }"}}`} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			return err
		}
	}
	return await(ctx, conn, `"`+email+`"`)
}
