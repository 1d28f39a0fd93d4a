package pages

import (
	"errors"
	"net/url"

	"hasura-login/app/login"
)

func (v *request) showForgot() error {
	p := v.page(v.Forgot)
	if !v.MailEnabled {
		p.Intro = v.MailDisabled
		v.write(formPage(p, form{Links: v.backToSignIn()}))
		return nil
	}
	v.writeEmailForm(p, v.ForgotIntro, pathForgot)
	return nil
}

// writeEmailForm asks for the address to send a mail to, unless the visitor has just
// entered it.
func (v *request) writeEmailForm(p page, intro, path string) {
	if p.Flash == noticeResetSent || p.Flash == noticeVerifySent {
		p.Title = v.CheckMail
		v.write(formPage(p, form{Links: append([]link{{v.returnState.link(path), v.SendAgain}}, v.backToSignIn()...)}))
		return
	}
	p.Intro = intro
	v.write(formPage(p, v.emailForm(path, "")))
}

func (v *request) emailForm(path, email string) form {
	f := v.formOf(path, "", v.SendLink,
		field{Name: "email", Label: v.Email, Type: "email", Autocomplete: "username", Value: email, Focus: true},
	)
	f.Links = v.backToSignIn()
	return f
}

func (v *request) backToSignIn() []link {
	return []link{{v.returnState.link(pathSignIn), v.BackToSignIn}}
}

func (v *request) forgot() error {
	email := v.form("email")
	err := v.Service.RequestPasswordReset(v.ctx(), login.RequestPasswordResetInput{Email: email, Client: v.Client})
	if err = v.Attempted(login.OpRequestPasswordReset, err); err != nil {
		return v.again(v.Forgot, v.emailForm(pathForgot, email), err)
	}
	v.cookies.set(v.w, cookieReturn, v.returnState.values().Encode(), returnLife)
	v.flashAbout(noticeResetSent, email)
	return v.redirect(v.returnState.link(pathForgot))
}

// showReset does not use up the token: programs that scan mails follow the links in
// them.
func (v *request) showReset() error {
	token := v.r.URL.Query().Get("token")
	if token == "" {
		return v.redirect(pathForgot)
	}
	l, err := v.link(token)
	if err != nil {
		return v.badLink(v.Forgot, pathForgot, err)
	}
	if !setsPassword(l.Purpose) {
		return v.badLink(v.Forgot, pathForgot, login.Errorf(login.CodeInvalidToken, "This link is for another page"))
	}
	p := v.page(v.Reset)
	p.Intro = v.resetIntro(l.UserAccount.User.Email)
	v.write(formPage(p, v.resetForm(token, l.UserAccount.User.Email)))
	return nil
}

// link describes the token of a mail.
func (v *request) link(token string) (login.Link, error) {
	l, err := v.Service.Link(v.ctx(), token, v.Client)
	return l, v.Attempted(login.OpMailLink, err)
}

// setsPassword tells whether a link of this purpose brings a new password: one that
// confirms a new account's address can, too.
func setsPassword(p login.MailPurpose) bool {
	return p == login.PurposeResetPassword || p == login.PurposeVerifyEmail
}

// badLink offers a new mail, unless something else went wrong.
func (v *request) badLink(title, path string, err error) error {
	if !has(err, login.CodeInvalidToken) || !v.MailEnabled {
		return err
	}
	return v.again(title, v.emailForm(path, ""), err)
}

func (v *request) resetForm(token, email string) form {
	f := v.formOf(pathReset, "", v.SetPassword, v.newPassword(v.NewPassword))
	f.Username, f.Fields[0].Focus = email, true
	f.Hidden = append(f.Hidden, hidden{"token", token})
	f.Links = v.backToSignIn()
	return f
}

// reset signs in at the pages. If the person was on the way to an app, in this browser,
// the next page leads there; not by itself, because the app did not ask for the reset.
func (v *request) reset() error {
	v.returnState = v.interrupted()
	token := v.form("token")
	g, err := v.Service.ResetPassword(v.ctx(), login.ResetPasswordInput{Token: token, NewPassword: v.form("password"), Client: v.Client})
	err = v.Attempted(login.OpResetPassword, err)
	switch {
	case err == nil:
		v.endSession()
		v.keep(g)
		v.cookies.set(v.w, cookieReturn, "", 0)
		v.flash(noticePasswordSet)
		if _, stays := v.returnState.stays(); !stays {
			return v.redirect(v.returnState.link(pathSignIn))
		}
		return v.redirect(pathAccount)
	case has(err, login.CodeSecondFactorRequired):
		v.endSession()
		v.forget()
		return v.askSecondFactor(login.AsError(err))
	case has(err, login.CodeInvalidToken):
		return v.again(v.Forgot, v.emailForm(pathForgot, ""), err)
	default:
		email := ""
		if l, err := v.link(token); err == nil {
			email = l.UserAccount.User.Email
		}
		return v.again(v.Reset, v.resetForm(token, email), err)
	}
}

