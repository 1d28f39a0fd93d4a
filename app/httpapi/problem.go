package httpapi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/login"
)

// statuses is the one table from code to REST status.
var statuses = map[login.Code]int{
	login.CodeInvalidInput:          http.StatusBadRequest,
	login.CodeTokenTooLarge:         http.StatusBadRequest,
	login.CodeAmbiguousCredentials:  http.StatusBadRequest,
	login.CodeInvalidCredentials:    http.StatusUnauthorized,
	login.CodeUnauthenticated:       http.StatusUnauthorized,
	login.CodeInvalidRefreshToken:   http.StatusUnauthorized,
	login.CodeInvalidToken:          http.StatusUnauthorized,
	login.CodeSecondFactorRequired:  http.StatusUnauthorized,
	login.CodeInvalidCode:           http.StatusUnauthorized,
	login.CodeAccountDisabled:       http.StatusForbidden,
	login.CodeEmailNotVerified:      http.StatusForbidden,
	login.CodeElevationRequired:     http.StatusForbidden,
	login.CodeProviderRefused:       http.StatusForbidden,
	login.CodeNotLinked:             http.StatusForbidden,
	login.CodeForbidden:             http.StatusForbidden,
	login.CodeOriginRefused:         http.StatusForbidden,
	login.CodeSignupDisabled:        http.StatusForbidden,
	login.CodeInvitationRequired:    http.StatusForbidden,
	login.CodeEmailNotAllowed:       http.StatusForbidden,
	login.CodeMailDisabled:          http.StatusForbidden,
	login.CodePasskeysDisabled:      http.StatusForbidden,
	login.CodeOrganizationsDisabled: http.StatusForbidden,
	login.CodeNotFound:              http.StatusNotFound,
	login.CodeMethodNotAllowed:      http.StatusMethodNotAllowed,
	login.CodeEmailTaken:            http.StatusConflict,
	login.CodeCredentialExists:      http.StatusConflict,
	login.CodeLastWayIn:             http.StatusConflict,
	login.CodeLastOwner:             http.StatusConflict,
	login.CodeOrganizationLimit:     http.StatusConflict,
	login.CodePayloadTooLarge:       http.StatusRequestEntityTooLarge,
	login.CodeUnsupportedMediaType:  http.StatusUnsupportedMediaType,
	login.CodeRateLimited:           http.StatusTooManyRequests,
	login.CodeHeaderTooLarge:        http.StatusRequestHeaderFieldsTooLarge,
	login.CodeProviderUnavailable:   http.StatusBadGateway,
	login.CodeOverloaded:            http.StatusServiceUnavailable,
	login.CodeUnavailable:           http.StatusServiceUnavailable,
	login.CodeInternal:              http.StatusInternalServerError,
}

// Status is the REST status of a code.
func Status(code login.Code) int { return statuses[code] }

// problem is the body of an error over REST (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	extensions
}

// actionError is the body of an error over an action. Hasura hands message and
// extensions to the client as they are; our extensions replace its own.
type actionError struct {
	Message    string     `json:"message"`
	Extensions extensions `json:"extensions"`
}

// extensions is what both say of an error beyond its text.
type extensions struct {
	Code       login.Code     `json:"code"`
	RequestID  string         `json:"requestId"`
	RetryAfter int            `json:"retryAfter,omitempty"` // seconds
	Field      string         `json:"field,omitempty"`
	Challenge  string         `json:"challenge,omitempty"`
	Methods    []login.Method `json:"methods,omitempty"`
	// PasskeyOptions is PublicKeyCredentialRequestOptionsJSON.
	PasskeyOptions json.RawMessage `json:"passkeyOptions,omitempty"`
}

// actionStatus keeps Hasura from hiding the message: it shows that of a 4xx only.
func actionStatus(code login.Code) int {
	if status := statuses[code]; status < http.StatusInternalServerError {
		return status
	}
	return http.StatusBadRequest
}

// toError turns an error of a handler or of Fiber into one with a code of the list.
func toError(err error) *login.Error {
	var fromFiber *fiber.Error
	if !errors.As(err, &fromFiber) {
		return login.AsError(err)
	}
	switch fromFiber.Code {
	case fiber.StatusNotFound:
		return login.Errorf(login.CodeNotFound, "No such route")
	case fiber.StatusMethodNotAllowed:
		return login.Errorf(login.CodeMethodNotAllowed, "This route does not take that method")
	case fiber.StatusRequestEntityTooLarge:
		return login.Errorf(login.CodePayloadTooLarge, "The request is too large; a body may have %d bytes", maxBody)
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return login.Errorf(login.CodeHeaderTooLarge, "The request's header is too large; it may have %d bytes, cookies and the access token included", maxHeaders)
	case fiber.StatusRequestTimeout, fiber.StatusBadRequest:
		return login.Errorf(login.CodeInvalidInput, "The request could not be read")
	}
	return login.AsError(err)
}

// writeError answers an error in the form that the route's callers read.
func writeError(c *fiber.Ctx, e *login.Error) error {
	wait := wholeSeconds(e.RetryAfter)
	if wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(wait))
	}
	more := extensions{e.Code, requestID(c), wait, e.Field, e.Challenge, e.Methods, e.PasskeyOptions}
	if isAction(c) {
		return writeJSON(c, actionStatus(e.Code), "application/json", actionError{e.Message, more})
	}
	if e.Code == login.CodeUnauthenticated {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	status := statuses[e.Code]
	return writeJSON(c, status, "application/problem+json", problem{"about:blank", e.Message, status, more})
}

func writeJSON(c *fiber.Ctx, status int, contentType string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, contentType)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(status).Send(b)
}

// wholeSeconds rounds up, so that a client that waits as told does not come early.
func wholeSeconds(d time.Duration) int {
	return int(math.Ceil(d.Seconds()))
}
