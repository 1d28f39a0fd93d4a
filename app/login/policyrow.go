package login

import (
	"maps"
	"slices"
)

// Policy is all that holds for one use case. Its zero value allows nothing: no
// attempt passes the limits, no hash is made, and only a live session may call it.
type Policy struct {
	Caller Caller
	Limit  Limit // that counts a call
	Known  Limit // that counts a password from a known device, a live session or the bearer of a link
	Code   Limit // that counts a code of a second factor
	Signed Limit // that counts an authenticator's answer, which no one can guess
	Mail   Limit // that counts a mail to an address that is not the account's
	Lane   Lane  // the queue in which its hash waits
	// Results are the codes that it can end with, the labels of its metrics. They do not
	// list what package metrics adds: the codes of every use case and, if it hashes,
	// CodeOverloaded.
	Results []Code
	Events  []EventName // that the service records
}

// PolicyOf returns what holds for a use case; the zero Policy if it has no row.
func PolicyOf(op Operation) Policy { return policies[op] }

// Operations returns every use case.
func Operations() []Operation { return slices.Sorted(maps.Keys(policies)) }

// Caller says who may call a use case.
type Caller uint8

// The callers. The zero value is the strictest.
const (
	CallerSession         Caller = iota
	CallerAnyone                 // a token that comes along is not looked at
	CallerAnyoneOrSession        // a bad token is refused
)

// Lane is a queue in which hashes wait for a worker.
type Lane uint8

// The lanes.
const (
	// LaneNone is for use cases that hash nothing; the limiter refuses a hash in it.
	LaneNone Lane = iota
	// LanePriority is for callers who have proved something already: a known
	// device, a live session, a link from the account's mailbox.
	LanePriority
	LaneSignIn
	LaneSignUp
	lanes
)

// Lanes is the number of lanes, LaneNone included.
const Lanes = int(lanes)

// Lane returns the lane in which the request waits.
func (req HashRequest) Lane() Lane {
	lane := PolicyOf(req.Operation).Lane
	if req.KnownDevice && lane != LaneNone {
		return LanePriority
	}
	return lane
}
