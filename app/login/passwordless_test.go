package login_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// passwordless is a session of an account that has no password.
func (w *world) passwordless(t *testing.T, email string) (login.Identity, login.Session) {
	t.Helper()
	ua, err := w.operator().CreateWithoutPassword(context.Background(), email, "Ann", nil)
	if err != nil {
		t.Fatal(err)
	}
	now := w.clock.Now()
	session := login.Session{
		ID: "11111111-1111-4111-8111-111111111111", UserID: ua.User.ID, SessionVersion: ua.Account.SessionVersion, CreatedAt: now, LastUsedAt: now,
		IdleUntil: now.Add(time.Hour), ExpiresAt: now.Add(time.Hour), AMR: []string{"otp"},
	}
	err = w.store.CreateSession(context.Background(), login.NewSession{
		Session: session, Token: login.TokenKey{Family: sha256.Sum256([]byte("family")), Token: sha256.Sum256([]byte("token"))}, MaxLive: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	return login.Identity{UserID: ua.User.ID, SessionID: session.ID}, session
}

// An owner without a password changes credentials with a recent sign-in instead.
func TestPasswordless_AFreshSessionStandsForThePassword(t *testing.T) {
	ctx := context.Background()
	acts := map[string]func(w *world, id login.Identity) error{
		"sets a password": func(w *world, id login.Identity) error {
			g, err := w.ChangePassword(ctx, id, login.ChangePasswordInput{NewPassword: newPassword, Client: home})
			if err == nil {
				_, err = w.signIn("ann@example.org", newPassword)
			}
			if err == nil && g.RefreshToken == "" {
				t.Error("a new password opened no session")
			}
			return err
		},
		"changes the address": func(w *world, id login.Identity) error {
			return w.RequestEmailChange(ctx, id, login.RequestEmailChangeInput{NewEmail: "new@example.org", Client: home})
		},
		"adds an app": func(w *world, id login.Identity) error {
			_, err := w.EnrolTOTP(ctx, id, "", home)
			return err
		},
		"deletes itself": func(w *world, id login.Identity) error { return w.DeleteAccount(ctx, id, "", home) },
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id, _ := w.passwordless(t, "ann@example.org")
			w.clock.Advance(10 * time.Minute)
			wantCode(t, act(w, id), login.CodeElevationRequired)
			w.clock.Advance(-time.Second)
			if err := act(w, id); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPasswordless_NoPasswordSignsIn(t *testing.T) {
	w := newWorld(t)
	w.passwordless(t, "ann@example.org")
	for _, password := range []string{"x", goodPassword} {
		_, err := w.signIn("ann@example.org", password)
		wantCode(t, err, login.CodeInvalidCredentials)
	}
	_, err := w.signIn("ann@example.org", "")
	wantCode(t, err, login.CodeInvalidInput)
}

// A session that an operator opened proves nothing about its owner.
func TestPasswordless_AnOperatorsSessionIsNoProof(t *testing.T) {
	w := newWorld(t)
	id, _ := w.passwordless(t, "ann@example.org")
	o := w.operator()
	o.Issuer, o.Rules = logintest.SessionIDIssuer{}, login.Rules{RefreshTTL: time.Hour, RefreshIdle: time.Hour, MaxSessions: 5}
	g, err := o.OpenSession(context.Background(), id.UserID)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.DeleteAccount(context.Background(), identity(g), "", home), login.CodeElevationRequired)
}

func TestPassword_IsAskedForWhereThereIsOne(t *testing.T) {
	w := newWorld(t)
	id := identity(w.signUp(t, "ann@example.org"))
	wantCode(t, w.DeleteAccount(context.Background(), id, "", home), login.CodeInvalidInput)
	_, err := w.ChangePassword(context.Background(), id, login.ChangePasswordInput{NewPassword: newPassword, Client: home})
	wantCode(t, err, login.CodeInvalidInput)
}
