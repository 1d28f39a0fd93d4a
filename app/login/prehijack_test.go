package login_test

import (
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// The five classes of account pre-hijacking (Sudhodanan and Paverd, "Pre-hijacked
// accounts", USENIX Security 2022): somebody makes an account with the victim's
// address before the victim does, and is still in it afterwards. In each the victim
// ends up in an account of their own and the attacker outside.

const (
	victim         = "victim@example.org"
	attackersOwn   = "attacker@example.org"
	victimPassword = "quiet amber lanterns"
)

// outside fails if the attacker gets in by any of the ways they had.
func (w *world) outside(t *testing.T, attacker login.Grant, password string, a login.Assertion) {
	t.Helper()
	if attacker.RefreshToken != "" {
		if _, err := w.refresh(attacker.RefreshToken); err == nil {
			t.Error("the attacker's session goes on")
		}
	}
	if password != "" {
		if _, err := w.signIn(victim, password); err == nil {
			t.Error("the attacker's password signs in")
		}
	}
	if a.Subject != "" {
		g, err := w.atProvider(t, a)
		if err == nil && g.UserID == w.account(t, victim).User.ID {
			t.Error("the attacker's identity signs in")
		}
	}
}

func TestPreHijacking_ClassicFederatedMerge(t *testing.T) {
	w := newWorld(t)
	attacker := w.signUp(t, victim) // with a password of the attacker's
	_, err := w.atProvider(t, atCorp("victim", victim))
	wantCode(t, err, login.CodeNotLinked)
	w.takeOver(t, victim, victimPassword)
	if _, err := w.atProvider(t, atCorp("victim", victim)); err != nil {
		t.Errorf("the victim, whose address is verified now: %v", err)
	}
	w.outside(t, attacker, goodPassword, login.Assertion{})
}

func TestPreHijacking_UnexpiredSession(t *testing.T) {
	w := newWorld(t)
	attacker := w.signUp(t, victim)
	app, err := w.exchange(w.handOver(t, attacker), codeVerifier)
	if err != nil {
		t.Fatal(err)
	}
	code := w.handOver(t, attacker)
	w.takeOver(t, victim, victimPassword)
	w.outside(t, attacker, goodPassword, login.Assertion{})
	w.outside(t, app, "", login.Assertion{})
	_, err = w.exchange(code, codeVerifier)
	wantCode(t, err, login.CodeInvalidToken)
}

func TestPreHijacking_TrojanIdentifier(t *testing.T) {
	w := newWorld(t)
	attacker := w.signUp(t, victim)
	trojan := atCorp("attacker", attackersOwn)
	if err := w.link(t, attacker, trojan); err != nil {
		t.Fatal(err)
	}
	w.takeOver(t, victim, victimPassword)
	w.outside(t, attacker, goodPassword, trojan)
}

// The victim may also come by a mailed code; a new password is not the only way to take
// an account over.
func TestPreHijacking_TrojanIdentifierAndAMailedSignIn(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	attacker := w.signUp(t, victim)
	trojan := atCorp("attacker", attackersOwn)
	if err := w.link(t, attacker, trojan); err != nil {
		t.Fatal(err)
	}
	w.sendAll(t) // the notice about the link
	r := w.request(t, victim)
	if _, err := r.enter(r.code(t)); err != nil {
		t.Fatal(err)
	}
	if left := w.identities(t, victim); len(left) > 0 {
		t.Errorf("identities %q are left", left)
	}
	w.outside(t, attacker, goodPassword, trojan)
}

func TestPreHijacking_UnexpiredEmailChange(t *testing.T) {
	w := newWorld(t)
	attacker := w.signUp(t, attackersOwn)
	change := func() string {
		t.Helper()
		if err := w.RequestEmailChange(t.Context(), identity(attacker), login.RequestEmailChangeInput{NewEmail: victim, Password: goodPassword, Client: home}); err != nil {
			t.Fatal(err)
		}
		mails := w.sendAll(t)
		tokens, err := logintest.MailSecret.Tokens(mails[len(mails)-1].ID)
		if err != nil {
			t.Fatal(err)
		}
		return tokens[0]
	}
	token := change()
	g, err := w.atProvider(t, atCorp("victim", victim))
	if err != nil {
		t.Fatal(err)
	}
	// The victim follows the link, out of curiosity, and the attacker too.
	for _, who := range []login.Identity{{}, identity(g), identity(attacker)} {
		if err := w.VerifyEmail(t.Context(), login.VerifyEmailInput{Token: token, Identity: who, Client: home}); err == nil {
			t.Errorf("%+v gave the attacker's account the address", who)
		}
	}
	if ua := w.account(t, victim); ua.User.ID != g.UserID {
		t.Error("the address is the attacker's")
	}
}

func TestPreHijacking_NonVerifyingProvider(t *testing.T) {
	for name, rules := range map[string]func(*login.Deps, *login.Rules){
		"":                                 nil,
		"where addresses must be verified": func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true },
	} {
		t.Run(name, func(t *testing.T) {
			var options []logintest.Option
			if rules != nil {
				options = append(options, rules)
			}
			w := newWorld(t, options...)
			lie := unverified(atCorp("attacker", victim))
			attacker, err := w.atProvider(t, lie)
			if rules == nil && err != nil || rules != nil && login.AsError(err).Code != login.CodeEmailNotVerified {
				t.Fatal(err)
			}
			w.sendAll(t)
			if ua := w.account(t, victim); !ua.Account.EmailVerifiedAt.IsZero() {
				t.Fatal("the provider's word verified the address")
			}
			w.takeOver(t, victim, victimPassword)
			w.outside(t, attacker, "", lie)

			// The victim comes with a password first.
			w = newWorld(t, options...)
			if _, err := w.atProvider(t, lie); rules == nil && err != nil {
				t.Fatal(err)
			}
			w.sendAll(t)
			_, err = w.SignUp(t.Context(), login.SignUpInput{Email: victim, Name: "Victim", Password: victimPassword, Client: home})
			if rules == nil {
				wantCode(t, err, login.CodeEmailTaken)
				return
			}
			wantCode(t, err, login.CodeEmailNotVerified)
			w.markVerified(t, victim)
			if _, err := w.signIn(victim, victimPassword); err != nil {
				t.Errorf("the victim: %v", err)
			}
			w.outside(t, login.Grant{}, "", lie)
		})
	}
}
