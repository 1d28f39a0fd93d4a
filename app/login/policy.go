package login

// Lane is where a hash waits for a worker.
type Lane uint8

// The lanes.
const (
	// LaneNone is for work that needs no hash: it gets none.
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

// hashLanes says where an operation's hashes wait if the caller's device is not
// known.
var hashLanes = map[Operation]Lane{
	OpSignUp:             LaneSignUp,
	OpSignIn:             LaneSignIn,
	OpChangePassword:     LanePriority,
	OpDeleteAccount:      LanePriority,
	OpResetPassword:      LanePriority,
	OpRequestEmailChange: LanePriority,
	OpVerifyEmail:        LanePriority,
	OpTOTPEnrolment:      LanePriority,
	OpRemoveTOTP:         LanePriority,
	OpNewRecoveryCodes:   LanePriority,
	OpElevate:            LanePriority,
}

// Lane is where the work waits.
func (w Work) Lane() Lane {
	lane := hashLanes[w.Operation]
	if w.KnownDevice && lane != LaneNone {
		return LanePriority
	}
	return lane
}
