package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
)

func TestREST_EveryUseCase(t *testing.T) {
	s := start(t)
	ann := s.signUp("ann@example.org")

	signedIn := s.granted(s.rest("POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q,"deviceToken":%q}`, goodPassword, ann.DeviceToken)))
	if signedIn.ID != ann.ID || signedIn.RefreshToken == ann.RefreshToken {
		t.Errorf("signed in as %s, signed up as %s", signedIn.ID, ann.ID)
	}
	refreshed := s.granted(s.rest("POST", "/auth/refresh", fmt.Sprintf(`{"refreshToken":%q}`, signedIn.RefreshToken)))

	me := s.rest("GET", "/auth/me", "", "Authorization", bearer(refreshed))
	if o := me.object(t); me.StatusCode != 200 || o["email"] != "ann@example.org" || o["id"] != ann.ID || o["name"] != "Ann" {
		t.Errorf("me: %d %s", me.StatusCode, me.body)
	}
	if a := s.rest("PATCH", "/auth/me", `{"name":"Anna"}`, "Authorization", bearer(refreshed)); a.StatusCode != 204 {
		t.Errorf("changing the name: %d %s", a.StatusCode, a.body)
	}
	if o := s.rest("GET", "/auth/me", "", "Authorization", bearer(refreshed)).object(t); o["name"] != "Anna" {
		t.Errorf("the name is %v", o["name"])
	}
	var sessions []struct {
		ID      string   `json:"id"`
		Current bool     `json:"current"`
		Client  string   `json:"client"`
		AMR     []string `json:"amr"`
	}
	listed := s.rest("GET", "/auth/sessions", "", "Authorization", bearer(refreshed))
	check(t, json.Unmarshal(listed.body, &sessions))
	if len(sessions) != 2 || !sessions[0].Current || sessions[1].Current || !strings.HasPrefix(sessions[0].Client, "Go-http-client") || fmt.Sprint(sessions[0].AMR) != "[pwd]" {
		t.Fatalf("sessions: %s", listed.body)
	}
	if a := s.rest("DELETE", "/auth/sessions/"+sessions[1].ID, "", "Authorization", bearer(refreshed)); a.StatusCode != 204 {
		t.Errorf("ending a session: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest("GET", "/auth/me", "", "Authorization", bearer(ann)); a.code() != "unauthenticated" {
		t.Errorf("the token of an ended session: %d %s", a.StatusCode, a.body)
	}
	changed := s.granted(s.rest("POST", "/auth/password", fmt.Sprintf(`{"currentPassword":%q,"newPassword":"battery of volta 1800"}`, goodPassword), "Authorization", bearer(refreshed)))
	if a := s.rest("POST", "/auth/signout-all", "", "Authorization", bearer(changed)); a.StatusCode != 204 {
		t.Errorf("signing out everywhere: %d %s", a.StatusCode, a.body)
	}
	again := s.granted(s.rest("POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`))
	if a := s.rest("POST", "/auth/signout", fmt.Sprintf(`{"refreshToken":%q}`, again.RefreshToken)); a.StatusCode != 204 {
		t.Errorf("signing out: %d %s", a.StatusCode, a.body)
	}
	last := s.granted(s.rest("POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`))
	if a := s.rest("DELETE", "/auth/me", `{"password":"battery of volta 1800"}`, "Authorization", bearer(last)); a.StatusCode != 204 {
		t.Errorf("deleting the account: %d %s", a.StatusCode, a.body)
	}
}

// variablesOf are the session variables that Hasura makes of a grant's token.
func variablesOf(t *testing.T, g grant) map[string]any {
	t.Helper()
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(g.Token, claims)
	check(t, err)
	hasura := claims["https://hasura.io/jwt/claims"].(map[string]any)
	return map[string]any{"x-hasura-role": "user", "x-hasura-user-id": hasura["x-hasura-user-id"], "x-hasura-session-id": hasura["x-hasura-session-id"]}
}

func TestAction_EveryUseCase(t *testing.T) {
	s := start(t)
	variables := func(g grant) map[string]any { return variablesOf(t, g) }
	done := func(a answer) {
		t.Helper()
		if a.StatusCode != 200 || string(a.body) != `{"ok":true}` {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	credentials := map[string]any{"email": "ann@example.org", "password": goodPassword}
	ann := s.granted(s.action("signup", map[string]any{"email": "ann@example.org", "name": "Ann", "password": goodPassword}, nil))
	signedIn := s.granted(s.action("signin", map[string]any{"email": "ann@example.org", "password": goodPassword, "deviceToken": nil}, nil))
	refreshed := s.granted(s.action("refresh", map[string]any{"refreshToken": signedIn.RefreshToken}, nil))
	if a := s.action("sessions", map[string]any{}, variables(ann)); a.StatusCode != 200 || strings.Count(string(a.body), `"id"`) != 2 {
		t.Errorf("sessions: %d %s", a.StatusCode, a.body)
	}
	done(s.action("changeName", map[string]any{"name": "Anna"}, variables(refreshed)))
	done(s.action("endSession", map[string]any{"id": variables(ann)["x-hasura-session-id"]}, variables(refreshed)))
	changed := s.granted(s.action("changePassword", map[string]any{"currentPassword": goodPassword, "newPassword": goodPassword + "!"}, variables(refreshed)))
	done(s.action("signoutAll", map[string]any{}, variables(changed)))
	credentials["password"] = goodPassword + "!"
	again := s.granted(s.action("signin", credentials, nil))
	done(s.action("signout", map[string]any{"refreshToken": again.RefreshToken}, nil))
	last := s.granted(s.action("signin", credentials, nil))
	done(s.action("deleteAccount", map[string]any{"password": goodPassword + "!"}, variables(last)))
	if a := s.action("signin", credentials, nil); a.StatusCode != 401 || a.code() != "invalid-credentials" || a.object(t)["message"] != "Email or password wrong" {
		t.Errorf("after deletion: %d %s", a.StatusCode, a.body)
	}
}

func TestAction_BelievesNobodyButHasura(t *testing.T) {
	s := start(t)
	g := s.signUp("ann@example.org")
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser().ParseUnverified(g.Token, claims)
	check(t, err)
	session := claims["https://hasura.io/jwt/claims"].(map[string]any)["x-hasura-session-id"]
	body := fmt.Sprintf(`{"action":{"name":"signoutAll"},"input":{},"session_variables":{"x-hasura-role":"user","x-hasura-user-id":%q,"x-hasura-session-id":%q},"request_query":null}`, g.ID, session)

	for name, secret := range map[string]string{"missing": "", "wrong": "x" + actionSecret, "a prefix": actionSecret[:20]} {
		if a := s.rest("POST", "/actions/signoutAll", body, "X-Hasura-Action-Secret", secret); a.StatusCode != 401 || a.code() != "unauthenticated" {
			t.Errorf("%s secret: %d %s", name, a.StatusCode, a.body)
		}
	}
	if refused := s.audited(login.EventActionSecretRefused); len(refused) != 3 {
		t.Errorf("audited are %v", refused)
	}
	public := strings.Replace(body, `"x-hasura-role":"user"`, `"x-hasura-role":"public"`, 1)
	if a := s.rest("POST", "/actions/signoutAll", public, "X-Hasura-Action-Secret", actionSecret); a.StatusCode != 401 {
		t.Errorf("a public client's forged session variables: %d %s", a.StatusCode, a.body)
	}
	for name, payload := range map[string]string{
		"another action":             strings.Replace(body, "signoutAll", "signin", 1),
		"malformed variables":        strings.Replace(body, `"user"`, `7`, 1),
		"variables are a list":       `{"action":{"name":"signoutAll"},"input":{},"session_variables":[]}`,
		"an action in other letters": strings.Replace(body, `"action":`, `"Action":`, 1),
		"a name twice":               strings.Replace(body, `"input":{}`, `"input":{},"input":{}`, 1),
		"input is a list":            `{"action":{"name":"signoutAll"},"input":[],"session_variables":{}}`,
		"an argument nobody knows":   strings.Replace(body, `"input":{}`, `"input":{"x":"y"}`, 1),
	} {
		if a := s.rest("POST", "/actions/signoutAll", payload, "X-Hasura-Action-Secret", actionSecret); a.StatusCode != 400 || a.code() != "invalid-input" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := s.rest("GET", "/auth/me", "", "Authorization", bearer(g)); a.StatusCode != 200 {
		t.Errorf("something of this ended the session: %d %s", a.StatusCode, a.body)
	}
}

func TestAction_FailuresOfOursAreShownAs4xx(t *testing.T) {
	s := start(t, func(s *setup) {
		s.hasher = func(h login.Hasher) login.Hasher { return &busyHasher{h} }
	})
	input := map[string]any{"email": "ann@example.org", "password": "x"}
	if a := s.action("signin", input, nil); a.StatusCode != 400 || a.code() != "overloaded" {
		t.Errorf("over the action: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest("POST", "/auth/signin", `{"email":"ann@example.org","password":"x"}`); a.StatusCode != 503 || a.Header.Get("Retry-After") != "2" {
		t.Errorf("over REST: %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
}

type busyHasher struct{ login.Hasher }

func (busyHasher) Verify(context.Context, login.HashRequest, string, string) (bool, bool, error) {
	return false, false, login.RetryLater(login.CodeOverloaded, 1500*time.Millisecond, "Busy; try again")
}

func TestBearer_RefusesWhatIsNotOurs(t *testing.T) {
	s := start(t)
	g := s.signUp("ann@example.org")
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": g.ID, "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte("secret"))
	check(t, err)
	parts := strings.Split(g.Token, ".")
	for name, header := range map[string]string{
		"missing": "", "not bearer": "Basic abc", "no token": "Bearer", "garbage": "Bearer x.y.z",
		"foreign": "Bearer " + foreign, "cut signature": "Bearer " + parts[0] + "." + parts[1] + ".",
		"none": "Bearer eyJhbGciOiJub25lIn0." + parts[1] + ".",
	} {
		a := s.rest("GET", "/auth/me", "", "Authorization", header)
		if a.StatusCode != 401 || a.code() != "unauthenticated" || a.Header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func TestJWKS_VerifiesTheToken(t *testing.T) {
	s := start(t)
	g := s.signUp("ann@example.org")
	a := s.rest("GET", "/.well-known/jwks.json", "")
	if a.Header.Get("Cache-Control") != "public, max-age=60" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", a.Header)
	}
	var set struct{ Keys []map[string]string }
	check(t, json.Unmarshal(a.body, &set))
	parsed, _, err := jwt.NewParser().ParseUnverified(g.Token, jwt.MapClaims{})
	check(t, err)
	if len(set.Keys) != 1 || set.Keys[0]["kid"] != parsed.Header["kid"] || set.Keys[0]["use"] != "sig" || set.Keys[0]["alg"] == "" {
		t.Errorf("set %s, token header %v", a.body, parsed.Header)
	}
}
