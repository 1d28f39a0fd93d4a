package audit

import "hasura-login/app/login"

// Kind is a part of the trail with its own share of the room, so that events that
// strangers can cause never displace others.
type Kind string

// The kinds.
const (
	KindDeletions Kind = "deletions" // deleted users; a restored backup is brought up to date with them
	KindOperators Kind = "operators" // acts on the command line, and the life of signing keys
	KindChanges   Kind = "changes"   // by users, to their own account
	KindSignIns   Kind = "sign-ins"  // sign-ups and sign-outs too
	KindRefreshes Kind = "refreshes"
	KindRefusals  Kind = "refusals"  // wrong passwords, spent tokens; requests for mails, which anybody can make
	KindThrottled Kind = "throttled" // refused by a limit, added up for each minute
)

// shares are per cent of the room. Events that need a password or an operator get half
// of it.
var shares = map[Kind]int64{
	KindDeletions: 10, KindOperators: 10, KindChanges: 20, KindSignIns: 20,
	KindRefreshes: 15, KindRefusals: 15, KindThrottled: 10,
}

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{KindDeletions, KindOperators, KindChanges, KindSignIns, KindRefreshes, KindRefusals, KindThrottled}
}

// kindOfEvent is where an event goes if no operator caused it.
var kindOfEvent = map[login.EventName]Kind{
	login.EventAccountDeleted: KindDeletions, login.EventUserDeleted: KindDeletions,

	login.EventSignedUp: KindSignIns, login.EventSignUpReplaced: KindSignIns, login.EventUnopenedRemoved: KindSignIns,
	login.EventSignedIn: KindSignIns, login.EventSignedOut: KindSignIns,

	login.EventRefreshed: KindRefreshes, login.EventThrottled: KindThrottled,

	login.EventRefused: KindRefusals, login.EventActionSecretRefused: KindRefusals,
	login.EventPasswordResetRequested: KindRefusals, login.EventVerificationRequested: KindRefusals,
	login.EventMailSignInRequested: KindRefusals, login.EventClaimsFailed: KindRefusals,

	login.EventReuseDetected: KindChanges, login.EventSignedOutAll: KindChanges, login.EventSessionEnded: KindChanges,
	login.EventPasswordChanged: KindChanges, login.EventAccountExported: KindChanges, login.EventNameChanged: KindChanges, login.EventPasswordReset: KindChanges,
	login.EventEmailVerified: KindChanges, login.EventCredentialsRemoved: KindChanges, login.EventEmailChangeRequested: KindChanges, login.EventEmailChanged: KindChanges,

	login.EventSecondFactorAdded: KindChanges, login.EventSecondFactorRemoved: KindChanges, login.EventElevated: KindChanges, login.EventElevationMailRequested: KindChanges,
	login.EventIdentityLinked: KindChanges, login.EventIdentityUnlinked: KindChanges,
	login.EventRecoveryCodesMade: KindChanges, login.EventRecoveryCodeUsed: KindChanges,
	login.EventPasskeyAdded: KindChanges, login.EventPasskeyRenamed: KindChanges, login.EventPasskeyRemoved: KindChanges,
	login.EventPasskeyRegressed: KindChanges, login.EventPasswordRemoved: KindChanges,

	login.EventOrganizationCreated: KindChanges, login.EventOrganizationDeleted: KindChanges, login.EventOrganizationLeft: KindChanges,
	login.EventMemberInvited: KindChanges, login.EventMemberRemoved: KindChanges, login.EventMemberRoleChanged: KindChanges,
	login.EventInvitationAccepted: KindChanges, login.EventInvitationRevoked: KindChanges, login.EventSignUpInvited: KindOperators,

	login.EventSecondFactorReset: KindOperators, login.EventLimitsCleared: KindOperators, login.EventUserExported: KindOperators,
	login.EventUsersImported: KindOperators, login.EventUsersExported: KindOperators, login.EventResetInvited: KindOperators,
	login.EventUserCreated: KindOperators, login.EventUserDisabled: KindOperators, login.EventUserEnabled: KindOperators,
	login.EventRolesChanged: KindOperators, login.EventClaimsChanged: KindOperators, login.EventPasswordSet: KindOperators, login.EventPasswordResetLink: KindOperators,
	login.EventSessionOpened: KindOperators, login.EventEmailMarkedVerified: KindOperators, login.EventEmailRespelled: KindOperators,
	login.EventKeyRotated: KindOperators, login.EventKeyRevoked: KindOperators,
}

// KindOf tells where an event is kept.
func KindOf(e login.Event) Kind {
	kind, known := kindOfEvent[e.Name]
	if !known || e.Actor == login.ActorOperator && kind != KindDeletions {
		return KindOperators
	}
	return kind
}

// Knows reports whether there is an event of this name.
func Knows(e login.EventName) bool { _, known := kindOfEvent[e]; return known }
