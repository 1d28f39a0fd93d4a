package login_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func requireVerified(_ *login.Deps, r *login.Rules) { r.RequireVerifiedEmail = true }

func (w *world) askVerification(t *testing.T, email string) {
	t.Helper()
	err := w.RequestEmailVerification(context.Background(), login.RequestEmailVerificationInput{Email: email, Language: "de", Client: home})
	if err != nil {
		t.Fatalf("requesting a verification: %v", err)
	}
}

func (w *world) verify(token string) error {
	return w.VerifyEmail(context.Background(), login.VerifyEmailInput{Token: token, Client: home})
}

// verifyWith opens a link with the account's password, verifyIn with a session.
func (w *world) verifyWith(token, password string) error {
	return w.VerifyEmail(context.Background(), login.VerifyEmailInput{Token: token, Password: password, Client: home})
}

func (w *world) verifyIn(g login.Grant, token string) error {
	return w.VerifyEmail(context.Background(), login.VerifyEmailInput{Token: token, Identity: identity(g), Client: home})
}

func (w *world) askChange(g login.Grant, newEmail, password string) error {
	return w.RequestEmailChange(context.Background(), identity(g), login.RequestEmailChangeInput{NewEmail: newEmail, Password: password, Client: home})
}

func (w *world) verifiedAt(t *testing.T, email string) time.Time {
	t.Helper()
	ua, err := w.store.UserAccountByEmail(context.Background(), email)
	if err != nil {
		t.Fatal(err)
	}
	return ua.Account.EmailVerifiedAt
}

func TestSignUp_QueuesALinkThatVerifiesOnce(t *testing.T) {
	w := newWorld(t)
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Language: "de", Client: home})
	if err != nil {
		t.Fatal(err)
	}
	m, token := w.mailed(t)
	if m.Kind != login.MailVerifyEmail || m.Recipient != "ann@example.org" || m.Payload.Language != "de" {
		t.Errorf("queued %+v", m)
	}
	if at := w.verifiedAt(t, "ann@example.org"); !at.IsZero() {
		t.Errorf("verified at %s before the link was opened", at)
	}
	if err := w.verifyWith(token, goodPassword); err != nil {
		t.Fatal(err)
	}
	if at := w.verifiedAt(t, "ann@example.org"); !at.Equal(w.clock.Now()) {
		t.Errorf("verified at %s", at)
	}
	if err := w.verify(token); err != nil {
		t.Errorf("the same link again: %v", err)
	}
	if !slices.Contains(w.audit.Names(), login.EventEmailVerified) {
		t.Errorf("audit: %v", w.audit.Names())
	}
}

func TestSignUp_WithoutMailQueuesNothing(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	if sent := w.sendAll(t); len(sent) > 0 {
		t.Errorf("queued %+v", sent)
	}
}

func TestSignUp_MailLanguageIsTheOneAskedForElseTheClients(t *testing.T) {
	for _, c := range []struct{ asked, client, want string }{
		{"de", "fr-CH", "de"}, {"", "fr-CH", "fr-CH"}, {"", "*", ""}, {"", "", ""},
	} {
		w := newWorld(t)
		client := home
		client.Language = c.client
		_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Language: c.asked, Client: client})
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := w.mailed(t); m.Payload.Language != c.want {
			t.Errorf("asked for %q, client %q: %q", c.asked, c.client, m.Payload.Language)
		}
	}
	w := newWorld(t)
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Language: "../de"})
	wantCode(t, err, login.CodeInvalidInput)
}

func TestRequireVerifiedEmail_NoSessionBeforeTheLinkWasOpened(t *testing.T) {
	w := newWorld(t, requireVerified)
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: goodPassword, Client: home})
	wantCode(t, err, login.CodeEmailNotVerified)
	_, token := w.mailed(t)
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeEmailNotVerified)
	_, err = w.signIn("ann@example.org", "wrong password")
	wantCode(t, err, login.CodeInvalidCredentials) // only who knows the password learns more
	sessions, err := w.store.LiveSessions(context.Background(), w.userID(t, "ann@example.org"), w.clock.Now())
	if err != nil || len(sessions) > 0 {
		t.Errorf("sessions %+v, %v", sessions, err)
	}
	if err := w.verifyWith(token, goodPassword); err != nil {
		t.Fatal(err)
	}
	if _, err = w.signIn("ann@example.org", goodPassword); err != nil {
		t.Errorf("after the link was opened: %v", err)
	}
}

