package pages

import (
	"hasura-login/app/login"
)

const (
	fieldToken  = "token"
	fieldMethod = "method"
	fieldSentTo = "sent-to" // the address that a code was sent to
)

// showMailSignIn asks for the address to send a code to.
func (v *request) showMailSignIn() error {
	if !v.MailSignIn {
		return v.toSignIn()
	}
	p := v.page(v.MailSignInTitle)
	p.Intro = v.MailSignInIntro
	v.write(formPage(p, v.mailSignInForm("")))
	return nil
}

func (v *request) mailSignInForm(email string) form {
	f := v.formOf(pathMail, "", v.SendCode, field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email, Focus: true})
	f.Links = v.backToSignIn()
	return f
}

func (v *request) mailSignIn() error {
	email := v.form("email")
	c, err := v.Service.RequestMailSignIn(v.ctx(), login.RequestMailSignInInput{Email: email, DeviceToken: v.cookies.get(v.r, cookieDevice), Client: v.Client})
	if err = v.Attempted(login.OpRequestMailSignIn, err); err != nil {
		return v.again(v.MailSignInTitle, v.mailSignInForm(email), err)
	}
	v.write(formPage(v.mailCodePage(email), v.mailCodeForm(c.Challenge, email)))
	return nil
}

func (v *request) mailCodePage(email string) page {
	p := v.page(v.CheckMail)
	p.Intro = v.mailCodeIntro(email)
	return p
}

func (v *request) mailCodeForm(challenge, email string) form {
	f := v.formOf(pathMailCode, "", v.SignIn, v.mailCodeField())
	f.Hidden = append(f.Hidden, hidden{fieldChallenge, challenge}, hidden{fieldSentTo, email})
	f.Links = append([]link{{v.returnState.link(pathMail), v.SendAgain}}, v.backToSignIn()...)
	return f
}

func (v *request) mailCodeField() field {
	return field{Name: fieldCode, Label: v.Code, Type: "text", Autocomplete: autofillCode, Hint: v.MailCodeHint, Focus: true, Numeric: true}
}

func (v *request) enterMailCode() error {
	challenge := v.form(fieldChallenge)
	g, err := v.Service.SignInMailCode(v.ctx(), login.MailSignInCodeInput{Challenge: challenge, Code: v.form(fieldCode), Client: v.Client})
	err = v.Attempted(login.OpMailSignInCode, err)
	switch {
	case err == nil:
		return v.enter(g)
	case has(err, login.CodeSecondFactorRequired):
		return v.askSecondFactor(login.AsError(err))
	case has(err, login.CodeInvalidToken):
		return v.mailOver(v.MailCodeOver, err)
	}
	email := v.form(fieldSentTo)
	f := v.mailCodeForm(challenge, email)
	f.blame(v.mailCodeProblem(err))
	v.write(formPage(v.mailCodePage(email), f))
	return formError{err}
}

// mailCodeProblem describes the error of a mailed code. Unlike an app, a mail gives no
// new code after a while.
func (v *request) mailCodeProblem(err error) problem {
	if has(err, login.CodeInvalidCode) {
		return problem{Field: fieldCode, Message: v.MailCodeWrong}
	}
	return v.problem(err)
}

// mailOver offers a new mail.
func (v *request) mailOver(why string, err error) error {
	f := v.mailSignInForm("")
	f.Failed, f.Alert = true, why
	v.write(formPage(v.page(v.MailSignInTitle), f))
	return formError{err}
}

// showMailLink asks before it signs in: programs that scan mails follow the links in
// them. Only this browser is signed in, whoever asked for the mail.
func (v *request) showMailLink() error {
	token := v.r.URL.Query().Get(fieldToken)
	if token == "" || !v.MailSignIn {
		return v.toSignIn()
	}
	l, err := v.link(token)
	if err == nil && l.Purpose != login.PurposeSignIn {
		err = login.Errorf(login.CodeInvalidToken, "This link is for another page")
	}
	if has(err, login.CodeInvalidToken) {
		return v.mailOver(v.Errors[login.CodeInvalidToken], err)
	}
	if err != nil {
		return err
	}
	p := v.page(v.SignIn)
	p.Intro = v.mailLinkIntro(l.Email)
	f := v.button(pathMailLink, "", v.SignIn)
	f.Hidden = append(f.Hidden, hidden{fieldToken, token})
	v.write(formPage(p, f))
	return nil
}

func (v *request) followMailLink() error {
	g, err := v.Service.SignInMailLink(v.ctx(), login.MailSignInLinkInput{Token: v.form(fieldToken), DeviceToken: v.cookies.get(v.r, cookieDevice), Client: v.Client})
	err = v.Attempted(login.OpMailSignInLink, err)
	switch {
	case err == nil:
		return v.enter(g)
	case has(err, login.CodeSecondFactorRequired):
		return v.askSecondFactor(login.AsError(err))
	case has(err, login.CodeInvalidToken):
		return v.mailOver(v.Errors[login.CodeInvalidToken], err)
	}
	return err
}

// elevationByMail offers to mail a code to users who have no other proof of who they
// are.
func (v *request) elevationByMail() error {
	p := v.page(v.Elevate)
	p.Intro = v.ElevateByMailIntro
	f := v.button(pathAccount, doSendCode, v.SendCode)
	f.Links = []link{{pathAccount, v.Account}}
	v.write(formPage(p, f))
	return nil
}

func (v *request) sendElevationCode(id login.Identity) error {
	_, err := v.Service.RequestElevationMail(v.ctx(), id, "", v.Client)
	if err = v.Attempted(login.OpRequestElevationMail, err); err != nil {
		return err
	}
	p := v.page(v.CheckMail)
	p.Intro = v.ElevateIntro
	v.write(formPage(p, v.mailedElevationForm()))
	return nil
}

func (v *request) mailedElevationForm() form {
	f := v.formOf(pathAccount, doElevate, v.Elevate, v.mailCodeField())
	f.Hidden = append(f.Hidden, hidden{fieldMethod, string(login.MethodMail)})
	f.Links = []link{{pathAccount, v.Account}}
	return f
}
