package login_test

import (
	"context"
	"slices"
	"testing"

	"hasura-login/app/login"
)

func TestOperatorOpenSession_NeedsNoPasswordAndNoLimit(t *testing.T) {
	w := newWorld(t, requireVerified)
	ctx := context.Background()
	o := w.operator()
	o.Issuer, o.Rules = fakeIssuer{}, login.Rules{RefreshTTL: 1e15, RefreshIdle: 1e15, MaxSessions: 2}
	h, err := o.CreateWithoutPassword(ctx, "Probe@example.org", "Probe", []string{"user"})
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{goodPassword, " "} {
		_, err = w.signIn("probe@example.org", password)
		wantCode(t, err, login.CodeInvalidCredentials)
	}
	for range 3 {
		g, err := o.OpenSession(ctx, "probe@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.refresh(g.RefreshToken); err != nil {
			t.Errorf("its refresh token: %v", err)
		}
	}
	if live, err := o.Sessions(ctx, h.User.ID); err != nil || len(live) != 2 || live[0].ClientName != login.ActorOperator {
		t.Errorf("live sessions %+v, %v", live, err)
	}
	if !slices.Contains(w.audit.names(), login.EventSessionOpened) {
		t.Errorf("audited as %v", w.audit.names())
	}
	if err := o.SetDisabled(ctx, h.User.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = o.OpenSession(ctx, h.User.ID)
	wantCode(t, err, login.CodeAccountDisabled)
}
