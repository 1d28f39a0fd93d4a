package login_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// byMail lets sign in by mail.
func byMail(who login.MailSignIn) logintest.Option {
	return func(_ *login.Deps, r *login.Rules) { r.MailSignIn = who }
}

// costsNoHash fails for whatever would hash. Only the mailbox is proved here.
func costsNoHash(t *testing.T) logintest.Option {
	return func(d *login.Deps, _ *login.Rules) { d.Hasher = noHasher{t} }
}

type noHasher struct{ t *testing.T }

func (n noHasher) Admit(r login.HashRequest) (login.HashRequest, error) {
	n.t.Error("a hash")
	return r, nil
}
func (n noHasher) Release(login.HashRequest) {}
func (n noHasher) Hash(context.Context, login.HashRequest, string) (string, error) {
	n.t.Error("a hash")
	return "", errors.New("no hash")
}

func (n noHasher) Verify(context.Context, login.HashRequest, string, string) (bool, bool, error) {
	n.t.Error("a hash")
	return false, false, errors.New("no hash")
}

// verified is an account whose address is verified.
func (w *world) verified(t *testing.T, email string) login.Grant {
	t.Helper()
	g := w.signUp(t, email)
	if err := w.operator().SetEmailVerified(context.Background(), email); err != nil {
		t.Fatal(err)
	}
	return g
}

// requested is a sign-in that waits for its mail.
type requested struct {
	w         *world
	challenge string
	mails     []login.QueuedMail
}

func (w *world) request(t *testing.T, email string) requested {
	t.Helper()
	return w.requestFrom(t, login.RequestMailSignInInput{Email: email, Client: home})
}

func (w *world) requestFrom(t *testing.T, in login.RequestMailSignInInput) requested {
	t.Helper()
	c, err := w.RequestMailSignIn(context.Background(), in)
	if err != nil {
		t.Fatalf("asking for a mail: %v", err)
	}
	if len(c.Challenge) != 43 || !c.ExpiresAt.After(w.clock.Now()) {
		t.Errorf("challenge %+v", c)
	}
	return requested{w, c.Challenge, w.sendAll(t)}
}

