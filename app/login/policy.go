package login

// Operation is a use case by its action name; also the label of metrics and
// the row of its policy.
type Operation string

// The use cases.
const (
	OpSignUp         Operation = "signup"
	OpSignIn         Operation = "signin"
	OpRefresh        Operation = "refresh"
	OpSignOut        Operation = "signout"
	OpSignOutAll     Operation = "signoutAll"
	OpChangePassword Operation = "changePassword"
	OpSessions       Operation = "sessions"
	OpEndSession     Operation = "endSession"
	OpDeleteAccount  Operation = "deleteAccount"
	OpExportAccount  Operation = "exportAccount"
	OpMe             Operation = "me"
	OpChangeName     Operation = "changeName"

	OpRequestPasswordReset Operation = "requestPasswordReset"
	OpResetPassword        Operation = "resetPassword"

	OpRequestEmailVerification Operation = "requestEmailVerification"
	OpRequestEmailChange       Operation = "requestEmailChange"
	OpVerifyEmail              Operation = "verifyEmail"
	OpMailLink                 Operation = "mailLink"

	OpSignInSecondFactor Operation = "signinSecondFactor"
	OpTOTPEnrolment      Operation = "totpEnrolment"
	OpAddTOTP            Operation = "addTotp"
	OpRemoveTOTP         Operation = "removeTotp"
	OpNewRecoveryCodes   Operation = "newRecoveryCodes"
	OpElevate            Operation = "elevate"

	OpRequestMailSignIn    Operation = "requestSigninMail"
	OpMailSignInCode       Operation = "signinMailCode"
	OpMailSignInLink       Operation = "signinMailLink"
	OpRequestElevationMail Operation = "requestElevationMail"

	OpSignInPasskeyOptions Operation = "signinPasskeyOptions"
	OpSignInPasskey        Operation = "signinPasskey"
	OpElevationOptions     Operation = "elevationOptions"
	OpPasskeyOptions       Operation = "passkeyOptions"
	OpAddPasskey           Operation = "addPasskey"
	OpPasskeys             Operation = "passkeys"
	OpRenamePasskey        Operation = "renamePasskey"
	OpRemovePasskey        Operation = "removePasskey"
	OpRemovePassword       Operation = "removePassword"

	OpExchange Operation = "exchange"

	// OpGateway is a request with a session's cookie, before its own operation.
	OpGateway Operation = "gateway"

	OpProviders      Operation = "providers"
	OpSignInProvider Operation = "signinProvider"
	OpLinkIdentity   Operation = "linkIdentity"
	OpIdentities     Operation = "identities"
	OpUnlinkIdentity Operation = "unlinkIdentity"

	OpCreateOrganization      Operation = "createOrganization"
	OpOrganizations           Operation = "organizations"
	OpOrganizationMembers     Operation = "organizationMembers"
	OpChangeMemberRole        Operation = "changeMemberRole"
	OpRemoveMember            Operation = "removeMember"
	OpLeaveOrganization       Operation = "leaveOrganization"
	OpDeleteOrganization      Operation = "deleteOrganization"
	OpInviteMember            Operation = "inviteMember"
	OpOrganizationInvitations Operation = "organizationInvitations"
	OpRevokeInvitation        Operation = "revokeInvitation"
	OpInvitation              Operation = "invitation"
	OpAcceptInvitation        Operation = "acceptInvitation"
)

