package login

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Code names an error that a client can see. The list is closed: clients
// switch on it, so a code is never renamed and a new one is a change of the
// contract (openapi.yaml, docs/errors.md).
type Code string

// The codes, in the order of their REST status.
const (
	CodeInvalidInput          Code = "invalid-input"
	CodeTokenTooLarge         Code = "token-too-large"
	CodeAmbiguousCredentials  Code = "ambiguous-credentials" // #nosec G101 -- a code's name
	CodeInvalidCredentials    Code = "invalid-credentials"   // #nosec G101 -- a code's name
	CodeUnauthenticated       Code = "unauthenticated"
	CodeInvalidRefreshToken   Code = "invalid-refresh-token"
	CodeInvalidToken          Code = "invalid-token"
	CodeSecondFactorRequired  Code = "second-factor-required"
	CodeInvalidCode           Code = "invalid-code"
	CodeAccountDisabled       Code = "account-disabled"
	CodeEmailNotVerified      Code = "email-not-verified"
	CodeElevationRequired     Code = "elevation-required"
	CodeProviderRefused       Code = "provider-refused"
	CodeNotLinked             Code = "not-linked"
	CodeForbidden             Code = "forbidden"
	CodeOriginRefused         Code = "origin-refused"
	CodeSignupDisabled        Code = "signup-disabled"
	CodeInvitationRequired    Code = "invitation-required"
	CodeEmailNotAllowed       Code = "email-not-allowed"
	CodeMailDisabled          Code = "mail-disabled"
	CodePasskeysDisabled      Code = "passkeys-disabled"
	CodeOrganizationsDisabled Code = "organizations-disabled"
	CodeNotFound              Code = "not-found"
	CodeMethodNotAllowed      Code = "method-not-allowed"
	CodeEmailTaken            Code = "email-taken"
	CodeCredentialExists      Code = "credential-exists"
	CodeLastWayIn             Code = "last-way-in"
	CodeLastOwner             Code = "last-owner"
	CodeOrganizationLimit     Code = "organization-limit"
	CodePayloadTooLarge       Code = "payload-too-large"
	CodeUnsupportedMediaType  Code = "unsupported-media-type"
	CodeRateLimited           Code = "rate-limited"
	CodeHeaderTooLarge        Code = "header-too-large"
	CodeProviderUnavailable   Code = "provider-unavailable"
	CodeOverloaded            Code = "overloaded"
	CodeUnavailable           Code = "unavailable"
	CodeInternal              Code = "internal"
)

// Codes returns every code, for metrics and contract tests.
func Codes() []Code {
	return []Code{
		CodeInvalidInput, CodeTokenTooLarge, CodeAmbiguousCredentials, CodeInvalidCredentials, CodeUnauthenticated, CodeInvalidRefreshToken,
		CodeInvalidToken, CodeSecondFactorRequired, CodeInvalidCode, CodeAccountDisabled, CodeEmailNotVerified, CodeElevationRequired, CodeProviderRefused, CodeNotLinked, CodeForbidden, CodeOriginRefused, CodeSignupDisabled, CodeInvitationRequired, CodeEmailNotAllowed, CodeMailDisabled, CodePasskeysDisabled, CodeOrganizationsDisabled, CodeNotFound, CodeMethodNotAllowed,
		CodeEmailTaken, CodeCredentialExists, CodeLastWayIn, CodeLastOwner, CodeOrganizationLimit, CodePayloadTooLarge, CodeUnsupportedMediaType, CodeRateLimited, CodeHeaderTooLarge,
		CodeProviderUnavailable, CodeOverloaded, CodeUnavailable, CodeInternal,
	}
}