// Switching the setting on must not end the sessions of everybody who signed up
// before it.
func TestRequireVerifiedEmail_SessionsThatAreThereLiveOn(t *testing.T) {
	before := newWorld(t)
	g := before.signUp(t, "ann@example.org")
	after := newWorldOn(t, before.store, requireVerified)
	if _, err := after.refresh(g.RefreshToken); err != nil {
		t.Errorf("refreshing: %v", err)
	}
}

func TestRequireVerifiedEmail_AResetByMailVerifiesAndAnOperatorsLinkVouches(t *testing.T) {
	w := newWorld(t, requireVerified)
	for _, email := range []string{"ann@example.org", "bob@example.org"} {
		_, err := w.SignUp(context.Background(), login.SignUpInput{Email: email, Name: "Ann", Password: goodPassword, Client: home})
		wantCode(t, err, login.CodeEmailNotVerified)
	}
	w.sendAll(t)
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	if _, err := w.reset(token, newPassword); err != nil {
		t.Fatal(err)
	}
	if w.verifiedAt(t, "ann@example.org").IsZero() {
		t.Error("a link from the mailbox did not verify it")
	}
	token, _, err := w.operator().ResetToken(context.Background(), "bob@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.reset(token, newPassword); err != nil {
		t.Errorf("an operator's link: %v", err)
	}
	if !w.verifiedAt(t, "bob@example.org").IsZero() {
		t.Error("an operator's link verified an address")
	}
}

func TestOperatorSetEmailVerified_LetsSignInAndEndsNoSession(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	if err := w.operator().SetEmailVerified(context.Background(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	if w.verifiedAt(t, "ann@example.org").IsZero() || !slices.Contains(w.audit.Names(), login.EventEmailMarkedVerified) {
		t.Errorf("audit: %v", w.audit.Names())
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("refreshing: %v", err)
	}
}

func TestRequestEmailVerification_SendsOnlyToWhoIsNotVerified(t *testing.T) {
	w := newWorld(t)
	for _, email := range []string{"new@example.org", "done@example.org", "closed@example.org"} {
		w.signUp(t, email)
	}
	if err := w.operator().SetEmailVerified(context.Background(), "done@example.org"); err != nil {
		t.Fatal(err)
	}
	if err := w.operator().SetDisabled(context.Background(), "closed@example.org", true); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"nobody@example.org", "done@example.org", "closed@example.org"} {
		w.askVerification(t, email)
	}
	if sent := w.sendAll(t); len(sent) > 0 {
		t.Errorf("queued %+v", sent)
	}
	w.askVerification(t, "New@example.org")
	m, token := w.mailed(t)
	if m.Kind != login.MailVerifyEmail || m.Recipient != "new@example.org" || m.Payload.Language != "de" {
		t.Errorf("queued %+v", m)
	}
	if err := w.verifyWith(token, goodPassword); err != nil {
		t.Error(err)
	}
}

func TestRequestEmailVerification_RefusesWithoutMailBadInputAndTooMany(t *testing.T) {
	off := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	wantCode(t, off.RequestEmailVerification(context.Background(), login.RequestEmailVerificationInput{Email: "ann@example.org"}), login.CodeMailDisabled)
	w := newWorld(t)
	wantCode(t, w.RequestEmailVerification(context.Background(), login.RequestEmailVerificationInput{Email: "ann"}), login.CodeInvalidInput)
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	wantCode(t, w.RequestEmailVerification(context.Background(), login.RequestEmailVerificationInput{Email: "ann@example.org"}), login.CodeRateLimited)
	wantCode(t, w.verify("x"), login.CodeRateLimited)
}

func TestVerifyEmail_LinkIsVoidAfterADayAndANewPassword(t *testing.T) {
	for name, void := range map[string]func(t *testing.T, w *world){
		"a day": func(_ *testing.T, w *world) { w.clock.Advance(login.VerifyTokenLife) },
		"a new password": func(t *testing.T, w *world) {
			if err := w.operator().SetPassword(context.Background(), "ann@example.org", newPassword); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.signUp(t, "ann@example.org")
			w.askVerification(t, "ann@example.org")
			_, token := w.mailed(t)
			void(t, w)
			wantCode(t, w.verify(token), login.CodeInvalidToken)
		})
	}
}

