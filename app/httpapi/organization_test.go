package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
)

func withOrganizations(s *setup) { s.organizations = true }

// verified signs a user up whose address is verified.
func (s *server) verified(email string) grant {
	s.t.Helper()
	g := s.signUp(email)
	check(s.t, s.store.UpdateAccount(s.t.Context(), g.ID, login.AccountChange{EmailVerified: true}, time.Now()))
	return g
}

// organization makes one that a user owns.
func (s *server) organization(owner grant, name string) string {
	s.t.Helper()
	a := s.rest(http.MethodPost, "/auth/organizations", fmt.Sprintf(`{"name":%q}`, name), "Authorization", bearer(owner))
	if a.StatusCode != http.StatusCreated {
		s.t.Fatalf("creating an organization: %d %s", a.StatusCode, a.body)
	}
	return a.object(s.t)["id"].(string)
}

// invitation invites an address and returns the token of its mail.
func (s *server) invitation(by grant, organization, email string) string {
	s.t.Helper()
	a := s.rest(http.MethodPost, "/auth/organizations/"+organization+"/invitations", fmt.Sprintf(`{"email":%q}`, email), "Authorization", bearer(by))
	if a.StatusCode != http.StatusCreated {
		s.t.Fatalf("inviting: %d %s", a.StatusCode, a.body)
	}
	return s.mailedToken(login.MailOrganizationInvitation)
}

func TestOrganizations_OverBothFaces(t *testing.T) {
	s := start(t, withOrganizations)
	ann := s.verified("ann@example.org")
	bob := s.signUp("bob@example.org")
	made := s.action("createOrganization", map[string]any{"name": "Example"}, variablesOf(t, ann)).object(t)
	id, _ := made["id"].(string)
	if made["name"] != "Example" || made["role"] != "owner" {
		t.Fatalf("made %v", made)
	}
	token := s.invitation(ann, id, "bob@example.org")
	seen := s.action("invitation", map[string]any{"token": token}, nil).object(t)
	if seen["email"] != "bob@example.org" || seen["organizationName"] != "Example" || seen["hasAccount"] != true || seen["role"] != "member" {
		t.Errorf("the invitation says %v", seen)
	}
	if a := s.action("acceptInvitation", map[string]any{"token": token}, nil); a.code() != "unauthenticated" {
		t.Errorf("the public role accepts: %d %s", a.StatusCode, a.body)
	}
	if o := s.action("acceptInvitation", map[string]any{"token": token}, variablesOf(t, bob)).object(t); o["organizationId"] != id || o["role"] != "member" {
		t.Errorf("accepted %v", o)
	}
	bob = s.granted(s.rest(http.MethodPost, "/auth/refresh", fmt.Sprintf(`{"refreshToken":%q}`, bob.RefreshToken)))
	if got := claims(t, bob.Token)["https://hasura.io/jwt/claims"].(map[string]any)["x-hasura-org-ids"]; got != "{"+id+"}" {
		t.Errorf("x-hasura-org-ids is %v", got)
	}
	if a := s.action("organizationMembers", map[string]any{"organizationId": id}, variablesOf(t, bob)); strings.Count(string(a.body), `"userId"`) != 2 || strings.Contains(string(a.body), "ann@example.org") {
		t.Errorf("bob sees %s", a.body)
	}
	if a := s.action("changeMemberRole", map[string]any{"organizationId": id, "userId": bob.ID, "role": "admin"}, variablesOf(t, ann)); string(a.body) != `{"ok":true}` {
		t.Errorf("changing a role: %s", a.body)
	}
	if a := s.action("leaveOrganization", map[string]any{"organizationId": id}, variablesOf(t, ann)); a.code() != "last-owner" {
		t.Errorf("the last owner leaves: %d %s", a.StatusCode, a.body)
	}
	if a := s.action("deleteAccount", map[string]any{"password": goodPassword}, variablesOf(t, ann)); a.code() != "last-owner" {
		t.Errorf("the last owner goes: %d %s", a.StatusCode, a.body)
	}
	if a := s.rest(http.MethodDelete, "/auth/organizations/"+id+"/members/"+ann.ID, "", "Authorization", bearer(bob)); a.StatusCode != http.StatusForbidden || a.code() != "forbidden" {
		t.Errorf("an admin removes an owner: %d %s", a.StatusCode, a.body)
	}
}

