package pages

import (
	"errors"
	"slices"

	"hasura-login/app/login"
)

// The actions of pages that have several forms.
const (
	fieldDo = "do"

	doContinue    = "continue"
	doSignOut     = "signout"
	doSignOutAll  = "signout-all"
	doName        = "name"
	doPassword    = "password"
	doNoPassword  = "remove-password"
	doEmail       = "email"
	doVerify      = "verify"
	doEndSession  = "end-session"
	doDelete      = "delete"
	doExport      = "export"
	doAddApp      = "add-app"
	doConfirmApp  = "confirm-app"
	doRemoveApp   = "remove-app"
	doNewCodes    = "new-codes"
	doElevate     = "elevate"
	doSendCode    = "send-code"
	fieldSession  = "session"
	fieldCurrent  = "current"
	fieldPassword = "password"
)

// account is the content of the account page.
type account struct {
	User     login.User
	Verified bool
	Verify   *form // asks for a mail that confirms the address; nil: not needed, or no mail is sent
	Sessions []sessionRow
	// Identities are accounts at providers that can sign in to this one.
	Identities []identityRow
	Link       []form
	LinkAlert  string
	Name       form
	Password   form
	// PasswordTitle names the form: the account may have no password yet.
	PasswordTitle string
	NoPassword    *form // removes the password; nil: it is the only way to sign in
	Email         *form // nil: the address cannot be changed, because no mail is sent
	Passkeys      []passkeyRow
	AddPasskey    *form // nil: passkeys are off
	AddApp        *form // nil: the account has an app already
	NewCodes      *form
	Remove        *form // removes the authenticator app
	Export        form  // gives the owner a copy of all data
	Delete        form
	SignOut       form
	EndAll        form
}

// sessionRow is a place where the account is signed in.
type sessionRow struct {
	Name    string
	Used    string
	UsedAt  string // for machines
	Current bool
	Opened  string // how its owner signed in
	End     form
}

func (v *request) showAccount() error {
	id, err := v.identify()
	if err == nil {
		err = v.writeAccount(id, "", nil)
	}
	return v.signedOut(err)
}

// writeAccount shows the account, and with a failure, the form that failed.
func (v *request) writeAccount(id login.Identity, failed string, failure error) error {
	ua, err := v.Service.Me(v.ctx(), id)
	if err = v.Attempted(login.OpMe, err); err != nil {
		return err
	}
	sessions, err := v.Service.Sessions(v.ctx(), id)
	if err = v.Attempted(login.OpSessions, err); err != nil {
		return err
	}
	passkeys, err := v.Service.ListPasskeys(v.ctx(), id)
	if err = v.Attempted(login.OpPasskeys, err); err != nil {
		return err
	}
	v.byPasskey = len(passkeys) > 0 && slices.ContainsFunc(sessions, func(s login.Session) bool {
		return s.ID == id.SessionID && (slices.Contains(s.AMR, "hwk") || slices.Contains(s.AMR, "swk"))
	})
	a := v.accountOf(ua, sessions, id.SessionID)
	if err := v.identityForms(&a, id); err != nil {
		return err
	}
	v.passkeySection(&a, ua, passkeys)
	if ua.Account.Password != "" && (len(passkeys)+len(a.Identities) > 0 || v.MailSignIn) {
		f := v.formOf(pathAccount, doNoPassword, v.RemovePassword, v.currentPassword(ua)...)
		f.Username, f.Danger = ua.User.Email, true
		a.NoPassword = &f
	}
	if failure != nil {
		if failed == doLink || failed == doUnlink {
			a.LinkAlert = v.problem(failure).Message
		}
		forms := []*form{&a.Name, &a.Password, a.NoPassword, a.Email, a.Verify, a.AddPasskey, a.AddApp, a.NewCodes, a.Remove, &a.Export, &a.Delete, &a.SignOut, &a.EndAll}
		for i := range a.Passkeys {
			forms = append(forms, &a.Passkeys[i].Rename, &a.Passkeys[i].Remove)
		}
		for _, f := range forms {
			if f != nil && f.Do == failed && v.isOf(f) {
				f.blame(v.problem(failure))
			}
		}
	}
	v.write(accountPage(v.page(v.Account), a))
	return nil
}

// isOf tells whether the posted form is for this passkey, if it names one.
func (v *request) isOf(f *form) bool {
	return !slices.ContainsFunc(f.Hidden, func(h hidden) bool { return h.Name == fieldPasskey && h.Value != v.form(fieldPasskey) })
}

