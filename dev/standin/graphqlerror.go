package standin

import (
	"encoding/json"
	"fmt"
	"net/http"

	"hasura-login/dev/standin/auth"
)

// graphqlError is an error in Hasura's terms. A request ends with the first one.
type graphqlError struct {
	Message string
	Code    string
	Path    string // JSON path; "" stands for "$"
	Status  int    // 0 stands for 400; shown outside /v1/graphql
	// Extensions replaces path and code: an action handler's own, as it sent them.
	Extensions json.RawMessage
	// Internal is shown in dev mode and to the admin, never over a WebSocket.
	Internal any
}

func (f *graphqlError) Error() string { return f.Code + ": " + f.Message }

func (f *graphqlError) status() int {
	if f.Status == 0 {
		return http.StatusBadRequest
	}
	return f.Status
}

func (f *graphqlError) path() string {
	if f.Path == "" {
		return "$"
	}
	return f.Path
}

// graphQL is the error as an element of "errors".
func (f *graphqlError) graphQL(internal bool) json.RawMessage {
	extensions := f.Extensions
	if extensions == nil {
		own := struct {
			Path     string `json:"path"`
			Code     string `json:"code"`
			Internal any    `json:"internal,omitempty"`
		}{Path: f.path(), Code: f.Code}
		if internal {
			own.Internal = f.Internal
		}
		extensions = mustJSON(own)
	}
	return mustJSON(struct {
		Message    string          `json:"message"`
		Extensions json.RawMessage `json:"extensions"`
	}{f.Message, extensions})
}

// plain is the error as endpoints other than GraphQL show it.
func (f *graphqlError) plain() json.RawMessage {
	return mustJSON(struct {
		Path  string `json:"path"`
		Error string `json:"error"`
		Code  string `json:"code"`
	}{f.path(), f.Message, f.Code})
}

func invalid(path, format string, args ...any) *graphqlError {
	return &graphqlError{Message: fmt.Sprintf(format, args...), Code: "validation-failed", Path: path}
}

func unexpected(format string, args ...any) *graphqlError {
	return &graphqlError{Message: fmt.Sprintf(format, args...), Code: "unexpected"}
}

func fromAuth(e *auth.Error) *graphqlError {
	return &graphqlError{Message: e.Message, Code: e.Code, Status: e.Status}
}

// mustJSON encodes values made of strings, maps and raw JSON, which cannot fail.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return b
}
