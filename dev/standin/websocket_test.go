package standin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"hasura-login/dev/standin"
)

// subscriber is a WebSocket client; next leaves keep-alives out.
type subscriber struct {
	t    *testing.T
	ctx  context.Context
	conn *websocket.Conn
}

func (e *engine) dial(t *testing.T, protocol string, headers http.Header) *subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, strings.Replace(e.URL, "http", "ws", 1)+"/v1/graphql",
		&websocket.DialOptions{Subprotocols: []string{protocol}, HTTPHeader: headers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &subscriber{t, ctx, conn}
}

// connect dials and initialises with the token ("" for none) and more headers.
func (e *engine) connect(t *testing.T, token string, more map[string]string) *subscriber {
	t.Helper()
	s := e.dial(t, "graphql-transport-ws", nil)
	headers := map[string]string{}
	if token != "" {
		headers["Authorization"] = "Bearer " + token
	}
	for name, value := range more {
		headers[name] = value
	}
	s.send("connection_init", "", map[string]any{"headers": headers})
	s.expect(`{"type":"connection_ack"}`)
	return s
}

func (s *subscriber) send(kind, id string, payload any) {
	s.t.Helper()
	message := map[string]any{"type": kind}
	if id != "" {
		message["id"] = id
	}
	if payload != nil {
		message["payload"] = payload
	}
	b, _ := json.Marshal(message)
	s.raw(string(b))
}

