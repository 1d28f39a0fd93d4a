package login_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func TestChangeName_IsCheckedAndAuditedAndEndsNoSession(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	g := w.signUp(t, "ann@example.org")
	for _, c := range []struct {
		name  string
		id    login.Identity
		raw   string
		want  login.Code // empty: accepted
		after string
	}{
		{"trimmed", identity(g), "  Anna Example ", "", "Anna Example"},
		{"composed", identity(g), "Zoe\u0308", "", "Zo\u00eb"},
		{"empty", identity(g), " ", login.CodeInvalidInput, "Zo\u00eb"},
		{"too long", identity(g), strings.Repeat("ü", login.MaxNameRunes+1), login.CodeInvalidInput, "Zo\u00eb"},
		{"hidden characters", identity(g), "Ann\u202e", login.CodeInvalidInput, "Zo\u00eb"},
		{"nobody", login.Identity{}, "Bob", login.CodeUnauthenticated, "Zo\u00eb"},
		{"the same", identity(g), "Zo\u00eb", "", "Zo\u00eb"},
	} {
		err := w.ChangeName(ctx, c.id, c.raw, home)
		if c.want == "" && err != nil || c.want != "" && login.AsError(err).Code != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		ua, err := w.Me(ctx, identity(g))
		if err != nil || ua.User.Name != c.after {
			t.Errorf("%s: the name is %q, %v", c.name, ua.User.Name, err)
		}
	}
	changes := 0
	for _, event := range w.audit.Names() {
		if event == login.EventNameChanged {
			changes++
		}
	}
	if changes != 2 {
		t.Errorf("%d changes are audited, want 2", changes)
	}
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("the session has ended: %v", err)
	}
}

func TestChangePassword_EndsEveryOtherSession(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	first := w.signUp(t, "ann@example.org")
	second, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := w.ChangePassword(ctx, identity(first), login.ChangePasswordInput{CurrentPassword: goodPassword, NewPassword: newPassword, Client: home})
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []login.Grant{first, second} {
		_, err := w.refresh(old.RefreshToken)
		wantCode(t, err, login.CodeInvalidRefreshToken)
		_, err = w.Me(ctx, identity(old))
		wantCode(t, err, login.CodeUnauthenticated)
	}
	if _, err := w.refresh(changed.RefreshToken); err != nil {
		t.Errorf("the new grant does not work: %v", err)
	}
	_, err = w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	if _, err := w.signIn("ann@example.org", newPassword); err != nil {
		t.Errorf("the new password does not work: %v", err)
	}
}

func TestChangePassword_ChecksBothPasswords(t *testing.T) {
	w := newWorld(t)
	g := w.signUp(t, "ann@example.org")
	change := func(current, next string) error {
		_, err := w.ChangePassword(context.Background(), identity(g), login.ChangePasswordInput{CurrentPassword: current, NewPassword: next, Client: home})
		return err
	}
	wantCode(t, change("not it at all", newPassword), login.CodeInvalidCredentials)
	wantCode(t, change(goodPassword, "short"), login.CodeInvalidInput)
	wantCode(t, change("", newPassword), login.CodeInvalidInput)
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("a refused change ended the session: %v", err)
	}
}