func TestChangeEmail_TheNewAddressConfirmsAndTheOldOneIsTold(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	if err := w.askChange(g, " Ann@New.example ", goodPassword); err != nil {
		t.Fatal(err)
	}
	m, token := w.mailed(t)
	if m.Kind != login.MailChangeEmail || m.Recipient != "ann@new.example" {
		t.Errorf("queued %+v", m)
	}
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Errorf("the old address before the link was opened: %v", err)
	}
	w.forgot(t, "ann@example.org")
	w.sendAll(t)
	if err := w.verifyIn(g, token); err != nil {
		t.Fatal(err)
	}
	if w.verifiedAt(t, "ann@new.example").IsZero() {
		t.Error("the new address is not verified")
	}
	sent := w.sendAll(t)
	if len(sent) != 1 || sent[0].Kind != login.MailEmailChanged || sent[0].Recipient != "ann@example.org" {
		t.Errorf("told: %+v", sent)
	}
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("the session: %v", err)
	}
	if err := w.verify(token); err != nil {
		t.Errorf("the same link again: %v", err)
	}
	names := w.audit.Names()
	if !slices.Contains(names, login.EventEmailChangeRequested) || !slices.Contains(names, login.EventEmailChanged) {
		t.Errorf("audit: %v", names)
	}
}

