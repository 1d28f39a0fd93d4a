package login_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// authenticator is somebody's app.
type authenticator struct {
	w      *world
	secret string
}

func (a authenticator) code(t *testing.T) string {
	t.Helper()
	code, err := otp.GenerateCode(a.secret, a.w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol gives a signed-in account an authenticator app, some time ago.
func (w *world) enrol(t *testing.T, g login.Grant) authenticator {
	t.Helper()
	a := w.addTOTP(t, g)
	w.clock.Advance(10 * time.Minute) // that code is spent, and the session is elevated no more
	return a
}

func (w *world) addTOTP(t *testing.T, g login.Grant) authenticator {
	t.Helper()
	e, err := w.EnrolTOTP(context.Background(), identity(g), goodPassword, home)
	if err != nil {
		t.Fatalf("enrolling: %v", err)
	}
	a := authenticator{w, e.Secret}
	if err := w.AddTOTP(context.Background(), identity(g), login.AddTOTPInput{Enrolment: e.Enrolment, Code: a.code(t), Client: home}); err != nil {
		t.Fatalf("adding: %v", err)
	}
	return a
}

// challenged signs in with the password and returns the challenge.
func (w *world) challenged(t *testing.T, email string) *login.Error {
	t.Helper()
	_, err := w.signIn(email, goodPassword)
	wantCode(t, err, login.CodeSecondFactorRequired)
	return login.AsError(err)
}

func (w *world) answer(challenge string, m login.Method, code string) (login.Grant, error) {
	return w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
		Challenge: challenge, Proof: login.Proof{Method: m, Code: code}, Client: home,
	})
}

func TestSecondFactor_EndsASignInInAChallenge(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a := w.enrol(t, g)

	e := w.challenged(t, "ann@example.org")
	if e.Challenge == "" || !slices.Equal(e.Methods, []login.Method{login.MethodTOTP}) {
		t.Fatalf("challenge %q, methods %v", e.Challenge, e.Methods)
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("the session that added the factor ended: %v", err)
	}
	_, err := w.answer(e.Challenge, login.MethodTOTP, "000000")
	wantCode(t, err, login.CodeInvalidCode)
	code := a.code(t)
	signedIn, err := w.answer(e.Challenge, login.MethodTOTP, code)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Me(context.Background(), identity(signedIn)); err != nil {
		t.Error(err)
	}
	_, err = w.answer(e.Challenge, login.MethodTOTP, a.code(t))
	wantCode(t, err, login.CodeInvalidToken)
	// A code works once, for any challenge.
	_, err = w.answer(w.challenged(t, "ann@example.org").Challenge, login.MethodTOTP, code)
	wantCode(t, err, login.CodeInvalidCode)
	_, err = w.signIn("ann@example.org", "wrong password")
	wantCode(t, err, login.CodeInvalidCredentials)
}

func TestSecondFactor_AChallengeIsOfItsAccountsVersionAndClient(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, w *world, g login.Grant)
		client    login.Client
	}{
		"signed out everywhere": {func(t *testing.T, w *world, g login.Grant) {
			if err := w.SignOutAll(context.Background(), identity(g), home); err != nil {
				t.Fatal(err)
			}
		}, home},
		"another client": {nil, login.Client{Addr: netip.MustParseAddr("198.51.100.1")}},
		"expired":        {func(_ *testing.T, w *world, _ login.Grant) { w.clock.Advance(login.ChallengeLife) }, home},
		"five tries":     {nil, home},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g := w.signUp(t, "ann@example.org")
			a := w.enrol(t, g)
			e := w.challenged(t, "ann@example.org")
			if name == "five tries" {
				for range login.ChallengeTries {
					_, err := w.answer(e.Challenge, login.MethodTOTP, "000000")
					wantCode(t, err, login.CodeInvalidCode)
				}
			} else if c.meanwhile != nil {
				c.meanwhile(t, w, g)
			}
			_, err := w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
				Challenge: e.Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Client: c.client,
			})
			wantCode(t, err, login.CodeInvalidToken)
		})
	}
}

// A limit that a stranger has used up must not void a sign-in that the owner has begun.
func TestSecondFactor_AnAnswerThatNobodyComparedSpendsNoTry(t *testing.T) {
	w := newWorld(t)
	a := w.enrol(t, w.signUp(t, "ann@example.org"))
	e := w.challenged(t, "ann@example.org")
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	for range 2 * login.ChallengeTries {
		_, err := w.answer(e.Challenge, login.MethodTOTP, "000000")
		wantCode(t, err, login.CodeRateLimited)
		if login.AsError(err).RetryAfter == 0 {
			t.Error("the answer does not say when to come back")
		}
	}
	w.limiter.refuse = nil
	if _, err := w.answer(e.Challenge, login.MethodTOTP, a.code(t)); err != nil {
		t.Errorf("after refusals by a limit: %v", err)
	}
}

