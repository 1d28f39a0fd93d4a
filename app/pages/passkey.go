package pages

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"slices"

	"hasura-login/app/login"
)

const (
	fieldCredential = "credential"
	fieldOptions    = "options"
	fieldCodes      = "codes" // codes are possible too
	fieldPasskey    = "passkey"
	fieldName       = "name"

	doPasskey        = "passkey"
	doAddPasskey     = "add-passkey"
	doConfirmPasskey = "confirm-passkey"
	doRenamePasskey  = "rename-passkey"
	doRemovePasskey  = "remove-passkey"

	// pathRenewPasskey makes new options for a page that has been open for long.
	pathRenewPasskey = "/auth/signin/passkey/options"
)

// script is the only script of the pages: it serves passkeys, shows passwords and says
// early what is wrong with a new one. Without scripts the forms of passkeys stay hidden,
// and users sign in with passwords.
//
//go:embed assets/pages.js
var script string

// scriptSource is the script's digest, so that the browser runs no other script.
func scriptSource() string {
	digest := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'"
}

// passkeyForm is a form that an authenticator fills in.
func (v *request) passkeyForm(path, do, button string, options json.RawMessage) *form {
	f := v.formOf(path, do, button)
	f.Options, f.Ceremony = string(options), "get"
	return &f
}

// withPasskey adds the sign-in by passkey to a page, if passkeys are on.
func (v *request) withPasskey(p page) page {
	if options, err := v.Service.SignInPasskeyOptions(v.ctx()); err == nil {
		p.Passkey = v.passkeyForm(pathSignIn, doPasskey, v.SignInWithPasskey, options)
		p.Passkey.Renew = pathRenewPasskey
	}
	return p
}

func (v *request) signInPasskey() error {
	g, err := v.Service.SignInPasskey(v.ctx(), login.SignInPasskeyInput{
		Answer: []byte(v.form(fieldCredential)), DeviceToken: v.cookies.get(v.r, cookieDevice), Client: v.Client,
	})
	if err = v.Attempted(login.OpSignInPasskey, err); err == nil {
		return v.enter(g)
	}
	p := v.withPasskey(v.page(v.SignIn))
	f := v.signInForm("")
	f.Failed, f.Alert = true, v.passkeyProblem(err)
	v.write(formPage(p, f))
	return formError{err}
}

// passkeyProblem describes what is wrong with the answer of a passkey.
func (v *request) passkeyProblem(err error) string {
	switch login.AsError(err).Code {
	case login.CodeInvalidCredentials:
		return v.PasskeyUnknown
	case login.CodeInvalidToken, login.CodeInvalidInput:
		return v.PasskeyFailed
	}
	return v.problem(err).Message
}

// passkeyRow is a passkey of the account.
type passkeyRow struct {
	Name   string
	Added  string
	Used   string
	UsedAt string // for machines; empty: never
	Rename form
	Remove form
}

// passkeySection lists the account's passkeys, with the form that adds one.
func (v *request) passkeySection(a *account, ua login.UserAccount, list []login.Passkey) {
	if _, err := v.Service.SignInPasskeyOptions(v.ctx()); err == nil {
		f := v.formOf(pathAccount, doAddPasskey, v.AddPasskey,
			append([]field{{Name: fieldName, Label: v.PasskeyName, Type: "text", Autocomplete: "off", Hint: v.PasskeyNameHint}}, v.currentPassword(ua)...)...)
		f.Username = ua.User.Email
		a.AddPasskey = &f
	}
	for _, p := range list {
		row := passkeyRow{
			Name: p.Name, Added: v.Ago(p.CreatedAt, v.now()),
			Rename: v.formOf(pathAccount, doRenamePasskey, v.Rename, field{Name: fieldName, Label: v.PasskeyName, Type: "text", Autocomplete: "off", Value: p.Name}),
			Remove: v.formOf(pathAccount, doRemovePasskey, v.RemovePasskey, v.currentPassword(ua)...),
		}
		if row.Name == "" {
			row.Name = v.UnnamedPasskey
		}
		if !p.LastUsedAt.IsZero() {
			row.Used, row.UsedAt = v.Ago(p.LastUsedAt, v.now()), p.LastUsedAt.UTC().Format("2006-01-02T15:04:05Z")
		}
		for _, f := range []*form{&row.Rename, &row.Remove} {
			f.ID += "-" + p.ID
			f.Hidden = append(f.Hidden, hidden{fieldPasskey, p.ID})
		}
		row.Remove.Danger, row.Remove.Username, row.Remove.Detail = true, ua.User.Email, row.Name
		a.Passkeys = append(a.Passkeys, row)
	}
}

// addPasskey shows the page that asks the authenticator for a new passkey.
func (v *request) addPasskey(id login.Identity) error {
	options, err := v.Service.PasskeyOptions(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpPasskeyOptions, err); err != nil {
		return err
	}
	p := v.page(v.AddPasskey)
	p.Intro, p.NoScript = v.AddPasskeyIntro, v.NeedsScript
	p.Passkey = v.passkeyForm(pathAccount, doConfirmPasskey, v.AddPasskey, options)
	p.Passkey.Ceremony = "create"
	p.Passkey.Hidden = append(p.Passkey.Hidden, hidden{fieldName, v.form(fieldName)})
	v.write(formPage(p, form{Links: []link{{pathAccount, v.Account}}}))
	return nil
}

func (v *request) confirmPasskey(id login.Identity) error {
	_, err := v.Service.AddPasskey(v.ctx(), id, login.AddPasskeyInput{Answer: []byte(v.form(fieldCredential)), Name: v.form(fieldName), Client: v.Client})
	if err = v.Attempted(login.OpAddPasskey, err); err != nil {
		return err
	}
	return v.stay(noticePasskeyAdded)
}

func (v *request) renamePasskey(id login.Identity) error {
	err := v.Service.RenamePasskey(v.ctx(), id, v.form(fieldPasskey), v.form(fieldName), v.Client)
	if err = v.Attempted(login.OpRenamePasskey, err); err != nil {
		return err
	}
	return v.stay(noticePasskeyRenamed)
}

func (v *request) removePasskey(id login.Identity) error {
	err := v.Service.RemovePasskey(v.ctx(), id, v.form(fieldPasskey), v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpRemovePasskey, err); err != nil {
		return err
	}
	return v.stay(noticePasskeyRemoved)
}

// takesCodes tells whether a code is one of the methods.
func takesCodes(methods []login.Method) bool {
	return slices.Contains(methods, login.MethodTOTP) || slices.Contains(methods, login.MethodRecoveryCode)
}
