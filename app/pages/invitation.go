package pages

import (
	"net/url"

	"hasura-login/app/login"
)

const doAccept = "accept"

// showInvitation asks before it accepts: programs that scan mails follow the links in
// them.
func (v *request) showInvitation() error {
	token := v.r.URL.Query().Get("token")
	i, err := v.invitation(token)
	if err != nil {
		return v.badInvitation(err)
	}
	p, f, err := v.invitationForm(token, i)
	if err != nil {
		return err
	}
	v.write(formPage(p, f))
	return nil
}

func (v *request) invitation(token string) (login.OpenInvitation, error) {
	i, err := v.Service.Invitation(v.ctx(), token, v.Client)
	return i, v.Attempted(login.OpInvitation, err)
}

// badInvitation shows why a link does not work. Only the person who sent the invitation
// can send another.
func (v *request) badInvitation(err error) error {
	if !has(err, login.CodeInvalidToken) {
		return err
	}
	p := v.page(v.Invitation)
	p.Intro = v.InvitationOver
	v.write(formPage(p, form{Links: v.backToSignIn()}))
	return formError{err}
}

// invitationForm offers what the visitor can do: sign up, sign in to the account of the
// address, or accept.
func (v *request) invitationForm(token string, i login.OpenInvitation) (page, form, error) {
	p := v.page(v.Invitation)
	_, here, err := v.whoIsHere()
	if err != nil {
		return p, form{}, err
	}
	p.Intro = v.invitationIntro(i)
	if !here && !i.HasAccount {
		f := v.formOf(pathInvitation, "", v.SignUp,
			field{Name: "name", Label: v.YourName, Type: "text", Autocomplete: "name"},
			v.newPassword(v.Password),
		)
		f.Username = i.Email
		f.Hidden = append(f.Hidden, hidden{"token", token})
		return p, f, nil
	}
	v.returnState.invitation = token
	own, err := v.isHere(i.Email)
	if err != nil {
		return p, form{}, err
	}
	switch {
	case own:
		f := v.formOf(pathInvitation, doAccept, v.Accept)
		f.Hidden = append(f.Hidden, hidden{"token", token})
		return p, f, nil
	case here:
		p.Intro = v.invitationElsewhere(i.Email)
		return p, v.formOf(pathAccount, doSignOut, v.OtherAccount), nil
	default:
		return p, form{Links: []link{{v.returnState.link(pathSignIn), v.SignIn}}}, nil
	}
}

// isHere reports whether the account of an address is signed in.
func (v *request) isHere(email string) (bool, error) {
	id, here, err := v.whoIsHere()
	if err != nil || !here {
		return false, err
	}
	ua, err := v.Service.Me(v.ctx(), id)
	return err == nil && ua.User.Email == email, v.Attempted(login.OpMe, err)
}

// answerInvitation signs up or accepts.
func (v *request) answerInvitation() error {
	token := v.form("token")
	i, err := v.invitation(token)
	if err != nil {
		return v.badInvitation(err)
	}
	if v.form(fieldDo) == doAccept {
		return v.acceptInvitation(token, i)
	}
	g, err := v.Service.SignUp(v.ctx(), login.SignUpInput{Name: v.form("name"), Email: i.Email, Password: v.form("password"), Invitation: token, Client: v.Client})
	if err = v.Attempted(login.OpSignUp, err); err != nil {
		return v.invitationAgain(token, i, err)
	}
	if _, stays := v.returnState.stays(); stays && i.Organization.ID != "" {
		v.flashAbout(noticeJoined, i.Organization.Name)
	}
	return v.enter(g)
}

func (v *request) acceptInvitation(token string, i login.OpenInvitation) error {
	id, err := v.identify()
	if err == nil {
		_, err = v.Service.AcceptInvitation(v.ctx(), id, token, v.Client)
		err = v.Attempted(login.OpAcceptInvitation, err)
	}
	if err != nil {
		if has(err, login.CodeForbidden) || has(err, login.CodeOrganizationLimit) {
			return v.invitationAgain(token, i, err)
		}
		v.returnState.invitation = token
		return v.signedOut(err)
	}
	if i.Organization.ID == "" {
		return v.stay(noticeAccepted)
	}
	v.flashAbout(noticeJoined, i.Organization.Name)
	return v.redirect(pathAccount)
}

// invitationAgain shows the form with what was wrong.
func (v *request) invitationAgain(token string, i login.OpenInvitation, err error) error {
	p, f, failed := v.invitationForm(token, i)
	if failed != nil {
		return failed
	}
	if has(err, login.CodeForbidden) {
		err = login.Errorf(login.CodeForbidden, "%s", p.Intro)
	}
	f.blame(v.problem(err))
	v.write(formPage(p, f))
	return formError{err}
}

func invitationPath(token string) string {
	return pathInvitation + "?" + url.Values{"token": {token}}.Encode()
}
