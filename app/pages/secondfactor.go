package pages

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/boombuler/barcode/qr"

	"hasura-login/app/login"
)

const (
	fieldChallenge = "challenge"
	fieldCode      = "code"
	fieldRemember  = "remember"
	fieldEnrolment = "enrolment"
	fieldURI       = "uri"
	fieldSecret    = "secret"
	autofillCode   = "one-time-code"
	uriOfTOTP      = "otpauth://totp/"
)

// askSecondFactor is the second half of a sign-in.
func (v *request) askSecondFactor(e *login.Error) error {
	v.writeSecondFactor(challenged{e.Challenge, string(e.PasskeyOptions), takesCodes(e.Methods)}, nil)
	return nil
}

// challenged is what a sign-in needs after its first half. The forms send it back; only
// their sender sees it.
type challenged struct {
	challenge string
	options   string // of a passkey, if there is one
	codes     bool
}

func (v *request) challenged() challenged {
	return challenged{v.form(fieldChallenge), v.form(fieldOptions), v.form(fieldCodes) != ""}
}

// writeSecondFactor shows the forms, and with a failure, what is wrong.
func (v *request) writeSecondFactor(c challenged, failure error) {
	p := v.page(v.SecondFactor)
	again := []hidden{{fieldChallenge, c.challenge}, {fieldOptions, c.options}}
	if c.codes {
		again = append(again, hidden{fieldCodes, "yes"})
	}
	if json.Valid([]byte(c.options)) {
		p.Passkey = v.passkeyForm(pathSecondFactor, "", v.UsePasskey, json.RawMessage(c.options))
		p.Passkey.ID, p.Passkey.Hidden, p.Intro = "passkey", append(p.Passkey.Hidden, again...), v.PasskeyIntro
	}
	f := form{}
	if c.codes || p.Passkey == nil {
		p.Intro = v.SecondFactorIntro
		f = v.formOf(pathSecondFactor, "", v.SignIn, v.codeField(),
			field{Name: fieldRemember, Label: v.RememberDevice, Type: "checkbox"})
		f.Hidden = append(f.Hidden, again...)
	} else {
		p.NoScript = v.NeedsScript
	}
	f.Links = v.backToSignIn()
	switch {
	case failure == nil:
	case v.form(fieldCredential) != "" && p.Passkey != nil:
		p.Passkey.Alert = v.passkeyProblem(failure)
	default:
		f.blame(v.problem(failure))
	}
	v.write(formPage(p, f))
}

func (v *request) codeField() field {
	return field{Name: fieldCode, Label: v.Code, Type: "text", Autocomplete: autofillCode, Hint: v.CodeHint, Focus: true}
}

// toSignIn redirects a visitor who opens a page that only a form leads to.
func (v *request) toSignIn() error { return v.redirect(v.returnState.link(pathSignIn)) }

func (v *request) answerChallenge() error {
	c := v.challenged()
	g, err := v.Service.SignInSecondFactor(v.ctx(), login.SignInSecondFactorInput{
		Challenge: c.challenge, Proof: v.proof(), Remember: v.form(fieldRemember) != "", Client: v.Client,
	})
	if err = v.Attempted(login.OpSignInSecondFactor, err); err == nil {
		return v.enter(g)
	}
	if has(err, login.CodeInvalidToken) {
		f := v.signInForm("")
		f.Failed, f.Alert = true, v.ChallengeOver
		v.write(formPage(v.withPasskey(v.page(v.SignIn)), f))
		return formError{err}
	}
	v.writeSecondFactor(c, err)
	return formError{err}
}

// proof is what a form submits: the answer of a passkey, or a code.
func (v *request) proof() login.Proof {
	if answer := v.form(fieldCredential); answer != "" {
		return login.Proof{Method: login.MethodPasskey, Answer: []byte(answer)}
	}
	return proofOf(v.form(fieldCode))
}

// proofOf tells the kinds of codes apart by their form: only the code of an app
// consists of digits.
func proofOf(code string) login.Proof {
	code = strings.TrimSpace(code)
	if strings.Trim(code, "0123456789 ") == "" {
		return login.Proof{Method: login.MethodTOTP, Code: code}
	}
	return login.Proof{Method: login.MethodRecoveryCode, Code: code}
}

