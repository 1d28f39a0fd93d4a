package login

// EventName is an entry of the closed list of audit events.
type EventName string

// The events.
const (
	EventSignedUp               EventName = "signed-up"
	EventSignUpReplaced         EventName = "sign-up-replaced"
	EventSignedIn               EventName = "signed-in"
	EventRefused                EventName = "refused"
	EventThrottled              EventName = "throttled"
	EventRefreshed              EventName = "refreshed"
	EventReuseDetected          EventName = "refresh-token-reused"
	EventSignedOut              EventName = "signed-out"
	EventSignedOutAll           EventName = "signed-out-all"
	EventSessionEnded           EventName = "session-ended"
	EventPasswordChanged        EventName = "password-changed"
	EventPasswordResetRequested EventName = "password-reset-requested"
	EventPasswordReset          EventName = "password-reset"
	EventPasswordResetLink      EventName = "password-reset-link-made"
	EventVerificationRequested  EventName = "email-verification-requested"
	EventEmailVerified          EventName = "email-verified"
	EventCredentialsRemoved     EventName = "credentials-removed" // of before a reset or a mail took over an account with an unverified address
	EventEmailChangeRequested   EventName = "email-change-requested"
	EventEmailChanged           EventName = "email-changed"
	EventUnopenedRemoved        EventName = "unopened-account-removed"
	EventAccountDeleted         EventName = "account-deleted"
	EventNameChanged            EventName = "name-changed"
	EventAccountExported        EventName = "account-exported"
	EventSecondFactorAdded      EventName = "second-factor-added"
	EventSecondFactorRemoved    EventName = "second-factor-removed"
	EventSecondFactorReset      EventName = "second-factor-reset"
	EventRecoveryCodesMade      EventName = "recovery-codes-made"
	EventRecoveryCodeUsed       EventName = "recovery-code-used"
	EventPasskeyAdded           EventName = "passkey-added"
	EventPasskeyRenamed         EventName = "passkey-renamed"
	EventPasskeyRemoved         EventName = "passkey-removed"
	EventPasskeyRegressed       EventName = "passkey-counter-regressed"
	EventPasswordRemoved        EventName = "password-removed"
	EventElevated               EventName = "elevated"
	EventElevationMailRequested EventName = "elevation-mail-requested"
	EventMailSignInRequested    EventName = "mail-sign-in-requested"
	EventIdentityLinked         EventName = "identity-linked"
	EventIdentityUnlinked       EventName = "identity-unlinked"
	EventOrganizationCreated    EventName = "organization-created"
	EventOrganizationDeleted    EventName = "organization-deleted"
	EventOrganizationLeft       EventName = "organization-left"
	EventMemberInvited          EventName = "member-invited"
	EventMemberRemoved          EventName = "member-removed"
	EventMemberRoleChanged      EventName = "member-role-changed"
	EventInvitationAccepted     EventName = "invitation-accepted"
	EventInvitationRevoked      EventName = "invitation-revoked"
	EventSignUpInvited          EventName = "sign-up-invited"
	EventUserCreated            EventName = "user-created"
	EventUserDisabled           EventName = "user-disabled"
	EventUserEnabled            EventName = "user-enabled"
	EventRolesChanged           EventName = "roles-changed"
	EventClaimsChanged          EventName = "claims-changed"
	EventPasswordSet            EventName = "password-set"
	EventSessionOpened          EventName = "session-opened"
	EventEmailMarkedVerified    EventName = "email-marked-verified"
	EventEmailRespelled         EventName = "email-respelled"
	EventLimitsCleared          EventName = "limits-cleared"
	EventUserExported           EventName = "user-exported"
	EventUsersImported          EventName = "users-imported"
	EventUsersExported          EventName = "users-exported"
	EventResetInvited           EventName = "reset-invited"
	EventUserDeleted            EventName = "user-deleted"
	EventClaimsFailed           EventName = "claims-failed" // there is no token without them
	EventKeyRotated             EventName = "key-rotated"
	EventKeyRevoked             EventName = "key-revoked"
	EventActionSecretRefused    EventName = "action-secret-refused"
)

// Event is one security-relevant act. The Auditor adds time and request id. It keeps no
// e-mail address and no secret.
type Event struct {
	Name         EventName
	Operation    Operation
	Reason       string // class of refusal: a Code, or empty
	Scope        string // of the limit that refused, or empty
	Account      string // of EventThrottled: the address that the attempt named; the Auditor keeps only its user's id
	UserID       string
	Organization string     // the id of the organisation that the event is about
	Member       string     // the id of the affected user, if that is not UserID
	Role         MemberRole // that a member has got
	RoleBefore   MemberRole // that a member had
	SessionID    string
	ClientPrefix string
	Actor        string // ActorUser or ActorOperator
}
