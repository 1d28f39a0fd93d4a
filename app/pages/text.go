package pages

import (
	"fmt"
	"math"
	"strings"
	"time"

	"hasura-login/app/language"
	"hasura-login/app/login"
)

// texts are all texts of the pages, in one language.
type texts struct {
	Lang string

	SignIn, SignUp, Forgot, Reset, Verify, Account, Failed string // titles, and buttons of the same name

	Email, Password, YourName, NewPassword, CurrentPassword, NewEmail string // labels
	NewEmailHint                                                      string

	ForgotQuestion, SignUpQuestion, SignInQuestion, BackToSignIn, VerifyAgain                        string // links
	CheckMail, SendAgain, SignUpClosed, MailDisabled, ForgotIntro, AlreadyVerified, VerifyAgainIntro string
	SendLink, SetPassword, Confirm                                                                   string // buttons

	SecondFactor, SecondFactorIntro, Code, CodeHint, FirstCodeHint, RememberDevice, ChallengeOver   string
	AddApp, AddAppNote, RemoveApp, RemoveAppNote, NewCodes, NewCodesNote, RecoveryCodes, CodesIntro string
	ScanIntro, QRLabel, TypeSecret, Elevate, ElevateIntro                                           string

	MailSignInQuestion, MailSignInTitle, MailSignInIntro, SendCode, MailCodeIntro, MailCodeHint             string
	MailCodeWrong, MailCodeOver, ElevateByMailIntro                                                         string
	mailLinkIntro                                                                                           func(email string) string
	SignInWithPasskey, UsePasskey, PasskeyIntro, PasskeyFailed, PasskeyUnknown, NeedsScript, ElevatePasskey string
	Passkeys, AddPasskey, AddPasskeyNote, AddPasskeyIntro, PasskeyName, PasskeyNameHint, UnnamedPasskey     string
	PasskeyAddedAt, Rename, RemovePasskey                                                                   string

	SignedInAs, OtherAccount, BackToApp string

	Or, Identities, IdentitiesNote, Unlink, PasswordOnceMore, Leave string
	// ProviderErrors explain errors on the return from a provider.
	ProviderErrors map[login.Code]string
	signInWith     func(brand, title string) string
	linkTo, goTo   func(title string) string

	Address, Verified, NotVerified, VerifyNow    string
	ChangePassword, ChangePasswordNote           string
	ChangeEmail                                  string
	Sessions, SessionsNote, ThisDevice, LastUsed string
	EndSession                                   string
	SignOut, SignOutAll                          string
	DeleteAccount, DeleteNote, DeleteForever     string
	DeviceOn, UnknownDevice                      string
	CurrentWrong, AccountWrong, TakeOver         string
	OpenedBy                                     map[string]string // by method (RFC 8176)
	AndSecondFactor                              string            // continues OpenedBy
	Notices                                      map[notice]string
	Errors                                       map[login.Code]string
	Later                                        map[login.Code]string // for errors that waiting helps against
	verifyIntro                                  func(email string, made time.Time) string
	changeIntro                                  func(from, to string) string
	changeElsewhere                              func(account, to string) string
	resetIntro                                   func(email string) string
	continueTo                                   func(app string) string
	passwordHint                                 func(least int) string
	invalidField                                 func(field, message string, least int) string
	wait                                         func(n int, minutes bool) string
	ago                                          func(d time.Duration, at time.Time) string
}

// notice names the message about what was done on the previous page.
type notice string

const (
	noticeResetSent       notice = "reset-sent"
	noticeVerifySent      notice = "verify-sent"
	noticeChangeSent      notice = "change-sent"
	noticeSignedUp        notice = "signed-up"
	noticeVerified        notice = "verified"
	noticePasswordSet     notice = "password-set"
	noticePasswordChanged notice = "password-changed"
	noticeSessionEnded    notice = "session-ended"
	noticeSessionOver     notice = "session-over"
	noticeSignedOut       notice = "signed-out"
	noticeSignedOutAll    notice = "signed-out-all"
	noticeDeleted         notice = "deleted"
	noticeAppAdded        notice = "app-added"
	noticeAppRemoved      notice = "app-removed"
	noticeElevated        notice = "elevated"
	noticeSignInAgain     notice = "sign-in-again"
	noticeFactorWanted    notice = "factor-wanted"
	noticePasskeyAdded    notice = "passkey-added"
	noticePasskeyRenamed  notice = "passkey-renamed"
	noticePasskeyRemoved  notice = "passkey-removed"
	noticeLinked          notice = "identity-linked"
	noticeUnlinked        notice = "identity-unlinked"
)

