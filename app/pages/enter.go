package pages

import (
	"errors"

	"hasura-login/app/login"
)

// showSignIn is the first page, and the target of an app's "sign in" link. A person who
// is signed in here already need not sign in again.
func (v *request) showSignIn() error {
	id, err := v.identify()
	path, stays := v.returnState.stays()
	var ua login.UserAccount
	if err == nil {
		ua, err = v.Service.Me(v.ctx(), id)
		err = v.Attempted(login.OpMe, err)
	}
	switch {
	case errors.Is(err, errSignedOut):
	case err != nil && has(err, login.CodeUnauthenticated):
		v.forget()
	case err != nil:
		return err
	case stays:
		return v.redirect(path)
	default:
		v.write(continuePage(v.page(v.SignIn), ua.User.Name, ua.User.Email, v.button(pathSignIn, doContinue, v.continueTo(hostOf(v.returnState.returnURL))), v.button(pathAccount, doSignOut, v.OtherAccount)))
		return nil
	}
	v.write(formPage(v.withPasskey(v.page(v.SignIn)), v.signInForm("")))
	return nil
}

func (v *request) signInForm(email string) form {
	f := v.formOf(pathSignIn, "", v.SignIn,
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username webauthn", Value: email, Focus: true},
		field{Name: "password", Label: v.Password, Type: "password", Autocomplete: "current-password"},
	)
	if v.MailSignIn {
		f.Links = append(f.Links, link{v.returnState.link(pathMail), v.MailSignInQuestion})
	}
	f.Providers = v.providerLinks()
	if v.MailEnabled {
		f.Links = append(f.Links, link{v.returnState.link(pathForgot), v.ForgotQuestion})
	}
	if v.SignUpEnabled {
		f.Links = append(f.Links, link{v.returnState.link(pathSignUp), v.SignUpQuestion})
	}
	return f
}

func (v *request) signIn() error {
	switch v.form(fieldDo) {
	case doContinue:
		return v.continueToApp()
	case doPasskey:
		return v.signInPasskey()
	}
	email := v.form("email")
	g, err := v.Service.SignIn(v.ctx(), login.SignInInput{
		Email: email, Password: v.form("password"), DeviceToken: v.cookies.get(v.r, cookieDevice), Client: v.Client,
	})
	if err = v.Attempted(login.OpSignIn, err); err != nil {
		if has(err, login.CodeSecondFactorRequired) {
			return v.askSecondFactor(login.AsError(err))
		}
		f := v.signInForm(email)
		if has(err, login.CodeEmailNotVerified) {
			f.Links = append(f.Links, link{v.returnState.link(pathVerify), v.VerifyAgain})
		}
		f.blame(v.problem(err))
		v.write(formPage(v.withPasskey(v.page(v.SignIn)), f))
		return formError{err}
	}
	return v.enter(g)
}

// continueToApp gives the app its own session with the rights of the pages' session.
func (v *request) continueToApp() error {
	id, err := v.identify()
	if _, stays := v.returnState.stays(); err == nil && !stays {
		err = v.handOver(id)
	} else if err == nil {
		return v.redirect(v.returnState.link(pathSignIn))
	}
	return v.signedOut(err)
}

func (v *request) showSignUp() error {
	p := v.page(v.SignUp)
	if !v.SignUpEnabled {
		p.Intro = v.SignUpClosed
		v.write(formPage(p, form{Links: []link{{v.returnState.link(pathSignIn), v.SignInQuestion}}}))
		return nil
	}
	v.write(formPage(p, v.signUpForm("", "")))
	return nil
}

func (v *request) signUpForm(name, email string) form {
	f := v.formOf(pathSignUp, "", v.SignUp,
		field{Name: "name", Label: v.YourName, Type: "text", Autocomplete: "name", Value: name, Focus: true},
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email},
		v.newPassword(v.Password),
	)
	f.Providers = v.providerLinks()
	f.Links = []link{{v.returnState.link(pathSignIn), v.SignInQuestion}}
	return f
}

func (v *request) newPassword(label string) field {
	return field{
		Name: fieldPassword, Label: label, Type: "password", Autocomplete: "new-password",
		MinLength: v.PasswordMinLength, Hint: v.passwordHint(v.PasswordMinLength), New: true,
	}
}

func (v *request) signUp() error {
	name, email := v.form("name"), v.form("email")
	g, err := v.Service.SignUp(v.ctx(), login.SignUpInput{Name: name, Email: email, Password: v.form("password"), Client: v.Client})
	err = v.Attempted(login.OpSignUp, err)
	switch {
	case err == nil:
		return v.enter(g)
	case has(err, login.CodeEmailNotVerified):
		v.flash(noticeSignedUp)
		return v.redirect(v.returnState.link(pathSignIn))
	default:
		return v.again(v.SignUp, v.signUpForm(name, email), err)
	}
}
