package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"hasura-login/dev/standin/auth"
)

// The subprotocols. Anything but exactly the new one's name selects the legacy one.
const (
	legacyProtocol    = "graphql-ws"
	transportProtocol = "graphql-transport-ws"
)

// Close codes that the library has no name for.
const (
	closeBadRequest  websocket.StatusCode = 4400
	closeForbidden   websocket.StatusCode = 4403
	closeInitTimeout websocket.StatusCode = 4408
)

// maxCloseReason is the room in a close frame after its code (RFC 6455, 5.5).
const maxCloseReason = 123

// maxFrame bounds a client's message.
const maxFrame = 1 << 20

// socket is one WebSocket connection. Its messages are handled one after the
// other: a slow action delays the next operation.
type socket struct {
	server  *Server
	conn    *websocket.Conn
	legacy  bool
	upgrade auth.Headers // of the handshake: they count for authentication only

	// Owned by the read loop.
	session *auth.Session // nil before connection_init
	headers auth.Headers  // of the init payload: those that actions get
	expiry  *time.Timer
	live    map[string]context.CancelFunc // subscriptions by the client's id

	initialised chan struct{} // closed at the first good init
	background  sync.WaitGroup
}

func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.RequestURI, "?") { // the engine compares the whole text with its paths
		refuseHandshake(w, http.StatusNotFound, "not-found", "only '/v1/graphql', '/v1alpha1/graphql' are supported on websockets")
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" && !s.originAllowed(origin) {
		refuseHandshake(w, http.StatusBadRequest, "access-denied", "received origin header does not match configured CORS domains")
		return
	}
	offered := r.Header.Values("Sec-WebSocket-Protocol")
	legacy := len(offered) != 1 || offered[0] != transportProtocol
	chosen := transportProtocol
	if legacy {
		chosen = legacyProtocol
	}
	w.Header().Set("Sec-WebSocket-Protocol", chosen) // echoed even if it was not offered
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxFrame)
	k := &socket{
		server: s, conn: conn, legacy: legacy, upgrade: handshakeHeaders(r.Header),
		initialised: make(chan struct{}), live: map[string]context.CancelFunc{},
	}
	k.serve()
}

func refuseHandshake(w http.ResponseWriter, status int, code, message string) {
	f := &graphqlError{Message: message, Code: code}
	writeJSON(w, status, f.graphQL(false))
}

func handshakeHeaders(h http.Header) auth.Headers {
	kept := h.Clone()
	for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Upgrade", "Connection"} {
		kept.Del(name)
	}
	return auth.FromHTTP(kept)
}

// serve reads until the connection ends, by whichever side.
func (k *socket) serve() {
	ctx, cancel := context.WithCancel(context.Background())
	k.background.Go(func() { k.keepAlive(ctx) })
	k.background.Go(func() { k.watch(ctx) })
	defer k.background.Wait()
	defer func() { _ = k.conn.CloseNow() }()
	defer cancel()
	defer func() {
		if k.expiry != nil {
			k.expiry.Stop()
		}
	}()
	for {
		_, message, err := k.conn.Read(ctx)
		if err != nil {
			return
		}
		k.handle(ctx, message)
	}
}

// keepAlive begins at once, before connection_init, and does not wait for pongs.
func (k *socket) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(k.server.cfg.Keepalive)
	defer ticker.Stop()
	for {
		k.sendKeepAlive()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (k *socket) sendKeepAlive() {
	if k.legacy {
		k.send(frame{Type: "ka"})
	} else {
		k.send(frame{Type: "ping", Payload: json.RawMessage(`{"message":"keepalive"}`)})
	}
}

// watch ends the connection when connection_init does not come in time, or the
// server stops.
func (k *socket) watch(ctx context.Context) {
	timeout := time.NewTimer(k.server.cfg.InitTimeout)
	defer timeout.Stop()
	initialised := k.initialised
	for {
		select {
		case <-ctx.Done():
			return
		case <-initialised:
			timeout.Stop()
			initialised = nil
		case <-timeout.C:
			code := closeInitTimeout
			if k.legacy {
				code = websocket.StatusInternalError
			}
			_ = k.conn.Close(code, "Connection initialisation timed out")
			return
		case <-k.server.stopped:
			_ = k.conn.Close(websocket.StatusServiceRestart, "")
			return
		}
	}
}

// frame is a message in either direction.
type frame struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// writeTimeout bounds a write to a client that does not read.
const writeTimeout = 10 * time.Second

func (k *socket) send(f frame) {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	_ = k.conn.Write(ctx, websocket.MessageText, mustJSON(f)) // a lost connection ends the read loop
}

// closeWithMessage closes with the engine's JSON reason, cut to what fits.
func (k *socket) closeWithMessage(code websocket.StatusCode, message string) {
	var reason bytes.Buffer
	enc := json.NewEncoder(&reason)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(map[string]string{"server_error_msg": message})
	text := strings.TrimSuffix(reason.String(), "\n")
	_ = k.conn.Close(code, text[:min(len(text), maxCloseReason)])
}
