package preview

import (
	"net/http"
	"strings"
)

// state is a page as a person can come to see it.
type state struct {
	name   string
	status int
	reach  func(v *visitor)
}

// group is a heading of the index with its states.
type group struct {
	title  string
	states []state
}

const (
	signIn     = "/auth/pages/signin"
	signUp     = "/auth/pages/signup"
	forgot     = "/auth/pages/forgot"
	reset      = "/auth/pages/reset"
	verify     = "/auth/pages/verify"
	account    = "/auth/pages/account"
	invitation = "/auth/pages/invitation"
	bySecond   = "/auth/pages/second-factor"
	byMail     = "/auth/pages/signin/mail"
	byMailCode = "/auth/pages/signin/mail/code"
	// challenge is that of an app whose secret nobody has.
	challenge = "?code_challenge=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func groups() []group {
	return []group{
		{"Sign in", signInStates()}, {"New accounts", signUpStates()}, {"Links of mails", linkStates()},
		{"Second factors", factorStates()}, {"Account", accountStates()}, {"Errors", errorStates()},
	}
}

// enter signs a new user up.
func (v *visitor) enter() {
	v.open(signUp)
	v.fill(signUp, "", "name", "Ann Example", "email", v.email, "password", password)
}

func (v *visitor) signIn(password string) {
	v.open(signIn)
	v.fill(signIn, "", "email", v.email, "password", password)
}

func (v *visitor) leave() { v.fill(account, "signout") }

// follow opens the link in the newest mail of a kind.
func (v *visitor) follow(kind string) {
	link := v.mailed(kind)
	v.open(link)
}

func signInStates() []state {
	return []state{
		{"sign-in", http.StatusOK, func(v *visitor) { v.open(signIn) }},
		{"sign-in-refused", http.StatusUnauthorized, func(v *visitor) { v.signIn("a guess") }},
		{"sign-in-for-an-app", http.StatusOK, func(v *visitor) {
			v.enter()
			v.open(signIn + challenge)
		}},
		{"signed-out", http.StatusOK, func(v *visitor) {
			v.enter()
			v.leave()
		}},
		{"signed-out-everywhere", http.StatusOK, func(v *visitor) {
			v.enter()
			v.another().signIn(password)
			v.open(account)
			v.fill(account, "signout-all")
		}},
		{"session-over", http.StatusOK, func(v *visitor) {
			v.enter()
			w := v.another()
			w.signIn(password)
			w.fill(account, "signout-all")
			v.open(account)
		}},
		{"mail-sign-in", http.StatusOK, func(v *visitor) { v.open(byMail) }},
		{"mail-sign-in-sent", http.StatusOK, func(v *visitor) { v.askForCode() }},
		{"mail-sign-in-refused", http.StatusUnauthorized, func(v *visitor) {
			v.askForCode()
			v.fill(byMailCode, "", "code", "000000")
		}},
		{"mail-sign-in-link", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.leave()
			v.askForCode()
			v.follow("sign-in")
		}},
	}
}

func (v *visitor) askForCode() {
	v.open(byMail)
	v.fill(byMail, "", "email", v.email)
}

// confirmed signs a new user up who confirms the address.
func (v *visitor) confirmed() {
	v.enter()
	v.follow("verify-email")
	v.fill(verify, "")
}

func signUpStates() []state {
	return []state{
		{"sign-up", http.StatusOK, func(v *visitor) { v.open(signUp) }},
		{"sign-up-refused", http.StatusBadRequest, func(v *visitor) {
			v.open(signUp)
			v.fill(signUp, "", "name", "Ann Example", "email", v.email, "password", "password123")
		}},
		{"sign-up-taken", http.StatusConflict, func(v *visitor) {
			v.enter()
			v.another().enterAgain(v)
		}},
		{"invitation", http.StatusOK, func(v *visitor) { v.open(v.invited()) }},
		{"invitation-accepted", http.StatusOK, func(v *visitor) {
			v.open(v.invited())
			v.fill(invitation, "", "name", "Ann Example", "password", password)
		}},
		{"invitation-of-a-user", http.StatusOK, func(v *visitor) {
			v.enter()
			v.open(v.invited())
		}},
		{"invitation-elsewhere", http.StatusOK, func(v *visitor) {
			path := v.invited()
			v.email = "other." + v.email
			v.enter()
			v.open(path)
		}},
		{"invitation-over", http.StatusUnauthorized, func(v *visitor) { v.open(invitation + "?token=spent") }},
	}
}

// enterAgain signs up with an address that is in use, and shows v what comes.
func (w *visitor) enterAgain(v *visitor) {
	w.enter()
	v.shown, v.err = w.shown, w.err
}

// invited has the visitor invited to an organisation and returns the path of the link.
func (v *visitor) invited() string {
	host := v.stage.visitor(v.ctx, v.language)
	grant := host.call("/auth/signup", "", map[string]string{"name": "Bob Example", "email": host.email, "password": password})
	token, _ := grant["token"].(string)
	link := host.mailed("verify-email")
	_, mailToken, _ := strings.Cut(link, "token=")
	host.call("/auth/email/verify", token, map[string]string{"token": mailToken})
	id, _ := host.call("/auth/organizations", token, map[string]string{"name": "Example & Co"})["id"].(string)
	host.call("/auth/organizations/"+id+"/invitations", token, map[string]string{"email": v.email, "role": "member"})
	if v.err == nil {
		v.err = host.err
	}
	path := v.mailed("organization-invitation")
	return path
}