// speak picks the best of the languages that a client prefers.
func speak(preferred string) *texts {
	known := map[string]*texts{english.Lang: english, german.Lang: german}
	tag, found := language.Lookup(preferred, func(tag string) bool { return known[tag] != nil })
	if !found {
		return english
	}
	return known[tag]
}

// comeBack says when to try again; it rounds the wait up.
func (t *texts) comeBack(after time.Duration) string {
	seconds := max(1, int(math.Ceil(after.Seconds())))
	if seconds <= 90 {
		return t.wait(seconds, false)
	}
	return t.wait((seconds+59)/60, true)
}

var english = &texts{
	Lang:   "en",
	SignIn: "Sign in", SignUp: "Create account", Forgot: "Forgot your password?", Reset: "Choose a new password",
	Verify: "Confirm your e-mail address", Account: "Your account", Failed: "That did not work",

	Email: "E-mail address", Password: "Password", YourName: "Name", NewPassword: "New password",
	CurrentPassword: "Current password", NewEmail: "New e-mail address",
	NewEmailHint: "We send a link there. Your address changes when you open it.",

	ForgotQuestion: "Forgot your password?", SignUpQuestion: "New here? Create an account",
	SignInQuestion: "Have an account? Sign in", BackToSignIn: "Back to sign in", VerifyAgain: "Send the mail again",
	CheckMail: "Check your mail", SendAgain: "Nothing came? Send it again",
	SignUpClosed:     "New accounts are not open to everyone here.",
	MailDisabled:     "This site sends no mail. Ask whoever runs it for help.",
	ForgotIntro:      "Tell us your address and we send you a link to choose a new one.",
	AlreadyVerified:  "This address is confirmed already. Nothing is left to do.",
	VerifyAgainIntro: "Tell us your address and we send you a link to confirm it.",
	SendLink:         "Send link", SetPassword: "Set password", Confirm: "Confirm address",

	SecondFactor: "One more step", SecondFactorIntro: "This account also asks for a code.",
	Code: "Code", CodeHint: "From your authenticator app, or one of your recovery codes.",
	FirstCodeHint: "The six digits that the app shows now.", RememberDevice: "Do not ask for a code on this device for a while",
	ChallengeOver: "That took too long, or too many codes were wrong. Please sign in again.",
	AddApp:        "Add an authenticator app", AddAppNote: "Signing in then takes a code of the app too.",
	RemoveApp: "Remove the authenticator app", RemoveAppNote: "Your password alone is then enough to sign in. Your recovery codes go too.",
	NewCodes: "Make new recovery codes", NewCodesNote: "Ten codes for the day you lose the app. Those you had stop working.",
	RecoveryCodes: "Your recovery codes", CodesIntro: "Keep them where you find them without your phone. Each works once. They are not shown again.",
	ScanIntro: "Scan this with the app, then type the code that it shows.", QRLabel: "QR code for the authenticator app",
	TypeSecret: "No camera? Type this into the app:",
	Elevate:    "Prove that it is you", ElevateIntro: "This change takes a code. Type one, then make the change again.",
	SignInWithPasskey: "Sign in with a passkey",
	UsePasskey:        "Use a passkey",
	PasskeyIntro:      "This account also asks for a passkey.",
	PasskeyFailed:     "The passkey was not used. Please try again.",
	PasskeyUnknown:    "This passkey is not known here.",
	Passkeys:          "Your passkeys",
	AddPasskey:        "Add a passkey",
	AddPasskeyNote:    "Sign in by finger, face or PIN. Whoever signs in with your password is then asked for a passkey too.",
	AddPasskeyIntro:   "Your device asks for your finger, face or PIN.",
	PasskeyName:       "Name of the passkey",
	PasskeyNameHint:   "To tell it from others, such as the name of your phone.",
	UnnamedPasskey:    "Passkey",
	PasskeyAddedAt:    "added",
	Rename:            "Rename",
	RemovePasskey:     "Remove this passkey",
	NeedsScript:       "Passkeys need JavaScript, which is off in this browser.",
	ElevatePasskey:    "This change takes your passkey. Use it, then make the change again.",

	MailSignInQuestion: "Sign in with a code by mail", MailSignInTitle: "Sign in with a code",
	MailSignInIntro: "Tell us your address and we send you a code.", SendCode: "Send code",
	MailCodeIntro:      "If this address can sign in here, a mail with a code is on its way.",
	MailCodeHint:       "Six digits, good for 15 minutes and only here.",
	MailCodeWrong:      "This code is not the one in the newest mail. After five wrong ones it stops working.",
	MailCodeOver:       "That took too long, or too many codes were wrong. Ask for a new one.",
	ElevateByMailIntro: "This change takes a code that we send to your address.",
	mailLinkIntro: func(email string) string {
		return fmt.Sprintf("Sign in here as %s? Do so only if you asked for the mail.", email)
	},

	SignedInAs: "You are signed in as", OtherAccount: "Use another account", BackToApp: "Back to",

	Address: "E-mail address", Verified: "confirmed", NotVerified: "not confirmed yet", VerifyNow: "Send a link to confirm it",
	ChangePassword: "Change password", ChangePasswordNote: "You stay signed in here and are signed out everywhere else.",
	ChangeEmail: "Change e-mail address",
	Sessions:    "Where you are signed in", SessionsNote: "Something you do not recognise? Sign it out and change your password.",
	ThisDevice: "this device", LastUsed: "last used", EndSession: "Sign out",
	SignOut: "Sign out", SignOutAll: "Sign out everywhere",
	DeleteAccount: "Delete account", DeleteNote: "Your account and its data here are gone at once and cannot be brought back.",
	DeleteForever: "Delete for good",
	DeviceOn:      " on ", UnknownDevice: "Unknown device",
	CurrentWrong: "This is not your current password", AccountWrong: "This is not the password of the account",
	TakeOver: "You do not know the password? Set a new one",
	OpenedBy: map[string]string{"hwk": "by passkey", "swk": "by passkey", "pwd": "by password", "otp": "by mail", "fed": "with another site"}, AndSecondFactor: " and a second factor",
	Notices: map[notice]string{
		noticeResetSent:       "If this address has an account, a mail is on its way. The link in it works once, for 30 minutes.",
		noticeVerifySent:      "If this address has an account and is not confirmed yet, a mail is on its way.",
		noticeChangeSent:      "A mail is on its way to the new address, unless somebody else has it. Open the link in it to finish.",
		noticeSignedUp:        "Your account is made. Open the link in the mail we sent you, then sign in.",
		noticeVerified:        "Your e-mail address is confirmed.",
		noticePasswordSet:     "Your new password is set. You are signed out everywhere else.",
		noticePasswordChanged: "Your password is changed. You are signed out everywhere else.",
		noticeSessionEnded:    "Signed out there.",
		noticeSessionOver:     "Your session has ended. Please sign in again.",
		noticeSignedOut:       "You are signed out.",
		noticeSignedOutAll:    "You are signed out everywhere.",
		noticeDeleted:         "Your account is deleted.",
		noticeAppAdded:        "The app is added. Now make recovery codes, in case you lose it.",
		noticeAppRemoved:      "The app is removed.",
		noticeSignInAgain:     "This change takes a fresh sign-in. Sign in, then make it again.",
		noticeFactorWanted:    "Some of your rights here take a second factor. Add an authenticator app below, then you have them.",
		noticeElevated:        "Thank you. For the next minutes you can make your change.",
		noticePasskeyAdded:    "The passkey is added. Now make recovery codes, or add a second passkey, in case you lose it.",
		noticePasskeyRenamed:  "The passkey has its new name.",
		noticePasskeyRemoved:  "The passkey is removed.",
		noticeLinked:          "Linked. You can sign in with it from now on.",
		noticeUnlinked:        "It can no longer sign in to your account.",
	},
	Errors: map[login.Code]string{
		login.CodeInvalidCredentials: "E-mail address or password wrong",
		login.CodeLastWayIn:          "This is the only way to sign in to your account. Add another first.",
		login.CodeAccountDisabled:    "This account is disabled",
		login.CodeEmailNotVerified:   "This address is not confirmed yet. Open the link in the mail we sent you.",
		login.CodeEmailTaken:         "This address already has an account",
		login.CodeSignupDisabled:     "New accounts are not open to everyone here",
		login.CodeInvitationRequired: "A new account takes an invitation here",
		login.CodeEmailNotAllowed:    "Accounts cannot have an address at this domain here. Use another address.",
		login.CodeMailDisabled:       "This site sends no mail. Ask whoever runs it for help.",
		login.CodeInvalidToken:       "This link has expired or was used already. Ask for a new one.",
		login.CodeUnauthenticated:    "Please sign in to the account first.",
		login.CodeForbidden:          "This form was sent from another site. Open the page here and try again.",
		login.CodeInvalidCode:        "This code is wrong or was used already. Wait for the next one.",
		login.CodeCredentialExists:   "This account has an authenticator app already",
		login.CodeInternal:           "Something went wrong on our side. It is in our log.",
	},
	Later: map[login.Code]string{
		login.CodeRateLimited: "Too many attempts.",
		login.CodeOverloaded:  "Many people are signing in right now.",
		login.CodeUnavailable: "This is not available right now.",
	},
	verifyIntro: func(email string, made time.Time) string {
		return fmt.Sprintf("An account was made with %s on %s. If it is yours, confirm the address.", email, made.UTC().Format("2 January 2006"))
	},
	changeIntro: func(from, to string) string {
		return fmt.Sprintf("Your account has the address %s so far. Confirm that its new one is %s.", from, to)
	},
	changeElsewhere: func(account, to string) string {
		return fmt.Sprintf("This link gives the address %s to the account %s. Sign in to that account first. If it is not yours, close this page.", to, account)
	},
	Or: "or", Identities: "Other ways to sign in", IdentitiesNote: "Accounts at other sites with which you can sign in to this one.",
	Unlink: "Unlink", PasswordOnceMore: "This change takes your password. Type it, then make the change again.",
	Leave: "You will be asked to sign in there.",
	ProviderErrors: map[login.Code]string{
		login.CodeProviderRefused:     "The other site has not confirmed who you are, or gave no e-mail address. Try again, or sign in another way.",
		login.CodeProviderUnavailable: "The other site does not answer as it should. Try again in a moment, or sign in another way.",
		login.CodeNotLinked:           "There is an account with this e-mail address already. Sign in to it, then link the other site on your account's page. If you do not know its password, set a new one.",
		login.CodeInvalidToken:        "That took too long, or was begun in another browser, or is done already. Please begin again.",
		login.CodeCredentialExists:    "That account at the other site belongs to another account here.",
		login.CodeInvitationRequired:  "There is no account for you here, and a new one takes an invitation.",
		login.CodeEmailNotAllowed:     "There is no account for you here, and a new one cannot have an address at your domain.",
		login.CodeSignupDisabled:      "There is no account for you here, and new accounts are not open to everyone.",
	},
	signInWith: func(_, title string) string { return "Sign in with " + title },
	linkTo:     func(title string) string { return "Link " + title },
	goTo:       func(title string) string { return "Go on to " + title },
	continueTo: func(app string) string { return "Continue to " + app },
	resetIntro: func(email string) string {
		return fmt.Sprintf("For the account %s. Every session of it ends.", email)
	},
	passwordHint: func(least int) string {
		return fmt.Sprintf("At least %d characters. A few random words are good.", least)
	},
	invalidField: func(_, message string, _ int) string {
		if strings.HasPrefix(message, "is ") || strings.HasPrefix(message, "must ") {
			return "It " + message
		}
		return strings.ToUpper(message[:1]) + message[1:]
	},
	wait: func(n int, minutes bool) string {
		unit := "second"
		if minutes {
			unit = "minute"
		}
		if n > 1 {
			unit += "s"
		}
		return fmt.Sprintf("Try again in %d %s.", n, unit)
	},
	ago: func(d time.Duration, at time.Time) string {
		switch n := int(d.Minutes()); {
		case n < 1:
			return "just now"
		case n == 1:
			return "a minute ago"
		case n < 60:
			return fmt.Sprintf("%d minutes ago", n)
		case n < 120:
			return "an hour ago"
		case n < 24*60:
			return fmt.Sprintf("%d hours ago", n/60)
		default:
			return at.UTC().Format("2 January 2006")
		}
	},
}
