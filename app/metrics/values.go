package metrics

import "hasura-login/app/login"

// Results of an attempt besides the error codes.
const (
	ResultOK         = "ok"
	ResultCallerGone = "caller-gone"
)

// Scopes of a limit.
const (
	ScopeClient     = "client"      // IPv4 /32, IPv6 /64
	ScopeClientWide = "client-wide" // the wider ranges around it
	ScopeAccount    = "account"
	ScopeDevice     = "device"
	ScopeSession    = "session"
	ScopeUnknown    = "unknown" // all calls whose client is not known
)

// Scopes returns every scope that Throttled knows.
func Scopes() []string {
	return []string{ScopeClient, ScopeClientWide, ScopeAccount, ScopeDevice, ScopeSession, ScopeUnknown}
}

// Turns in a session's life.
const (
	SessionStarted   = "started"
	SessionRefreshed = "refreshed"
	SessionReplayed  = "replayed" // the same successor given out again within the grace
	SessionReused    = "reused"   // a spent refresh token came back: the session was ended
	SessionEnded     = "ended"
	SessionEndedAll  = "ended-all" // every session of a user at once
)

// SessionEvents returns every event that Session knows.
func SessionEvents() []string {
	return []string{SessionStarted, SessionRefreshed, SessionReplayed, SessionReused, SessionEnded, SessionEndedAll}
}

var algorithms = []string{"RS256", "ES256", "EdDSA"}

// auditEvents are those the service itself records.
var auditEvents = []string{
	string(login.EventSignedUp), string(login.EventSignedIn), string(login.EventRefused),
	string(login.EventThrottled), string(login.EventRefreshed), string(login.EventReuseDetected),
	string(login.EventSignedOut), string(login.EventSignedOutAll), string(login.EventSessionEnded),
	string(login.EventPasswordChanged), string(login.EventAccountDeleted), string(login.EventActionSecretRefused),
}
