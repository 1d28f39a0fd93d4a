package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"hasura-login/app/httpapi"
)

// A route with a variable part has its own name in the log, the one of Routes, by which
// metrics count it.
func TestObserve_NamesRoutesWithVariablePartsAsRoutesDoes(t *testing.T) {
	s := start(t, withOrganizations)
	g := s.signUp("ann@example.org")
	named := 0
	for _, r := range httpapi.Routes() {
		parts := strings.Fields(r)
		if !strings.Contains(parts[1], "{") {
			continue
		}
		named++
		path := parts[1]
		for _, name := range []string{"id", "organizationId", "userId", "invitationId"} {
			path = strings.ReplaceAll(path, "{"+name+"}", "00000000-0000-4000-8000-000000000000")
		}
		if a := s.rest(parts[0], path, "", "Authorization", bearer(g)); a.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", r, a.StatusCode)
		}
		if !strings.Contains(s.log.String(), `"route":"`+parts[1]+`"`) {
			t.Errorf("the log does not name %s", parts[1])
		}
	}
	if named < 8 {
		t.Errorf("only %d routes have variable parts", named)
	}
}