func TestSecondFactor_OfAServiceThatTakesNoPasskeysAnyMore(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.addPasskey(t, identity(g), goodPassword)
	without := newWorldOn(t, w.store, func(d *login.Deps, _ *login.Rules) { d.Passkeys = nil })
	_, err := without.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodePasskeysDisabled) // nothing that this service takes could answer a challenge

	both := w.signUp(t, "bob@example.org")
	a := w.enrol(t, both)
	w.elevate(t, both, login.MethodTOTP, a.code(t))
	w.addPasskey(t, identity(both), goodPassword)
	if e := without.challenged(t, "bob@example.org"); !slices.Equal(e.Methods, []login.Method{login.MethodTOTP}) || len(e.PasskeyOptions) > 0 {
		t.Errorf("methods %q, options %s", e.Methods, e.PasskeyOptions)
	}
	without.clock.Advance(time.Hour)
	_, err = without.NewRecoveryCodes(t.Context(), identity(both), goodPassword, home)
	wantCode(t, err, login.CodeElevationRequired)
	if e := login.AsError(err); !slices.Equal(e.Methods, []login.Method{login.MethodTOTP}) {
		t.Errorf("methods of an elevation: %q", e.Methods)
	}
}

func TestTOTPEnrolment_IsOfItsSession(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	other, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	e, err := w.EnrolTOTP(t.Context(), identity(g), goodPassword, home)
	if err != nil {
		t.Fatal(err)
	}
	in := login.AddTOTPInput{Enrolment: e.Enrolment, Code: authenticator{w, e.Secret}.code(t), Client: home}
	wantCode(t, w.AddTOTP(t.Context(), identity(other), in), login.CodeInvalidToken)
	if err := w.AddTOTP(t.Context(), identity(g), in); err != nil {
		t.Error(err)
	}
}

func TestProof_OfAMethodThatNothingProvesFails(t *testing.T) {
	w := newWorld(t)
	w.signUp(t, "ann@example.org")
	ua := w.account(t, "ann@example.org")
	for _, m := range []login.Method{"", "sms", login.MethodProvider} {
		amr, err := w.Service.Prove(t.Context(), ua, login.Proof{Method: m, Password: goodPassword, Code: goodPassword})
		if err == nil || len(amr) > 0 {
			t.Errorf("method %q proves %q", m, amr)
		}
	}
	if amr, err := w.Service.Prove(t.Context(), ua, login.Proof{Method: login.MethodPassword, Password: goodPassword}); err != nil || len(amr) == 0 {
		t.Errorf("the password: %q, %v", amr, err)
	}
}