// showVerify asks before it confirms, for the same reason. Without a token it offers a
// new mail.
func (v *request) showVerify() error {
	if token := v.r.URL.Query().Get("token"); token != "" {
		p, f, err := v.confirmation(token)
		if err != nil {
			return v.badLink(v.Verify, pathVerify, err)
		}
		v.write(formPage(p, f))
		return nil
	}
	p := v.page(v.Verify)
	if !v.MailEnabled {
		p.Intro = v.MailDisabled
		v.write(formPage(p, form{Links: v.backToSignIn()}))
		return nil
	}
	v.writeEmailForm(p, v.VerifyAgainIntro, pathVerify)
	return nil
}

// confirmation names the account that a link will change and asks for what the link
// needs: a session of the account or, for a new one, its password. A person who has
// neither can take over a new account by setting a password.
func (v *request) confirmation(token string) (page, form, error) {
	p := v.page(v.Verify)
	l, err := v.link(token)
	if err != nil {
		return p, form{}, err
	}
	if l.Confirmed {
		p.Intro = v.AlreadyVerified
		return p, form{Links: v.backToSignIn()}, nil
	}
	id, here, err := v.whoIsHere()
	if err != nil {
		return p, form{}, err
	}
	owner := l.UserAccount.User
	f := v.formOf(pathVerify, "", v.Confirm)
	switch {
	case l.Purpose == login.PurposeChangeEmail && id.UserID == owner.ID:
		p.Intro = v.changeIntro(owner.Email, l.Email)
	case l.Purpose == login.PurposeChangeEmail:
		p.Intro = v.changeElsewhere(login.Masked(owner.Email), l.Email)
		v.returnState = returnState{verify: token}
		if here {
			return p, v.formOf(pathAccount, doSignOut, v.OtherAccount), nil
		}
		return p, form{Links: []link{{v.returnState.link(pathSignIn), v.SignIn}}}, nil
	case l.Purpose == login.PurposeVerifyEmail:
		p.Intro = v.verifyIntro(owner.Email, owner.CreatedAt)
		if id.UserID != owner.ID {
			f.Username = owner.Email
			f.Fields = []field{{Name: fieldPassword, Label: v.Password, Type: "password", Autocomplete: "current-password"}}
			f.Links = []link{{pathReset + "?" + url.Values{"token": {token}}.Encode(), v.TakeOver}}
		}
	default:
		return p, form{}, login.Errorf(login.CodeInvalidToken, "This link is for another page")
	}
	f.Hidden = append(f.Hidden, hidden{"token", token})
	return p, f, nil
}

// whoIsHere returns the account that is signed in, if any.
func (v *request) whoIsHere() (id login.Identity, here bool, err error) {
	id, err = v.identify()
	if err == nil {
		_, err = v.Service.Me(v.ctx(), id)
		err = v.Attempted(login.OpMe, err)
	}
	switch {
	case err == nil:
		return id, true, nil
	case errors.Is(err, errSignedOut):
		return login.Identity{}, false, nil
	case has(err, login.CodeUnauthenticated):
		v.forget()
		return login.Identity{}, false, nil
	}
	return login.Identity{}, false, err
}

func (v *request) verify() error {
	if token := v.form("token"); token != "" {
		return v.confirmAddress(token)
	}
	email := v.form("email")
	err := v.Service.RequestEmailVerification(v.ctx(), login.RequestEmailVerificationInput{Email: email, Client: v.Client})
	if err = v.Attempted(login.OpRequestEmailVerification, err); err != nil {
		return v.again(v.Verify, v.emailForm(pathVerify, email), err)
	}
	v.flashAbout(noticeVerifySent, email)
	return v.redirect(v.returnState.link(pathVerify))
}

func (v *request) confirmAddress(token string) error {
	id, _, err := v.whoIsHere()
	if err != nil {
		return err
	}
	err = v.Service.VerifyEmail(v.ctx(), login.VerifyEmailInput{Token: token, Identity: id, Password: v.form(fieldPassword), Client: v.Client})
	if err = v.Attempted(login.OpVerifyEmail, err); err == nil {
		// A visitor who is signed in already continues from there.
		v.flash(noticeVerified)
		return v.redirect(pathSignIn)
	}
	p, f, failed := v.confirmation(token)
	if failed != nil {
		return v.badLink(v.Verify, pathVerify, failed)
	}
	f.blame(v.problem(err))
	v.write(formPage(p, f))
	return formError{err}
}