func (v *request) accountOf(ua login.UserAccount, sessions []login.Session, current string) account {
	a := account{
		User: ua.User, Verified: !ua.Account.EmailVerifiedAt.IsZero(),
		Name: v.nameForm(ua.User.Name),
		Password: v.formOf(pathAccount, doPassword, v.ChangePassword,
			append(v.currentPassword(ua), v.newPassword(v.NewPassword))...),
		Export:  v.formOf(pathAccount, doExport, v.ExportButton, v.currentPassword(ua)...),
		Delete:  v.formOf(pathAccount, doDelete, v.DeleteForever, v.currentPassword(ua)...),
		SignOut: v.button(pathAccount, doSignOut, v.SignOut),
		EndAll:  v.button(pathAccount, doSignOutAll, v.SignOutAll),
	}
	a.PasswordTitle = v.ChangePassword
	if ua.Account.Password == "" {
		a.PasswordTitle, a.Password.Button = v.SetPassword, v.SetPassword
	}
	a.Password.Username, a.Export.Username, a.Delete.Username, a.Delete.Danger = ua.User.Email, ua.User.Email, ua.User.Email, true
	if v.MailEnabled {
		address := field{Name: "email", Label: v.NewEmail, Type: "email", Autocomplete: "email", Hint: v.NewEmailHint, Value: v.form("email")}
		f := v.formOf(pathAccount, doEmail, v.ChangeEmail, append([]field{address}, v.currentPassword(ua)...)...)
		f.Username = ua.User.Email // not the new address
		a.Email = &f
		if !a.Verified {
			b := v.button(pathAccount, doVerify, v.VerifyNow)
			a.Verify = &b
		}
	}
	v.factorForms(&a, ua)
	for _, s := range sessions {
		row := sessionRow{
			Name: v.device(s.ClientName), Used: v.Ago(s.LastUsedAt, v.now()),
			UsedAt: s.LastUsedAt.UTC().Format("2006-01-02T15:04:05Z"), Current: s.ID == current, Opened: v.opened(s.AMR),
			End: v.button(pathAccount, doEndSession, v.EndSession),
		}
		row.End.Detail = row.Name
		row.End.Hidden = append(row.End.Hidden, hidden{fieldSession, s.ID})
		a.Sessions = append(a.Sessions, row)
	}
	return a
}

// nameForm shows a refused name again instead of the one that the account has.
func (v *request) nameForm(name string) form {
	if v.form(fieldDo) == doName {
		name = v.form(fieldName)
	}
	return v.formOf(pathAccount, doName, v.ChangeName, field{Name: fieldName, Label: v.YourName, Type: "text", Autocomplete: "name", Value: name})
}

// currentPassword asks for the account's password, if it has one. A session that a
// passkey opened proves more than the password; if that was long ago, the change asks for
// the passkey again.
func (v *request) currentPassword(ua login.UserAccount) []field {
	if ua.Account.Password == "" || v.byPasskey {
		return nil
	}
	return []field{{Name: fieldCurrent, Label: v.CurrentPassword, Type: "password", Autocomplete: "current-password"}}
}

// changeAccount handles a form of the account page.
func (v *request) changeAccount() error {
	do := v.form(fieldDo)
	if do == doSignOut {
		v.endSession()
		return v.leave(noticeSignedOut)
	}
	id, err := v.identify()
	if err != nil {
		return v.signedOut(err)
	}
	switch do {
	case doName:
		err = v.changeName(id)
	case doPassword:
		err = v.changePassword(id)
	case doNoPassword:
		err = v.removePassword(id)
	case doEmail:
		err = v.changeEmail(id)
	case doVerify:
		err = v.askToVerify(id)
	case doEndSession:
		err = v.endOther(id)
	case doSignOutAll:
		err = v.signOutAll(id)
	case doExport:
		err = v.exportAccount(id)
	case doDelete:
		err = v.deleteAccount(id)
	case doAddApp:
		err = v.addApp(id)
	case doConfirmApp:
		err = v.confirmApp(id)
	case doRemoveApp:
		err = v.removeApp(id)
	case doNewCodes:
		err = v.newCodes(id)
	case doAddPasskey:
		err = v.addPasskey(id)
	case doConfirmPasskey:
		err = v.confirmPasskey(id)
		do = doAddPasskey
	case doRenamePasskey:
		err = v.renamePasskey(id)
	case doRemovePasskey:
		err = v.removePasskey(id)
	case doElevate:
		err = v.elevate(id)
	case doSendCode:
		err = v.sendElevationCode(id)
	case doLink:
		err = v.leaveToLink(id)
	case doUnlink:
		err = v.unlink(id)
	default:
		return login.Errorf(login.CodeInvalidInput, "The form is not one of this page")
	}
	if err == nil {
		return nil
	}
	var shown formError
	switch {
	case errors.As(err, &shown):
		return err
	case has(err, login.CodeUnauthenticated):
		return v.signedOut(err)
	case has(err, login.CodeElevationRequired):
		return v.askToElevate(id, login.AsError(err).Methods)
	}
	if shown := v.writeAccount(id, do, err); shown != nil {
		return v.signedOut(shown)
	}
	return formError{err}
}