func TestSecondFactor_BadInput(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.enrol(t, g)
	e := w.challenged(t, "ann@example.org")
	for _, c := range []struct {
		challenge, method, code string
		want                    login.Code
	}{
		{e.Challenge, "password", "x", login.CodeInvalidInput},
		{e.Challenge, "", "123456", login.CodeInvalidInput},
		{e.Challenge, "sms", "123456", login.CodeInvalidInput},
		{e.Challenge, "totp", "", login.CodeInvalidInput},
		{"", "totp", "123456", login.CodeInvalidToken},
		{"x", "totp", "123456", login.CodeInvalidToken},
		{e.Challenge + "A", "totp", "123456", login.CodeInvalidToken},
		{strings.Repeat("A", 43), "totp", "123456", login.CodeInvalidToken},
		{e.Challenge, "recovery-code", "123456", login.CodeInvalidCode},
	} {
		_, err := w.answer(c.challenge, login.Method(c.method), c.code)
		if err == nil || login.AsError(err).Code != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestRecoveryCodes_StandInForTheFactorOnceEach(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	_, err := w.NewRecoveryCodes(context.Background(), identity(g), goodPassword, home)
	wantCode(t, err, login.CodeNotFound)
	a := w.enrol(t, g)
	_, err = w.NewRecoveryCodes(context.Background(), identity(g), goodPassword, home)
	wantCode(t, err, login.CodeElevationRequired)
	w.elevate(t, g, login.MethodTOTP, a.code(t))
	codes, err := w.NewRecoveryCodes(context.Background(), identity(g), goodPassword, home)
	if err != nil || len(codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 10 {
		t.Fatalf("%v, %v", codes, err)
	}
	if sent := w.sendAll(t); !slices.ContainsFunc(sent, func(m login.QueuedMail) bool { return m.Kind == login.MailRecoveryCodesMade }) {
		t.Error("their owner is not told of the new codes")
	}
	typed := strings.ToUpper(strings.ReplaceAll(codes[3], "-", " "))
	e := w.challenged(t, "ann@example.org")
	if !slices.Contains(e.Methods, login.MethodRecoveryCode) {
		t.Errorf("methods %v", e.Methods)
	}
	if _, err := w.answer(e.Challenge, login.MethodRecoveryCode, typed); err != nil {
		t.Fatal(err)
	}
	told := slices.ContainsFunc(w.sendAll(t), func(m login.QueuedMail) bool { return m.Kind == login.MailRecoveryCodeUsed })
	if !told {
		t.Error("the owner is not told")
	}
	_, err = w.answer(w.challenged(t, "ann@example.org").Challenge, login.MethodRecoveryCode, codes[3])
	wantCode(t, err, login.CodeInvalidCode)
	w.clock.Advance(time.Minute)
	w.elevate(t, g, login.MethodTOTP, a.code(t))
	if _, err := w.NewRecoveryCodes(context.Background(), identity(g), goodPassword, home); err != nil {
		t.Fatal(err)
	}
	_, err = w.answer(w.challenged(t, "ann@example.org").Challenge, login.MethodRecoveryCode, codes[4])
	wantCode(t, err, login.CodeInvalidCode)
}

func (w *world) elevate(t *testing.T, g login.Grant, m login.Method, code string) {
	t.Helper()
	_, err := w.Elevate(context.Background(), identity(g), login.ElevateInput{Proof: login.Proof{Method: m, Code: code}, Client: home})
	if err != nil {
		t.Fatalf("elevating: %v", err)
	}
}

// A change of credentials takes the stronger credential if the account has one.
func TestElevation_IsDemandedWhereThereIsASecondFactor(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	id := identity(g)
	a := w.enrol(t, g)
	ctx := context.Background()
	acts := map[string]func() error{
		"changing the password": func() error {
			_, err := w.ChangePassword(ctx, id, login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
			return err
		},
		"changing the address": func() error {
			return w.RequestEmailChange(ctx, id, login.RequestEmailChangeInput{NewEmail: "new@example.org", Password: goodPassword, Client: home})
		},
		"deleting the account": func() error { return w.DeleteAccount(ctx, id, goodPassword, home) },
		"removing the factor":  func() error { return w.RemoveTOTP(ctx, id, goodPassword, home) },
	}
	for name, act := range acts {
		err := act()
		if err == nil || login.AsError(err).Code != login.CodeElevationRequired || len(login.AsError(err).Methods) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Elevate(ctx, id, login.ElevateInput{Proof: login.Proof{Method: login.MethodPassword, Password: goodPassword}, Client: home})
	wantCode(t, err, login.CodeInvalidInput)
	w.elevate(t, g, login.MethodTOTP, a.code(t))
	w.clock.Advance(10 * time.Minute)
	wantCode(t, acts["removing the factor"](), login.CodeElevationRequired)
	w.elevate(t, g, login.MethodTOTP, a.code(t))
	if err := acts["removing the factor"](); err != nil {
		t.Fatal(err)
	}
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Errorf("without the factor: %v", err)
	}
	wantCode(t, acts["removing the factor"](), login.CodeNotFound)
}

func TestReset_OpensNoSessionBesideASecondFactor(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a := w.enrol(t, g)
	w.markVerified(t, "ann@example.org")
	w.sendAll(t)
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	_, err := w.ResetPassword(context.Background(), login.ResetPasswordInput{Token: token, NewPassword: newPassword, Client: home})
	wantCode(t, err, login.CodeSecondFactorRequired)
	if _, err := w.answer(login.AsError(err).Challenge, login.MethodTOTP, a.code(t)); err != nil {
		t.Errorf("the challenge of a reset: %v", err)
	}
	_, err = w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.signIn("ann@example.org", newPassword)
	wantCode(t, err, login.CodeSecondFactorRequired)
}

// A stranger signs up with somebody's address and adds factors of their own. The
// mailbox's owner who sets a password gets the account without them.
func TestPreHijacking_FactorsOfAStranger(t *testing.T) {
	w := newWorld(t)
	w.enrol(t, w.signUp(t, "ann@example.org"))
	w.sendAll(t)
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	if _, err := w.ResetPassword(context.Background(), login.ResetPasswordInput{Token: token, NewPassword: newPassword, Client: home}); err != nil {
		t.Fatalf("the mailbox's owner is asked for the stranger's factor: %v", err)
	}
	if _, err := w.signIn("ann@example.org", newPassword); err != nil {
		t.Errorf("signing in with the new password: %v", err)
	}
}

// subjects is an issuer that keeps what its last token says.
type subjects struct {
	logintest.SessionIDIssuer
	last *login.Subject
}

func (s subjects) Issue(sub login.Subject, now time.Time) (string, time.Time, error) {
	*s.last = sub
	return s.SessionIDIssuer.Issue(sub, now)
}

// A thief of the password elevates a session just before the owner adds a factor.
func TestElevation_OfBeforeTheFactorCountsNowhere(t *testing.T) {
	last := &login.Subject{}
	w := newWorld(t, func(d *login.Deps, _ *login.Rules) { d.Issuer = subjects{last: last} })
	g := w.signUp(t, "ann@example.org")
	thief, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	password := login.ElevateInput{Proof: login.Proof{Method: login.MethodPassword, Password: goodPassword}, Client: home}
	if _, err := w.Elevate(t.Context(), identity(thief), password); err != nil || !last.Elevated {
		t.Fatalf("elevating: %v, the token says %t", err, last.Elevated)
	}
	a := w.addTOTP(t, g)
	for name, act := range map[string]func() error{
		"removing the factor": func() error { return w.RemoveTOTP(t.Context(), identity(thief), goodPassword, home) },
		"linking a provider":  func() error { return w.MayLink(t.Context(), identity(thief), home) },
		"removing an identity": func() error {
			return w.UnlinkIdentity(t.Context(), identity(thief), "11111111-1111-4111-8111-111111111111", home)
		},
		"an application's permission": func() error {
			if _, err := w.refresh(thief.RefreshToken); err != nil {
				return err
			}
			if last.Elevated {
				return errors.New("the token says that the session is elevated")
			}
			return login.Errorf(login.CodeElevationRequired, "the token says that it is not")
		},
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, act(), login.CodeElevationRequired) })
	}
	if _, err := w.refresh(g.RefreshToken); err != nil || !last.Elevated {
		t.Errorf("the session that added the factor: %v, the token says %t", err, last.Elevated)
	}
	w.clock.Advance(time.Minute) // another code
	w.elevate(t, thief, login.MethodTOTP, a.code(t))
	if !last.Elevated {
		t.Error("an elevation by the factor does not count")
	}
}

func TestRememberedDevice_IsAskedForNoSecondFactorForAWhile(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	a := w.enrol(t, g)
	signIn := func(device string) (login.Grant, error) {
		return w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: device, Client: home})
	}
	_, err := signIn(g.DeviceToken)
	wantCode(t, err, login.CodeSecondFactorRequired)
	remembered, err := w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
		Challenge: login.AsError(err).Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Remember: true, Client: home,
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := signIn(remembered.DeviceToken)
	if err != nil || again.DeviceToken != remembered.DeviceToken {
		t.Fatalf("the remembered device: %v; its time must not begin anew", err)
	}
	wantCode(t, w.RemoveTOTP(context.Background(), identity(again), goodPassword, home), login.CodeElevationRequired)
	if err := w.operator().SetPassword(context.Background(), "ann@example.org", newPassword); err != nil {
		t.Fatal(err)
	}
	_, err = w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: newPassword, DeviceToken: remembered.DeviceToken, Client: home})
	wantCode(t, err, login.CodeSecondFactorRequired)
}

