package auth

import (
	"fmt"
	"net/http"
)

// Error is a refused request. Its text is Hasura's and is meant for the client.
type Error struct {
	Message string
	Code    string
	Status  int // shown outside /v1/graphql; there it is 200
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Code: code, Status: http.StatusBadRequest}
}

func notVerified(reason string) *Error {
	return refuse("invalid-jwt", "Could not verify JWT: %s", reason)
}
