package standin

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/auth"
)

// handle answers one message. Both protocols take the message names of either.
func (k *socket) handle(ctx context.Context, message []byte) {
	var f frame
	if err := json.Unmarshal(message, &f); err != nil {
		k.unparsable("Error in $: " + err.Error())
		return
	}
	switch f.Type {
	case "connection_init":
		k.init(f.Payload)
	case "start", "subscribe":
		req, refused := parseRequest(f.Payload)
		if refused != nil {
			k.unparsable("Error in $.payload: " + refused.Message)
			return
		}
		k.start(ctx, f.ID, req)
	case "stop", "complete":
		k.stop(f.ID)
	case "ping":
		k.pong(f.Payload)
	case "pong":
	case "connection_terminate":
		_ = k.conn.Close(websocket.StatusNormalClosure, "GQL_CONNECTION_TERMINATE received")
	default:
		k.unparsable("Error in $: unexpected type for ClientMessage: " + f.Type)
	}
}

func (k *socket) unparsable(why string) {
	why = "parsing ClientMessage failed: " + why
	if k.legacy {
		k.send(frame{Type: "connection_error", Payload: mustJSON(why)})
		return
	}
	k.closeWithMessage(closeBadRequest, "4400: Parsing client message failed: "+why)
}

// pong answers with the ping's message and nothing else of its payload.
func (k *socket) pong(payload json.RawMessage) {
	if payload == nil {
		k.send(frame{Type: "pong"})
		return
	}
	var ping struct {
		Message *string `json:"message"`
	}
	_ = json.Unmarshal(payload, &ping)
	k.send(frame{Type: "pong", Payload: mustJSON(map[string]*string{"message": ping.Message})})
}

// init authenticates by the payload's headers followed by the handshake's. A later init
// uses only the payload's and replaces the session.
func (k *socket) init(payload json.RawMessage) {
	var p struct {
		Headers map[string]string `json:"headers"`
	}
	if payload != nil && json.Unmarshal(payload, &p) != nil {
		k.unparsable("Error in $.payload: headers must be strings")
		return
	}
	var headers auth.Headers
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		headers = append(headers, auth.Header{Name: name, Value: p.Headers[name]})
	}
	candidates := headers
	if k.session == nil {
		candidates = append(slices.Clone(headers), k.upgrade...)
	}
	session, refused := k.server.auth.Authenticate(candidates)
	if refused != nil {
		if k.legacy {
			k.send(frame{Type: "connection_error", Payload: mustJSON(refused.Message)})
			k.closeWithMessage(closeBadRequest, "4400: Connection initialization failed: "+refused.Message)
		} else {
			k.closeWithMessage(closeForbidden, "4403: Forbidden")
		}
		return
	}
	if k.session == nil {
		close(k.initialised)
	}
	k.session, k.headers = session, headers
	k.send(frame{Type: "connection_ack"})
	k.sendKeepAlive()
	if k.expiry == nil && !session.Expires.IsZero() {
		// At exp, without the allowed skew, the stream is dropped: no message, no
		// close frame. A later token does not move it.
		k.expiry = time.AfterFunc(session.Expires.Sub(k.server.cfg.Now()), func() { _ = k.conn.CloseNow() })
	}
}

// start runs an operation: a query or mutation to its end, a subscription in
// the background.
func (k *socket) start(ctx context.Context, id string, req *graphQLRequest) {
	if k.session == nil {
		k.refuseStart(id, "start received before the connection is initialised")
		return
	}
	if _, taken := k.live[id]; taken {
		k.refuseStart(id, "an operation already exists with this id: "+id)
		return
	}
	op, refused := req.operation()
	var p *plan
	if refused == nil {
		p, refused = k.server.prepare(op, k.session)
	}
	if refused != nil {
		k.failBefore(id, refused)
		return
	}
	if op.kind == ast.Subscription {
		k.subscribe(ctx, id, p)
		return
	}
	done, refused := k.server.execute(ctx, p, caller{session: k.session, headers: k.headers, requestID: uuid.NewString()})
	if refused != nil {
		k.failDuring(id, refused)
		return
	}
	k.next(id, dataAnswer(done.data))
	k.send(frame{Type: "complete", ID: id})
}

// refuseStart: the legacy protocol goes on, the new one ends the connection.
func (k *socket) refuseStart(id, message string) {
	f := &graphqlError{Message: message, Code: "start-failed"}
	k.send(frame{Type: "error", ID: id, Payload: f.graphQL(false)})
	if k.legacy {
		k.send(frame{Type: "complete", ID: id})
		return
	}
	k.send(frame{Type: "error", ID: id, Payload: mustJSON(message)})
	k.closeWithMessage(websocket.StatusNormalClosure, "4400: "+message)
}

func (k *socket) next(id string, payload json.RawMessage) {
	name := "next"
	if k.legacy {
		name = "data"
	}
	k.send(frame{Type: name, ID: id, Payload: payload})
}

// failBefore reports errors from before the execution. Internals are never shown over a
// WebSocket.
func (k *socket) failBefore(id string, f *graphqlError) {
	payload := array([]json.RawMessage{f.graphQL(false)})
	if k.legacy {
		payload = errorAnswer(f, false)
	}
	k.send(frame{Type: "error", ID: id, Payload: payload})
	k.send(frame{Type: "complete", ID: id})
}

func (k *socket) failDuring(id string, f *graphqlError) {
	if !k.legacy {
		k.failBefore(id, f)
		return
	}
	var o object
	o.add("data", jsonNull)
	o.add("errors", array([]json.RawMessage{f.graphQL(false)}))
	k.next(id, o.json())
	k.send(frame{Type: "complete", ID: id})
}
