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
)

// conversation is the client's side of a WebSocket case.
type conversation struct {
	*world
	conn       *websocket.Conn
	keepalives int // that came
	awaited    int // that the case has shown so far
	lastExpiry time.Time
}

func (w *world) replayFrames(t testing.TB) {
	headers := http.Header{}
	for name, raw := range w.UpgradeHeaders {
		headers.Set(name, w.header(t, raw))
	}
	for _, f := range w.Frames {
		var extra map[string]string
		if f["handshake_request_headers"] != nil {
			decode(t, f["handshake_request_headers"], &extra)
		}
		for name, value := range extra {
			headers.Set(name, value)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	url := strings.Replace(w.engine.URL, "http", "ws", 1) + "/v1/graphql"
	headers.Set("Sec-WebSocket-Protocol", w.Subprotocol)
	conn, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: headers, Subprotocols: strings.Split(w.Subprotocol, ", ")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	c := &conversation{world: w, conn: conn}
	for i, f := range w.Frames {
		if w.before[i] != nil {
			w.before[i]()
		}
		c.frame(ctx, t, f, res.Header)
	}
}

func (c *conversation) frame(ctx context.Context, t testing.TB, f map[string]json.RawMessage, handshake http.Header) {
	t.Helper()
	for kind, raw := range f {
		switch kind {
		case "send":
			c.send(ctx, t, raw)
		case "receive":
			c.receive(ctx, t, raw)
		case "receive_close":
			c.receiveClose(ctx, t, raw)
		case "handshake_request_headers", "wait", "wait_seconds":
			// Sent already; and it is the server that waits.
		case "handshake_response_header":
			var want map[string]string
			decode(t, raw, &want)
			for name, value := range want {
				if got := handshake.Get(name); got != value {
					t.Errorf("the handshake answers %s: %q, want %q", name, got, value)
				}
			}
		case "handler_receives_headers":
			var want map[string]string
			decode(t, raw, &want)
			// The answer has not been read yet, but the call may still be on its way.
			asked := c.handler.asked()
			for deadline := time.Now().Add(5 * time.Second); len(asked) == 0 && time.Now().Before(deadline); asked = c.handler.asked() {
				time.Sleep(time.Millisecond)
			}
			if len(asked) != 1 {
				t.Fatalf("the handler was asked %d times", len(asked))
			}
			checkHandlerHeaders(t, want, asked[0].Header, true)
		default:
			t.Fatalf("frame of unknown kind %q", kind)
		}
	}
}

func (c *conversation) send(ctx context.Context, t testing.TB, raw json.RawMessage) {
	t.Helper()
	var message map[string]json.RawMessage
	decode(t, raw, &message)
	var payload struct {
		Headers map[string]json.RawMessage `json:"headers"`
	}
	if message["payload"] != nil && json.Unmarshal(message["payload"], &payload) == nil && payload.Headers != nil {
		for name, value := range payload.Headers {
			payload.Headers[name], _ = json.Marshal(c.header(t, value))
			c.noteExpiry(t, value)
		}
		message["payload"], _ = json.Marshal(payload)
	}
	b, _ := json.Marshal(message)
	if err := c.conn.Write(ctx, websocket.MessageText, b); err != nil {
		t.Fatal(err)
	}
}

func (c *conversation) noteExpiry(t testing.TB, raw json.RawMessage) {
	var described struct {
		Bearer tokenDescription `json:"bearer"`
	}
	if json.Unmarshal(raw, &described) == nil {
		if exp, ok := described.Bearer.Claims["exp"].(string); ok {
			c.lastExpiry = time.Unix(relativeTime(t, exp), 0)
		}
	}
}

func (c *conversation) receive(ctx context.Context, t testing.TB, raw json.RawMessage) {
	t.Helper()
	var end struct {
		Close          json.RawMessage `json:"close"`
		ConnectionLost json.RawMessage `json:"connectionLost"`
	}
	decode(t, raw, &end)
	switch {
	case end.Close != nil:
		c.receiveClose(ctx, t, end.Close)
	case end.ConnectionLost != nil:
		_, err := c.read(ctx)
		var closed websocket.CloseError
		if err == nil || errors.As(err, &closed) || ctx.Err() != nil {
			t.Errorf("the connection ended with %v, want it lost without a close frame", err)
		}
		if time.Now().Before(c.lastExpiry) {
			t.Errorf("lost %s before the token's end", time.Until(c.lastExpiry))
		}
	default:
		c.receiveMessage(ctx, t, c.expected(t, raw))
	}
}

func (c *conversation) receiveMessage(ctx context.Context, t testing.TB, want any) {
	t.Helper()
	if isKeepalive(want) {
		c.awaited++
		for c.keepalives < c.awaited {
			if got, err := c.readAny(ctx); err != nil || !isKeepalive(got) {
				t.Fatalf("got %v (%v), want a keep-alive", got, err)
			}
		}
		return
	}
	got, err := c.read(ctx)
	if err != nil {
		t.Fatalf("want %v, but: %v", want, err)
	}
	c.compare(t, want, got)
}

func (c *conversation) receiveClose(ctx context.Context, t testing.TB, raw json.RawMessage) {
	t.Helper()
	var want struct {
		Code   int    `json:"code"`
		Reason string `json:"reason"`
	}
	decode(t, raw, &want)
	got, err := c.read(ctx)
	var closed websocket.CloseError
	if !errors.As(err, &closed) || int(closed.Code) != want.Code || closed.Reason != want.Reason {
		t.Errorf("got %v, %v; want close %d %s", got, err, want.Code, want.Reason)
	}
}

// read returns the next message that is not a keep-alive.
func (c *conversation) read(ctx context.Context) (any, error) {
	for {
		v, err := c.readAny(ctx)
		if err != nil || !isKeepalive(v) {
			return v, err
		}
	}
}

func (c *conversation) readAny(ctx context.Context) (any, error) {
	_, b, err := c.conn.Read(ctx)
	if err != nil {
		return nil, err
	}
	var v any
	err = json.Unmarshal(b, &v)
	if isKeepalive(v) {
		c.keepalives++
	}
	return v, err
}

func isKeepalive(v any) bool {
	message, _ := v.(map[string]any)
	payload, _ := message["payload"].(map[string]any)
	return message["type"] == "ka" || message["type"] == "ping" && payload["message"] == "keepalive"
}

func decode(t testing.TB, raw json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}
