package token_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"hasura-login/app/login"
	"hasura-login/app/token"
)

// payloadOf reads a token's claims without verifying anything.
func payloadOf(t testing.TB, raw string) map[string]any {
	t.Helper()
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(body, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// issued returns the claims for Hasura in an account's token.
func issued(t testing.TB, s service, account login.Account) map[string]any {
	t.Helper()
	subject := alice()
	subject.Account = account
	raw, _, err := s.issuer.Issue(subject, start)
	if err != nil {
		t.Fatal(err)
	}
	return payloadOf(t, raw)["https://hasura.io/jwt/claims"].(map[string]any)
}

func newIssuing(t testing.TB) service {
	t.Helper()
	f := newFolder(t, newClock())
	first(t, f, token.EdDSA)
	return newService(t, f, token.Hooks{})
}

func TestIssue_ClaimsAreWhatHasuraReads(t *testing.T) {
	s := newIssuing(t)
	raw, expiresAt, err := s.issuer.Issue(alice(), start.Add(700*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	claims := payloadOf(t, raw)
	if _, err := uuid.Parse(claims["jti"].(string)); err != nil {
		t.Errorf("jti: %v", err)
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": names.Issuer, "aud": names.Audience, "sub": aliceID, "name": "Alice",
		// Early: a clock that is behind must not find it in its future.
		"iat": float64(start.Add(-token.ReplicaSkew).Unix()), "exp": float64(start.Add(life).Unix()),
		"https://hasura.io/jwt/claims": map[string]any{
			"x-hasura-allowed-roles":  []any{"user", "editor"},
			"x-hasura-default-role":   "editor",
			"x-hasura-user-id":        aliceID,
			"x-hasura-session-id":     session,
			"x-hasura-email-verified": "false",
		},
	}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if want := start.Add(life); !expiresAt.Equal(want) {
		t.Errorf("expires at %s, want %s", expiresAt, want)
	}
	if strings.Contains(raw, "alice@") {
		t.Error("token shows the e-mail address")
	}
}

func TestIssue_EveryTokenHasAnIDOfItsOwn(t *testing.T) {
	s := newIssuing(t)
	seen := make(map[any]bool)
	for range 100 {
		id := payloadOf(t, s.issue(t, start))["jti"]
		if seen[id] {
			t.Fatalf("jti %v came twice", id)
		}
		seen[id] = true
	}
}

// sortedNames are the strings of a JSON list, sorted.
func sortedNames(list any) (sorted []string) {
	for _, name := range list.([]any) {
		sorted = append(sorted, name.(string))
	}
	slices.Sort(sorted)
	return sorted
}

func TestIssue_Roles(t *testing.T) {
	s := newIssuing(t)
	tests := []struct {
		name        string
		roles       []string
		defaultRole string
		wantRoles   []any
		wantDefault string
	}{
		{"none", nil, "", []any{"user"}, "user"},
		{"user is always there", []string{"editor"}, "editor", []any{"user", "editor"}, "editor"},
		{"once each", []string{"editor", "user", "editor"}, "user", []any{"user", "editor"}, "user"},
		{"admin", []string{"admin"}, "admin", []any{"user"}, "user"},
		{"admin in capitals", []string{"ADMIN", "Admin", "aDmIn"}, "ADMIN", []any{"user"}, "user"},
		{"admin with blanks", []string{" admin", "admin ", "\tadmin\n", "\u00a0admin"}, " admin", []any{"user"}, "user"},
		{"admin with a zero byte", []string{"admin\x00"}, "admin\x00", []any{"user"}, "user"},
		{"admin in look-alike letters", []string{"аdmin", "ＡＤＭＩＮ", "admın"}, "user", []any{"user"}, "user"},
		{"admin as a part is another role", []string{"site-admin", "administrator"}, "site-admin", []any{"user", "site-admin", "administrator"}, "site-admin"},
		{"empty and blank", []string{"", " ", "\t"}, "", []any{"user"}, "user"},
		{"as other systems name them", []string{"org:7", "v1.2", "_internal", "9lives", strings.Repeat("r", 63)}, "org:7", []any{"user", "org:7", "v1.2", "_internal", "9lives", strings.Repeat("r", 63)}, "org:7"},
		{"not names", []string{"{user,admin}", "a,b", "a b", `"x"`, "-x", strings.Repeat("r", 64)}, "a b", []any{"user"}, "user"},
		{"default that is not allowed", []string{"editor"}, "moderator", []any{"user", "editor"}, "user"},
		{"default in other letters", []string{"editor"}, "Editor", []any{"user", "editor"}, "user"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := issued(t, s, login.Account{Roles: tt.roles, DefaultRole: tt.defaultRole})
			if diff := cmp.Diff(tt.wantRoles, got["x-hasura-allowed-roles"]); diff != "" {
				t.Errorf("allowed roles (-want +got):\n%s", diff)
			}
			// The same rule decides which claims an operator may set and which a token
			// carries.
			for _, role := range tt.roles {
				_, carried := slices.BinarySearch(sortedNames(got["x-hasura-allowed-roles"]), role)
				if err := login.CheckRoles([]string{role}); carried != (err == nil) {
					t.Errorf("role %q is in the token: %t; an operator who sets it gets %v", role, carried, err)
				}
			}
			if got["x-hasura-default-role"] != tt.wantDefault {
				t.Errorf("default role %v, want %s", got["x-hasura-default-role"], tt.wantDefault)
			}
		})
	}
}

// letters gives a name as written, in capitals, and mixed.
func letters(name string) []string {
	mixed := []byte(name)
	for i := 0; i < len(mixed); i += 2 {
		mixed[i] = strings.ToUpper(name[i : i+1])[0]
	}
	return []string{name, strings.ToUpper(name), string(mixed)}
}

func TestIssue_ForbiddenClaimsNeverComeOut(t *testing.T) {
	s := newIssuing(t)
	plain := issued(t, s, login.Account{})
	forbidden := []string{
		"x-hasura-allowed-roles", "x-hasura-default-role", "x-hasura-user-id", "x-hasura-session-id", "x-hasura-email-verified",
		"x-hasura-role", "x-hasura-admin-secret", "x-hasura-access-key", "x-hasura-admin",
		"x-hasura-use-backend-only-permissions", "x-hasura-action-secret", "x-hasura-edge-secret",
		// Not session variables at all.
		"role", "sub", "iss", "exp", "x-hasura", "x-hasura-", "xhasura-a", "hasura-a", "y-x-hasura-a", "",
		// Not clean names: a reader that trims or folds would find another one.
		" x-hasura-role", "x-hasura-role ", "x-hasura-role\x00", "x-hasura-a b", "x-hasura-a.b", "x-hasura-ä",
		"x-ha\u017fura-role", "x-hasura-u\u017fer-id", "x-hasura-\u212aey", "x\u2011hasura\u2011role", strings.Repeat("x-hasura-", 20),
	}
	for _, name := range forbidden {
		for _, written := range letters(name) {
			got := issued(t, s, login.Account{Claims: map[string]string{written: "evil"}})
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("claim %q came out (-want +got):\n%s", written, diff)
			}
		}
	}
}

func TestIssue_SaysWhetherTheAddressIsVerified(t *testing.T) {
	s := newIssuing(t)
	for want, at := range map[string]time.Time{"true": start, "false": {}} {
		if got := issued(t, s, login.Account{EmailVerifiedAt: at})["x-hasura-email-verified"]; got != want {
			t.Errorf("verified at %s: %v, want %q", at, got, want)
		}
	}
}

func TestIssue_CustomClaims(t *testing.T) {
	s := newIssuing(t)
	tests := []struct {
		name   string
		claims map[string]string
		want   map[string]any
	}{
		{name: "come as strings", claims: map[string]string{"x-hasura-org-id": "7", "x-hasura-teams": "{1,2}", "x-hasura-empty": ""},
			want: map[string]any{"x-hasura-org-id": "7", "x-hasura-teams": "{1,2}", "x-hasura-empty": ""}},
		{name: "in lower case", claims: map[string]string{"X-Hasura-Org-ID": "7"}, want: map[string]any{"x-hasura-org-id": "7"}},
		{name: "lower case wins", claims: map[string]string{"X-HASURA-ORG": "1", "x-hasura-org": "2", "X-Hasura-Org": "3"}, want: map[string]any{"x-hasura-org": "2"}},
		{name: "else the first in byte order", claims: map[string]string{"X-Hasura-Org": "3", "X-HASURA-ORG": "1"}, want: map[string]any{"x-hasura-org": "1"}},
		{name: "any text is a value", claims: map[string]string{"x-hasura-note": "</script>\"\\\x00 ü"}, want: map[string]any{"x-hasura-note": "</script>\"\\\x00 ü"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 20 { // map order must not matter
				got := issued(t, s, login.Account{Claims: tt.claims})
				for _, own := range []string{"x-hasura-allowed-roles", "x-hasura-default-role", "x-hasura-user-id", "x-hasura-session-id", "x-hasura-email-verified"} {
					delete(got, own)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("custom claims (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestIssue_RefusesASubjectHasuraCouldNotRead(t *testing.T) {
	s := newIssuing(t)
	for name, change := range map[string]func(*login.Subject){
		"no user":               func(s *login.Subject) { s.User.ID = "" },
		"no session":            func(s *login.Subject) { s.SessionID = "" },
		"user id with a colon":  func(s *login.Subject) { s.User.ID = "a:b c" },
		"nothing but an e-mail": func(s *login.Subject) { *s = login.Subject{User: login.User{Email: "a@example.org"}} },
	} {
		t.Run(name, func(t *testing.T) {
			subject := alice()
			change(&subject)
			if raw, _, err := s.issuer.Issue(subject, start); err == nil {
				t.Errorf("issued %s", raw)
			}
		})
	}
}

func TestNames_TextWithAColonMustBeAURI(t *testing.T) {
	for value, good := range map[string]bool{
		"hasura": true, "my api": true, "https://login.example.org": true, "urn:example:login": true,
		"http://localhost:3000": true,
		"":                      false, "localhost:3000/ a": false, ":3000": false, "a b:c": false, "http://a b": false, "1:2": false, "https://[": false, "http://ü:1": false,
	} {
		for what, n := range map[string]token.Names{"issuer": {Issuer: value, Audience: "a"}, "audience": {Issuer: "i", Audience: value}} {
			if err := n.Check(); (err == nil) != good {
				t.Errorf("%s %q: error %v, want good=%t", what, value, err, good)
			}
		}
	}
}