// leave forgets the session and says why.
func (v *request) leave(n notice) error {
	v.forget()
	v.flash(n)
	return v.redirect(v.returnState.link(pathSignIn))
}

// stay shows the account page again with a notice of what was done.
func (v *request) stay(n notice) error {
	v.flash(n)
	return v.redirect(pathAccount)
}

func (v *request) changeName(id login.Identity) error {
	if err := v.Attempted(login.OpChangeName, v.Service.ChangeName(v.ctx(), id, v.form(fieldName), v.Client)); err != nil {
		return err
	}
	return v.stay(noticeNameChanged)
}

func (v *request) changePassword(id login.Identity) error {
	g, err := v.Service.ChangePassword(v.ctx(), id, login.ChangePasswordInput{
		CurrentPassword: v.form(fieldCurrent), NewPassword: v.form(fieldPassword), Client: v.Client,
	})
	if err = v.Attempted(login.OpChangePassword, err); err != nil {
		return err
	}
	v.keep(g)
	return v.stay(noticePasswordChanged)
}

func (v *request) removePassword(id login.Identity) error {
	g, err := v.Service.RemovePassword(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpRemovePassword, err); err != nil {
		return err
	}
	v.keep(g)
	return v.stay(noticePasswordRemoved)
}

func (v *request) changeEmail(id login.Identity) error {
	err := v.Service.RequestEmailChange(v.ctx(), id, login.RequestEmailChangeInput{
		NewEmail: v.form("email"), Password: v.form(fieldCurrent), Client: v.Client,
	})
	if err = v.Attempted(login.OpRequestEmailChange, err); err != nil {
		return err
	}
	v.flashAbout(noticeChangeSent, v.form("email"))
	return v.redirect(pathAccount)
}

func (v *request) askToVerify(id login.Identity) error {
	ua, err := v.Service.Me(v.ctx(), id)
	if err = v.Attempted(login.OpMe, err); err != nil {
		return err
	}
	err = v.Service.RequestEmailVerification(v.ctx(), login.RequestEmailVerificationInput{Email: ua.User.Email, Client: v.Client})
	if err = v.Attempted(login.OpRequestEmailVerification, err); err != nil {
		return err
	}
	v.flashAbout(noticeVerifySent, ua.User.Email)
	return v.redirect(pathAccount)
}

func (v *request) endOther(id login.Identity) error {
	ended := v.form(fieldSession)
	err := v.Service.EndSession(v.ctx(), id, ended, v.Client)
	// A session that ended in the meantime needs no removal.
	if err = v.Attempted(login.OpEndSession, err); err != nil && !has(err, login.CodeNotFound) {
		return err
	}
	if ended == id.SessionID {
		return v.leave(noticeSignedOut)
	}
	return v.stay(noticeSessionEnded)
}

func (v *request) signOutAll(id login.Identity) error {
	if err := v.Attempted(login.OpSignOutAll, v.Service.SignOutAll(v.ctx(), id, v.Client)); err != nil {
		return err
	}
	return v.leave(noticeSignedOutAll)
}

// exportAccount sends the owner's data as a file.
func (v *request) exportAccount(id login.Identity) error {
	ua, err := v.Service.ExportAccount(v.ctx(), id, v.form(fieldCurrent), v.Client)
	var data []byte
	if err == nil {
		data, err = v.Export(v.ctx(), ua)
	}
	if err = v.Attempted(login.OpExportAccount, err); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="account.json"`)
	_, err = v.w.Write(data)
	return err
}

func (v *request) deleteAccount(id login.Identity) error {
	err := v.Service.DeleteAccount(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpDeleteAccount, err); err != nil {
		return err
	}
	v.cookies.set(v.w, cookieDevice, "", 0)
	return v.leave(noticeDeleted)
}
