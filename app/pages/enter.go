package pages

import (
	"errors"

	"hasura-login/app/login"
)

// showSignIn is the way in, and what an app's "sign in" leads to. Who is signed
// in here already need not do it again.
func (v *visit) showSignIn() error {
	id, err := v.identify()
	path, stays := v.trip.stays()
	var h login.Holder
	if err == nil {
		h, err = v.Service.Me(v.ctx(), id)
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
		v.write(continuePage(v.page(v.SignIn), h.User.Name, h.User.Email, v.button(pathSignIn, doContinue, v.continueTo(hostOf(v.trip.returnURL))), v.button(pathAccount, doSignOut, v.OtherAccount)))
		return nil
	}
	v.write(formPage(v.page(v.SignIn), v.signInForm("")))
	return nil
}

func (v *visit) signInForm(email string) form {
	f := v.formOf(pathSignIn, "", v.SignIn,
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email},
		field{Name: "password", Label: v.Password, Type: "password", Autocomplete: "current-password"},
	)
	if v.MailEnabled {
		f.Links = append(f.Links, link{v.trip.link(pathForgot), v.ForgotQuestion})
	}
	if v.SignUpEnabled {
		f.Links = append(f.Links, link{v.trip.link(pathSignUp), v.SignUpQuestion})
	}
	return f
}

func (v *visit) signIn() error {
	if v.form(fieldDo) == doContinue {
		return v.goOn()
	}
	email := v.form("email")
	g, err := v.Service.SignIn(v.ctx(), login.SignInInput{
		Email: email, Password: v.form("password"), DeviceToken: v.cookies.get(v.r, cookieDevice), Client: v.Client,
	})
	if err = v.Attempted(login.OpSignIn, err); err != nil {
		if has(err, login.CodeSecondFactorRequired) {
			return v.askSecondFactor(login.AsError(err).Challenge)
		}
		f := v.signInForm(email)
		if has(err, login.CodeEmailNotVerified) {
			f.Links = append(f.Links, link{v.trip.link(pathVerify), v.VerifyAgain})
		}
		return v.again(v.SignIn, f, err)
	}
	return v.enter(g)
}

// goOn gives the app a session as good as that of the pages.
func (v *visit) goOn() error {
	id, err := v.identify()
	if _, stays := v.trip.stays(); err == nil && !stays {
		err = v.handOver(id)
	} else if err == nil {
		return v.redirect(v.trip.link(pathSignIn))
	}
	return v.signedOut(err)
}

func (v *visit) showSignUp() error {
	p := v.page(v.SignUp)
	if !v.SignUpEnabled {
		p.Intro = v.SignUpClosed
		v.write(formPage(p, form{Links: []link{{v.trip.link(pathSignIn), v.SignInQuestion}}}))
		return nil
	}
	v.write(formPage(p, v.signUpForm("", "")))
	return nil
}

func (v *visit) signUpForm(name, email string) form {
	f := v.formOf(pathSignUp, "", v.SignUp,
		field{Name: "name", Label: v.YourName, Type: "text", Autocomplete: "name", Value: name},
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email},
		v.newPassword("password", v.Password),
	)
	f.Links = []link{{v.trip.link(pathSignIn), v.SignInQuestion}}
	return f
}

func (v *visit) newPassword(name, label string) field {
	return field{
		Name: name, Label: label, Type: "password", Autocomplete: "new-password",
		MinLength: v.PasswordMinLength, Hint: v.passwordHint(v.PasswordMinLength),
	}
}

func (v *visit) signUp() error {
	name, email := v.form("name"), v.form("email")
	g, err := v.Service.SignUp(v.ctx(), login.SignUpInput{Name: name, Email: email, Password: v.form("password"), Client: v.Client})
	err = v.Attempted(login.OpSignUp, err)
	switch {
	case err == nil:
		return v.enter(g)
	case has(err, login.CodeEmailNotVerified):
		v.say(noticeSignedUp)
		return v.redirect(v.trip.link(pathSignIn))
	default:
		return v.again(v.SignUp, v.signUpForm(name, email), err)
	}
}
