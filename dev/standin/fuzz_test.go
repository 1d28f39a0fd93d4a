package standin_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzGraphQL: whatever a client sends, the answer is JSON with data or errors.
func FuzzGraphQL(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{ users(where: {_or: [{id: {_in: []}}, {_not: {}}]}, order_by: {name: asc}, limit: 1) { ...A } } fragment A on users { n: name @skip(if: false) }"}`,
		`{"query":"query ($w: users_bool_exp = {name: {_eq: \"x\"}}, $n: Int) { users(where: $w, limit: $n) { id } }","variables":{"w":{"_and":[null]}}}`,
		`{"query":"mutation ($s: users_set_input) { update_users_many(updates: [{where: {}, _set: $s}]) { affected_rows } }","variables":{"s":{"name":null}}}`,
		`{"query":"{ __schema { types { fields { type { ofType { name } } } } } __type(name: \"users\") { kind } }"}`,
		`[{"query":"subscription { users { id } }"},7,null,{"query":"{"}]`,
	} {
		f.Add(seed)
	}
	e := start(f, nil)
	token := tokenFor(f, annID, nil)
	f.Fuzz(func(t *testing.T, body string) {
		req := httptest.NewRequest(http.MethodPost, "/v1/graphql", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		res := httptest.NewRecorder()
		e.ServeHTTP(res, req)
		answers := []map[string]json.RawMessage{{}}
		target := any(&answers[0])
		if strings.HasPrefix(res.Body.String(), "[") {
			target = &answers
		}
		if err := json.Unmarshal(res.Body.Bytes(), target); err != nil {
			t.Fatalf("%q is answered with %q: %v", body, res.Body, err)
		}
		for _, a := range answers {
			if (a["data"] == nil) == (a["errors"] == nil) {
				t.Errorf("%q is answered with %s", body, res.Body)
			}
		}
	})
}
