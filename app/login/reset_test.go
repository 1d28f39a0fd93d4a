package login_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/store/sqlite"
)

func (w *world) forgot(t *testing.T, email string) {
	t.Helper()
	err := w.RequestPasswordReset(context.Background(), login.RequestPasswordResetInput{Email: email, Language: "de", Client: home})
	if err != nil {
		t.Fatalf("requesting a reset: %v", err)
	}
}

// mailed claims the mail that is due and returns it with its token.
func (w *world) mailed(t *testing.T) (login.QueuedMail, string) {
	t.Helper()
	m, err := w.outbox().ClaimMail(context.Background(), w.clock.Now(), time.Minute)
	if err != nil {
		t.Fatalf("no mail: %v", err)
	}
	tokens, err := logintest.MailSecret.Tokens(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	return m, tokens[0]
}

func (w *world) outbox() login.Outbox { return w.store.(*sqlite.Store) }

func (w *world) reset(token, password string) (login.Grant, error) {
	return w.ResetPassword(context.Background(), login.ResetPasswordInput{Token: token, NewPassword: password, Client: home})
}

func TestResetPassword_MailedTokenWorksOnceAndEndsEverySession(t *testing.T) {
	w := newWorld(t)
	before := w.signUp(t, "ann@example.org")
	w.forgot(t, " Ann@Example.org ")
	m, token := w.mailed(t)
	if m.Recipient != "ann@example.org" || m.Payload.Name != "" || m.Payload.Language != "de" || m.Kind != login.MailResetPassword {
		t.Errorf("queued %+v", m)
	}
	_, err := w.reset(token, "short")
	wantCode(t, err, login.CodeInvalidInput) // and the token is not spent
	g, err := w.reset(token, newPassword)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Me(context.Background(), identity(g)); err != nil || g.DeviceToken == "" {
		t.Errorf("the new grant: %v, device token %q", err, g.DeviceToken)
	}
	_, err = w.refresh(before.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	if _, err := w.signIn("ann@example.org", newPassword); err != nil {
		t.Errorf("the new password: %v", err)
	}
	_, err = w.reset(token, goodPassword)
	wantCode(t, err, login.CodeInvalidToken)
	if names := w.audit.Names(); !slices.Contains(names, login.EventPasswordReset) || !slices.Contains(names, login.EventPasswordResetRequested) {
		t.Errorf("audit: %v", names)
	}
}

func TestRequestPasswordReset_UnknownAndDisabledAnswerAlikeAndSendNothing(t *testing.T) {
	w := newWorld(t)
	w.signUp(t, "closed@example.org")
	o := w.operator()
	if err := o.SetDisabled(context.Background(), "closed@example.org", true); err != nil {
		t.Fatal(err)
	}
	w.forgot(t, "nobody@example.org")
	w.forgot(t, "closed@example.org")
	if m, err := w.outbox().ClaimMail(context.Background(), w.clock.Now(), time.Minute); !errors.Is(err, login.ErrNotFound) {
		t.Errorf("queued %+v, %v", m, err)
	}
	accounts := []string{}
	for _, a := range w.limiter.attempts {
		if a.Operation == login.OpRequestPasswordReset {
			accounts = append(accounts, a.Account)
		}
	}
	if !slices.Equal(accounts, []string{"nobody@example.org", "closed@example.org"}) {
		t.Errorf("limited by %v", accounts)
	}
}

func TestResetPassword_TokenIsVoidAfterThirtyMinutesAndAPasswordChange(t *testing.T) {
	for name, void := range map[string]func(t *testing.T, w *world, g login.Grant){
		"thirty minutes": func(_ *testing.T, w *world, _ login.Grant) { w.clock.Advance(login.ResetTokenLife) },
		"password change": func(t *testing.T, w *world, g login.Grant) {
			_, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
			if err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			g := w.signUp(t, "ann@example.org")
			w.forgot(t, "ann@example.org")
			_, token := w.mailed(t)
			void(t, w, g)
			_, err := w.reset(token, "a third password 9")
			wantCode(t, err, login.CodeInvalidToken)
		})
	}
}

func TestResetPassword_WhatIsNoTokenCostsNoHashAndCountsAsFailure(t *testing.T) {
	w := newWorld(t, func(d *login.Deps, _ *login.Rules) { d.Hasher = nil })
	for _, token := range []string{"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "%00"} {
		_, err := w.reset(token, newPassword)
		wantCode(t, err, login.CodeInvalidToken)
	}
	if got := w.limiter.settlements(); !slices.Equal(got, []string{"failed", "failed", "failed", "failed"}) {
		t.Errorf("settled as %v", got)
	}
}

func TestRequestPasswordReset_RefusesWithoutMailAndBadInput(t *testing.T) {
	off := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	wantCode(t, off.RequestPasswordReset(context.Background(), login.RequestPasswordResetInput{Email: "ann@example.org"}), login.CodeMailDisabled)
	w := newWorld(t)
	for _, in := range []login.RequestPasswordResetInput{{Email: "ann"}, {Email: "ann@example.org", Language: "../de"}} {
		wantCode(t, w.RequestPasswordReset(context.Background(), in), login.CodeInvalidInput)
	}
	w.limiter.refuse = login.RetryLater(login.CodeRateLimited, time.Minute, "later")
	wantCode(t, w.RequestPasswordReset(context.Background(), login.RequestPasswordResetInput{Email: "ann@example.org"}), login.CodeRateLimited)
}

func TestOperatorResetToken_IsAuditedAndWorksWithoutMail(t *testing.T) {
	w := newWorld(t, func(_ *login.Deps, r *login.Rules) { r.MailEnabled = false })
	w.signUp(t, "ann@example.org")
	token, stored, err := w.operator().ResetToken(context.Background(), "ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if !stored.ExpiresAt.After(time.Now()) || !slices.Contains(w.audit.Names(), login.EventPasswordResetLink) {
		t.Errorf("expires %s, audit %v", stored.ExpiresAt, w.audit.Names())
	}
	if _, err := w.reset(token, newPassword); err != nil {
		t.Errorf("its token: %v", err)
	}
	_, _, err = w.operator().ResetToken(context.Background(), "nobody@example.org")
	wantCode(t, err, login.CodeNotFound)
}

func TestMailSecret_EachMailAndKeyHasATokenOfItsOwn(t *testing.T) {
	keys := [][]byte{[]byte("new"), []byte("old")}
	secret := login.MailSecret{Keys: func() [][]byte { return keys }}
	seen := map[string]bool{}
	for _, id := range []string{"a", "b"} {
		first, err := secret.Tokens(id)
		if err != nil {
			t.Fatal(err)
		}
		again, err := secret.Tokens(id)
		if err != nil || !slices.Equal(first, again) {
			t.Errorf("the tokens of one mail differ: %v", err)
		}
		for _, token := range first {
			if _, ok := login.HashMailToken(token); !ok || seen[token] {
				t.Errorf("token %q", token)
			}
			seen[token] = true
		}
	}
	keys = nil
	if tokens, err := secret.Tokens("a"); err == nil {
		t.Errorf("without a key: %v", tokens)
	}
}

func (w *world) operator() *login.Operator {
	organizations, _ := w.store.(login.OrganizationStore)
	return &login.Operator{Store: w.store, Mail: w.Mail, Organizations: organizations, Hasher: w.Hasher, Policy: w.Policy, Tokens: tokenRules, Audit: w.audit, Roles: []string{"user"}}
}

func TestRequestPasswordReset_RepeatsNoNameThatAdvertises(t *testing.T) {
	for name, want := range map[string]string{
		"Ann": "Ann", "J. R. R. Tolkien": "J. R. R. Tolkien", "Łukasz O'Neill": "Łukasz O'Neill",
		"win at https://evil.example": "", "evil.example": "", "write me@evil": "", strings.Repeat("a", 61): "",
	} {
		w := newWorld(t)
		_, err := w.SignUp(context.Background(), login.SignUpInput{Email: "ann@example.org", Name: name, Password: goodPassword, Client: home})
		if err != nil {
			t.Fatal(err)
		}
		w.sendAll(t)
		w.forgot(t, "ann@example.org")
		if m, _ := w.mailed(t); m.Payload.Name != "" {
			t.Errorf("%q is repeated to a mailbox that nobody has proved", name)
		}
		if err := w.operator().SetEmailVerified(context.Background(), "ann@example.org"); err != nil {
			t.Fatal(err)
		}
		w.forgot(t, "ann@example.org")
		if m, _ := w.mailed(t); m.Payload.Name != want {
			t.Errorf("%q is repeated as %q", name, m.Payload.Name)
		}
	}
}
