package login

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MaxClaimsBytes is the most that the answer of a ClaimsFunction may have, as JSON.
const MaxClaimsBytes = 4096

// ClaimsFunction is the way to auth.claims, a function of the database. The project writes
// it; it runs with its own rights, for at most 50 ms. FunctionClaims checks what it answers.
type ClaimsFunction interface {
	// CallClaims returns the function's answer for a user as session variables, a list as
	// the literal of a Postgres array. It returns none if the project has no function of
	// its own, and *ClaimsFault if the answer cannot be used.
	CallClaims(ctx context.Context, userID string) (map[string]string, error)
}

// ClaimsReason is a class of ClaimsFault, for the audit trail.
type ClaimsReason string

// The reasons.
const (
	ClaimsSlow      ClaimsReason = "slow"
	ClaimsFailed    ClaimsReason = "failed"
	ClaimsMalformed ClaimsReason = "malformed" // not an object of strings and lists of strings
	ClaimsReserved  ClaimsReason = "reserved"  // a name that is no session variable, or that login sets
	ClaimsTooLarge  ClaimsReason = "too-large" // the answer, or the token with it
)

// ClaimsFault says why an answer of a ClaimsFunction cannot be used. Detail is for the log
// and quotes no value.
type ClaimsFault struct {
	Reason ClaimsReason
	Detail string
}

func (f *ClaimsFault) Error() string {
	return fmt.Sprintf("function auth.claims: %s: %s", f.Reason, f.Detail)
}

// FunctionClaims is the ClaimSource of a ClaimsFunction.
type FunctionClaims struct {
	Function ClaimsFunction
	Rules    TokenRules
}

// Claims implements ClaimSource. An answer counts only as a whole.
func (f FunctionClaims) Claims(ctx context.Context, ua UserAccount) (map[string]string, error) {
	if !ua.Account.AsksForClaims {
		return nil, nil
	}
	claims, err := f.Function.CallClaims(ctx, ua.User.ID)
	if err == nil {
		if refused := f.Rules.CheckClaims(claims); refused != nil {
			err = &ClaimsFault{ClaimsReserved, AsError(refused).Message}
		}
	}
	var fault *ClaimsFault
	if errors.As(err, &fault) {
		return nil, &Error{
			Code: CodeUnavailable, Message: "The login service cannot find out what this account may do; try again shortly",
			RetryAfter: claimsRetry, cause: err,
		}
	}
	return claims, err
}

// claimsRetry is when a client may ask again. The operator must act first, so it is
// longer than after a lost connection.
const claimsRetry = 15 * time.Second

// noToken records an error that kept an account from getting a token, if its claims are
// the reason, and returns it.
func (s *Service) noToken(ctx context.Context, ua UserAccount, err error) error {
	if err == nil {
		return nil
	}
	reason := ClaimsReason("")
	var fault *ClaimsFault
	if errors.As(err, &fault) {
		reason = fault.Reason
	} else if AsError(err).Code == CodeTokenTooLarge {
		reason = ClaimsTooLarge
	}
	if reason != "" {
		s.Audit.Record(ctx, Event{Name: EventClaimsFailed, Reason: string(reason), UserID: ua.User.ID})
	}
	return err
}