// factorForms are the forms of the account's second factor.
func (v *request) factorForms(a *account, ua login.UserAccount) {
	passwordForm := func(do, button string) *form {
		f := v.formOf(pathAccount, do, button, v.currentPassword(ua)...)
		f.Username = ua.User.Email
		return &f
	}
	if len(ua.Account.Factors) > 0 {
		a.NewCodes = passwordForm(doNewCodes, v.NewCodes)
	}
	if !slices.Contains(ua.Account.Factors, login.MethodTOTP) {
		a.AddApp = passwordForm(doAddApp, v.AddApp)
		return
	}
	a.Remove = passwordForm(doRemoveApp, v.RemoveApp)
	a.Remove.Danger = true
}

// enrolment is the content of the page that adds an app.
type enrolment struct {
	QR     string // the path of an SVG image; empty: the code cannot be drawn
	Size   int
	Secret string // in groups
	Form   form
}

func (v *request) addApp(id login.Identity) error {
	e, err := v.Service.EnrolTOTP(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpTOTPEnrolment, err); err != nil {
		return err
	}
	v.write(enrolPage(v.page(v.AddApp), v.enrolmentOf(e)))
	return nil
}

func (v *request) enrolmentOf(e login.TOTPEnrolment) enrolment {
	f := v.formOf(pathAccount, doConfirmApp, v.AddApp,
		field{Name: fieldCode, Label: v.Code, Type: "text", Autocomplete: autofillCode, Hint: v.FirstCodeHint, Focus: true, Numeric: true})
	f.Hidden = append(f.Hidden, hidden{fieldEnrolment, e.Enrolment}, hidden{fieldURI, e.URI}, hidden{fieldSecret, e.Secret})
	shown := enrolment{Form: f, Secret: groups(e.Secret)}
	shown.QR, shown.Size = qrPath(e.URI)
	return shown
}

// confirmApp shows the image again if the code was wrong, from the form's own data,
// which only its sender sees.
func (v *request) confirmApp(id login.Identity) error {
	err := v.Service.AddTOTP(v.ctx(), id, login.AddTOTPInput{Enrolment: v.form(fieldEnrolment), Code: v.form(fieldCode), Client: v.Client})
	if err = v.Attempted(login.OpAddTOTP, err); err == nil {
		return v.stay(noticeAppAdded)
	}
	uri := v.form(fieldURI)
	if !has(err, login.CodeInvalidCode) || !strings.HasPrefix(uri, uriOfTOTP) {
		return err
	}
	e := v.enrolmentOf(login.TOTPEnrolment{Secret: v.form(fieldSecret), URI: uri, Enrolment: v.form(fieldEnrolment)})
	e.Form.blame(v.problem(err))
	v.write(enrolPage(v.page(v.AddApp), e))
	return formError{err}
}

func (v *request) removeApp(id login.Identity) error {
	err := v.Service.RemoveTOTP(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpRemoveTOTP, err); err != nil {
		return err
	}
	return v.stay(noticeAppRemoved)
}

func (v *request) newCodes(id login.Identity) error {
	codes, err := v.Service.NewRecoveryCodes(v.ctx(), id, v.form(fieldCurrent), v.Client)
	if err = v.Attempted(login.OpNewRecoveryCodes, err); err != nil {
		return err
	}
	v.write(codesPage(v.page(v.RecoveryCodes), codes))
	return nil
}

// askToElevate asks for a proof that the account can give.
func (v *request) askToElevate(id login.Identity, methods []login.Method) error {
	switch {
	case slices.Contains(methods, login.MethodMail):
		return v.elevationByMail()
	case slices.Contains(methods, login.MethodPassword):
		return v.askForPassword(id, nil)
	case len(methods) == 0:
		v.endSession()
		return v.leave(noticeSignInAgain)
	}
	v.writeElevation(id, challenged{codes: takesCodes(methods)}, slices.Contains(methods, login.MethodPasskey), nil)
	return nil
}