func (r requested) code(t *testing.T) string {
	t.Helper()
	if len(r.mails) != 1 || !r.mails[0].Kind.HasCode() {
		t.Fatalf("mails %+v", r.mails)
	}
	codes, err := logintest.MailSecret.Codes(r.mails[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return codes[0]
}

func (r requested) link(t *testing.T) string {
	t.Helper()
	tokens, err := logintest.MailSecret.Tokens(r.mails[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	return tokens[0]
}

// other is a code that is not the right one.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func (r requested) enter(code string) (login.Grant, error) {
	return r.w.SignInMailCode(context.Background(), login.MailSignInCodeInput{Challenge: r.challenge, Code: code, Client: home})
}

func (r requested) follow(token string) (login.Grant, error) {
	return r.w.SignInMailLink(context.Background(), login.MailSignInLinkInput{Token: token, Client: home})
}

func TestMailSignIn_ACodeThatNobodyComparedSpendsNoTry(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	w.verified(t, "ann@example.org")
	r := w.request(t, "ann@example.org")
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	for range 2 * login.MailCodeTries {
		_, err := r.enter(other(r.code(t)))
		wantCode(t, err, login.CodeRateLimited)
	}
	w.limiter.refuse = nil
	if _, err := r.enter(r.code(t)); err != nil {
		t.Errorf("after refusals by a limit: %v", err)
	}
}

func TestMailSignIn_CodeAndLinkOpenOneSession(t *testing.T) {
	for name, ways := range map[string][]func(t *testing.T, r requested) (login.Grant, error){
		"the code, then the link": {
			func(t *testing.T, r requested) (login.Grant, error) { return r.enter(r.code(t)) },
			func(t *testing.T, r requested) (login.Grant, error) { return r.follow(r.link(t)) },
		},
		"the link, then the code": {
			func(t *testing.T, r requested) (login.Grant, error) { return r.follow(r.link(t)) },
			func(t *testing.T, r requested) (login.Grant, error) { return r.enter(r.code(t)) },
		},
		"the code twice": {
			func(t *testing.T, r requested) (login.Grant, error) {
				return r.enter(" " + r.code(t)[:3] + " " + r.code(t)[3:])
			},
			func(t *testing.T, r requested) (login.Grant, error) { return r.enter(r.code(t)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, byMail(login.MailSignInKnown))
			w.verified(t, "ann@example.org")
			w.clock.Advance(time.Second)
			r := w.request(t, "Ann@Example.org")
			if r.mails[0].Kind != login.MailSignInLink || r.mails[0].Recipient != "ann@example.org" {
				t.Errorf("mail %+v", r.mails[0])
			}
			g, err := ways[0](t, r)
			if err != nil {
				t.Fatal(err)
			}
			if h, err := w.Me(context.Background(), identity(g)); err != nil || h.User.Email != "ann@example.org" || h.Account.Password == "" {
				t.Errorf("%+v, %v", h, err)
			}
			sessions, err := w.Sessions(context.Background(), identity(g))
			if err != nil || !slices.Equal(sessions[0].AMR, []string{"otp"}) {
				t.Errorf("%+v, %v", sessions, err)
			}
			_, err = ways[1](t, r)
			wantCode(t, err, login.CodeInvalidToken)
		})
	}
}

// An address without an account gets the same answers, at the same cost, as one with an
// account and wrong codes.
func TestMailSignIn_UnknownAddressesLookLikeKnownOnes(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	w.verified(t, "ann@example.org")
	w.Deps.Hasher = noHasher{t}
	for _, email := range []string{"ann@example.org", "nobody@example.org"} {
		r := w.request(t, email)
		wrong := "000000"
		if len(r.mails) > 0 {
			wrong = other(r.code(t))
		}
		for range login.MailCodeTries {
			_, err := r.enter(wrong)
			wantCode(t, err, login.CodeInvalidCode)
		}
		_, err := r.enter(wrong)
		wantCode(t, err, login.CodeInvalidToken)
		if len(r.mails) > 0 {
			_, err = r.enter(r.code(t))
			wantCode(t, err, login.CodeInvalidToken)
			if email != "ann@example.org" {
				t.Error("a stranger got a mail")
			}
		}
	}
	if attempts := w.limiter.attempts; len(attempts) < 4 || attempts[len(attempts)-1].Operation != login.OpMailSignInCode {
		t.Errorf("counted %+v", attempts)
	}
}

func TestMailSignIn_ACodeIsOfItsChallenge(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	w.verified(t, "ann@example.org")
	w.verified(t, "bob@example.org")
	ann, stranger, bob := w.request(t, "ann@example.org"), w.request(t, "ann@example.org"), w.request(t, "bob@example.org")
	for _, r := range []requested{stranger, bob} {
		if code := ann.code(t); code != r.code(t) { // one in a million
			_, err := r.enter(code)
			wantCode(t, err, login.CodeInvalidCode)
		}
	}
	for _, c := range []struct{ challenge, code string }{
		{"", ann.code(t)}, {"x", ann.code(t)}, {strings.Repeat("A", 43), ann.code(t)}, {ann.challenge + "A", ann.code(t)},
	} {
		_, err := requested{w, c.challenge, nil}.enter(c.code)
		wantCode(t, err, login.CodeInvalidToken)
	}
	for _, code := range []string{"", " "} {
		_, err := ann.enter(code)
		wantCode(t, err, login.CodeInvalidInput)
	}
	for _, code := range []string{"1", "12345", "1234567", "abcdef", strings.Repeat("9", 5000)} {
		_, err := ann.enter(code)
		wantCode(t, err, login.CodeInvalidCode)
	}
	if _, err := ann.enter(ann.code(t)); err == nil {
		t.Error("the right code worked after five wrong ones")
	}
	if _, err := ann.follow(ann.link(t)); err != nil {
		t.Errorf("wrong codes of whoever asked voided the link: %v", err)
	}
}

func TestMailSignIn_IsVoidAfterAChange(t *testing.T) {
	ctx, password := context.Background(), newPassword
	for name, meanwhile := range map[string]func(w *world, g login.Grant) error{
		"another password": func(w *world, _ login.Grant) error {
			return w.operator().SetPassword(ctx, "ann@example.org", password)
		},
		"another address": func(w *world, g login.Grant) error {
			if err := w.RequestEmailChange(ctx, identity(g), login.RequestEmailChangeInput{NewEmail: "new@example.org", Password: goodPassword, Client: home}); err != nil {
				return err
			}
			tokens, err := logintest.MailSecret.Tokens(w.sendAll(t)[0].ID)
			if err == nil {
				err = w.VerifyEmail(ctx, login.VerifyEmailInput{Token: tokens[0], Identity: identity(g), Client: home})
			}
			return err
		},
		"disabled": func(w *world, _ login.Grant) error { return w.operator().SetDisabled(ctx, "ann@example.org", true) },
		"deleted":  func(w *world, _ login.Grant) error { return w.operator().Delete(ctx, "ann@example.org", false) },
		"expired":  func(w *world, _ login.Grant) error { w.clock.Advance(login.MailCodeLife); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, byMail(login.MailSignInKnown))
			g := w.verified(t, "ann@example.org")
			r := w.request(t, "ann@example.org")
			if err := meanwhile(w, g); err != nil {
				t.Fatal(err)
			}
			_, err := r.enter(r.code(t))
			wantCode(t, err, login.CodeInvalidToken)
			_, err = r.follow(r.link(t))
			wantCode(t, err, login.CodeInvalidToken)
		})
	}
}

// Somebody who signs up with another's address must not share the account that its
// owner opens later.
func TestMailSignIn_TakesOverAnAccountThatNobodyVerified(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	squatter := w.signUp(t, "ann@example.org")
	r := w.request(t, "ann@example.org")
	if r.mails[0].Kind != login.MailSignInCode || r.mails[0].Payload.Name != "" {
		t.Errorf("the mailbox may be a stranger's, and got %+v", r.mails[0])
	}
	g, err := r.enter(r.code(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := w.Me(context.Background(), identity(g))
	if err != nil || h.Account.EmailVerifiedAt.IsZero() || h.Account.Password != "" {
		t.Errorf("%+v, %v", h.Account, err)
	}
	_, err = w.refresh(squatter.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	if _, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{NewPassword: newPassword, Client: home}); err != nil {
		t.Errorf("the new owner's first password: %v", err)
	}
}

// A mailbox is one factor.
func TestMailSignIn_AsksForTheSecondFactor(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	a := w.enrol(t, w.signUp(t, "ann@example.org"))
	w.sendAll(t)
	r := w.request(t, "ann@example.org")
	_, err := r.enter(r.code(t))
	wantCode(t, err, login.CodeSecondFactorRequired)
	e := login.AsError(err)
	_, err = w.answer(e.Challenge, login.MethodMail, r.code(t))
	wantCode(t, err, login.CodeInvalidInput)
	if _, err := w.signIn("ann@example.org", goodPassword); login.AsError(err).Code != login.CodeSecondFactorRequired {
		t.Errorf("half a sign-in changed the account: %v", err)
	}
	g, err := w.answer(e.Challenge, login.MethodTOTP, a.code(t))
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := w.Sessions(context.Background(), identity(g))
	if err != nil || !slices.Equal(sessions[0].AMR, []string{"otp", "mfa"}) {
		t.Errorf("%+v, %v", sessions, err)
	}
	if h, err := w.Me(context.Background(), identity(g)); err != nil || h.Account.EmailVerifiedAt.IsZero() || h.Account.Password == "" {
		t.Errorf("mailbox and second factor are proved: %+v, %v", h.Account, err)
	}
}

func TestMailSignIn_ARememberedDeviceKeepsItsToken(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInKnown))
	a := w.enrol(t, w.verified(t, "ann@example.org"))
	remembered, err := w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
		Challenge: w.challenged(t, "ann@example.org").Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Remember: true, Client: home,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	r := w.requestFrom(t, login.RequestMailSignInInput{Email: "ann@example.org", DeviceToken: remembered.DeviceToken, Client: home})
	g, err := r.enter(r.code(t))
	if err != nil || g.DeviceToken != "" {
		t.Errorf("device token %q, %v", g.DeviceToken, err)
	}
}

// A setting that came after the account: its device is remembered, its address is not
// verified. The mail verifies it, so no session is opened beside the setting.
func TestRequireVerifiedEmail_AMailToARememberedDeviceVerifies(t *testing.T) {
	before := newWorld(t, byMail(login.MailSignInKnown))
	a := before.enrol(t, before.signUp(t, "ann@example.org"))
	remembered, err := before.SignInSecondFactor(t.Context(), login.SignInSecondFactorInput{
		Challenge: before.challenged(t, "ann@example.org").Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Remember: true, Client: home,
	})
	if err != nil {
		t.Fatal(err)
	}
	before.sendAll(t)
	w := newWorldOn(t, before.store, byMail(login.MailSignInKnown), requireVerified)
	r := w.requestFrom(t, login.RequestMailSignInInput{Email: "ann@example.org", DeviceToken: remembered.DeviceToken, Client: home})
	g, err := r.enter(r.code(t))
	if err != nil {
		t.Fatal(err)
	}
	if ua, err := w.Me(t.Context(), identity(g)); err != nil || ua.Account.EmailVerifiedAt.IsZero() || ua.Account.Password == "" {
		t.Errorf("a session of %+v, %v", ua.Account, err)
	}
	if names := w.audit.Names(); !slices.Contains(names, login.EventEmailVerified) {
		t.Errorf("audit: %v", names)
	}
}

func TestMailSignIn_MakesAccountsWhereThatIsWanted(t *testing.T) {
	closed := func(_ *login.Deps, r *login.Rules) { r.SignUp = login.SignUpClosed }
	for name, c := range map[string]struct {
		options []logintest.Option
		made    bool
	}{
		"sign-in alone": {[]logintest.Option{byMail(login.MailSignInKnown)}, false},
		"closed":        {[]logintest.Option{byMail(login.MailSignInSignUp), closed}, false},
		"sign-up":       {[]logintest.Option{byMail(login.MailSignInSignUp), func(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true }}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, append(c.options, costsNoHash(t))...)
			r := w.request(t, "new@example.org")
			if got := len(r.mails) > 0; got != c.made {
				t.Fatalf("mails %+v", r.mails)
			}
			if !c.made {
				return
			}
			if m := r.mails[0]; m.Kind != login.MailSignInCode || m.UserID != "" || m.Payload.Name != "" {
				t.Errorf("a stranger got %+v", m)
			}
			code := r.code(t)
			_, err := r.enter(other(code))
			wantCode(t, err, login.CodeInvalidCode)
			_, err = r.w.SignInMailCode(context.Background(), login.MailSignInCodeInput{Challenge: r.challenge, Code: code, Name: "\u202e", Client: home})
			wantCode(t, err, login.CodeInvalidInput)
			g, err := r.enter(code)
			if err != nil {
				t.Fatal(err)
			}
			h, err := w.Me(context.Background(), identity(g))
			if err != nil || h.User.Name != "new" || h.Account.Password != "" || h.Account.EmailVerifiedAt.IsZero() {
				t.Errorf("%+v, %v", h, err)
			}
			_, err = r.enter(code)
			wantCode(t, err, login.CodeInvalidToken)
			if again := w.request(t, "new@example.org"); again.mails[0].Kind != login.MailSignInLink {
				t.Errorf("the next mail is %s", again.mails[0].Kind)
			}
		})
	}
}