func TestPages_AnInvitationLeadsANewUserIn(t *testing.T) {
	s := start(t, withPages(), withOrganizations, func(s *setup) { s.rules.SignUp = login.SignUpOpen })
	ann := s.verified("ann@example.org")
	token := s.invitation(ann, s.organization(ann, "Fish & <Chips>"), "bob@example.org")
	path := "/auth/pages/invitation?token=" + token
	v := s.visitor()
	says(t, v.get(path), http.StatusOK, "bob@example.org is invited", "Fish &amp; &lt;Chips&gt;", "Create account", `autocomplete="name"`)
	says(t, v.post("/auth/pages/invitation", "token", token, "name", "Bob", "password", "short"), http.StatusBadRequest, "8")
	leadsTo(t, v.post("/auth/pages/invitation", "token", token, "name", "Bob", "password", goodPassword), "/auth/pages/account")
	account := v.get("/auth/pages/account")
	says(t, account, http.StatusOK, "<h1>Bob</h1>", "You have joined the organization “Fish &amp; &lt;Chips&gt;”.")
	if strings.Contains(string(account.body), "not confirmed yet") {
		t.Error("the address is not verified")
	}
	says(t, v.get(path), http.StatusUnauthorized, "has expired, was used already, or was taken back")
	says(t, v.post("/auth/pages/invitation", "token", token, "name", "Bob", "password", goodPassword), http.StatusUnauthorized, "taken back")
	says(t, v.get("/auth/pages/invitation"), http.StatusUnauthorized, "taken back")
}

func TestPages_AnInvitationOfAUserWaitsForTheSignIn(t *testing.T) {
	s := start(t, withPages(), withOrganizations)
	ann := s.verified("ann@example.org")
	s.signUp("bob@example.org")
	token := s.invitation(ann, s.organization(ann, "Example"), "bob@example.org")
	path := "/auth/pages/invitation?token=" + token
	v := s.visitor()
	signIn := "/auth/pages/signin?invitation=" + token
	says(t, v.get(path), http.StatusOK, "bob@example.org is invited", signIn)
	leadsTo(t, v.post(signIn, "email", "bob@example.org", "password", goodPassword, "invitation", token), path)
	says(t, v.get(path), http.StatusOK, "Accept the invitation")

	other := s.visitor()
	other.enter("eve@example.org")
	says(t, other.get(path), http.StatusOK, "This invitation is for bob@example.org", "Use another account")
	says(t, other.post("/auth/pages/invitation", "do", "accept", "token", token), http.StatusForbidden, "This invitation is for bob@example.org")

	leadsTo(t, v.post("/auth/pages/invitation", "do", "accept", "token", token), "/auth/pages/account")
	says(t, v.get("/auth/pages/account"), http.StatusOK, "You have joined the organization “Example”.")
	gone := s.visitor()
	leadsTo(t, gone.post("/auth/pages/signin", "email", "bob@example.org", "password", goodPassword), "/auth/pages/account")
}

// A value in the body that says another thing than the path was silently ignored: a
// client that mixes up two organisations invited people to the wrong one.
func TestOrganizations_RefuseABodyThatContradictsThePath(t *testing.T) {
	s := start(t, withOrganizations)
	ann := s.verified("ann@example.org")
	id, other := s.organization(ann, "Example"), s.organization(ann, "Other")
	for body, status := range map[string]int{
		`{"email":"bob@example.org","organizationId":%q}`:                  http.StatusCreated,
		`{"email":"bob@example.org","organizationId":"` + other + `"}`:     http.StatusBadRequest,
		`{"email":"bob@example.org","organizationId":7}`:                   http.StatusBadRequest,
		`{"email":"bob@example.org","organizationId":null}`:                http.StatusBadRequest,
		`{"email":"bob@example.org","organizationId":""}`:                  http.StatusBadRequest,
		`{"email":"bob@example.org","organizationId":{"id":"` + id + `"}}`: http.StatusBadRequest,
	} {
		if strings.Contains(body, "%q") {
			body = fmt.Sprintf(body, id)
		}
		a := s.rest(http.MethodPost, "/auth/organizations/"+id+"/invitations", body, "Authorization", bearer(ann))
		if a.StatusCode != status {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
		if status == http.StatusBadRequest && (a.code() != "invalid-input" || a.object(t)["field"] != "organizationId") {
			t.Errorf("%s: the error does not name the field: %s", body, a.body)
		}
	}
}
