package standin_test

import (
	"testing"
)

func TestUsers_EachSeesAndChangesTheOwnRowOnly(t *testing.T) {
	e := start(t, nil)
	ann, bob := tokenFor(t, annID, nil), tokenFor(t, bobID, nil)
	for _, step := range []struct{ name, token, query, want string }{
		{"own row", ann, `{ users { id email name } }`,
			`{"data":{"users":[{"email":"a@example.com","id":"` + annID + `","name":"Ann"}]}}`},
		{"another's row by key", ann, `{ users_by_pk(id: "` + bobID + `") { id } }`, `{"data":{"users_by_pk":null}}`},
		{"another's row by filter", ann, `{ users(where: {email: {_eq: "b@example.com"}}) { id } }`, `{"data":{"users":[]}}`},
		{"no way round the filter", ann, `{ users(where: {_or: [{}, {_not: {id: {_in: []}}}]}) { name } }`, `{"data":{"users":[{"name":"Ann"}]}}`},
		{"changing another's row", ann, `mutation { update_users_by_pk(pk_columns: {id: "` + bobID + `"}, _set: {name: "X"}) { id } }`, `{"data":{"update_users_by_pk":null}}`},
		{"changing every row", ann, `mutation { update_users(where: {}, _set: {name: "Anna"}) { affected_rows returning { name } } }`,
			`{"data":{"update_users":{"affected_rows":1,"returning":[{"name":"Anna"}]}}}`},
		{"the other is as before", bob, `{ users { name } }`, `{"data":{"users":[{"name":"Bob"}]}}`},
		{"times as Postgres writes them", bob, `{ users { created_at } }`, `{"data":{"users":[{"created_at":"2026-11-24T18:15:00.000000+00:00"}]}}`},
		{"public reads no table", "", `{ users { id } }`,
			`{"errors":[{"extensions":{"code":"validation-failed","path":"$.selectionSet.users"},"message":"field 'users' not found in type: 'query_root'"}]}`},
	} {
		t.Run(step.name, func(t *testing.T) {
			if got := e.query(t, step.token, step.query); got != step.want {
				t.Errorf("answer\n%s, want\n%s", got, step.want)
			}
		})
	}
}
