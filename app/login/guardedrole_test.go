package login_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// showsRoles puts an account's roles into its tokens, after the session's id.
type showsRoles struct{ logintest.SessionIDIssuer }

func (showsRoles) Issue(s login.Subject, now time.Time) (string, time.Time, error) {
	return s.SessionID + " " + strings.Join(s.Account.Roles, ","), now.Add(15 * time.Minute), nil
}

// guards withholds the role editor from sessions without a second factor.
func guards(d *login.Deps, r *login.Rules) {
	d.Issuer, r.SecondFactorRoles = showsRoles{}, []string{"editor", "moderator"}
}

func rolesOf(g login.Grant) string {
	_, roles, _ := strings.Cut(g.Token, " ")
	return fmt.Sprint(roles, " ", g.RolesWithheld)
}

func sessionOf(g login.Grant) login.Identity {
	id, _, _ := strings.Cut(g.Token, " ")
	return login.Identity{UserID: g.UserID, SessionID: id}
}

const (
	withheld = "user true"
	given    = "editor,user false"
)

// editor is an account with a role that takes a second factor, and has none.
func (w *world) editor(t *testing.T) login.Grant {
	t.Helper()
	w.signUp(t, "ann@example.org")
	if err := w.operator().SetRoles(context.Background(), "ann@example.org", []string{"editor"}); err != nil {
		t.Fatal(err)
	}
	g, err := w.signIn("ann@example.org", goodPassword)
	if err != nil || rolesOf(g) != withheld {
		t.Fatalf("a sign-in with the password alone: %s, %v", rolesOf(g), err)
	}
	return g
}

// add gives the account of a session an app.
func (w *world) add(t *testing.T, g login.Grant) authenticator {
	t.Helper()
	e, err := w.EnrolTOTP(context.Background(), sessionOf(g), goodPassword, home)
	if err != nil {
		t.Fatal(err)
	}
	a := authenticator{w, e.Secret}
	if err := w.AddTOTP(context.Background(), sessionOf(g), login.AddTOTPInput{Enrolment: e.Enrolment, Code: a.code(t), Client: home}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Minute)
	return a
}

func (w *world) refreshed(t *testing.T, g *login.Grant) string {
	t.Helper()
	next, err := w.refresh(g.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	*g = next
	return rolesOf(next)
}

func TestGuardedRole_IsGivenOnceTheFactorIsAdded(t *testing.T) {
	w := newWorld(t, guards)
	g := w.editor(t)
	if got := w.refreshed(t, &g); got != withheld {
		t.Errorf("a refresh before: %s", got)
	}
	w.add(t, g)
	if got := w.refreshed(t, &g); got != given {
		t.Errorf("the session that added the factor: %s", got)
	}
}

// A session from before the owner added a factor stays without the role.
func TestGuardedRole_IsNotForAnotherSessionWithoutTheFactor(t *testing.T) {
	w := newWorld(t, guards)
	thief := w.editor(t)
	owner, err := w.signIn("ann@example.org", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	a := w.add(t, owner)
	if got := w.refreshed(t, &thief); got != withheld {
		t.Errorf("a session by the password alone: %s", got)
	}
	elevated, err := w.Elevate(context.Background(), sessionOf(thief), login.ElevateInput{Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Client: home})
	if err != nil || !strings.HasSuffix(elevated.Token, "editor,user") {
		t.Errorf("elevated by the factor: %q, %v", elevated.Token, err)
	}
}

func TestGuardedRole_GoesWithTheLastFactor(t *testing.T) {
	w := newWorld(t, guards)
	g := w.editor(t)
	w.add(t, g)
	if got := w.refreshed(t, &g); got != given {
		t.Fatal(got)
	}
	if err := w.RemoveTOTP(context.Background(), sessionOf(g), goodPassword, home); err != nil {
		t.Fatal(err)
	}
	if got := w.refreshed(t, &g); got != withheld {
		t.Errorf("without a factor: %s", got)
	}
	w.add(t, g)
	if err := w.operator().ResetSecondFactor(context.Background(), "ann@example.org"); err != nil {
		t.Fatal(err)
	}
	g, err := w.signIn("ann@example.org", goodPassword)
	if err != nil || rolesOf(g) != withheld {
		t.Errorf("after an operator's reset: %s, %v", rolesOf(g), err)
	}
}

// The setting is switched on, or a role given, while sessions live.
func TestGuardedRole_HoldsForSessionsOfBefore(t *testing.T) {
	store := newWorld(t).store
	w := newWorldOn(t, store, func(d *login.Deps, _ *login.Rules) { d.Issuer = showsRoles{} })
	w.signUp(t, "ann@example.org")
	if err := w.operator().SetRoles(context.Background(), "ann@example.org", []string{"editor"}); err != nil {
		t.Fatal(err)
	}
	g, err := w.signIn("ann@example.org", goodPassword)
	if err != nil || rolesOf(g) != given {
		t.Fatalf("without the setting: %s, %v", rolesOf(g), err)
	}
	if got := newWorldOn(t, store, guards).refreshed(t, &g); got != withheld {
		t.Errorf("with it: %s", got)
	}
}

// A remembered device must give the factor if a role takes it: otherwise its session
// would have proved none.
func TestGuardedRole_ARememberedDeviceIsAskedToo(t *testing.T) {
	w := newWorld(t, guards)
	a := w.add(t, w.editor(t))
	_, err := w.signIn("ann@example.org", goodPassword)
	wantCode(t, err, login.CodeSecondFactorRequired)
	g, err := w.SignInSecondFactor(context.Background(), login.SignInSecondFactorInput{
		Challenge: login.AsError(err).Challenge, Proof: login.Proof{Method: login.MethodTOTP, Code: a.code(t)}, Remember: true, Client: home,
	})
	if err != nil || rolesOf(g) != given {
		t.Fatalf("%s, %v", rolesOf(g), err)
	}
	_, err = w.SignIn(context.Background(), login.SignInInput{Email: "ann@example.org", Password: goodPassword, DeviceToken: g.DeviceToken, Client: home})
	wantCode(t, err, login.CodeSecondFactorRequired)
}

func TestGuardedRole_OthersNoticeNothing(t *testing.T) {
	w := newWorld(t, guards)
	if g := w.signUp(t, "bob@example.org"); rolesOf(g) != "user false" {
		t.Error(rolesOf(g))
	}
	// A role with another name that looks alike is another role.
	if err := w.operator().SetRoles(context.Background(), "bob@example.org", []string{"editors"}); err != nil {
		t.Fatal(err)
	}
	g, err := w.signIn("bob@example.org", goodPassword)
	if err != nil || !slices.Contains([]string{"editors,user false"}, rolesOf(g)) {
		t.Errorf("%s, %v", rolesOf(g), err)
	}
}