func linkStates() []state {
	forgotten := func(v *visitor) {
		v.enter()
		v.leave()
		v.open(forgot)
		v.fill(forgot, "", "email", v.email)
	}
	return []state{
		{"forgot", http.StatusOK, func(v *visitor) { v.open(forgot) }},
		{"forgot-sent", http.StatusOK, forgotten},
		{"forgot-too-often", http.StatusTooManyRequests, func(v *visitor) {
			for range 3 {
				v.open(forgot)
				v.open(forgot) // the first shows the notice of the last mail
				v.fill(forgot, "", "email", v.email)
			}
		}},
		{"reset", http.StatusOK, func(v *visitor) {
			forgotten(v)
			v.follow("reset-password")
		}},
		{"reset-refused", http.StatusBadRequest, func(v *visitor) {
			forgotten(v)
			v.follow("reset-password")
			v.fill(reset, "", "password", "short")
		}},
		{"reset-done", http.StatusOK, func(v *visitor) {
			forgotten(v)
			v.follow("reset-password")
			v.fill(reset, "", "password", nextPassword)
		}},
		{"reset-over", http.StatusUnauthorized, func(v *visitor) { v.open(reset + "?token=spent") }},
		{"verify", http.StatusOK, func(v *visitor) {
			v.enter()
			v.follow("verify-email")
		}},
		{"verify-elsewhere", http.StatusOK, func(v *visitor) {
			v.enter()
			w := v.another()
			w.follow("verify-email")
			v.shown, v.err = w.shown, w.err
		}},
		{"verified", http.StatusOK, (*visitor).confirmed},
		{"verify-again", http.StatusOK, func(v *visitor) { v.open(verify) }},
		{"verify-sent", http.StatusOK, func(v *visitor) {
			v.open(verify)
			v.fill(verify, "", "email", v.email)
		}},
		{"verify-over", http.StatusUnauthorized, func(v *visitor) { v.open(verify + "?token=spent") }},
		{"change-address", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.changeAddress()
			v.follow("change-email")
		}},
		{"change-address-elsewhere", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.changeAddress()
			w := v.another()
			w.follow("change-email")
			v.shown, v.err = w.shown, w.err
		}},
	}
}

// changeAddress asks for another address; the mail goes there.
func (v *visitor) changeAddress() {
	v.email = "new." + v.email
	v.fill(account, "email", "email", v.email, "current", password)
}

func factorStates() []state {
	adding := func(v *visitor) string {
		v.enter()
		v.fill(account, "add-app", "current", password)
		return v.secret()
	}
	added := func(v *visitor) string {
		secret := adding(v)
		v.fill(account, "confirm-app", "code", v.oneTimeCode(secret, -1))
		return secret
	}
	return []state{
		{"add-app", http.StatusOK, func(v *visitor) { adding(v) }},
		{"add-app-refused", http.StatusUnauthorized, func(v *visitor) {
			adding(v)
			v.fill(account, "confirm-app", "code", "000000")
		}},
		{"app-added", http.StatusOK, func(v *visitor) { added(v) }},
		{"second-factor", http.StatusOK, func(v *visitor) {
			added(v)
			v.leave()
			v.signIn(password)
		}},
		{"second-factor-refused", http.StatusUnauthorized, func(v *visitor) {
			added(v)
			v.leave()
			v.signIn(password)
			v.fill(bySecond, "", "code", "000000")
		}},
		{"recovery-codes", http.StatusOK, func(v *visitor) {
			secret := added(v)
			v.leave()
			v.signIn(password)
			v.fill(bySecond, "", "code", v.oneTimeCode(secret, 0))
			v.fill(account, "new-codes", "current", password)
		}},
		{"elevate", http.StatusOK, func(v *visitor) {
			added(v)
			v.fill(account, "new-codes", "current", password)
		}},
		{"add-passkey", http.StatusOK, func(v *visitor) {
			v.enter()
			v.fill(account, "add-passkey", "name", "Laptop", "current", password)
		}},
	}
}

func accountStates() []state {
	return []state{
		{"account", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.open(account)
		}},
		{"account-not-confirmed", http.StatusOK, (*visitor).enter},
		{"account-with-sessions", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.another().signIn(password)
			v.another().signIn(password)
			v.open(account)
		}},
		{"name-changed", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.fill(account, "name", "name", "Anna Example")
		}},
		{"name-refused", http.StatusBadRequest, func(v *visitor) {
			v.confirmed()
			v.fill(account, "name", "name", "Ann\u202e")
		}},
		{"password-changed", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.fill(account, "password", "current", password, "password", nextPassword)
		}},
		{"password-refused", http.StatusUnauthorized, func(v *visitor) {
			v.confirmed()
			v.fill(account, "password", "current", "a guess", "password", nextPassword)
		}},
		{"change-sent", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.changeAddress()
		}},
		{"deletion-refused", http.StatusUnauthorized, func(v *visitor) {
			v.confirmed()
			v.fill(account, "delete", "current", "a guess")
		}},
		{"deleted", http.StatusOK, func(v *visitor) {
			v.confirmed()
			v.fill(account, "delete", "current", password)
		}},
	}
}

func errorStates() []state {
	return []state{
		{"not-found", http.StatusNotFound, func(v *visitor) { v.open("/auth/pages/nothing") }},
		{"from-another-site", http.StatusForbidden, func(v *visitor) {
			v.do(http.MethodPost, signIn, "application/x-www-form-urlencoded", strings.NewReader("email=x"), "Sec-Fetch-Site", "cross-site")
		}},
		{"unknown-app", http.StatusBadRequest, func(v *visitor) { v.open(signIn + challenge + "&app=nobody") }},
	}
}
