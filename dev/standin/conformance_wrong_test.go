package standin_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hasura-login/app/testserver"
)

// deviation is one thing that a wrong engine does, and the cases that must find it.
type deviation struct {
	name    string
	answer  func(a *httptest.ResponseRecorder, r *http.Request)
	foundBy []string
}

// says replaces a text in every answer.
func says(before, after string) func(*httptest.ResponseRecorder, *http.Request) {
	return func(a *httptest.ResponseRecorder, _ *http.Request) {
		if b := a.Body.String(); strings.Contains(b, before) {
			a.Body = bytes.NewBufferString(strings.ReplaceAll(b, before, after))
		}
	}
}

// The runner is worth as much as it finds. Each of these was, or could be, a
// difference between two versions of the engine.
var deviations = []deviation{
	{"an expired token has another message", says("Could not verify JWT: JWTExpired", "JWT expired"),
		[]string{"auth-jwt-expired", "auth-jwt-expired-unauthorized-role-set", "auth-jwt-expired-v1alpha1"}},
	{"what is denied has another code", says(`"path":"$","code":"access-denied"}`, `"path":"$","code":"unauthorized"}`), []string{"auth-admin-secret-missing-no-jwt-mode", "auth-admin-secret-wrong-valid-jwt", "auth-admin-secret-wrong", "auth-role-default-not-allowed", "auth-role-not-allowed"}},
	{"an action's error is a 400", func(a *httptest.ResponseRecorder, _ *http.Request) {
		if strings.Contains(a.Body.String(), `"Email or password wrong"`) && a.Code == http.StatusOK {
			a.Code = http.StatusBadRequest
		}
	}, []string{"action-aliases-first-error-ends", "action-error-401-message-only"}},
	{"a handler's broken answer is told apart", says("not a valid json response from webhook", "the webhook did not answer JSON"), []string{"action-error-5xx-html", "action-error-empty-body"}},
	{"an error lacks the request's id", func(a *httptest.ResponseRecorder, _ *http.Request) {
		if strings.Contains(a.Body.String(), "validation-failed") {
			a.Header().Del("X-Request-Id")
		}
	}, strings.Fields(`
		action-argument-missing action-argument-wrong-type action-no-selection action-output-field-unknown action-role-without-permission
		data-aggregate-not-permitted data-by-pk-null-literal data-column-in-two-operators data-column-not-permitted data-directive-if-missing
		data-directive-on-operation data-directive-unknown data-duplicate-argument data-empty-query data-fragment-undefined
		data-insert-column-not-permitted data-limit-negative data-limit-string data-operation-name-needed data-subscription-two-roots-over-http
		data-syntax-error data-unused-variable-with-value data-update-column-not-permitted data-variable-array-for-object data-variable-extra
		data-variable-missing data-variable-type-mismatch data-variable-undeclared data-where-column-null data-where-eq-null
		data-where-is-null-null data-wrong-operation-with-anonymous`)},
	{"a cookie of the handler passes", func(a *httptest.ResponseRecorder, r *http.Request) {
		if strings.Contains(a.Body.String(), `"signin":{`) {
			a.Header().Set("Set-Cookie", "session=1")
		}
	}, []string{"action-signin-set-cookie-dropped"}},
	{"an update counts one row more", says(`"affected_rows":1`, `"affected_rows":2`), []string{"data-update-affected-rows", "data-insert-many", "data-delete"}},
	{"a null for an object is told apart", says("got null for the action webhook response", "null"), []string{"action-null-nonnull-output"}},
	{"inconsistent metadata is healthy, strictly", func(a *httptest.ResponseRecorder, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/healthz") && r.URL.RawQuery != "" {
			a.Code, a.Body = http.StatusOK, bytes.NewBufferString("OK")
		}
	}, []string{"data-healthz-strict-inconsistent"}},
	{"an unknown path is no 404", func(a *httptest.ResponseRecorder, _ *http.Request) {
		if a.Code == http.StatusNotFound {
			a.Code = http.StatusOK
		}
	}, []string{"data-unknown-path"}},
}

// around answers as the stand-in does, but for some deviations.
func around(wrong ...deviation) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a := httptest.NewRecorder()
			next.ServeHTTP(a, r)
			for _, d := range wrong {
				d.answer(a, r)
			}
			header := w.Header()
			maps.Copy(header, a.Header())
			header.Set("Content-Length", strconv.Itoa(a.Body.Len()))
			w.WriteHeader(a.Code)
			_, _ = io.Copy(w, a.Body)
		})
	}
}

// All ten deviate at once; the cases that differ are those of the ten, and no others.
func TestConformance_FindsEachOfTenDeviations(t *testing.T) {
	pg := testserver.StartPostgres(t)
	makeSharedDatabase(t, pg)
	cases := transcripts(t)
	cases = slices.DeleteFunc(cases, func(c *transcript) bool { return c.Frames != nil })
	var want []string
	for _, d := range deviations {
		if len(d.foundBy) == 0 {
			t.Errorf("no case is named for: %s", d.name)
		}
		want = append(want, d.foundBy...)
	}
	differ := func(wrong ...deviation) []string {
		var names []string
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				if len(conforms(t, pg, c, standInBehind(around(wrong...)))) > 0 {
					names = append(names, c.Name)
				}
			})
		}
		slices.Sort(names)
		return names
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), differ(deviations...)); diff != "" {
		t.Errorf("cases that should differ, and those that do (-want +got):\n%s", diff)
	}
}
