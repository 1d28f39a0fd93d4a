package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"

	"hasura-login/app/httpapi"
	"hasura-login/app/login"
	"hasura-login/app/testserver"
)

func document(t *testing.T) *openapi3.T {
	t.Helper()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(filepath.Join(testserver.RepoRoot(t), "openapi.yaml"))
	check(t, err)
	if err := doc.Validate(loader.Context); err != nil {
		t.Fatalf("openapi.yaml is not valid: %v", err)
	}
	return doc
}

// The hosted pages (httpapi.PageRoutes) are for people and not in the document.
func TestOpenAPI_NamesEveryRouteAndNoOther(t *testing.T) {
	var documented, served []string
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	for _, r := range httpapi.Routes() {
		if !strings.Contains(r, "/actions/") {
			served = append(served, r[:strings.LastIndex(r, " ")])
		}
	}
	slices.Sort(documented)
	slices.Sort(served)
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("served but not documented (-), documented but not served (+):\n%s", diff)
	}
}

func TestOpenAPI_IsServedAsItIs(t *testing.T) {
	a := start(t).rest("GET", "/auth/openapi.yaml", "")
	file, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "openapi.yaml"))
	check(t, err)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/yaml" || a.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if diff := cmp.Diff(string(file), string(a.body)); diff != "" {
		t.Errorf("openapi.yaml (-file +served):\n%s", diff)
	}
}

// The tests of clients/js compare everything; this one needs no Node.js.
func TestOpenAPI_TheClientHasEveryCall(t *testing.T) {
	routes, err := os.ReadFile(filepath.Join(testserver.RepoRoot(t), "clients/js/src/routes.ts"))
	check(t, err)
	for _, item := range document(t).Paths.Map() {
		for _, op := range item.Operations() {
			if !slices.Contains(op.Tags, "service") && !strings.Contains(string(routes), "\n  "+op.OperationID+": ") {
				t.Errorf("clients/js has no call %s: run npm ci && npm run generate there", op.OperationID)
			}
		}
	}
}

func TestOpenAPI_NamesEveryCode(t *testing.T) {
	var documented, codes []string
	for _, v := range document(t).Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		documented = append(documented, v.(string))
	}
	for _, c := range login.Codes() {
		codes = append(codes, string(c))
	}
	if diff := cmp.Diff(codes, documented); diff != "" {
		t.Error(diff)
	}
}