// An owner who lost a mailbox changes the address: links sent to the old one stop
// working.
func TestChangeEmail_VoidsWhatTheOldMailboxHolds(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.forgot(t, "ann@example.org")
	_, stolen := w.mailed(t)
	if err := w.askChange(g, "ann@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	_, token := w.mailed(t)
	if err := w.verifyIn(g, token); err != nil {
		t.Fatal(err)
	}
	_, err := w.reset(stolen, newPassword)
	wantCode(t, err, login.CodeInvalidToken)
}

func TestChangeEmail_ATakenAddressIsToldToItsReaderAlone(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.signUp(t, "bob@example.org")
	if err := w.askChange(g, "bob@example.org", goodPassword); err != nil {
		t.Errorf("a taken address is told: %v", err)
	}
	if sent := w.sendAll(t); len(sent) > 0 {
		t.Errorf("queued %+v", sent)
	}
	if err := w.askChange(g, "ann@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	_, token := w.mailed(t)
	w.signUp(t, "ann@new.example")
	wantCode(t, w.verifyIn(g, token), login.CodeEmailTaken)
	if _, err := w.signIn("ann@example.org", goodPassword); err != nil {
		t.Errorf("the address that the account has: %v", err)
	}
}

func TestRequestEmailChange_ProvesThePasswordAndIsLimitedForBothAddresses(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	wantCode(t, w.askChange(g, "ann@new.example", "wrong password"), login.CodeInvalidCredentials)
	wantCode(t, w.askChange(g, "ann@new.example", ""), login.CodeInvalidInput)
	wantCode(t, w.askChange(g, "ann", goodPassword), login.CodeInvalidInput)
	wantCode(t, w.askChange(g, "Ann@example.org", goodPassword), login.CodeInvalidInput)
	wantCode(t, w.askChange(login.Grant{UserID: g.UserID, Token: g.UserID}, "ann@new.example", goodPassword), login.CodeUnauthenticated)
	if sent := w.sendAll(t); len(sent) > 0 {
		t.Errorf("queued %+v", sent)
	}
	if err := w.askChange(g, "ann@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	last := w.limiter.attempts[len(w.limiter.attempts)-2]
	if mail := w.limiter.attempts[len(w.limiter.attempts)-1]; mail.Unsolicited != login.MailChangeEmail || mail.Recipient != "ann@new.example" {
		t.Errorf("the mail is limited as %+v", mail)
	}
	if last.Operation != login.OpRequestEmailChange || last.Account != "ann@example.org" || last.Recipient != "ann@new.example" {
		t.Errorf("limited as %+v", last)
	}
	off := newWorldOn(t, w.store, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	wantCode(t, off.askChange(g, "ann@new.example", goodPassword), login.CodeMailDisabled)
}

// If someone took over a session and asked for a change of address, the change must
// fail once the owner has a new password.
func TestChangeEmail_LinkIsVoidAfterAPasswordChange(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	if err := w.askChange(g, "thief@example.org", goodPassword); err != nil {
		t.Fatal(err)
	}
	_, token := w.mailed(t)
	_, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.verify(token), login.CodeInvalidToken)
}

func (w *world) userID(t *testing.T, email string) string {
	t.Helper()
	ua, err := w.store.UserAccountByEmail(context.Background(), email)
	if err != nil {
		t.Fatal(err)
	}
	return ua.User.ID
}

// An attacker asks to change the address of their own account to a victim's, and the
// victim presses the button.
func TestChangeEmail_TakesASessionOfTheAccountThatAsked(t *testing.T) {
	w := newWorld(t)
	attacker, victim := w.signUp(t, "mallory@example.org"), w.signUp(t, "ann@example.org")
	if err := w.askChange(attacker, "ann@new.example", goodPassword); err != nil {
		t.Fatal(err)
	}
	m, token := w.mailed(t)
	if m.Payload.Name != "" || m.Payload.Account != "m•••@e•••" {
		t.Errorf("strangers' words travel: %+v", m.Payload)
	}
	wantCode(t, w.verify(token), login.CodeUnauthenticated)
	wantCode(t, w.verifyWith(token, goodPassword), login.CodeUnauthenticated)
	wantCode(t, w.verifyIn(victim, token), login.CodeUnauthenticated)
	_, err := w.reset(token, newPassword)
	wantCode(t, err, login.CodeInvalidToken)
	if err := w.verifyIn(attacker, token); err != nil {
		t.Errorf("its own session: %v", err)
	}
}

// Somebody signs up with another's address and waits for them to confirm it.
func TestVerifyEmail_TheMailboxAloneConfirmsNothingButTakesTheAccountOver(t *testing.T) {
	w := newWorld(t)
	attacker := w.signUp(t, "ann@example.org")
	other := w.signUp(t, "bob@example.org")
	w.askVerification(t, "ann@example.org")
	m, token := w.mailed(t)
	if m.Payload.Name != "" || m.Payload.At.IsZero() {
		t.Errorf("payload %+v", m.Payload)
	}
	wantCode(t, w.verify(token), login.CodeUnauthenticated)
	wantCode(t, w.verifyIn(other, token), login.CodeUnauthenticated)
	wantCode(t, w.verifyWith(token, "wrong password"), login.CodeInvalidCredentials)
	guess := w.limiter.attempts[len(w.limiter.attempts)-1]
	if guess.Account != "ann@example.org" || guess.DeviceID == "" {
		t.Errorf("a guess is limited as %+v", guess)
	}
	if !w.verifiedAt(t, "ann@example.org").IsZero() {
		t.Error("the mailbox alone verified an address")
	}
	if _, err := w.reset(token, newPassword); err != nil {
		t.Fatal(err)
	}
	if w.verifiedAt(t, "ann@example.org").IsZero() {
		t.Error("not verified")
	}
	_, err := w.refresh(attacker.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	if err := w.verify(token); err != nil {
		t.Errorf("the link again: %v", err)
	}
	_, err = w.reset(token, "a third password 9")
	wantCode(t, err, login.CodeInvalidToken)
}

// A session that has ended is none; a live one of the account is enough.
func TestVerifyEmail_ByASession(t *testing.T) {
	w := newWorld(t)
	ended := w.signUp(t, "ann@example.org")
	if err := w.SignOut(context.Background(), login.RefreshInput{RefreshToken: ended.RefreshToken, Client: home}); err != nil {
		t.Fatal(err)
	}
	live, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	w.sendAll(t)
	w.askVerification(t, "ann@example.org")
	_, token := w.mailed(t)
	wantCode(t, w.verifyIn(ended, token), login.CodeUnauthenticated)
	if err := w.verifyIn(live, token); err != nil {
		t.Error(err)
	}
}

// Strangers who ask for an account's links neither void the owner's link nor cause mail
// without end. Signing out everywhere keeps the link and known devices valid.
func TestLinks_OneWayInIsLeftDuringAnAttack(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	for range 20 {
		w.forgot(t, "ann@example.org")
	}
	if sent := w.sendAll(t); len(sent) != login.PurposeResetPassword.Links()-1 {
		t.Errorf("%d more mails", len(sent))
	}
	if err := w.SignOutAll(context.Background(), identity(g), home); err != nil {
		t.Fatal(err)
	}
	_, err := w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: g.DeviceToken, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	if last := w.limiter.attempts[len(w.limiter.attempts)-1]; last.DeviceID == "" {
		t.Errorf("signing out everywhere made the owner's device a stranger: %+v", last)
	}
	if sent := w.sendAll(t); len(sent) > 0 {
		t.Errorf("told of a known device: %+v", sent)
	}
	if _, err := w.reset(token, newPassword); err != nil {
		t.Errorf("the first link: %v", err)
	}
}

func TestRequireVerifiedEmail_AnUnopenedAccountGivesWay(t *testing.T) {
	w := newWorld(t, requireVerified)
	signUp := func(name, password string) error {
		_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: name, Password: password, Client: home})
		return err
	}
	wantCode(t, signUp("Mallory", goodPassword), login.CodeEmailNotVerified)
	_, first := w.mailed(t)
	id := w.userID(t, "ann@example.org")
	wantCode(t, signUp("Ann", newPassword), login.CodeEmailNotVerified)
	if !slices.Contains(w.audit.Names(), login.EventSignUpReplaced) {
		t.Errorf("audit: %v", w.audit.Names())
	}
	_, second := w.mailed(t)
	wantCode(t, w.verifyWith(second, goodPassword), login.CodeInvalidCredentials)
	if err := w.verifyWith(first, newPassword); err != nil { // the mailbox is the same
		t.Fatal(err)
	}
	if _, err := w.signIn("ann@example.org", newPassword); err != nil {
		t.Fatal(err)
	}
	wantCode(t, signUp("Mallory", goodPassword), login.CodeEmailTaken)
	if got := w.userID(t, "ann@example.org"); got != id {
		t.Errorf("user %s, was %s", got, id)
	}
	if _, err := w.operator().Create(context.Background(), "op@example.org", "Op", goodPassword, nil); err != nil {
		t.Fatal(err)
	}
	_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "op@example.org", Name: "X", Password: newPassword, Client: home})
	wantCode(t, err, login.CodeEmailTaken)
}