func (s *subscriber) raw(text string) {
	s.t.Helper()
	if err := s.conn.Write(s.ctx, websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *subscriber) next() (string, error) {
	for {
		_, b, err := s.conn.Read(s.ctx)
		if err != nil {
			return "", err
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			return "", err
		}
		if !isKeepalive(v) {
			return string(b), nil
		}
	}
}

func (s *subscriber) expect(want string) {
	s.t.Helper()
	if got, err := s.next(); got != want {
		s.t.Fatalf("message %s (%v), want %s", got, err, want)
	}
}

func (s *subscriber) expectClose(code websocket.StatusCode, reason string) {
	s.t.Helper()
	got, err := s.next()
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code || closed.Reason != reason {
		s.t.Fatalf("message %s (%v), want close %d %s", got, err, code, reason)
	}
}

func (e *engine) rename(t *testing.T, id, name string) {
	t.Helper()
	if _, err := e.DB.ExecContext(t.Context(), `UPDATE users SET name = ? WHERE id = ?`, name, id); err != nil {
		t.Fatal(err)
	}
}

func TestSubscription_AUserSeesTheOwnRowChangeAndNoOthers(t *testing.T) {
	e := start(t, nil)
	s := e.connect(t, tokenFor(t, annID, nil), nil)
	s.send("subscribe", "1", map[string]any{"query": "subscription { users { name } }"})
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Ann"}]}}}`)
	e.rename(t, bobID, "Robert")
	e.rename(t, annID, "Anna")
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Anna"}]}}}`)
	s.send("subscribe", "2", map[string]any{"query": "subscription ($id: uuid!) { users_by_pk(id: $id) { name } }", "variables": map[string]any{"id": bobID}})
	s.expect(`{"type":"next","id":"2","payload":{"data":{"users_by_pk":null}}}`)
	s.send("complete", "1", nil)
	s.send("complete", "2", nil)
	e.rename(t, annID, "Ann")
	// Nothing more of the subscriptions: what comes next answers the ping.
	s.send("ping", "", map[string]any{"message": "there?", "more": 1})
	for {
		got, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		if got == `{"type":"pong","payload":{"message":"there?"}}` {
			break
		}
		if !strings.Contains(got, `"Ann"`) { // sent before complete was read
			t.Fatalf("unexpected %s", got)
		}
	}
}

func TestSubscription_StreamSendsEachRowOnce(t *testing.T) {
	e := start(t, nil)
	s := e.connect(t, tokenFor(t, annID, nil), nil)
	const query = `subscription ($at: timestamptz) { users_stream(batch_size: 10, cursor: [{initial_value: {updated_at: $at}, ordering: ASC}]) { name } }`
	s.send("subscribe", "1", map[string]any{"query": query, "variables": map[string]any{"at": "2020-01-01T00:00:00Z"}})
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users_stream":[{"name":"Ann"}]}}}`)
	e.rename(t, annID, "Anna") // moves updated_at
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users_stream":[{"name":"Anna"}]}}}`)
	const none, many = "one streaming column field is expected", "multiple column cursors are not supported yet"
	for name, bad := range map[string]struct{ cursor, why string }{
		"no column":   {`[{initial_value: {}}]`, none},
		"two columns": {`[{initial_value: {name: "a", email: "b"}}]`, many},
		"no cursor":   {`[]`, none},
	} {
		s.send("subscribe", name, map[string]any{"query": `subscription { users_stream(batch_size: 1, cursor: ` + bad.cursor + `) { id } }`})
		s.expect(`{"type":"error","id":"` + name + `","payload":[{"message":"` + bad.why + `","extensions":{"path":"$.selectionSet.users_stream.args","code":"validation-failed"}}]}`)
		s.expect(`{"type":"complete","id":"` + name + `"}`)
	}
	s.send("subscribe", "two", map[string]any{"query": `subscription { users { id } users_stream(batch_size: 1, cursor: [{initial_value: {name: ""}}]) { id } }`})
	s.expect(`{"type":"error","id":"two","payload":[{"message":"subscriptions must select one top level field","extensions":{"path":"$","code":"validation-failed"}}]}`)
	s.expect(`{"type":"complete","id":"two"}`)
}

func TestWebSocket_IsDroppedWhenTheTokenEndsAndRenewedByANewOne(t *testing.T) {
	t.Parallel()
	e := start(t, nil)
	short := e.connect(t, tokenFor(t, annID, jwt.MapClaims{"exp": float64(time.Now().UnixMilli())/1000 + 5}), nil)
	short.send("subscribe", "1", map[string]any{"query": "subscription { users { name } }"})
	short.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Ann"}]}}}`)
	// A second init takes a new token but does not move the end.
	short.send("connection_init", "", map[string]any{"headers": map[string]string{"Authorization": "Bearer " + tokenFor(t, annID, nil)}})
	short.expect(`{"type":"connection_ack"}`)
	// The new connection is opened before the old one ends.
	long := e.connect(t, tokenFor(t, annID, nil), nil)
	long.send("subscribe", "1", map[string]any{"query": "subscription { users { name } }"})
	long.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Ann"}]}}}`)
	got, err := short.next()
	var closed websocket.CloseError
	if err == nil || errors.As(err, &closed) || short.ctx.Err() != nil {
		t.Fatalf("got %s, %v; want the connection lost without a close frame", got, err)
	}
	e.rename(t, annID, "Anna")
	long.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Anna"}]}}}`)
}

func TestWebSocket_ForgedHeadersGainNothing(t *testing.T) {
	e := start(t, nil)
	forged := map[string]string{"x-hasura-role": "admin", "x-hasura-user-id": annID, "X-Hasura-Action-Secret": "forged"}
	public := e.connect(t, "", forged)
	public.send("subscribe", "1", map[string]any{"query": "{ users { id } }"})
	public.expect(`{"type":"error","id":"1","payload":[{"message":"field 'users' not found in type: 'query_root'","extensions":{"path":"$.selectionSet.users","code":"validation-failed"}}]}`)
	public.expect(`{"type":"complete","id":"1"}`)
	public.send("subscribe", "2", map[string]any{"query": `mutation { signout(refreshToken: "r") { ok } }`})
	public.expect(`{"type":"next","id":"2","payload":{"data":{"signout":{"ok":true}}}}`)
	asked := e.Handler.asked()[0]
	if got := asked.Header.Get("X-Hasura-Action-Secret"); got != "shared" {
		t.Errorf("the handler got the action secret %q", got)
	}
	variables, _ := asked.Body["session_variables"].(map[string]any)
	if variables["x-hasura-role"] != "public" {
		t.Errorf("session variables %v", variables)
	}
	// A user's own claims rule, whatever the headers say.
	delete(forged, "x-hasura-role")
	bob := e.connect(t, tokenFor(t, bobID, nil), forged)
	bob.send("subscribe", "1", map[string]any{"query": "{ users { name } }"})
	bob.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Bob"}]}}}`)
	// A role that the token does not hold is refused, not ignored.
	refused := e.dial(t, "graphql-transport-ws", nil)
	refused.send("connection_init", "", map[string]any{"headers": map[string]string{"Authorization": "Bearer " + tokenFor(t, bobID, nil), "x-hasura-role": "admin"}})
	refused.expectClose(4403, `{"server_error_msg":"4403: Forbidden"}`)
	secret := e.dial(t, "graphql-ws", nil)
	secret.send("connection_init", "", map[string]any{"headers": map[string]string{"x-hasura-admin-secret": ""}})
	secret.expect(`{"type":"connection_error","payload":"invalid \"x-hasura-admin-secret\"/\"x-hasura-access-key\""}`)
}

func TestWebSocket_MessagesThatDoNotFit(t *testing.T) {
	e := start(t, nil)
	const init = `{"type":"connection_init","payload":{"headers":{}}}`
	for name, message := range map[string]string{
		"no JSON":                  `{`,
		"no object":                `7`,
		"no query":                 `{"type":"start","id":"1","payload":{}}`,
		"headers are no strings":   `{"type":"connection_init","payload":{"headers":{"a":1}}}`,
		"headers are no object":    `{"type":"connection_init","payload":{"headers":"a"}}`,
		"a type of no protocol":    `{"type":"subscription_start","id":"1"}`,
		"payload is another thing": `{"type":"start","id":"1","payload":"{ users { id } }"}`,
	} {
		legacy := e.dial(t, "graphql-ws", nil)
		legacy.raw(init)
		legacy.expect(`{"type":"connection_ack"}`)
		legacy.raw(message)
		if got, err := legacy.next(); !strings.HasPrefix(got, `{"type":"connection_error","payload":"parsing ClientMessage failed: `) {
			t.Errorf("%s, legacy: %s %v", name, got, err)
		}
		legacy.raw(`{"type":"start","id":"1","payload":{"query":"{ __typename }"}}`) // the socket stays
		legacy.expect(`{"type":"data","id":"1","payload":{"data":{"__typename":"query_root"}}}`)

		transport := e.connect(t, "", nil)
		transport.raw(message)
		var closed websocket.CloseError
		if got, err := transport.next(); !errors.As(err, &closed) || closed.Code != 4400 || len(closed.Reason) > 123 {
			t.Errorf("%s, transport: %s %v", name, got, err)
		}
	}
}

func TestWebSocket_AnIdIsUsedOnceAtATime(t *testing.T) {
	e := start(t, nil)
	s := e.connect(t, tokenFor(t, annID, nil), nil)
	subscribe := map[string]any{"query": "subscription { users { name } }"}
	s.send("subscribe", "1", subscribe)
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Ann"}]}}}`)
	s.send("complete", "1", nil)
	s.send("subscribe", "1", subscribe) // free again
	s.expect(`{"type":"next","id":"1","payload":{"data":{"users":[{"name":"Ann"}]}}}`)
	s.send("subscribe", "1", subscribe)
	s.expect(`{"type":"error","id":"1","payload":{"message":"an operation already exists with this id: 1","extensions":{"path":"$","code":"start-failed"}}}`)
	s.expect(`{"type":"error","id":"1","payload":"an operation already exists with this id: 1"}`)
	s.expectClose(websocket.StatusNormalClosure, `{"server_error_msg":"4400: an operation already exists with this id: 1"}`)
}

func TestWebSocket_HandshakesThatAreRefused(t *testing.T) {
	e := start(t, func(c *standin.Config) {
		c.AllowOrigin = func(origin string) bool { return origin == "https://app.example.com" }
	})
	handshake := func(path, origin string) (int, any) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
		if origin != "" {
			headers["Origin"] = origin
		}
		for name, value := range headers {
			req.Header.Set(name, value)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var body any
		if res.StatusCode != http.StatusSwitchingProtocols {
			_ = json.NewDecoder(res.Body).Decode(&body)
		}
		return res.StatusCode, body
	}
	for _, tc := range []struct {
		path, origin string
		status       int
	}{
		{"/v1/graphql", "", http.StatusSwitchingProtocols},
		{"/v1/graphql", "https://app.example.com", http.StatusSwitchingProtocols},
		{"/v1/graphql", "https://evil.example.com", http.StatusBadRequest},
		{"/v1/graphql?token=x", "", http.StatusNotFound},
		{"/v1/graphql?", "", http.StatusNotFound},
	} {
		status, body := handshake(tc.path, tc.origin)
		if object, _ := body.(map[string]any); status != tc.status || status >= 400 && object["extensions"] == nil {
			t.Errorf("%s from %q: %d %v, want %d", tc.path, tc.origin, status, body, tc.status)
		}
	}
}

func TestWebSocket_TellsItsClientsWhenTheServerStops(t *testing.T) {
	e := start(t, nil)
	s := e.connect(t, "", nil)
	e.Stop()
	s.expectClose(websocket.StatusServiceRestart, "")
}

func TestCORS_HeadersOnlyForAllowedOrigins(t *testing.T) {
	e := start(t, func(c *standin.Config) {
		c.AllowOrigin = func(origin string) bool { return origin == "https://app.example.com" }
	})
	for _, tc := range []struct {
		method, origin string
		status         int
		allowed        string
	}{
		{http.MethodOptions, "https://app.example.com", http.StatusNoContent, "https://app.example.com"},
		{http.MethodPost, "https://app.example.com", http.StatusOK, "https://app.example.com"},
		{http.MethodPost, "https://evil.example.com", http.StatusOK, ""},
		{http.MethodOptions, "https://evil.example.com", http.StatusNotFound, ""},
		{http.MethodPost, "", http.StatusOK, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tc.method, e.URL+"/v1/graphql", strings.NewReader(`{"query":"{ __typename }"}`))
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string]string{"Access-Control-Request-Headers": "authorization,content-type"}
		if tc.origin != "" {
			headers["Origin"] = tc.origin
		}
		status, answer, _ := send(t, req, headers)
		if got := answer.Get("Access-Control-Allow-Origin"); status != tc.status || got != tc.allowed {
			t.Errorf("%s from %q: %d, allowed %q", tc.method, tc.origin, status, got)
		}
		if tc.status == http.StatusNoContent && answer.Get("Access-Control-Allow-Headers") != "authorization,content-type" {
			t.Errorf("preflight's headers: %v", answer)
		}
	}
}