// Every answer of a session's life, good and bad, is held against the document.
func TestOpenAPI_DescribesRealAnswers(t *testing.T) {
	s := start(t, byMail, withOrganizations)
	router, err := gorillamux.NewRouter(document(t))
	check(t, err)
	call := func(wantStatus int, method, path, body string, headers ...string) answer {
		t.Helper()
		req := s.request(method, path, body, headers...)
		a := s.do(req)
		if a.StatusCode != wantStatus {
			t.Fatalf("%s %s: %d %s, want %d", method, path, a.StatusCode, a.body, wantStatus)
		}
		validate(t, router, req, a)
		return a
	}
	g := s.granted(call(201, "POST", "/auth/signup", fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q}`, goodPassword)))
	call(409, "POST", "/auth/signup", fmt.Sprintf(`{"email":"ann@example.org","name":"Ann","password":%q}`, goodPassword))
	call(400, "POST", "/auth/signup", `{}`)
	signIn := fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword)
	call(200, "POST", "/auth/signin", signIn)
	call(401, "POST", "/auth/signin", `{"email":"ann@example.org","password":"wrong one"}`)
	next := s.granted(call(200, "POST", "/auth/refresh", fmt.Sprintf(`{"refreshToken":%q}`, g.RefreshToken)))
	call(401, "POST", "/auth/refresh", `{"refreshToken":"x"}`)
	call(200, "GET", "/auth/me", "", "Authorization", bearer(next))
	call(401, "GET", "/auth/me", "")
	var sessions []struct{ ID string }
	check(t, json.Unmarshal(call(200, "GET", "/auth/sessions", "", "Authorization", bearer(next)).body, &sessions))
	call(404, "DELETE", "/auth/sessions/00000000-0000-4000-8000-000000000000", "", "Authorization", bearer(next))
	call(204, "DELETE", "/auth/sessions/"+sessions[1].ID, "", "Authorization", bearer(next))
	changed := s.granted(call(200, "POST", "/auth/password", fmt.Sprintf(`{"currentPassword":%q,"newPassword":"battery of volta 1800"}`, goodPassword), "Authorization", bearer(next)))
	call(204, "POST", "/auth/signout", fmt.Sprintf(`{"refreshToken":%q}`, changed.RefreshToken))
	last := s.granted(call(200, "POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`))
	call(204, "POST", "/auth/signout-all", "", "Authorization", bearer(last))
	last = s.granted(call(200, "POST", "/auth/signin", `{"email":"ann@example.org","password":"battery of volta 1800"}`))
	call(202, "POST", "/auth/email/change", `{"newEmail":"ann@new.example","password":"battery of volta 1800"}`, "Authorization", bearer(last))
	call(401, "DELETE", "/auth/me", `{"password":"wrong one"}`, "Authorization", bearer(last))
	call(204, "DELETE", "/auth/me", `{"password":"battery of volta 1800"}`, "Authorization", bearer(last))
	for _, email := range []string{"ann@example.org", "nobody@example.org"} {
		if a := call(202, "POST", "/auth/password/forgot", fmt.Sprintf(`{"email":%q,"language":"de"}`, email)); len(a.body) > 0 {
			t.Errorf("asking for a reset answers %q", a.body)
		}
	}
	challenge := call(202, "POST", "/auth/signin/mail", `{"email":"new@example.org"}`).object(t)["challenge"]
	byCode := s.granted(call(200, "POST", "/auth/signin/mail/code", fmt.Sprintf(`{"challenge":%q,"code":%q}`, challenge, s.code(login.MailSignInCode))))
	call(202, "POST", "/auth/elevate/mail", `{}`, "Authorization", bearer(byCode))
	call(401, "POST", "/auth/elevate", `{"method":"mail-code","code":"x"}`, "Authorization", bearer(byCode))
	call(200, "POST", "/auth/elevate", fmt.Sprintf(`{"method":"mail-code","code":%q}`, s.code(login.MailElevationCode)), "Authorization", bearer(byCode))
	call(401, "POST", "/auth/signin/mail/code", `{"challenge":"x","code":"x"}`)
	call(401, "POST", "/auth/signin/mail/link", `{"token":"x"}`)
	call(202, "POST", "/auth/email/verification", `{"email":"nobody@example.org","language":null}`)
	call(401, "POST", "/auth/email/verify", `{"token":"x"}`)
	call(401, "POST", "/auth/email/change", `{"newEmail":"ann@new.example","password":"x"}`)
	call(401, "POST", "/auth/password/reset", `{"token":"x","newPassword":"battery of volta 1800"}`)
	call(200, "GET", "/auth/providers", "")
	call(401, "GET", "/auth/identities", "")
	linked := s.signUp("linked@example.org")
	call(200, "GET", "/auth/identities", "", "Authorization", bearer(linked))
	call(404, "DELETE", "/auth/identities/00000000-0000-4000-8000-000000000000", "", "Authorization", bearer(linked))
	owner := s.verified("owner@example.org")
	made := call(201, "POST", "/auth/organizations", `{"name":"Example"}`, "Authorization", bearer(owner)).object(t)
	organization := "/auth/organizations/" + made["id"].(string)
	call(200, "GET", "/auth/organizations", "", "Authorization", bearer(owner))
	call(409, "DELETE", organization+"/membership", "", "Authorization", bearer(owner))
	call(200, "GET", organization+"/members?after="+owner.ID, "", "Authorization", bearer(owner))
	call(200, "GET", organization+"/members", "", "Authorization", bearer(owner))
	call(404, "GET", organization+"/members", "", "Authorization", bearer(linked))
	invited := call(201, "POST", organization+"/invitations", `{"email":"guest@example.org","role":"editor","language":"de"}`, "Authorization", bearer(owner)).object(t)
	call(200, "GET", organization+"/invitations", "", "Authorization", bearer(owner))
	call(204, "DELETE", organization+"/invitations/"+invited["id"].(string), "", "Authorization", bearer(owner))
	invitation := s.invitation(owner, made["id"].(string), "guest@example.org")
	call(200, "POST", "/auth/invitation", fmt.Sprintf(`{"token":%q}`, invitation))
	call(401, "POST", "/auth/invitation", `{"token":"x"}`)
	call(403, "POST", "/auth/invitation/accept", fmt.Sprintf(`{"token":%q}`, invitation), "Authorization", bearer(linked))
	guest := s.granted(call(201, "POST", "/auth/signup", fmt.Sprintf(`{"email":"guest@example.org","name":"Guest","password":%q,"invitation":%q}`, goodPassword, invitation)))
	call(204, "PATCH", organization+"/members/"+guest.ID, `{"role":"admin"}`, "Authorization", bearer(owner))
	call(403, "DELETE", organization+"/members/"+owner.ID, "", "Authorization", bearer(guest))
	call(204, "DELETE", organization+"/members/"+guest.ID, "", "Authorization", bearer(owner))
	again := s.invitation(owner, made["id"].(string), "guest@example.org")
	call(200, "POST", "/auth/invitation/accept", fmt.Sprintf(`{"token":%q}`, again), "Authorization", bearer(guest))
	call(204, "DELETE", organization+"/membership", "", "Authorization", bearer(guest))
	call(204, "DELETE", organization, "", "Authorization", bearer(owner))
	call(200, "GET", "/.well-known/jwks.json", "")
	call(200, "GET", "/healthz", "")
}

func validate(t *testing.T, router routers.Router, req *http.Request, a answer) {
	t.Helper()
	found, params, err := router.FindRoute(req)
	check(t, err)
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: found},
		Status:                 a.StatusCode, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(t.Context(), input); err != nil {
		t.Errorf("%s %s answered %d, which openapi.yaml does not describe: %v\n%s", req.Method, req.URL.Path, a.StatusCode, err, a.body)
	}
}
