package pages

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"hasura-login/app/language"
	"hasura-login/app/login"
)

// texts are the texts of the pages in one language. A field is the text of the
// catalogue that is called page. and the field's name; a map holds all whose names begin
// with that of the field.
type texts struct {
	*language.Texts

	SignIn, SignUp, Forgot, Reset, Verify, Account, Failed string // titles, and buttons of the same name

	Email, Password, YourName, NewPassword, CurrentPassword, NewEmail string // labels
	NewEmailHint                                                      string

	ForgotQuestion, SignUpQuestion, SignInQuestion, BackToSignIn, VerifyAgain                        string // links
	CheckMail, SendAgain, SignUpClosed, MailDisabled, ForgotIntro, AlreadyVerified, VerifyAgainIntro string
	SendLink, SetPassword, Confirm                                                                   string // buttons

	SecondFactor, SecondFactorIntro, Code, CodeHint, FirstCodeHint, RememberDevice, ChallengeOver   string
	AddApp, AddAppNote, RemoveApp, RemoveAppNote, NewCodes, NewCodesNote, RecoveryCodes, CodesIntro string
	ScanIntro, QrLabel, TypeSecret, Elevate, ElevateIntro                                           string

	MailSignInQuestion, MailSignInTitle, MailSignInIntro, SendCode, MailCodeHint                            string
	MailCodeWrong, MailCodeOver, ElevateByMailIntro                                                         string
	SignInWithPasskey, UsePasskey, PasskeyIntro, PasskeyFailed, PasskeyUnknown, NeedsScript, ElevatePasskey string
	Passkeys, AddPasskey, AddPasskeyNote, AddPasskeyIntro, PasskeyName, PasskeyNameHint, UnnamedPasskey     string
	PasskeyAddedAt, Rename, RemovePasskey                                                                   string

	SignedInAs, OtherAccount, BackToApp, StillSignedIn, GoOn string

	RemovePassword, RemovePasswordNote                            string
	ShowPassword, HidePassword, TooShort, TooCommon, GoodPassword string // for the script
	NotFound, NotFoundIntro                                       string

	Language, Support, Privacy, Terms string // at the foot of a page

	Or, Identities, IdentitiesNote, Unlink, PasswordOnceMore, Leave string
	// ProviderErrors explain errors on the return from a provider.
	ProviderErrors map[login.Code]string

	Invitation, InvitationOver, Accept string

	Verified, NotVerified, VerifyNow             string
	ChangePassword, ChangePasswordNote           string
	ChangeName, ChangeEmail                      string
	Sessions, SessionsNote, ThisDevice, LastUsed string
	EndSession                                   string
	SignOut, SignOutAll                          string
	DeleteAccount, DeleteNote, DeleteForever     string
	ExportTitle, ExportNote, ExportButton        string
	UnknownDevice                                string
	CurrentWrong, AccountWrong, TakeOver         string
	OpenedBy                                     map[string]string // by method (RFC 8176)
	Notices                                      map[notice]string
	Errors                                       map[login.Code]string
	Later                                        map[login.Code]string // for errors that waiting helps against
}

// notice names the message about what was done on the previous page.
type notice string

const (
	noticeResetSent       notice = "reset-sent"
	noticeVerifySent      notice = "verify-sent"
	noticeChangeSent      notice = "change-sent"
	noticeSignedUp        notice = "signed-up"
	noticeVerified        notice = "verified"
	noticeNameChanged     notice = "name-changed"
	noticePasswordSet     notice = "password-set"
	noticePasswordChanged notice = "password-changed"
	noticePasswordRemoved notice = "password-removed"
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
	noticeAccepted        notice = "invitation-accepted"
	noticeJoined          notice = "invitation-joined"
)

