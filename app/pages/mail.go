package pages

import "hasura-login/app/login"

func (v *visit) showForgot() error {
	p := v.page(v.Forgot)
	if !v.MailEnabled {
		p.Intro = v.MailDisabled
		v.write(formPage(p, form{Links: v.backToSignIn()}))
		return nil
	}
	v.writeEmailForm(p, v.ForgotIntro, pathForgot)
	return nil
}

// writeEmailForm asks where a mail is to go, unless it has just been told.
func (v *visit) writeEmailForm(p page, intro, path string) {
	if p.Told == noticeResetSent || p.Told == noticeVerifySent {
		p.Title = v.CheckMail
		v.write(formPage(p, form{Links: append([]link{{v.trip.link(path), v.SendAgain}}, v.backToSignIn()...)}))
		return
	}
	p.Intro = intro
	v.write(formPage(p, v.emailForm(path, "")))
}

func (v *visit) emailForm(path, email string) form {
	f := v.formOf(path, "", v.SendLink,
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email},
	)
	f.Links = v.backToSignIn()
	return f
}

func (v *visit) backToSignIn() []link { return []link{{v.trip.link(pathSignIn), v.BackToSignIn}} }

func (v *visit) forgot() error {
	email := v.form("email")
	err := v.Service.RequestPasswordReset(v.ctx(), login.RequestPasswordResetInput{Email: email, Client: v.Client})
	if err = v.Attempted(login.OpRequestPasswordReset, err); err != nil {
		return v.again(v.Forgot, v.emailForm(pathForgot, email), err)
	}
	v.say(noticeResetSent)
	return v.redirect(v.trip.link(pathForgot))
}

// showReset spends nothing: programs that check mails follow the links in them.
func (v *visit) showReset() error {
	token := v.r.URL.Query().Get("token")
	if token == "" {
		return v.redirect(pathForgot)
	}
	v.write(formPage(v.page(v.Reset), v.resetForm(token)))
	return nil
}

func (v *visit) resetForm(token string) form {
	f := v.formOf(pathReset, "", v.SetPassword, v.newPassword("password", v.NewPassword))
	f.Hidden = append(f.Hidden, hidden{"token", token})
	f.Links = v.backToSignIn()
	return f
}

// reset signs in here and not in the app, which did not ask for it.
func (v *visit) reset() error {
	token := v.form("token")
	g, err := v.Service.ResetPassword(v.ctx(), login.ResetPasswordInput{Token: token, NewPassword: v.form("password"), Client: v.Client})
	err = v.Attempted(login.OpResetPassword, err)
	switch {
	case err == nil:
		v.endSession()
		v.keep(g)
		v.say(noticePasswordSet)
		return v.redirect(pathAccount)
	case has(err, login.CodeInvalidToken):
		return v.again(v.Forgot, v.emailForm(pathForgot, ""), err)
	default:
		return v.again(v.Reset, v.resetForm(token), err)
	}
}

// showVerify confirms by a button, for the same reason; without a token it
// offers a new mail.
func (v *visit) showVerify() error {
	p := v.page(v.Verify)
	if token := v.r.URL.Query().Get("token"); token != "" {
		p.Intro = v.VerifyIntro
		v.write(formPage(p, v.verifyForm(token)))
		return nil
	}
	if !v.MailEnabled {
		p.Intro = v.MailDisabled
		v.write(formPage(p, form{Links: v.backToSignIn()}))
		return nil
	}
	v.writeEmailForm(p, v.VerifyAgainIntro, pathVerify)
	return nil
}

func (v *visit) verifyForm(token string) form {
	f := v.formOf(pathVerify, "", v.Confirm)
	f.Hidden = append(f.Hidden, hidden{"token", token})
	return f
}

func (v *visit) verify() error {
	if token := v.form("token"); token != "" {
		return v.confirmAddress(token)
	}
	email := v.form("email")
	err := v.Service.RequestEmailVerification(v.ctx(), login.RequestEmailVerificationInput{Email: email, Client: v.Client})
	if err = v.Attempted(login.OpRequestEmailVerification, err); err != nil {
		return v.again(v.Verify, v.emailForm(pathVerify, email), err)
	}
	v.say(noticeVerifySent)
	return v.redirect(v.trip.link(pathVerify))
}

func (v *visit) confirmAddress(token string) error {
	err := v.Service.VerifyEmail(v.ctx(), login.VerifyEmailInput{Token: token, Client: v.Client})
	err = v.Attempted(login.OpVerifyEmail, err)
	switch {
	case err == nil:
		// Who is signed in already goes on from there.
		v.say(noticeVerified)
		return v.redirect(pathSignIn)
	case has(err, login.CodeInvalidToken) && v.MailEnabled:
		return v.again(v.Verify, v.emailForm(pathVerify, ""), err)
	default:
		return v.again(v.Verify, v.verifyForm(token), err)
	}
}
