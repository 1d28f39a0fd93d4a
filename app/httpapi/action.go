package httpapi

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/clientip"
	"hasura-login/app/login"
	"hasura-login/app/secretfile"
)

// headerActionSecret has an x-hasura- name, because Hasura drops such headers of
// clients, so a client cannot replace it.
const headerActionSecret = "X-Hasura-Action-Secret" // #nosec G101 -- a header's name

// rolePublic is Hasura's unauthorized role. Its session variables are whatever
// headers the client sent, so nothing in them is believed.
const rolePublic = "public"

// payload is what Hasura posts to an action's handler. request_query holds the
// client's whole query, passwords included: it is never looked at.
type payload struct {
	ActionName       string
	Input            map[string]json.RawMessage
	SessionVariables map[string]string
}

// decode takes members by their exact names. A struct would take INPUT for input
// too, and the later of the two would win.
func (p *payload) decode(body []byte) error {
	var members, action map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return err
	}
	for name, into := range map[string]any{"action": &action, "input": &p.Input, "session_variables": &p.SessionVariables} {
		if raw, ok := members[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return err
			}
		}
	}
	if raw, ok := action["name"]; ok {
		return json.Unmarshal(raw, &p.ActionName)
	}
	return nil
}

// action answers Hasura's call for an operation.
func (a *API) action(op operation) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := a.context(c)
		defer cancel()
		if !secretfile.Matches(c.Get(headerActionSecret), a.ActionSecrets()) {
			a.Audit.Record(ctx, login.Event{Name: login.EventActionSecretRefused, Operation: op.name, ClientPrefix: a.client(c, true).Prefix()})
			return a.attempted(op.name, login.Errorf(login.CodeUnauthenticated, "The action secret is missing or wrong"))
		}
		if err := a.limitCalls(c); err != nil {
			return a.attempted(op.name, err)
		}
		decoded, err := a.actionCall(c, op)
		if err != nil {
			return a.attempted(op.name, err)
		}
		answer, err := op.run(ctx, a.Service, decoded)
		if err := a.attempted(op.name, err); err != nil {
			return err
		}
		if answer == nil {
			answer = struct {
				OK bool `json:"ok"`
			}{true}
		}
		return writeJSON(c, fiber.StatusOK, fiber.MIMEApplicationJSON, answer)
	}
}

// limitCalls counts an action for the request that caused it. Over a WebSocket
// Hasura forwards neither the edge's id nor its secret: the id then is Hasura's own,
// one for each operation, or the client's for the whole connection. Only the first
// call beyond the limit has a line in the log.
func (a *API) limitCalls(c *fiber.Ctx) error {
	err := a.Calls.Call(requestID(c), a.Clients.Vouched(c.Get(clientip.HeaderEdgeSecret)))
	var refusal interface{ Repeated() bool }
	if errors.As(err, &refusal) {
		c.Locals(localQuiet, refusal.Repeated())
		a.client(c, true) // for the line
	}
	return err
}

func (a *API) actionCall(c *fiber.Ctx, op operation) (call, error) {
	var p payload
	if err := requireJSON(c.Get(fiber.HeaderContentType)); err != nil {
		return call{}, err
	}
	if err := strictJSON(c.Body()); err != nil {
		return call{}, err
	}
	if err := p.decode(c.Body()); err != nil {
		return call{}, login.Errorf(login.CodeInvalidInput, "not an action payload")
	}
	if p.ActionName != string(op.name) {
		return call{}, login.Errorf(login.CodeInvalidInput, "the payload is for another action")
	}
	args, err := arguments(op.fields, p.Input)
	if err != nil {
		return call{}, err
	}
	decoded := call{args: args, client: a.client(c, true)}
	switch caller := op.caller(); {
	case caller == login.CallerAnyone, caller == login.CallerAnyoneOrSession && !hasRole(p.SessionVariables):
		return decoded, nil
	}
	decoded.identity, err = identityOf(p.SessionVariables)
	return decoded, err
}

// identityOf believes session variables only of a role that a token gave.
func identityOf(variables map[string]string) (login.Identity, error) {
	if !hasRole(variables) {
		return login.Identity{}, errUnauthenticated()
	}
	return login.Identity{UserID: variables["x-hasura-user-id"], SessionID: variables["x-hasura-session-id"]}, nil
}

// hasRole reports whether the caller's role comes from a token.
func hasRole(variables map[string]string) bool {
	role := variables["x-hasura-role"]
	return role != "" && !strings.EqualFold(role, rolePublic)
}
