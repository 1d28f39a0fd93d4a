package login_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/login"
	"hasura-login/app/logintest"
)

// function is a login.ClaimsFunction whose answer a test changes.
type function struct {
	claims map[string]string
	err    error
}

func (f *function) CallClaims(context.Context, string) (map[string]string, error) {
	return f.claims, f.err
}

// asking is a store of which the project has replaced the function.
type asking struct{ login.Store }

func (s asking) UserAccountByEmail(ctx context.Context, email string) (login.UserAccount, error) {
	ua, err := s.Store.UserAccountByEmail(ctx, email)
	ua.Account.AsksForClaims = true
	return ua, err
}

func (s asking) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	rotated, err := s.Store.RotateToken(ctx, r)
	rotated.UserAccount.Account.AsksForClaims = true
	return rotated, err
}

func (s asking) SessionUserAccount(ctx context.Context, id string, now time.Time) (login.Session, login.UserAccount, error) {
	session, ua, err := s.Store.SessionUserAccount(ctx, id, now)
	ua.Account.AsksForClaims = true
	return session, ua, err
}

// A token with fewer claims than the function gives could open more than its bearer may
// see: a permission that excludes the rows of a claim, for example.
func TestFunctionClaims_WithoutTheWholeAnswerThereIsNoToken(t *testing.T) {
	for name, c := range map[string]struct {
		answer function
		code   login.Code // empty: a token
		reason login.ClaimsReason
	}{
		"claims":              {function{claims: map[string]string{"x-hasura-team": "{a,b}"}}, "", ""},
		"none":                {function{claims: map[string]string{}}, "", ""},
		"it is slow":          {function{err: &login.ClaimsFault{Reason: login.ClaimsSlow}}, login.CodeUnavailable, login.ClaimsSlow},
		"it fails":            {function{err: &login.ClaimsFault{Reason: login.ClaimsFailed}}, login.CodeUnavailable, login.ClaimsFailed},
		"garbage":             {function{err: &login.ClaimsFault{Reason: login.ClaimsMalformed}}, login.CodeUnavailable, login.ClaimsMalformed},
		"no database":         {function{err: login.ErrUnavailable}, login.CodeUnavailable, ""},
		"the user's id":       {function{claims: map[string]string{"x-hasura-user-id": "7", "x-hasura-team": "a"}}, login.CodeUnavailable, login.ClaimsReserved},
		"the role":            {function{claims: map[string]string{"x-hasura-role": "editor"}}, login.CodeUnavailable, login.ClaimsReserved},
		"the allowed roles":   {function{claims: map[string]string{"x-hasura-allowed-roles": "{admin}"}}, login.CodeUnavailable, login.ClaimsReserved},
		"the default role":    {function{claims: map[string]string{"x-hasura-default-role": "admin"}}, login.CodeUnavailable, login.ClaimsReserved},
		"a verified address":  {function{claims: map[string]string{"x-hasura-email-verified": "true"}}, login.CodeUnavailable, login.ClaimsReserved},
		"the elevation":       {function{claims: map[string]string{"x-hasura-auth-elevated": "7"}}, login.CodeUnavailable, login.ClaimsReserved},
		"the admin secret":    {function{claims: map[string]string{"x-hasura-admin-secret": "7"}}, login.CodeUnavailable, login.ClaimsReserved},
		"capitals":            {function{claims: map[string]string{"X-Hasura-Team": "a"}}, login.CodeUnavailable, login.ClaimsReserved},
		"another name":        {function{claims: map[string]string{"team": "a"}}, login.CodeUnavailable, login.ClaimsReserved},
		"no name":             {function{claims: map[string]string{"": "a"}}, login.CodeUnavailable, login.ClaimsReserved},
		"a token of over 4kB": {function{claims: map[string]string{"x-hasura-team": strings.Repeat("x", 3500)}}, login.CodeTokenTooLarge, login.ClaimsTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			f := &function{}
			store := logintest.OpenStore(t)
			s := logintest.StartOn(t, asking{store}, func(d *login.Deps, _ *login.Rules) {
				d.Mail, d.Credentials, d.Identities = store, store, store
				d.Claims = []login.ClaimSource{login.FunctionClaims{Function: f, Rules: logintest.Names}}
			})
			g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: logintest.Password})
			logintest.Check(t, err)
			*f = c.answer
			signedIn := login.SignInInput{Email: "ann@example.org", Password: logintest.Password}
			verified, err := s.Verifier.Verify(g.Token, s.Clock.Now())
			logintest.Check(t, err)
			me := login.Identity{UserID: verified.UserID, SessionID: verified.SessionID}
			for way, get := range map[string]func() (login.Grant, error){
				"refresh": func() (login.Grant, error) {
					return s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
				},
				"sign-in": func() (login.Grant, error) { return s.SignIn(t.Context(), signedIn) },
				"change of password": func() (login.Grant, error) {
					return s.ChangePassword(t.Context(), me, login.ChangePasswordInput{CurrentPassword: logintest.Password, NewPassword: newPassword})
				},
			} {
				if c.code == "" && way != "refresh" {
					continue
				}
				got, err := get()
				if c.code == "" {
					if err != nil || c.answer.claims["x-hasura-team"] != "" && hasuraClaims(t, got)["x-hasura-team"] != "{a,b}" {
						t.Errorf("%s: %v", way, err)
					}
					continue
				}
				if code := login.AsError(err).Code; code != c.code {
					t.Errorf("%s: %v", way, err)
				}
				if !cmp.Equal(got, login.Grant{}) {
					t.Errorf("%s: %+v", way, got)
				}
			}
			var reasons []string
			for _, e := range s.Events.Events() {
				if e.Name == login.EventClaimsFailed {
					reasons = append(reasons, e.Reason)
					if e.UserID != g.UserID {
						t.Errorf("%+v", e)
					}
				}
			}
			if c.reason == "" && len(reasons) > 0 || c.reason != "" && (len(reasons) != 3 || reasons[0] != string(c.reason)) {
				t.Errorf("recorded %q", reasons)
			}
			// In vain, nothing has happened: no session, no other password, no spent token.
			if c.code != "" {
				sessions, err := s.Sessions(t.Context(), me)
				if err != nil || len(sessions) != 1 {
					t.Errorf("%d sessions, %v", len(sessions), err)
				}
				*f = function{}
				_, err = s.SignIn(t.Context(), signedIn)
				logintest.Check(t, err)
				_, err = s.Refresh(t.Context(), login.RefreshInput{RefreshToken: g.RefreshToken})
				logintest.Check(t, err)
			}
		})
	}
}