// A restart may close sign-ups between a code and its use. A challenge outlives it.
func TestMailSignIn_TheSignUpRulesHoldWhenTheCodeComesBack(t *testing.T) {
	for name, c := range map[string]struct {
		change logintest.Option
		want   login.Code // empty: an account is made
	}{
		"nothing changed": {byMail(login.MailSignInSignUp), ""},
		"sign-up closed": {func(_ *login.Deps, r *login.Rules) {
			r.MailSignIn, r.SignUp = login.MailSignInSignUp, login.SignUpClosed
		}, login.CodeSignupDisabled},
		"only known accounts": {byMail(login.MailSignInKnown), login.CodeInvalidToken},
		"switched off":        {byMail(login.MailSignInOff), login.CodeInvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			before := newWorld(t, byMail(login.MailSignInSignUp))
			r := before.request(t, "new@example.org")
			after := newWorldOn(t, before.store, c.change)
			_, err := after.SignInMailCode(t.Context(), login.MailSignInCodeInput{Challenge: r.challenge, Code: r.code(t), Client: home})
			_, found := before.store.UserAccountByEmail(t.Context(), "new@example.org")
			if c.want == "" {
				if err != nil || found != nil {
					t.Errorf("no account was made: %v, %v", err, found)
				}
				return
			}
			wantCode(t, err, c.want)
			if !errors.Is(found, login.ErrNotFound) {
				t.Errorf("an account was made (%v)", found)
			}
		})
	}
}

