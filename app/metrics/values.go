package metrics

import (
	"slices"

	"hasura-login/app/login"
)

// Results of an attempt besides the error codes.
const (
	ResultOK         = "ok"
	ResultCallerGone = "caller-gone"
)

// Scopes of a limit.
const (
	ScopeClient     = "client"      // IPv4 /32, IPv6 /64
	ScopeClientWide = "client-wide" // the wider ranges around it
	ScopeAccount    = login.LimitScopeAccount
	ScopeDevice     = login.LimitScopeDevice
	ScopeSession    = "session"
	ScopeUnknown    = "unknown" // all calls whose client is not known
	ScopeRequest    = "request" // actions that one request causes
)

// Scopes returns every scope that Throttled knows.
func Scopes() []string {
	return []string{ScopeClient, ScopeClientWide, ScopeAccount, ScopeDevice, ScopeSession, ScopeUnknown, ScopeRequest}
}

// Turns in a session's life.
const (
	sessionStarted   = "started"
	sessionRefreshed = "refreshed"
	sessionReused    = "reused" // a spent refresh token came back: the session was ended
	sessionEnded     = "ended"
	sessionEndedAll  = "ended-all" // every session of a user at once
)

var sessionEvents = []string{sessionStarted, sessionRefreshed, sessionReused, sessionEnded, sessionEndedAll}

// sessionEventOf tells what an audit event means for sessions.
var sessionEventOf = map[login.EventName]string{
	login.EventSignedUp: sessionStarted, login.EventSignedIn: sessionStarted,
	login.EventRefreshed: sessionRefreshed, login.EventReuseDetected: sessionReused,
	login.EventSignedOut: sessionEnded, login.EventSessionEnded: sessionEnded,
	login.EventSignedOutAll: sessionEndedAll, login.EventPasswordChanged: sessionEndedAll, login.EventPasswordReset: sessionEndedAll, login.EventAccountDeleted: sessionEndedAll,
}

// algorithms are those that keys can have.
var algorithms = []string{"RS256", "ES256", "EdDSA"}

// auditEvents are those the service itself records.
func auditEvents() []string {
	names := []string{string(login.EventActionSecretRefused), string(login.EventClaimsFailed)} // of no operation
	for _, op := range login.Operations() {
		for _, event := range login.PolicyOf(op).Events {
			if !slices.Contains(names, string(event)) {
				names = append(names, string(event))
			}
		}
	}
	return names
}