func TestOperator_ResetsSecondFactors(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	wantCode(t, w.operator().ResetSecondFactor(context.Background(), "ann@example.org"), login.CodeNotFound)
	w.enrol(t, g)
	if err := w.operator().ResetSecondFactor(context.Background(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	_, err := w.refresh(g.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Error(err)
	}
}

// Somebody who guesses the second factor has the first one, so the owner gets a notice,
// but only a few times.
func TestSecondFactor_WrongCodesAreToldToTheOwner(t *testing.T) {
	told := func(w *world) (n int) {
		t.Helper()
		for _, m := range w.sendAll(t) {
			if m.Kind == login.MailWrongCodes && m.Recipient == "ann@example.org" {
				n++
			}
		}
		return n
	}
	w := newWorld(t)
	w.enrol(t, w.verified(t, "ann@example.org"))
	told(w)
	e := w.challenged(t, "ann@example.org")
	for range login.ChallengeTries - 1 {
		_, err := w.answer(e.Challenge, login.MethodTOTP, "000000")
		wantCode(t, err, login.CodeInvalidCode)
	}
	if n := told(w); n != 0 {
		t.Errorf("told %d times of typing errors", n)
	}
	_, err := w.answer(e.Challenge, login.MethodTOTP, "000000")
	wantCode(t, err, login.CodeInvalidCode)
	if n := told(w); n != 1 {
		t.Errorf("told %d times once a challenge is used up", n)
	}
	for range 5 {
		e := w.challenged(t, "ann@example.org")
		for range login.ChallengeTries {
			_, _ = w.answer(e.Challenge, login.MethodTOTP, "000000")
		}
	}
	if n := told(w); n != 2 {
		t.Errorf("told %d times more within the hour, want 2", n)
	}
}