// Error is what a use case returns when it does not do what was asked. Message is
// written for people and holds no secret. The wrapped cause is only for the log and
// never leaves the process.
type Error struct {
	Code       Code
	Message    string
	Field      string        // of CodeInvalidInput: the name of the wrong argument; empty if no single one is wrong
	Problem    string        // the problem with Field, without its name
	RetryAfter time.Duration // 0 if waiting does not help
	Challenge  string        // of CodeSecondFactorRequired: the client sends it back with the proof
	Methods    []Method      // the methods by which the client can give the missing proof
	// PasskeyOptions are for navigator.credentials.get if a passkey can answer Challenge.
	PasskeyOptions json.RawMessage
	cause          error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an Error with the given code and a message for the client.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Caused makes an Error with a cause, which only the log shows.
func Caused(code Code, cause error, format string, args ...any) *Error {
	e := Errorf(code, format, args...)
	e.cause = cause
	return e
}

// Invalid makes an Error of CodeInvalidInput about one argument.
func Invalid(field, format string, args ...any) *Error {
	problem := fmt.Sprintf(format, args...)
	return &Error{Code: CodeInvalidInput, Message: field + ": " + problem, Field: field, Problem: problem}
}

// ofField renames the argument that an error is about, for a use case that calls it by
// another name.
func ofField(name string, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Field != "" {
		return Invalid(name, "%s", e.Problem)
	}
	return err
}

// RetryLater makes an Error that tells the client when to come back.
func RetryLater(code Code, after time.Duration, message string) *Error {
	return &Error{Code: code, Message: message, RetryAfter: after}
}

// AsError turns any error into an Error: one that already is stays as it is, a
// store that cannot be reached becomes CodeUnavailable, everything else is
// CodeInternal with a text that says nothing.
func AsError(err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, ErrUnavailable):
		return &Error{Code: CodeUnavailable, Message: "The login service cannot reach its database; try again shortly", RetryAfter: 5 * time.Second, cause: err}
	default:
		return &Error{Code: CodeInternal, Message: "Internal error", cause: err}
	}
}

// The errors of a Store. Adapters wrap these; callers match with errors.Is.
var (
	// ErrNotFound: nothing is stored under this name, or not for this user; for a queue,
	// nothing is due.
	ErrNotFound = errors.New("not found")
	// ErrEmailTaken: another user has the address.
	ErrEmailTaken = errors.New("email taken")
	// ErrStale: a compare-and-set lost: the account's version or hash moved
	// since it was read, or the account was disabled.
	ErrStale = errors.New("account changed meanwhile")
	// ErrTokenUnknown: no live session has this refresh token, or no such token
	// of a mail is live.
	ErrTokenUnknown = errors.New("token unknown or expired")
	// ErrTokenReused: the token was spent longer ago than the grace; the
	// store has ended its session.
	ErrTokenReused = errors.New("refresh token reused")
	// ErrCredentialExists: the account has a credential of the kind already.
	ErrCredentialExists = errors.New("credential exists")
	// ErrLastWayIn: nothing would be left to sign in to the account with.
	ErrLastWayIn = errors.New("last way in")
	// ErrLastOwner: an organisation would have no owner.
	ErrLastOwner = errors.New("last owner")
	// ErrForbidden: the member's role does not allow it.
	ErrForbidden = errors.New("the role does not allow it")
	// ErrTooMany: there are as many as there may be.
	ErrTooMany = errors.New("too many")
	// ErrCounterRegressed: a passkey's signature counter did not rise.
	ErrCounterRegressed = errors.New("signature counter did not rise")
	// ErrUnavailable: the store cannot be reached or has no tables yet.
	ErrUnavailable = errors.New("store unavailable")
	// ErrPasskeyAnswer: the text is not the answer of an authenticator.
	ErrPasskeyAnswer = errors.New("malformed answer of an authenticator")
	// ErrPasskeyRefused: an authenticator's answer proves nothing.
	ErrPasskeyRefused = errors.New("passkey refused")
	// ErrCallerGone: the caller left before the work began, so no one reads the answer.
	ErrCallerGone = errors.New("caller gone")
)