// Only the log gets to know what is wrong with the function.
func TestFunctionClaims_TheClientLearnsNothingOfTheFunction(t *testing.T) {
	f := login.FunctionClaims{Function: &function{err: &login.ClaimsFault{Reason: login.ClaimsFailed, Detail: "permission denied for table members"}}, Rules: logintest.Names}
	_, err := f.Claims(t.Context(), login.UserAccount{Account: login.Account{AsksForClaims: true}})
	e := login.AsError(err)
	shown, _ := json.Marshal(map[string]any{"code": e.Code, "message": e.Message})
	if strings.Contains(string(shown), "members") || !strings.Contains(err.Error(), "auth.claims: failed: permission denied for table members") {
		t.Errorf("%s; the log has %v", shown, err)
	}
}

// The operator's command makes tokens by the same rule, and leaves no session behind.
func TestOpenSession_WithoutClaimsThereIsNoSession(t *testing.T) {
	f := &function{}
	store := logintest.OpenStore(t)
	claims := []login.ClaimSource{login.FunctionClaims{Function: f, Rules: logintest.Names}}
	s := logintest.StartOn(t, asking{store}, func(d *login.Deps, _ *login.Rules) { d.Mail, d.Claims = store, claims })
	g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: logintest.Password})
	logintest.Check(t, err)
	f.err = &login.ClaimsFault{Reason: login.ClaimsFailed}
	audit := &logintest.Audit{}
	o := login.Operator{Store: asking{store}, Issuer: s.Issuer, Claims: claims, Audit: audit, Rules: login.Rules{RefreshTTL: 1e15, RefreshIdle: 1e15, MaxSessions: 9}}
	_, err = o.OpenSession(t.Context(), "ann@example.org")
	wantCode(t, err, login.CodeUnavailable)
	if live, err := store.LiveSessions(t.Context(), g.UserID, s.Clock.Now()); err != nil || len(live) != 1 {
		t.Errorf("%d sessions, %v", len(live), err)
	}
	if events := audit.Events(); len(events) != 1 || events[0].Name != login.EventClaimsFailed || events[0].Actor != login.ActorOperator {
		t.Errorf("%+v", events)
	}
}

func (s asking) SessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, login.UserAccount, error) {
	session, ua, err := s.Store.SessionByToken(ctx, token, now)
	ua.Account.AsksForClaims = true
	return session, ua, err
}

// With a session's cookie, a change shows at the next request, and a token of before is
// not given when the function has no answer.
func TestFunctionClaims_ThroughTheGatewayShowAtTheNextRequest(t *testing.T) {
	f := &function{}
	store := logintest.OpenStore(t)
	s := logintest.StartOn(t, asking{store}, func(d *login.Deps, _ *login.Rules) {
		d.Mail = store
		d.Claims = []login.ClaimSource{login.FunctionClaims{Function: f, Rules: logintest.Names}}
	})
	g, err := s.SignUp(t.Context(), login.SignUpInput{Email: "ann@example.org", Name: "Ann", Password: logintest.Password, Client: browserHome})
	logintest.Check(t, err)
	before := ""
	for _, team := range []string{"{}", "{a}", "{a}", "{a,b}"} {
		f.claims = map[string]string{"x-hasura-team": team}
		token, err := s.Gateway(t.Context(), login.GatewayInput{Cookie: g.RefreshToken})
		logintest.Check(t, err)
		if got := hasuraClaims(t, login.Grant{Token: token})["x-hasura-team"]; got != team {
			t.Errorf("the claim is %v, want %s", got, team)
		}
		if (before == token) != (team == "{a}" && strings.Contains(before, ".") && hasuraClaims(t, login.Grant{Token: before})["x-hasura-team"] == team) {
			t.Errorf("after %s the token was made again, or not", team)
		}
		before = token
	}
	f.err = &login.ClaimsFault{Reason: login.ClaimsSlow}
	_, err = s.Gateway(t.Context(), login.GatewayInput{Cookie: g.RefreshToken})
	wantCode(t, err, login.CodeUnavailable)
}

// An installation with the default pays nothing.
func TestFunctionClaims_TheDefaultIsNotCalled(t *testing.T) {
	f := login.FunctionClaims{Function: &function{err: &login.ClaimsFault{Reason: login.ClaimsFailed}}, Rules: logintest.Names}
	if claims, err := f.Claims(t.Context(), login.UserAccount{}); len(claims) > 0 || err != nil {
		t.Errorf("%v, %v", claims, err)
	}
}