// policies is the one place that says what holds for an operation. Package ratelimit
// reads the limits, password the lanes, httpapi the callers, and metrics the results
// and events.
var policies = map[Operation]Policy{
	OpSignUp: {
		Caller: CallerAnyone, Limit: LimitSignUp, Lane: LaneSignUp,
		Results: []Code{CodeSignupDisabled, CodeInvitationRequired, CodeEmailNotAllowed, CodeEmailNotVerified, CodeEmailTaken, CodeInvalidToken, CodeOrganizationLimit},
		Events:  []EventName{EventSignedUp, EventSignUpReplaced, EventUnopenedRemoved, EventInvitationAccepted, EventRefused, EventThrottled},
	},
	OpSignIn: {
		Caller: CallerAnyone, Limit: LimitGuess, Known: LimitKnown, Lane: LaneSignIn,
		Results: []Code{CodeInvalidCredentials, CodeAccountDisabled, CodeEmailNotVerified, CodeSecondFactorRequired},
		Events:  []EventName{EventSignedIn, EventRefused, EventThrottled},
	},
	OpRefresh: {
		Caller: CallerAnyone, Limit: LimitRefresh,
		Results: []Code{CodeInvalidRefreshToken},
		Events:  []EventName{EventRefreshed, EventReuseDetected, EventRefused, EventThrottled},
	},
	OpSignOut: {
		Caller: CallerAnyone, Limit: LimitNone,
		Results: []Code{CodeAmbiguousCredentials},
		Events:  []EventName{EventSignedOut},
	},
	OpSignOutAll: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
		Events:  []EventName{EventSignedOutAll},
	},
	OpChangePassword: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired},
		Events:  []EventName{EventPasswordChanged, EventRefused, EventThrottled},
	},
	OpSessions: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
	},
	OpEndSession: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeNotFound},
		Events:  []EventName{EventSessionEnded},
	},
	OpDeleteAccount: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeLastOwner},
		Events:  []EventName{EventAccountDeleted, EventRefused, EventThrottled},
	},
	OpExportAccount: { // only the hosted pages call it
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired},
		Events:  []EventName{EventAccountExported, EventRefused, EventThrottled},
	},
	OpMe: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
	},
	OpChangeName: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
		Events:  []EventName{EventNameChanged},
	},
	OpRequestPasswordReset: {
		Caller: CallerAnyone, Limit: LimitLinkRequest,
		Results: []Code{CodeMailDisabled},
		Events:  []EventName{EventPasswordResetRequested, EventThrottled},
	},
	OpResetPassword: {
		Caller: CallerAnyone, Limit: LimitLink, Lane: LanePriority,
		Results: []Code{CodeInvalidToken, CodeSecondFactorRequired},
		Events:  []EventName{EventPasswordReset, EventEmailVerified, EventCredentialsRemoved, EventSignedIn, EventRefused, EventThrottled},
	},
	OpRequestEmailVerification: {
		Caller: CallerAnyone, Limit: LimitLinkRequest,
		Results: []Code{CodeMailDisabled},
		Events:  []EventName{EventVerificationRequested, EventThrottled},
	},
	OpRequestEmailChange: {
		Caller: CallerSession, Known: LimitKnown, Mail: LimitOwnLinkRequest, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeMailDisabled, CodeElevationRequired, CodeEmailNotAllowed},
		Events:  []EventName{EventEmailChangeRequested, EventRefused, EventThrottled},
	},
	OpVerifyEmail: {
		Caller: CallerAnyoneOrSession, Limit: LimitLink, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeInvalidToken, CodeEmailTaken, CodeEmailNotAllowed},
		Events:  []EventName{EventEmailVerified, EventEmailChanged, EventRefused, EventThrottled},
	},
	OpMailLink: { // only the hosted pages call it
		Caller: CallerAnyone, Limit: LimitLink,
		Results: []Code{CodeInvalidToken},
		Events:  []EventName{EventRefused, EventThrottled},
	},
	OpSignInSecondFactor: { // Limit is for an answer to no challenge
		Caller: CallerAnyone, Limit: LimitLink, Code: LimitCode, Signed: LimitPasskey,
		Results: []Code{CodeInvalidCode, CodeInvalidToken, CodeInvalidCredentials, CodePasskeysDisabled},
		Events:  []EventName{EventSignedIn, EventEmailVerified, EventRecoveryCodeUsed, EventPasskeyRegressed, EventRefused, EventThrottled},
	},
	OpTOTPEnrolment: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeCredentialExists},
		Events:  []EventName{EventRefused, EventThrottled},
	},
	OpAddTOTP: {
		Caller: CallerSession, Code: LimitCode,
		Results: []Code{CodeUnauthenticated, CodeInvalidCode, CodeInvalidToken, CodeCredentialExists},
		Events:  []EventName{EventSecondFactorAdded, EventRefused, EventThrottled},
	},
	OpRemoveTOTP: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeNotFound},
		Events:  []EventName{EventSecondFactorRemoved, EventRefused, EventThrottled},
	},
	OpNewRecoveryCodes: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeNotFound},
		Events:  []EventName{EventRecoveryCodesMade, EventRefused, EventThrottled},
	},
	OpElevate: {
		Caller: CallerSession, Known: LimitKnown, Code: LimitCode, Signed: LimitPasskey, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeInvalidCode, CodeElevationRequired, CodePasskeysDisabled},
		Events:  []EventName{EventElevated, EventRecoveryCodeUsed, EventPasskeyRegressed, EventRefused, EventThrottled},
	},
	OpSignInPasskeyOptions: { // the answer is made from nothing and kept nowhere
		Caller: CallerAnyone, Limit: LimitNone,
		Results: []Code{CodePasskeysDisabled},
	},
	OpSignInPasskey: {
		Caller: CallerAnyone, Limit: LimitPasskey,
		Results: []Code{CodeInvalidCredentials, CodeInvalidToken, CodeAccountDisabled, CodeEmailNotVerified, CodePasskeysDisabled},
		Events:  []EventName{EventSignedIn, EventPasskeyRegressed, EventRefused, EventThrottled},
	},
	OpElevationOptions: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeNotFound, CodePasskeysDisabled},
		Events:  []EventName{EventRefused},
	},
	OpPasskeyOptions: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeCredentialExists, CodePasskeysDisabled},
		Events:  []EventName{EventRefused, EventThrottled},
	},
	OpAddPasskey: {
		Caller: CallerSession, Signed: LimitPasskey,
		Results: []Code{CodeUnauthenticated, CodeInvalidToken, CodeCredentialExists, CodePasskeysDisabled},
		Events:  []EventName{EventPasskeyAdded, EventRefused, EventThrottled},
	},
	OpPasskeys: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
	},
	OpRenamePasskey: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeNotFound},
		Events:  []EventName{EventPasskeyRenamed},
	},
	OpRemovePasskey: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeNotFound, CodeLastWayIn},
		Events:  []EventName{EventPasskeyRemoved, EventRefused, EventThrottled},
	},
	OpRemovePassword: {
		Caller: CallerSession, Known: LimitKnown, Lane: LanePriority,
		Results: []Code{CodeUnauthenticated, CodeInvalidCredentials, CodeElevationRequired, CodeNotFound, CodeLastWayIn},
		Events:  []EventName{EventPasswordRemoved, EventRefused, EventThrottled},
	},
	OpRequestMailSignIn: {
		Caller: CallerAnyone, Limit: LimitLinkRequest,
		Results: []Code{CodeMailDisabled},
		Events:  []EventName{EventMailSignInRequested, EventThrottled},
	},
	OpMailSignInCode: { // Limit is for a code without a challenge
		Caller: CallerAnyone, Limit: LimitLink, Code: LimitCode,
		Results: []Code{CodeInvalidCode, CodeInvalidToken, CodeInvalidCredentials, CodeSecondFactorRequired, CodeSignupDisabled, CodeInvitationRequired, CodeEmailNotAllowed},
		Events:  []EventName{EventSignedIn, EventSignedUp, EventEmailVerified, EventCredentialsRemoved, EventRefused, EventThrottled},
	},
	OpMailSignInLink: {
		Caller: CallerAnyone, Limit: LimitLink,
		Results: []Code{CodeInvalidToken, CodeInvalidCredentials, CodeSecondFactorRequired},
		Events:  []EventName{EventSignedIn, EventEmailVerified, EventCredentialsRemoved, EventRefused, EventThrottled},
	},
	OpRequestElevationMail: {
		Caller: CallerSession, Limit: LimitOwnLinkRequest,
		Results: []Code{CodeUnauthenticated, CodeMailDisabled, CodeElevationRequired},
		Events:  []EventName{EventElevationMailRequested, EventRefused, EventThrottled},
	},
	OpProviders: {Caller: CallerAnyone, Limit: LimitNone},
	OpSignInProvider: { // only the hosted pages call it
		Caller: CallerAnyone, Limit: LimitGuess,
		Results: []Code{
			CodeInvalidToken, CodeSecondFactorRequired, CodeInvalidCredentials, CodeAccountDisabled, CodeEmailNotVerified, CodeProviderRefused, CodeNotLinked,
			CodeSignupDisabled, CodeInvitationRequired, CodeEmailNotAllowed, CodeProviderUnavailable,
		},
		Events: []EventName{EventSignedIn, EventSignedUp, EventSignUpReplaced, EventIdentityLinked, EventRefused, EventThrottled},
	},
	OpLinkIdentity: { // only the hosted pages call it
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeInvalidToken, CodeElevationRequired, CodeProviderRefused, CodeCredentialExists, CodeProviderUnavailable},
		Events:  []EventName{EventIdentityLinked, EventRefused},
	},
	OpIdentities: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated},
	},
	OpUnlinkIdentity: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeElevationRequired, CodeNotFound, CodeLastWayIn},
		Events:  []EventName{EventIdentityUnlinked, EventRefused},
	},
	OpCreateOrganization: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeOrganizationLimit, CodeNotFound},
		Events:  []EventName{EventOrganizationCreated, EventRefused},
	},
	OpOrganizations: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled},
	},
	OpOrganizationMembers: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeNotFound},
		Events:  []EventName{EventRefused},
	},
	OpChangeMemberRole: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound, CodeLastOwner},
		Events:  []EventName{EventMemberRoleChanged, EventRefused},
	},
	OpRemoveMember: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound, CodeLastOwner},
		Events:  []EventName{EventMemberRemoved, EventRefused},
	},
	OpLeaveOrganization: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeNotFound, CodeLastOwner},
		Events:  []EventName{EventOrganizationLeft, EventRefused},
	},
	OpDeleteOrganization: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeElevationRequired, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound},
		Events:  []EventName{EventOrganizationDeleted, EventRefused},
	},
	OpInviteMember: {
		Caller: CallerSession, Limit: LimitInvite,
		Results: []Code{
			CodeUnauthenticated, CodeEmailNotVerified, CodeEmailNotAllowed, CodeMailDisabled, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound,
			CodeOrganizationLimit,
		},
		Events: []EventName{EventMemberInvited, EventRefused, EventThrottled},
	},
	OpOrganizationInvitations: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound},
		Events:  []EventName{EventRefused},
	},
	OpRevokeInvitation: {
		Caller: CallerSession, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeOrganizationsDisabled, CodeForbidden, CodeNotFound},
		Events:  []EventName{EventInvitationRevoked, EventRefused},
	},
	OpInvitation: {
		Caller: CallerAnyone, Limit: LimitLink,
		Results: []Code{CodeInvalidToken},
		Events:  []EventName{EventRefused, EventThrottled},
	},
	OpAcceptInvitation: {
		Caller: CallerSession, Limit: LimitLink,
		Results: []Code{CodeUnauthenticated, CodeInvalidToken, CodeForbidden, CodeOrganizationLimit},
		Events:  []EventName{EventEmailVerified, EventInvitationAccepted, EventRefused, EventThrottled},
	},
	OpExchange: {
		Caller: CallerAnyone, Limit: LimitLink,
		Results: []Code{CodeInvalidToken},
		Events:  []EventName{EventSignedIn, EventRefused, EventThrottled},
	},
	OpGateway: { // a token of 256 bits cannot be guessed, and nginx limits requests
		Caller: CallerAnyone, Limit: LimitNone,
		Results: []Code{CodeUnauthenticated, CodeForbidden, CodeOriginRefused, CodeAmbiguousCredentials},
		Events:  []EventName{EventRefused},
	},
}
