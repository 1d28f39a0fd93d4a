package login_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

func TestOperatorOpenSession_NeedsNoPasswordAndNoLimit(t *testing.T) {
	w := newWorld(t, requireVerified)
	ctx := context.Background()
	o := w.operator()
	o.Issuer, o.Rules = logintest.SessionIDIssuer{}, login.Rules{RefreshTTL: 1e15, RefreshIdle: 1e15, MaxSessions: 2}
	ua, err := o.CreateWithoutPassword(ctx, "Probe@example.org", "Probe", []string{"user"})
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
	if live, err := o.Sessions(ctx, ua.User.ID); err != nil || len(live) != 2 || live[0].ClientName != login.ActorOperator {
		t.Errorf("live sessions %+v, %v", live, err)
	}
	if !slices.Contains(w.audit.Names(), login.EventSessionOpened) {
		t.Errorf("audited as %v", w.audit.Names())
	}
	if err := o.SetDisabled(ctx, ua.User.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = o.OpenSession(ctx, ua.User.ID)
	wantCode(t, err, login.CodeAccountDisabled)
}

func TestOperator_ClaimsAndRolesAreCheckedWhenTheyAreSet(t *testing.T) {
	w := newWorld(t)
	audit := &logintest.Audit{}
	o := &login.Operator{Store: w.store, Hasher: w.Hasher, Policy: w.Policy, Tokens: tokenRules, Audit: audit, Roles: []string{"user"}}
	g := w.signUp(t, "ann@example.org")
	claims := func() map[string]string {
		t.Helper()
		ua, err := o.Find(t.Context(), g.UserID)
		if err != nil {
			t.Fatal(err)
		}
		return ua.Account.Claims
	}
	set := func(want map[string]string, add map[string]string, remove ...string) {
		t.Helper()
		if _, err := o.SetClaims(t.Context(), "ann@example.org", add, remove); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, claims()); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
	}
	set(map[string]string{"x-hasura-org-id": "7", "x-hasura-team": ""}, map[string]string{"X-Hasura-Org-Id": "7", "x-hasura-team": ""})
	set(map[string]string{"x-hasura-org-id": "8"}, map[string]string{"x-hasura-org-id": "8"}, "X-Hasura-Team")
	if _, err := w.refresh(g.RefreshToken); err != nil {
		t.Errorf("a session after a change of claims: %v", err)
	}
	before := len(audit.Events())
	for name, refused := range map[string]func() error{
		"reserved": func() error {
			_, err := o.SetClaims(t.Context(), g.UserID, map[string]string{"x-hasura-user-id": "1"}, nil)
			return err
		},
		"not a name": func() error {
			_, err := o.SetClaims(t.Context(), g.UserID, map[string]string{"org": "1"}, nil)
			return err
		},
		"not there": func() error { _, err := o.SetClaims(t.Context(), g.UserID, nil, []string{"x-hasura-team"}); return err },
		"large claims": func() error {
			_, err := o.SetClaims(t.Context(), g.UserID, map[string]string{"x-hasura-ids": strings.Repeat("1,", 1000)}, nil)
			return err
		},
		"many roles": func() error { return o.SetRoles(t.Context(), g.UserID, manyRoles()) },
		"a new user with many roles": func() error {
			_, err := o.Create(t.Context(), "bob@example.org", "Bob", goodPassword, manyRoles())
			return err
		},
	} {
		err := refused()
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		wantCode(t, err, login.CodeInvalidInput)
	}
	if diff := cmp.Diff(map[string]string{"x-hasura-org-id": "8"}, claims()); diff != "" || len(audit.Events()) != before {
		t.Errorf("what was refused changed something: %s", diff)
	}
	set(nil, nil, "x-hasura-org-id")
}

func manyRoles() (roles []string) {
	for i := range 100 {
		roles = append(roles, fmt.Sprintf("project-%d-editor", i))
	}
	return roles
}