// Somebody signs up between a code and its use: the code was not for that account.
func TestMailSignIn_MakesNoSecondAccount(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInSignUp))
	r := w.request(t, "new@example.org")
	code := r.code(t)
	w.signUp(t, "new@example.org")
	_, err := r.enter(code)
	wantCode(t, err, login.CodeInvalidToken)
}

func TestMailSignIn_IsOffUnlessItIsOn(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInOff))
	w.verified(t, "ann@example.org")
	_, err := w.RequestMailSignIn(context.Background(), login.RequestMailSignInInput{Email: "ann@example.org", Client: home})
	wantCode(t, err, login.CodeMailDisabled)
	_, err = w.SignInMailCode(context.Background(), login.MailSignInCodeInput{Challenge: strings.Repeat("A", 43), Code: "123456", Client: home})
	wantCode(t, err, login.CodeInvalidToken)
	_, err = w.SignInMailLink(context.Background(), login.MailSignInLinkInput{Token: strings.Repeat("A", 43), Client: home})
	wantCode(t, err, login.CodeInvalidToken)
}

// While as many mails are under way as an account may have, more are not sent; nor
// beyond what its mailbox may get.
func TestMailSignIn_IsNoMailBomb(t *testing.T) {
	w := newWorld(t, byMail(login.MailSignInSignUp), costsNoHash(t))
	if _, err := w.operator().CreateWithoutPassword(context.Background(), "ann@example.org", "Ann", nil); err != nil {
		t.Fatal(err)
	}
	if err := w.operator().SetEmailVerified(context.Background(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for i := range 20 {
		r := w.requestFrom(t, login.RequestMailSignInInput{Email: "ann@example.org", Client: home, Language: []string{"en", "de"}[i%2]})
		sent += len(r.mails)
	}
	if most := login.PurposeSignIn.Links(); sent != most {
		t.Errorf("%d mails, want %d", sent, most)
	}
	w.limiter.refuseRecipient = "new@example.org"
	if r := w.request(t, "new@example.org"); len(r.mails) > 0 {
		t.Errorf("beyond its limit a stranger got %+v", r.mails)
	}
}

func TestMailSignIn_CodesAreSixDigitsOfTheirKey(t *testing.T) {
	rotated := login.MailSecret{Keys: func() [][]byte {
		return [][]byte{[]byte("another-secret-0123456789abcdef"), logintest.MailSecret.Keys()[0]}
	}}
	seen := map[string]bool{}
	for i := range 50 {
		id := fmt.Sprintf("11111111-1111-4111-8111-%012d", i)
		codes, err := rotated.Codes(id)
		old, _ := logintest.MailSecret.Codes(id)
		if err != nil || len(codes) != 2 || codes[1] != old[0] || len(codes[0]) != 6 || strings.Trim(codes[0], "0123456789") != "" {
			t.Fatalf("%q of %q, %v", codes, old, err)
		}
		seen[codes[0]] = true
	}
	if len(seen) < 45 {
		t.Errorf("of 50 mails only %d have a code of their own", len(seen))
	}
	if _, err := (login.MailSecret{Keys: func() [][]byte { return nil }}).Codes("x"); err == nil {
		t.Error("a code without a key")
	}
}

func TestElevation_ByMailedCode(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	_, err := w.RequestElevationMail(ctx, identity(g), "", home)
	wantCode(t, err, login.CodeElevationRequired) // the mailbox may be a stranger's
	if err := w.operator().SetEmailVerified(ctx, "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	if _, err := w.RequestElevationMail(ctx, identity(g), "de", home); err != nil {
		t.Fatal(err)
	}
	r := requested{w, "", w.sendAll(t)}
	if r.mails[0].Kind != login.MailElevationCode {
		t.Errorf("mail %+v", r.mails[0])
	}
	code := r.code(t)
	elevate := func(g login.Grant, code string) error {
		_, err := w.Elevate(ctx, identity(g), login.ElevateInput{Proof: login.Proof{Method: login.MethodMail, Code: code}, Client: home})
		return err
	}
	wantCode(t, elevate(g, other(code)), login.CodeInvalidCode)
	wantCode(t, elevate(elsewhere, code), login.CodeInvalidCode)
	if err := elevate(g, code); err != nil {
		t.Fatal(err)
	}
	wantCode(t, elevate(g, code), login.CodeInvalidCode)
	sessions, err := w.Sessions(ctx, identity(g))
	i := slices.IndexFunc(sessions, func(s login.Session) bool { return s.ID == g.Token })
	if err != nil || !slices.Equal(sessions[i].AMR, []string{"pwd", "otp"}) || sessions[i].ElevatedAt.IsZero() {
		t.Errorf("%+v, %v", sessions, err)
	}

	if _, err := w.RequestElevationMail(ctx, identity(g), "", home); err != nil {
		t.Fatal(err)
	}
	r.mails = w.sendAll(t)
	for range login.MailCodeTries {
		wantCode(t, elevate(g, other(r.code(t))), login.CodeInvalidCode)
	}
	wantCode(t, elevate(g, r.code(t)), login.CodeInvalidCode)
	// Where there is a stronger credential it is that which elevates.
	w.enrol(t, g)
	_, err = w.RequestElevationMail(ctx, identity(g), "", home)
	wantCode(t, err, login.CodeElevationRequired)
	wantCode(t, elevate(g, r.code(t)), login.CodeInvalidInput)
}

func TestElevation_AMailedCodeIsOfTheAddressAndItsTime(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	g := w.verified(t, "ann@example.org")
	ask := func() requested {
		t.Helper()
		if _, err := w.RequestElevationMail(ctx, identity(g), "", home); err != nil {
			t.Fatal(err)
		}
		return requested{w, "", w.sendAll(t)}
	}
	elevate := func(code string) error {
		_, err := w.Elevate(ctx, identity(g), login.ElevateInput{Proof: login.Proof{Method: login.MethodMail, Code: code}, Client: home})
		return err
	}
	old := ask()
	w.clock.Advance(login.MailCodeLife + time.Second)
	wantCode(t, elevate(old.code(t)), login.CodeInvalidCode)
	old = ask()
	if err := w.RequestEmailChange(ctx, identity(g), login.RequestEmailChangeInput{NewEmail: "new@example.org", Password: goodPassword, Client: home}); err != nil {
		t.Fatal(err)
	}
	tokens, err := logintest.MailSecret.Tokens(w.sendAll(t)[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.VerifyEmail(ctx, login.VerifyEmailInput{Token: tokens[0], Identity: identity(g), Client: home}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, elevate(old.code(t)), login.CodeInvalidCode)
}