// A token of a purpose that is not this use case's is refused before it makes the
// password of its account an oracle.
func TestVerifyEmail_TakesOnlyTokensThatVerify(t *testing.T) {
	for _, purpose := range []login.MailPurpose{login.PurposeResetPassword, login.PurposeSignIn, "of a later release"} {
		w := newWorld(t)
		g := w.signUp(t, "ann@example.org")
		mail := login.QueuedMail{ID: "22222222-2222-4222-8222-222222222222", UserID: g.UserID, Kind: login.MailVerifyEmail, Recipient: "ann@example.org", CreatedAt: w.clock.Now()}
		tokens, err := logintest.MailSecret.Tokens(mail.ID)
		logintest.Check(t, err)
		hash, _ := login.HashMailToken(tokens[0])
		logintest.Check(t, w.Mail.QueueMail(t.Context(), mail, &login.MailToken{
			Hash: hash, UserID: g.UserID, Purpose: purpose, Email: mail.Recipient, SessionVersion: 1, CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Hour),
		}))
		wantCode(t, w.verifyWith(tokens[0], goodPassword), login.CodeInvalidToken)
		if last := w.limiter.attempts[len(w.limiter.attempts)-1]; last.Account != "" {
			t.Errorf("%s: the password was looked at", purpose)
		}
	}
}

// What a link shows, an address and a name, was once to be had by any number of guesses,
// which nothing recorded.
func TestLink_CountsAndRecordsWhatIsNoToken(t *testing.T) {
	w := newWorld(t)
	w.signUp(t, "ann@example.org")
	w.forgot(t, "ann@example.org")
	_, token := w.mailed(t)
	before := len(w.limiter.settlements())
	l, err := w.Link(t.Context(), token, home)
	if err != nil || l.Email != "ann@example.org" || l.Purpose != login.PurposeResetPassword {
		t.Fatalf("%+v, %v", l, err)
	}
	for _, wrong := range []string{"", "x", strings.Repeat("A", 43)} {
		_, err := w.Link(t.Context(), wrong, home)
		wantCode(t, err, login.CodeInvalidToken)
	}
	if got := w.limiter.settlements()[before:]; !slices.Equal(got, []string{"released", "failed", "failed", "failed"}) {
		t.Errorf("settled as %v", got)
	}
	if names := w.audit.Names(); !slices.Equal(names[len(names)-3:], []login.EventName{login.EventRefused, login.EventRefused, login.EventRefused}) {
		t.Errorf("recorded %v", names)
	}
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	_, err = w.Link(t.Context(), token, home)
	wantCode(t, err, login.CodeRateLimited)
}
