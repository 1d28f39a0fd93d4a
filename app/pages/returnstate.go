package pages

import (
	"net/url"

	"hasura-login/app/login"
)

// returnState is where a visitor wants to go, carried from page to page.
type returnState struct {
	account    bool   // to the account page and not to the app
	returnURL  string // of the app
	challenge  string // which the app can answer (RFC 7636); empty: no app has asked
	state      string // of the app, and returned to it
	verify     string // token of a link that waits for the sign-in
	invitation string // the same of an invitation
}

const (
	paramTo        = "to"
	paramApp       = "app"
	paramReturn    = "return"
	paramChallenge = "code_challenge"
	paramMethod    = "code_challenge_method"
	paramCode      = "code"
	paramState     = "state"
	// paramVerify differs from the name in mails, because a sign-in does not spend the
	// token.
	paramVerify     = "verify"
	paramInvitation = "invitation"
	toAccount       = "account"
	// maxState bounds the state that a page repeats.
	maxState = 200
)

// returnStateOf reads what an app or the previous page has asked for. The return URL must
// match one of the operator's list exactly.
func (s *Site) returnStateOf(form url.Values) (returnState, error) {
	t := returnState{account: form.Get(paramTo) == toAccount, challenge: form.Get(paramChallenge), state: form.Get(paramState)}
	var err error
	if t.returnURL, err = s.returnTo(form.Get(paramApp), form.Get(paramReturn)); err != nil {
		return returnState{}, err
	}
	if t.challenge != "" {
		if err := t.checkChallenge(form.Get(paramMethod)); err != nil {
			return returnState{}, err
		}
	}
	if len(t.state) > maxState {
		t.state = ""
	}
	t.verify, t.invitation = tokenOf(form.Get(paramVerify)), tokenOf(form.Get(paramInvitation))
	return t, nil
}

// tokenOf returns the token of a mailed link, or nothing if it cannot be one.
func tokenOf(text string) string {
	if _, ok := login.HashMailToken(text); ok {
		return text
	}
	return ""
}

func (t returnState) checkChallenge(method string) error {
	if t.returnURL == "" {
		return login.Invalid(paramApp, "no app is set up here")
	}
	if method != "" && method != "S256" {
		return login.Invalid(paramMethod, "must be S256")
	}
	return login.CheckCodeChallenge(t.challenge)
}

func (t returnState) values() url.Values {
	values := url.Values{}
	if t.account {
		values.Set(paramTo, toAccount)
	}
	if t.challenge != "" {
		values.Set(paramReturn, t.returnURL)
		values.Set(paramChallenge, t.challenge)
	}
	if t.state != "" {
		values.Set(paramState, t.state)
	}
	if t.verify != "" {
		values.Set(paramVerify, t.verify)
	}
	if t.invitation != "" {
		values.Set(paramInvitation, t.invitation)
	}
	return values
}

// interrupted is where the visitor was going when the mail was asked for in this browser.
func (v *request) interrupted() returnState {
	values, err := url.ParseQuery(v.cookies.get(v.r, cookieReturn))
	if err != nil {
		return returnState{account: true}
	}
	t, err := v.returnStateOf(values)
	if err != nil || t.challenge == "" {
		return returnState{account: true}
	}
	return t
}

// stays reports whether the visitor stays at the pages, and at which one.
func (t returnState) stays() (path string, ok bool) {
	if t.verify != "" {
		return pathVerify + "?" + url.Values{"token": {t.verify}}.Encode(), true
	}
	if t.invitation != "" {
		return invitationPath(t.invitation), true
	}
	return pathAccount, t.account || t.challenge == ""
}

// link leads to another page of the same returnState.
func (t returnState) link(path string) string {
	if query := t.values().Encode(); query != "" {
		return path + "?" + query
	}
	return path
}
