package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// subscriber is a front-end that shows its user's name live and connects again
// whenever its WebSocket is closed, as client libraries do.
type subscriber struct {
	t       *testing.T
	address string
	stop    context.CancelFunc
	ended   chan struct{}

	mu       sync.Mutex
	client   *client // with the user's token
	name     string  // as the last data says
	again    int     // connections after the first
	failures []string
}

func (s *stack) subscribe(address string) *subscriber {
	s.t.Helper()
	c := s.client()
	g := c.signUp(address)
	ctx, cancel := context.WithCancel(context.Background())
	w := &subscriber{t: s.t, address: address, client: c.as(g), stop: cancel, ended: make(chan struct{})}
	go w.run(ctx)
	s.t.Cleanup(w.end)
	return w
}

func (w *subscriber) end() {
	w.stop()
	<-w.ended
}

func (w *subscriber) run(ctx context.Context) {
	defer close(w.ended)
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			w.mu.Lock()
			w.again++
			w.mu.Unlock()
		}
		if err := w.connection(ctx); err != nil && ctx.Err() == nil {
			w.mu.Lock()
			w.failures = append(w.failures, fmt.Sprintf("%s WebSocket: %v", time.Now().Format("15:04:05.000"), err))
			w.mu.Unlock()
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// signIn gets the token that the next connection will use.
func (w *subscriber) signIn() {
	w.t.Helper()
	var g grant
	w.client.signIn(w.address, goodPassword).data(w.t, "signin", &g)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.client = w.client.as(g)
}

func (w *subscriber) as() *client {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client
}

// connection lives until it is closed, which is no error once there was data.
func (w *subscriber) connection(ctx context.Context) error {
	c := w.as()
	conn, _, err := websocket.Dial(ctx, strings.Replace(c.base, "http", "ws", 1)+"/v1/graphql", &websocket.DialOptions{
		Subprotocols: []string{newProtocol}, HTTPHeader: http.Header{"Origin": {"https://app.example.org"}},
	})
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { _ = conn.CloseNow() }()
	for _, f := range []frame{
		{Type: "connection_init", Payload: json.RawMessage(`{"headers":{"Authorization":"Bearer ` + c.token + `"}}`)},
		{Type: "subscribe", ID: "1", Payload: json.RawMessage(`{"query":"subscription { users { name } }"}`)},
	} {
		if err := wsjson.Write(ctx, conn, f); err != nil {
			return fmt.Errorf("sending %s: %w", f.Type, err)
		}
	}
	for data := false; ; {
		var f frame
		switch err := wsjson.Read(ctx, conn, &f); {
		case err != nil && data:
			return nil
		case err != nil:
			return fmt.Errorf("closed before there was data: %w", err)
		}
		switch f.Type {
		case "connection_ack", "ping":
		case "next":
			data = true
			if err := w.show(f.Payload); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: %s", f.Type, f.Payload)
		}
	}
}

func (w *subscriber) show(payload []byte) error {
	var o struct {
		Data struct{ Users []struct{ Name string } }
	}
	if err := json.Unmarshal(payload, &o); err != nil || len(o.Data.Users) != 1 {
		return fmt.Errorf("not the own row: %s", payload)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.name = o.Data.Users[0].Name
	return nil
}

// rename changes the user's name and waits until the subscription shows it.
func (w *subscriber) rename(name string) {
	w.t.Helper()
	var row struct{ Returning []struct{ Name string } }
	w.as().graphQL(`mutation ($n: String!) { update_users(where: {}, _set: {name: $n}) { returning { name } } }`,
		map[string]any{"n": name}).data(w.t, "update_users", &row)
	deadline := time.Now().Add(20 * time.Second)
	for {
		w.mu.Lock()
		shown := w.name
		w.mu.Unlock()
		if shown == name {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("the subscription shows %q, never %q", shown, name)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// reconnected is how often it has connected again, and what failed of that.
func (w *subscriber) reconnected() (int, []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.again, w.failures
}