// textsOf reads the texts of a language.
func textsOf(l *language.Texts) (*texts, error) {
	t := &texts{Texts: l}
	v := reflect.ValueOf(t).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := textName(field)
		switch field.Type.Kind() {
		case reflect.String:
			v.Field(i).SetString(l.Text(name))
		case reflect.Map:
			all := reflect.MakeMap(field.Type)
			for key, text := range l.Under(name + ".") {
				all.SetMapIndex(reflect.ValueOf(key).Convert(field.Type.Key()), reflect.ValueOf(text))
			}
			v.Field(i).Set(all)
		}
		if v.Field(i).IsZero() || field.Type.Kind() == reflect.Map && v.Field(i).Len() == 0 {
			return nil, fmt.Errorf("there is no text %s", name)
		}
	}
	return t, nil
}

// textName is the name of a field's text in the catalogue.
func textName(field reflect.StructField) string {
	return "page." + strings.ToLower(field.Name[:1]) + field.Name[1:]
}

// speak picks the best of the languages that a client prefers.
func (s *Site) speak(preferred string) *texts {
	return s.texts[s.Catalogue.Best(preferred, s.Language).Tag]
}

// comeBack says when to try again; it rounds the wait up.
func (t *texts) comeBack(after time.Duration) string {
	seconds := max(1, int(math.Ceil(after.Seconds())))
	if seconds <= 90 {
		return t.Count("page.waitSeconds", seconds)
	}
	return t.Count("page.waitMinutes", (seconds+59)/60)
}

func (t *texts) mailLinkIntro(email string) string {
	return t.Text("page.mailLinkIntro", "email", email)
}

func (t *texts) mailCodeIntro(email string) string {
	return t.Text("page.mailCodeIntro", "email", email)
}

// signInWith is the text of a provider's button. Some providers' brand rules demand
// their own words.
func (t *texts) signInWith(brand, title string) string {
	if brand == "google" {
		return t.Text("page.signInWith.google")
	}
	return t.Text("page.signInWith.other", "provider", title)
}

func (t *texts) linkTo(title string) string { return t.Text("page.linkTo", "provider", title) }

func (t *texts) goTo(title string) string { return t.Text("page.goTo", "provider", title) }

func (t *texts) continueTo(app string) string { return t.Text("page.continueTo", "app", app) }

func (t *texts) invitationIntro(i login.OpenInvitation) string {
	if i.Organization.ID == "" {
		return t.Text("page.invitationIntro.signUp", "email", i.Email)
	}
	return t.Text("page.invitationIntro.organization", "email", i.Email, "organization", i.Organization.Name)
}

func (t *texts) invitationElsewhere(email string) string {
	return t.Text("page.invitationElsewhere", "email", email)
}

func (t *texts) resetIntro(email string) string { return t.Text("page.resetIntro", "email", email) }

func (t *texts) verifyIntro(email string, made time.Time) string {
	return t.Text("page.verifyIntro", "email", email, "date", t.Date(made))
}

func (t *texts) changeIntro(from, to string) string {
	return t.Text("page.changeIntro", "from", from, "to", to)
}

func (t *texts) changeElsewhere(account, to string) string {
	return t.Text("page.changeElsewhere", "account", account, "to", to)
}

func (t *texts) passwordHint(least int) string { return t.Count("page.passwordHint", least) }

// passwordRules finds the rule that a password broke by the beginning of the API's words,
// which are English.
var passwordRules = []struct{ problem, text string }{
	{"must not be empty", "page.invalid.password.empty"},
	{"is among the most common", "page.invalid.password.common"},
	{"is built on", "page.invalid.password.builtOn"},
	{"must have at least", "page.invalid.password.short"},
	{"must not be longer", "page.invalid.password.long"},
	{"", "page.invalid.password.other"},
}

// invalidField says what is wrong with a field.
func (t *texts) invalidField(field, problem string, least int) string {
	if field != fieldPassword {
		return t.Text("page.invalid." + field)
	}
	for _, rule := range passwordRules {
		if strings.HasPrefix(problem, rule.problem) {
			return t.Count(rule.text, least)
		}
	}
	return ""
}
