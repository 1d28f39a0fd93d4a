package login_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// atCorp is a provider's statement about a user whose mailbox it has verified.
func atCorp(subject, email string) login.Assertion {
	return login.Assertion{Provider: "corp", Issuer: "https://id.example.org", Subject: subject, Email: email, EmailVerified: true, Name: "Ann Example"}
}

func unverified(a login.Assertion) login.Assertion {
	a.EmailVerified = false
	return a
}

func (w *world) input(a login.Assertion) login.ProviderSignInInput {
	return login.ProviderSignInInput{Assertion: a, Flow: []byte(rand.Text()), Expires: w.clock.Now().Add(time.Minute), Client: home}
}

func (w *world) atProvider(t *testing.T, a login.Assertion) (login.Grant, error) {
	return w.SignInProvider(t.Context(), w.input(a))
}

func (w *world) link(t *testing.T, g login.Grant, a login.Assertion) error {
	in := w.input(a)
	return w.LinkIdentity(t.Context(), identity(g), login.LinkInput{Assertion: a, Flow: in.Flow, Expires: in.Expires, Client: home})
}

// identities are the subjects linked to the account of an address.
func (w *world) identities(t *testing.T, email string) []string {
	t.Helper()
	ua := w.account(t, email)
	all, err := w.Deps.Identities.Identities(t.Context(), ua.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, i := range all {
		subjects = append(subjects, i.Subject)
	}
	return subjects
}

func (w *world) account(t *testing.T, email string) login.UserAccount {
	t.Helper()
	ua, err := w.store.UserAccountByEmail(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	return ua
}

// verify has the address of an account confirmed.
func (w *world) markVerified(t *testing.T, email string) {
	t.Helper()
	if err := w.store.UpdateAccount(t.Context(), w.account(t, email).User.ID, login.AccountChange{EmailVerified: true}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// takeOver sets a new password with a mailed link, as anyone who reads the mailbox can.
func (w *world) takeOver(t *testing.T, email, password string) login.Grant {
	t.Helper()
	if err := w.RequestPasswordReset(t.Context(), login.RequestPasswordResetInput{Email: email, Client: home}); err != nil {
		t.Fatal(err)
	}
	mails := w.sendAll(t)
	i := slices.IndexFunc(mails, func(m login.QueuedMail) bool { return m.Kind == login.MailResetPassword })
	if i < 0 {
		t.Fatal("no mail")
	}
	tokens, err := logintest.MailSecret.Tokens(mails[i].ID)
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.ResetPassword(t.Context(), login.ResetPasswordInput{Token: tokens[0], NewPassword: password, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSignInProvider_MakesAnAccountAndFindsItAgain(t *testing.T) {
	w := newWorld(t)
	g, err := w.atProvider(t, atCorp("1", "Ann@Example.org"))
	if err != nil {
		t.Fatal(err)
	}
	ua := w.account(t, "ann@example.org")
	if ua.User.ID != g.UserID || ua.User.Name != "Ann Example" || ua.Account.Password != "" || ua.Account.EmailVerifiedAt.IsZero() {
		t.Errorf("%+v", ua)
	}
	session, _, err := w.store.SessionUserAccount(t.Context(), g.Token, w.clock.Now())
	if err != nil || !slices.Equal(session.AMR, []string{"fed"}) {
		t.Errorf("%q, %v", session.AMR, err)
	}
	// Name and address are taken only at sign-up; the subject identifies the identity.
	later := atCorp("1", "new@example.org")
	later.Name = "Another Name"
	again, err := w.atProvider(t, later)
	if err != nil || again.UserID != g.UserID {
		t.Fatalf("%+v, %v", again, err)
	}
	if ua := w.account(t, "ann@example.org"); ua.User.Name != "Ann Example" {
		t.Errorf("renamed: %+v", ua.User)
	}
	all, err := w.ListIdentities(t.Context(), identity(again))
	if err != nil || len(all) != 1 || all[0].Email != "new@example.org" || all[0].Provider != "corp" {
		t.Errorf("%+v, %v", all, err)
	}
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
}

func TestSignInProvider_TheSignUpRulesHold(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.SignUp = login.SignUpClosed })
	_, err := w.atProvider(t, atCorp("1", "ann@example.org"))
	wantCode(t, err, login.CodeSignupDisabled)
	for name, a := range map[string]login.Assertion{
		"no address":      atCorp("1", ""),
		"no real address": atCorp("1", "ann"),
	} {
		_, err := newWorld(t).atProvider(t, a)
		wantCode(t, err, login.CodeProviderRefused)
		_ = name
	}
	// A name that no account can have is left out.
	w = newWorld(t)
	for name, want := range map[string]string{"": "ann", "\u202eevil": "ann", strings.Repeat("ü", 300): strings.Repeat("ü", 200)} {
		a := atCorp(rand.Text(), "ann@example.org")
		a.Email, a.Name = rand.Text()+"@example.org", name
		if want == "ann" {
			want = strings.ToLower(strings.TrimSuffix(a.Email, "@example.org"))
		}
		g, err := w.atProvider(t, a)
		if err != nil {
			t.Fatal(err)
		}
		if ua, _ := w.store.UserAccountByID(t.Context(), g.UserID); ua.User.Name != want {
			t.Errorf("%q is named %q", name, ua.User.Name)
		}
	}
}

func TestSignInProvider_EndsOnce(t *testing.T) {
	w := newWorld(t)
	in := w.input(atCorp("1", "ann@example.org"))
	if _, err := w.SignInProvider(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err := w.SignInProvider(t.Context(), in)
	wantCode(t, err, login.CodeInvalidToken)
}

func TestSignInProvider_AnOutageIsNoWrongGuess(t *testing.T) {
	for name, c := range map[string]struct{ breaks, want string }{
		"an outage":                    {"SpendFlow", "released"},
		"a flow that has ended before": {"", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &breakage{}
			w := newWorld(t, b.in)
			in := w.input(atCorp("1", "ann@example.org"))
			if _, err := w.SignInProvider(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			b.method = c.breaks
			if _, err := w.SignInProvider(t.Context(), in); err == nil {
				t.Fatal("the flow ended twice")
			}
			if how := w.limiter.settlements(); how[len(how)-1] != c.want {
				t.Errorf("settled %v", how)
			}
		})
	}
}

// The identity is issuer and subject: what another provider, or the same one, says
// about addresses opens no account (of the kind of "nOAuth", 2023, and of
// getkeycloak and others that matched by e-mail).
func TestSignInProvider_AnAddressNamesNobody(t *testing.T) {
	for name, c := range map[string]struct {
		ours, theirs bool // the address is verified here, there
		factor       bool
		disabled     bool
		linked       bool
	}{
		"verified on both sides":        {ours: true, theirs: true, linked: true},
		"not verified there":            {ours: true},
		"not verified here":             {theirs: true},
		"not verified anywhere":         {},
		"with a second factor":          {ours: true, theirs: true, factor: true},
		"verified, of a closed account": {ours: true, theirs: true, disabled: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.signUp(t, "ann@example.org")
			if c.ours {
				w.markVerified(t, "ann@example.org")
			}
			if c.factor {
				w.enrol(t, owner)
			}
			if c.disabled {
				yes := true
				if err := w.store.UpdateAccount(t.Context(), owner.UserID, login.AccountChange{Disabled: &yes}, w.clock.Now()); err != nil {
					t.Fatal(err)
				}
			}
			a := atCorp("1", "ann@example.org")
			a.EmailVerified = c.theirs
			g, err := w.atProvider(t, a)
			if !c.linked {
				wantCode(t, err, login.CodeNotLinked)
				if got := w.identities(t, "ann@example.org"); len(got) > 0 {
					t.Errorf("linked %q", got)
				}
				if ua := w.account(t, "ann@example.org"); ua.Account.EmailVerifiedAt.IsZero() == c.ours {
					t.Error("the sign-in changed whether the address is verified")
				}
				return
			}
			if err != nil || g.UserID != owner.UserID || !slices.Contains(w.audit.Names(), login.EventIdentityLinked) {
				t.Errorf("%+v, %v", g, err)
			}
			if mails := w.sendAll(t); !slices.ContainsFunc(mails, func(m login.QueuedMail) bool { return m.Kind == login.MailIdentityLinked }) {
				t.Error("its owner is not told")
			}
			// The same subject at another issuer is somebody else.
			other := atCorp("1", "eve@example.org")
			other.Issuer = "https://other.example.org"
			if g, err := w.atProvider(t, other); err != nil || g.UserID == owner.UserID {
				t.Errorf("%+v, %v", g, err)
			}
		})
	}
}

func TestSignInProvider_TheSecondFactorStillApplies(t *testing.T) {
	w := newWorld(t)
	owner := w.signUp(t, "ann@example.org")
	if err := w.link(t, owner, atCorp("1", "ann@id.example.org")); err != nil {
		t.Fatal(err)
	}
	app := w.enrol(t, owner)
	_, err := w.atProvider(t, atCorp("1", "ann@id.example.org"))
	wantCode(t, err, login.CodeSecondFactorRequired)
	w.clock.Advance(time.Minute)
	g, err := w.SignInSecondFactor(t.Context(), login.SignInSecondFactorInput{Challenge: login.AsError(err).Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: app.code(t)}, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	if session, _, _ := w.store.SessionUserAccount(t.Context(), g.Token, w.clock.Now()); !slices.Equal(session.AMR, []string{"fed", "otp", "mfa"}) {
		t.Errorf("amr %q", session.AMR)
	}
	in := w.input(atCorp("1", "ann@id.example.org"))
	in.SecondFactor = true
	if g, err = w.SignInProvider(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	session, _, _ := w.store.SessionUserAccount(t.Context(), g.Token, w.clock.Now())
	if !slices.Equal(session.AMR, []string{"fed", "mfa"}) || session.ElevatedAt.IsZero() {
		t.Errorf("amr %q, elevated %s", session.AMR, session.ElevatedAt)
	}
}

func TestSignInProvider_ClosedAndUnverifiedAccountsAreRefused(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	_, err := w.atProvider(t, unverified(atCorp("1", "ann@example.org")))
	wantCode(t, err, login.CodeEmailNotVerified)
	if mails := w.sendAll(t); len(mails) != 1 || mails[0].Kind != login.MailVerifyEmail {
		t.Errorf("%+v", mails)
	}
	_, err = w.atProvider(t, unverified(atCorp("1", "ann@example.org")))
	wantCode(t, err, login.CodeEmailNotVerified)
	if _, err := w.atProvider(t, atCorp("2", "bob@example.org")); err != nil {
		t.Fatal(err)
	}
	yes := true
	if err := w.store.UpdateAccount(t.Context(), w.account(t, "bob@example.org").User.ID, login.AccountChange{Disabled: &yes}, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	_, err = w.atProvider(t, atCorp("2", "bob@example.org"))
	wantCode(t, err, login.CodeAccountDisabled)
}

func TestSignInProvider_AnAccountThatNobodyOpenedGivesWay(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true })
	_, err := w.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Squatter", Password: goodPassword, Client: home})
	wantCode(t, err, login.CodeEmailNotVerified)
	if _, err := w.atProvider(t, atCorp("1", "ann@example.org")); err != nil {
		t.Fatal(err)
	}
	if ua := w.account(t, "ann@example.org"); ua.User.Name != "Ann Example" || ua.Account.Password != "" || ua.Account.EmailVerifiedAt.IsZero() {
		t.Errorf("%+v", ua)
	}
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
}

func TestLinkIdentity_TakesAFreshProofAndANewIdentity(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.signUp(t, "ann@example.org"), w.signUp(t, "bob@example.org")
	if err := w.MayLink(t.Context(), identity(ann), home); err != nil {
		t.Errorf("just after a sign-in: %v", err)
	}
	for range 2 { // the second time it is linked already
		if err := w.link(t, ann, unverified(atCorp("1", "someone@id.example.org"))); err != nil {
			t.Fatal(err)
		}
	}
	err := w.link(t, bob, atCorp("1", "someone@id.example.org"))
	wantCode(t, err, login.CodeCredentialExists)
	if text := err.Error(); strings.Contains(text, "ann") || strings.Contains(text, "Ann") {
		t.Errorf("it says whose it is: %s", text)
	}
	if ua := w.account(t, "ann@example.org"); !ua.Account.EmailVerifiedAt.IsZero() {
		t.Error("linking verified the address")
	}
	w.clock.Advance(10 * time.Minute)
	wantCode(t, w.MayLink(t.Context(), identity(ann), home), login.CodeElevationRequired)
	wantCode(t, w.UnlinkIdentity(t.Context(), identity(ann), "x", home), login.CodeElevationRequired)
	if _, err := w.Elevate(t.Context(), identity(ann), login.ElevateInput{Proof: login.Proof{Method: login.MethodPassword, Password: goodPassword}, Client: home}); err != nil {
		t.Fatal(err)
	}
	if err := w.MayLink(t.Context(), identity(ann), home); err != nil {
		t.Errorf("after proving who they are: %v", err)
	}
	if err := w.SignOutAll(t.Context(), identity(ann), home); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.link(t, ann, atCorp("3", "")), login.CodeUnauthenticated)
}

func TestUnlinkIdentity_TheLastWayInStays(t *testing.T) {
	w := newWorld(t)
	g, err := w.atProvider(t, atCorp("1", "ann@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	unlink := func(subject string) error {
		all, err := w.ListIdentities(t.Context(), identity(g))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range all {
			if i.Subject == subject {
				return w.UnlinkIdentity(t.Context(), identity(g), i.ID, home)
			}
		}
		return w.UnlinkIdentity(t.Context(), identity(g), "11111111-1111-4111-8111-111111111111", home)
	}
	wantCode(t, unlink("1"), login.CodeLastWayIn)
	wantCode(t, unlink("2"), login.CodeNotFound)
	if err := w.link(t, g, atCorp("2", "")); err != nil {
		t.Fatal(err)
	}
	if err := unlink("1"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, unlink("2"), login.CodeLastWayIn)
	if _, err := w.atProvider(t, atCorp("2", "")); err != nil {
		t.Error(err)
	}
	// Its address is free to link again, and another password is another way in.
	if _, err := w.ChangePassword(t.Context(), identity(g), login.ChangePasswordInput{NewPassword: newPassword, Client: home}); err != nil {
		t.Fatal(err)
	}
	if g, err = w.signIn("ann@example.org", newPassword); err != nil {
		t.Fatal(err)
	}
	if err := unlink("2"); err != nil {
		t.Fatal(err)
	}
	if mails := w.sendAll(t); !slices.ContainsFunc(mails, func(m login.QueuedMail) bool { return m.Kind == login.MailIdentityUnlinked }) {
		t.Error("its owner is not told")
	}
}