func TestSessions_AreListedAndEndedOnlyByTheirOwner(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	ann := w.signUp(t, "ann@example.org")
	phone, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	bob := w.signUp(t, "bob@example.org")

	sessions, err := w.Sessions(ctx, identity(ann))
	if err != nil || len(sessions) != 2 {
		t.Fatalf("%d sessions (%v), want 2", len(sessions), err)
	}
	for _, id := range []string{identity(phone).SessionID, "not-a-uuid", "00000000-0000-4000-8000-000000000000"} {
		wantCode(t, w.EndSession(ctx, identity(bob), id, home), login.CodeNotFound)
	}
	if err := w.EndSession(ctx, identity(ann), identity(phone).SessionID, home); err != nil {
		t.Fatal(err)
	}
	_, err = w.refresh(phone.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	if _, err := w.refresh(ann.RefreshToken); err != nil {
		t.Errorf("another session ended with it: %v", err)
	}
}

func TestSessions_TheTwentyFirstEndsTheOldest(t *testing.T) {
	w := newWorld(t)
	first := w.signUp(t, "ann@example.org")
	var last login.Grant
	for range 20 {
		w.clock.Advance(time.Millisecond)
		var err error
		if last, err = w.signIn("ann@example.org", goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.refresh(first.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	sessions, err := w.Sessions(context.Background(), identity(last))
	if err != nil || len(sessions) != 20 {
		t.Errorf("%d live sessions (%v), want 20", len(sessions), err)
	}
}

func TestSignOutAll_EndsEverySession(t *testing.T) {
	w := newWorld(t)
	ann := w.signUp(t, "ann@example.org")
	if err := w.SignOutAll(context.Background(), identity(ann), home); err != nil {
		t.Fatal(err)
	}
	_, err := w.refresh(ann.RefreshToken)
	wantCode(t, err, login.CodeInvalidRefreshToken)
	wantCode(t, w.SignOutAll(context.Background(), identity(ann), home), login.CodeUnauthenticated)
}

func TestDeleteAccount_NeedsThePasswordAndLeavesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	ann := w.signUp(t, "ann@example.org")
	wantCode(t, w.DeleteAccount(ctx, identity(ann), "not it at all", home), login.CodeInvalidCredentials)
	if err := w.DeleteAccount(ctx, identity(ann), goodPassword, home); err != nil {
		t.Fatal(err)
	}
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeInvalidCredentials)
	w.signUp(t, "ann@example.org") // the address is free again
}

func TestIdentity_OfAnotherUsersSessionIsNobody(t *testing.T) {
	w := newWorld(t)
	ann, bob := w.signUp(t, "ann@example.org"), w.signUp(t, "bob@example.org")
	for _, id := range []login.Identity{
		{}, {UserID: ann.UserID}, {UserID: "1", SessionID: "2"},
		{UserID: ann.UserID, SessionID: identity(bob).SessionID},
	} {
		_, err := w.Me(context.Background(), id)
		wantCode(t, err, login.CodeUnauthenticated)
	}
}

func TestOperator(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	audit := &logintest.Audit{}
	o := &login.Operator{Store: w.store, Hasher: w.Hasher, Policy: w.Policy, Tokens: tokenRules, Audit: audit, Roles: []string{"user"}}

	ua, err := o.Create(ctx, "Ann@example.org", "Ann", goodPassword, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Create(ctx, "ann@example.org", "Ann", goodPassword, nil)
	wantCode(t, err, login.CodeEmailTaken)
	for _, roles := range [][]string{{"Admin"}, {"user", "admin"}, {"two words"}, {""}} {
		wantCode(t, o.SetRoles(ctx, ua.User.ID, roles), login.CodeInvalidInput)
	}
	wantCode(t, o.Delete(ctx, "nobody@example.org", false), login.CodeNotFound)
	wantCode(t, o.SetPassword(ctx, ua.User.ID, "short"), login.CodeInvalidInput)

	for name, act := range map[string]func() error{
		"roles":    func() error { return o.SetRoles(ctx, "ann@example.org", []string{"editor"}) },
		"password": func() error { return o.SetPassword(ctx, ua.User.ID, goodPassword) },
		"sign-out": func() error { return o.SignOut(ctx, ua.User.ID) },
		"disable":  func() error { return o.SetDisabled(ctx, ua.User.ID, true) },
	} {
		if err := o.SetDisabled(ctx, ua.User.ID, false); err != nil {
			t.Fatal(err)
		}
		g, err := w.signIn("ann@example.org", goodPassword)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := act(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = w.refresh(g.RefreshToken)
		wantCode(t, err, login.CodeInvalidRefreshToken)
	}
	changed, err := o.Find(ctx, ua.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"editor", "user"}, changed.Account.Roles); diff != "" || changed.Account.DefaultRole != "editor" {
		t.Errorf("default %s, roles %s", changed.Account.DefaultRole, diff)
	}
	if err := o.Delete(ctx, "ann@example.org", false); err != nil {
		t.Fatal(err)
	}
	for _, e := range audit.Events() {
		if e.Actor != login.ActorOperator || e.UserID != ua.User.ID {
			t.Errorf("audit event %+v", e)
		}
	}
}
