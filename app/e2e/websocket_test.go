package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// socket is a GraphQL connection through nginx in one of the two subprotocols.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
	next int
	new  bool
}

const (
	newProtocol    = "graphql-transport-ws"
	legacyProtocol = "graphql-ws"
)

type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// dial opens a connection and sends headers in the payload of connection_init, as
// browsers do: they cannot set headers of the handshake.
func (c *client) dial(protocol string, headers map[string]string) *socket {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(c.base, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{
		Subprotocols: []string{protocol}, HTTPHeader: http.Header{"Origin": {"https://app.example.org"}},
	})
	check(c.t, err)
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	if conn.Subprotocol() != protocol {
		c.t.Fatalf("subprotocol %q, want %q", conn.Subprotocol(), protocol)
	}
	s := &socket{t: c.t, conn: conn, new: protocol == newProtocol}
	payload, err := json.Marshal(map[string]any{"headers": headers})
	check(c.t, err)
	s.send(frame{Type: "connection_init", Payload: payload})
	if f := s.receive(); f.Type != "connection_ack" {
		c.t.Fatalf("%s instead of an acknowledgement: %s", f.Type, f.Payload)
	}
	return s
}

func (s *socket) send(f frame) {
	s.t.Helper()
	b, err := json.Marshal(f)
	check(s.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	check(s.t, s.conn.Write(ctx, websocket.MessageText, b))
}

// receive returns the next frame that is no keep-alive.
func (s *socket) receive() frame {
	s.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		_, b, err := s.conn.Read(ctx)
		cancel()
		check(s.t, err)
		var f frame
		check(s.t, json.Unmarshal(b, &f))
		if f.Type != "ka" && f.Type != "ping" {
			return f
		}
	}
}

// start begins an operation and returns its id.
func (s *socket) start(query string, variables map[string]any) string {
	s.t.Helper()
	s.next++
	f := frame{ID: strings.Repeat("i", s.next), Type: "start"}
	if s.new {
		f.Type = "subscribe"
	}
	var err error
	f.Payload, err = json.Marshal(map[string]any{"query": query, "variables": variables})
	check(s.t, err)
	s.send(f)
	return f.ID
}

// result is the payload of an operation's next frame, with errors in one shape.
func (s *socket) result() reply {
	s.t.Helper()
	f := s.receive()
	body := []byte(f.Payload)
	if f.Type == "error" && s.new {
		body = append(append([]byte(`{"errors":`), body...), '}')
	}
	return reply{status: http.StatusOK, body: body}
}

// call runs a query or mutation to its end.
func (s *socket) call(query string, variables map[string]any) reply {
	s.t.Helper()
	s.start(query, variables)
	r := s.result()
	if f := s.receive(); f.Type != "complete" {
		s.t.Fatalf("%s instead of complete: %s", f.Type, f.Payload)
	}
	return r
}

// The life of a user over a WebSocket, in both subprotocols.
func TestWebSocket_FlowAndLiveQuery(t *testing.T) {
	s := start(t, options{})
	for _, protocol := range []string{newProtocol, legacyProtocol} {
		t.Run(protocol, func(t *testing.T) {
			c := s.client()
			c.t = t
			address := protocol + "@example.org"
			public := c.dial(protocol, nil)
			var ann, in grant
			public.call(`mutation ($e: String!, $p: String!) { signup(email: $e, name: "Ann", password: $p) { `+grantFields+` } }`,
				map[string]any{"e": address, "p": goodPassword}).data(t, "signup", &ann)
			public.call(`query ($e: String!, $p: String!) { signin(email: $e, password: $p) { `+grantFields+` } }`,
				map[string]any{"e": address, "p": goodPassword}).data(t, "signin", &in)
			if r := public.call(`query ($e: String!) { signin(email: $e, password: "not it") { id } }`, map[string]any{"e": address}); r.code() != "invalid-credentials" {
				t.Errorf("wrong password: %s", r.body)
			}

			own := c.dial(protocol, map[string]string{"Authorization": "Bearer " + in.Token})
			var rows []struct{ ID, Name string }
			own.start(`subscription { users { id name } }`, nil)
			own.result().data(t, "users", &rows)
			if len(rows) != 1 || rows[0].ID != ann.ID {
				t.Fatalf("rows %+v, want the own one", rows)
			}
			c.as(in).graphQL(`mutation ($id: uuid!) { update_users_by_pk(pk_columns: {id: $id}, _set: {name: "Anna"}) { name } }`, map[string]any{"id": ann.ID})
			own.result().data(t, "users", &rows)
			if rows[0].Name != "Anna" {
				t.Errorf("the subscription shows %+v after the change", rows)
			}

			var next grant
			public.call(`mutation ($t: String!) { refresh(refreshToken: $t) { `+grantFields+` } }`, map[string]any{"t": in.RefreshToken}).data(t, "refresh", &next)
			if r := public.call(`mutation ($t: String!) { signout(refreshToken: $t) { ok } }`, map[string]any{"t": next.RefreshToken}); !strings.Contains(string(r.body), `"ok":true`) {
				t.Errorf("signing out: %s", r.body)
			}
			if r := public.call(`mutation ($t: String!) { refresh(refreshToken: $t) { id } }`, map[string]any{"t": next.RefreshToken}); r.code() != "invalid-refresh-token" {
				t.Errorf("refreshing after the sign-out: %s", r.body)
			}
		})
	}
}

// Session variables that connection_init claims next to a token are ignored.
func TestWebSocket_ForgedHeadersInConnectionInit(t *testing.T) {
	s := start(t, options{})
	c := s.client()
	ann, bob := c.signUp("ann@example.org"), c.signUp("bob@example.org")
	public := c.dial(newProtocol, map[string]string{
		"X-Hasura-User-Id": ann.ID, "X-Hasura-Role": "user", "X-Edge-Secret": "guess", "X-Real-IP": "203.0.113.9", "X-Hasura-Action-Secret": actionSecret,
	})
	if r := public.call(`mutation { signoutAll { ok } }`, nil); r.code() != "validation-failed" {
		t.Errorf("a public client calls a user's action: %s", r.body)
	}
	as := c.dial(newProtocol, map[string]string{"Authorization": "Bearer " + bob.Token, "X-Hasura-User-Id": ann.ID})
	var rows []struct{ ID string }
	as.call(`{ users { id } }`, nil).data(t, "users", &rows)
	if len(rows) != 1 || rows[0].ID != bob.ID {
		t.Errorf("rows %+v", rows)
	}
	if strings.Contains(s.login.Output(), "203.0.113.9") {
		t.Error("login believed an address that a WebSocket client wrote")
	}
}