func (v *request) elevationPage() page {
	p := v.page(v.Elevate)
	p.Intro = v.ElevateIntro
	return p
}

// writeElevation shows the forms, and with a failure, what is wrong.
func (v *request) writeElevation(id login.Identity, c challenged, passkey bool, failure error) {
	p := v.elevationPage()
	if passkey {
		options, err := v.Service.ElevationOptions(v.ctx(), id, v.Client)
		if err = v.Attempted(login.OpElevationOptions, err); err == nil {
			p.Passkey = v.passkeyForm(pathAccount, doElevate, v.UsePasskey, options)
			p.Passkey.ID = "passkey"
		}
	}
	var f form
	var again []hidden
	if c.codes {
		f = v.formOf(pathAccount, doElevate, v.Elevate, v.codeField())
		again = append(again, hidden{fieldCodes, "yes"})
	} else {
		p.Intro, p.NoScript = v.ElevatePasskey, v.NeedsScript
	}
	if p.Passkey != nil {
		again = append(again, hidden{fieldPasskey, "yes"})
		p.Passkey.Hidden = append(p.Passkey.Hidden, again...)
	}
	f.Hidden = append(f.Hidden, again...)
	f.Links = []link{{pathAccount, v.Account}}
	switch {
	case failure == nil:
	case v.form(fieldCredential) != "" && p.Passkey != nil:
		p.Passkey.Alert = v.passkeyProblem(failure)
	default:
		f.blame(v.problem(failure))
	}
	v.write(formPage(p, f))
}

func (v *request) elevate(id login.Identity) error {
	proof, mailed := v.proof(), v.form(fieldMethod) == string(login.MethodMail)
	if mailed {
		proof.Method = login.MethodMail
	} else if password := v.form(fieldCurrent); password != "" {
		proof = login.Proof{Method: login.MethodPassword, Password: password}
	}
	_, err := v.Service.Elevate(v.ctx(), id, login.ElevateInput{Proof: proof, Client: v.Client})
	if err = v.Attempted(login.OpElevate, err); err == nil {
		return v.stay(noticeElevated)
	}
	if has(err, login.CodeUnauthenticated) {
		return err
	}
	switch {
	case mailed:
		f := v.mailedElevationForm()
		f.blame(v.mailCodeProblem(err))
		v.write(formPage(v.elevationPage(), f))
		return formError{err}
	case proof.Method == login.MethodPassword:
		return v.askForPassword(id, err)
	}
	v.writeElevation(id, challenged{codes: v.form(fieldCodes) != "" || v.form(fieldCode) != ""}, v.form(fieldPasskey) != "", err)
	return formError{err}
}

// askForPassword is for accounts that have only a password. A failure says what was wrong
// with the last one.
func (v *request) askForPassword(id login.Identity, failure error) error {
	ua, err := v.Service.Me(v.ctx(), id)
	if err = v.Attempted(login.OpMe, err); err != nil {
		return err
	}
	p := v.elevationPage()
	p.Intro = v.PasswordOnceMore
	f := v.formOf(pathAccount, doElevate, v.Elevate, field{Name: fieldCurrent, Label: v.CurrentPassword, Type: "password", Autocomplete: "current-password", Focus: true})
	f.Username, f.Links = ua.User.Email, []link{{pathAccount, v.Account}}
	if failure == nil {
		v.write(formPage(p, f))
		return nil
	}
	f.blame(v.problem(failure))
	v.write(formPage(p, f))
	return formError{failure}
}

// qrQuiet is the light border that readers want, in modules.
const qrQuiet = 4

// qrPath draws a QR code as the path of an SVG image.
func qrPath(content string) (path string, size int) {
	code, err := qr.Encode(content, qr.M, qr.Auto)
	if err != nil {
		return "", 0
	}
	var b strings.Builder
	bounds := code.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+qrQuiet, y+qrQuiet)
			}
		}
	}
	return b.String(), bounds.Dx() + 2*qrQuiet
}

// groups splits a secret into groups, which are easier to type.
func groups(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
