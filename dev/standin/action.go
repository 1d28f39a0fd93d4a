package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// version is the engine's that the stand-in follows.
const version = "v2.48.10"

// caller is what an action's handler learns of the client's request.
type caller struct {
	session   *auth.Session
	headers   auth.Headers // those that may be forwarded; over a WebSocket only the init payload's
	requestID string
}

// actionBody is the request body for a handler. It holds passwords and is never logged.
type actionBody struct {
	Action           actionName        `json:"action"`
	Input            map[string]any    `json:"input"`
	SessionVariables map[string]string `json:"session_variables"`
	RequestQuery     string            `json:"request_query"`
}

type actionName struct {
	Name string `json:"name"`
}

// callAction asks the handler and checks its answer. cookies are the
// Set-Cookie lines of a good answer.
func (s *Server) callAction(ctx context.Context, a *metadata.Action, c caller, f *field, query string) (value any, cookies []string, refused *graphqlError) {
	headers, refused := s.actionHeaders(a, c)
	if refused != nil {
		return nil, nil, refused
	}
	body := actionBody{Action: actionName{a.Name}, Input: f.args, SessionVariables: c.session.Variables, RequestQuery: query}
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	handler, _ := metadata.Expand(a.Handler, s.cfg.Env) // checked when the metadata was loaded
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, handler, bytes.NewReader(mustJSON(body)))
	if err != nil {
		return nil, nil, unreachable(a, handler, body, err)
	}
	req.Header = headers
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, unreachable(a, handler, body, err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, nil, unreachable(a, handler, body, err)
	}
	answer := actionResponse{action: a, body: body, status: res.StatusCode, header: res.Header, text: text}
	value, refused = answer.value(s.types)
	return value, res.Header.Values("Set-Cookie"), refused
}

// ignoredClientHeaders are never forwarded, nor is any x-hasura-* header.
var ignoredClientHeaders = map[string]bool{
	"content-length": true, "content-md5": true, "user-agent": true, "host": true, "origin": true, "referer": true,
	"accept": true, "accept-encoding": true, "accept-language": true, "accept-datetime": true,
	"cache-control": true, "connection": true, "dnt": true, "content-type": true,
}

// actionHeaders puts client, default and configured headers together. If a name comes
// twice, the first stays: by default the client's, with ConfiguredHeaderPrecedence the
// configured one.
func (s *Server) actionHeaders(a *metadata.Action, c caller) (http.Header, *graphqlError) {
	configured, refused := s.configuredHeaders(a)
	if refused != nil {
		return nil, refused
	}
	defaults := auth.Headers{{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "hasura-graphql-engine/" + version}}
	var client auth.Headers
	if a.ForwardClientHeaders {
		client = forwarded(c)
	}
	order := []auth.Headers{client, defaults, configured}
	if s.cfg.ConfiguredHeaderPrecedence {
		order = []auth.Headers{configured, defaults, client}
	}
	all := http.Header{}
	for _, list := range order {
		for _, h := range list {
			if all.Values(h.Name) == nil {
				all.Set(h.Name, h.Value)
			}
		}
	}
	return all, nil
}

// configuredHeaders are resolved at each call: a missing variable shows only
// when the action is used.
func (s *Server) configuredHeaders(a *metadata.Action) (auth.Headers, *graphqlError) {
	var list auth.Headers
	for _, h := range a.Headers {
		value, missing := metadata.Expand(h.Value, s.cfg.Env)
		if len(missing) > 0 {
			return nil, &graphqlError{Message: "template cannot be resolved: " + strings.Join(missing, ", "), Code: "not-found"}
		}
		if h.ValueFromEnv != "" {
			var ok bool
			if value, ok = s.cfg.Env(h.ValueFromEnv); !ok {
				return nil, &graphqlError{Message: fmt.Sprintf("environment variable '%s' not set", h.ValueFromEnv), Code: "not-found"}
			}
		}
		list = append(list, auth.Header{Name: h.Name, Value: value})
	}
	return list, nil
}

// forwarded are the client's headers as a handler gets them.
func forwarded(c caller) auth.Headers {
	var renamed, kept auth.Headers
	hasID := false
	for _, h := range c.headers {
		name := strings.ToLower(h.Name)
		switch name {
		case "host":
			renamed = append(renamed, auth.Header{Name: "X-Forwarded-Host", Value: h.Value})
		case "user-agent":
			renamed = append(renamed, auth.Header{Name: "X-Forwarded-User-Agent", Value: h.Value})
		case "origin":
			renamed = append(renamed, auth.Header{Name: "X-Forwarded-Origin", Value: h.Value})
		}
		if ignoredClientHeaders[name] || strings.HasPrefix(name, "x-hasura-") {
			continue
		}
		hasID = hasID || name == "x-request-id"
		kept = append(kept, h)
	}
	if !hasID {
		kept = append(kept, auth.Header{Name: "X-Request-Id", Value: c.requestID})
	}
	return append(renamed, kept...)
}

// actionInternal is extensions.internal of a failed call: it holds the input,
// passwords and all, which is why production has no dev mode.
type actionInternal struct {
	Error    any             `json:"error"`
	Request  internalRequest `json:"request"`
	Response any             `json:"response"`
}

type internalRequest struct {
	URL                string         `json:"url"` // the template
	Action             actionName     `json:"action"`
	Input              map[string]any `json:"input"`
	RequestQuery       string         `json:"request_query"`
	TransformedRequest any            `json:"transformed_request"`
}

func internalRequestOf(a *metadata.Action, b actionBody) internalRequest {
	return internalRequest{URL: a.Handler, Action: b.Action, Input: b.Input, RequestQuery: b.RequestQuery}
}

// unreachable: no answer, for whatever reason.
func unreachable(a *metadata.Action, handler string, body actionBody, err error) *graphqlError {
	message := "Connection failure: " + err.Error()
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		message = "Response timeout"
	}
	u, parseErr := url.Parse(handler)
	if parseErr != nil {
		u = &url.URL{}
	}
	port, _ := strconv.Atoi(u.Port())
	f := unexpected("http exception when calling webhook")
	f.Status = http.StatusInternalServerError
	f.Internal = actionInternal{
		Request: internalRequestOf(a, body),
		Error: map[string]any{"type": "http_exception", "message": message, "request": map[string]any{
			"host": u.Hostname(), "port": port, "secure": u.Scheme == "https", "path": u.Path, "queryString": u.RawQuery,
			"method": http.MethodPost, "responseTimeout": fmt.Sprintf("ResponseTimeoutMicro %d", a.Timeout.Microseconds()),
		}},
	}
	return f
}

// jsonValue decodes a whole text; false if it is no JSON.
func jsonValue(text []byte) (any, bool) {
	if !json.Valid(text) {
		return nil, false
	}
	return decodeJSON(text), true
}
