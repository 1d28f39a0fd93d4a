package standin_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"hasura-login/dev/standin/auth"
)

// run is query with the whole request as the test writes it.
func (e *engine) run(t testing.TB, token, body string) string {
	t.Helper()
	_, _, answer := e.post(t, "/v1/graphql", body, map[string]string{"Authorization": "Bearer " + token})
	text, _ := json.Marshal(answer)
	return string(text)
}

func refusal(path, message string) string { return coded("validation-failed", path, message) }

func coded(code, path, message string) string {
	text, _ := json.Marshal(message)
	where, _ := json.Marshal(path)
	return `{"errors":[{"extensions":{"code":"` + code + `","path":` + string(where) + `},"message":` + string(text) + `}]}`
}

func TestQuery_LanguageAsTheEngineTakesIt(t *testing.T) {
	e := start(t, nil)
	ann := tokenFor(t, annID, nil)
	body := func(query, variables string) string {
		q, _ := json.Marshal(query)
		return `{"query":` + string(q) + `,"variables":` + variables + `}`
	}
	for name, tc := range map[string]struct{ query, variables, want string }{
		"aliases":                   {`{ me: users { n: name } }`, `{}`, `{"data":{"me":[{"n":"Ann"}]}}`},
		"typename everywhere":       {`{ __typename users { __typename } }`, `{}`, `{"data":{"__typename":"query_root","users":[{"__typename":"users"}]}}`},
		"fragments merge":           {`{ users { ...A ... on users { name } } } fragment A on users { email name }`, `{}`, `{"data":{"users":[{"email":"a@example.com","name":"Ann"}]}}`},
		"fragment of another type":  {`{ users { name ...A } } fragment A on query_root { users { id } }`, `{}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"unknown fragment":          {`{ users { ...A } }`, `{}`, refusal("$.selectionSet.users.selectionSet", `reference to undefined fragment "A"`)},
		"fragments in a cycle":      {`{ __type(name: "users") { ...A } } fragment A on __Type { ofType { ...A } }`, `{}`, refusal("$", "the fragment definition(s) 'A' form a cycle")},
		"skip and include":          {`query ($no: Boolean!) { users { name @skip(if: true) email @include(if: $no) id @include(if: true) } }`, `{"no":false}`, `{"data":{"users":[{"id":"` + annID + `"}]}}`},
		"unknown directive":         {`{ users { name @upper } }`, `{}`, refusal("$.selectionSet.users.selectionSet", "directive 'upper' is not defined in the schema")},
		"one key, two fields":       {`{ users { a: name a: email } }`, `{}`, refusal("$.selectionSet.users.selectionSet", "selection of both 'name' and 'email' specify the same response name, 'a'")},
		"one field, two arguments":  {`{ users(limit: 1) { id } users(limit: 2) { id } }`, `{}`, refusal("$.selectionSet", "inconsistent arguments between multiple selections of field 'users'")},
		"unknown argument":          {`{ users(first: 1) { id } }`, `{}`, refusal("$.selectionSet.users", "'users' has no argument named 'first'")},
		"selection on a scalar":     {`{ users { name { first } } }`, `{}`, refusal("$.selectionSet.users.selectionSet.name", "unexpected subselection set for non-object field")},
		"order, limit, offset":      {`{ users(order_by: {name: desc_nulls_last}, limit: 1, offset: 1) { id } }`, `{}`, `{"data":{"users":[]}}`},
		"negative limit":            {`{ users(limit: -1) { id } }`, `{}`, refusal("$.selectionSet.users.args.limit", "expected a non-negative 32-bit integer for type 'Int', but found an integer")},
		"integer out of range":      {`{ users(limit: 2147483648) { id } }`, `{}`, coded("parse-failed", "$.selectionSet.users.args.limit", "The value 2147483648 lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?")},
		"unknown enum value":        {`{ users(order_by: {name: up}) { id } }`, `{}`, refusal("$.selectionSet.users.args.order_by[0].name", "expected one of the values ['asc', 'asc_nulls_first', 'asc_nulls_last', 'desc', 'desc_nulls_first', 'desc_nulls_last'] for type 'order_by', but found 'up'")},
		"number for a uuid":         {`query ($id: uuid!) { users_by_pk(id: $id) { id } }`, `{"id":5}`, coded("parse-failed", "$.selectionSet.users_by_pk.args.id", "parsing UUID failed, expected String, but encountered Number")},
		"no uuid":                   {`{ users_by_pk(id: "abc") { id } }`, `{}`, coded("data-exception", "$", `invalid input syntax for type uuid: "abc"`)},
		"no time":                   {`{ users(where: {created_at: {_gt: "soon"}}) { id } }`, `{}`, coded("data-exception", "$", `invalid input syntax for type timestamp with time zone: "soon"`)},
		"time in another zone":      {`{ users(where: {created_at: {_eq: "2026-11-24T19:15:00+01:00"}}) { name } }`, `{}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"null in a filter":          {`query ($id: uuid) { users(where: {id: {_eq: $id}}) { id } }`, `{"id":null}`, refusal("$.selectionSet.users.args.where.id._eq", "unexpected null value for type 'uuid'")},
		"null for a non-null":       {`query ($id: uuid!) { users_by_pk(id: $id) { id } }`, `{"id":null}`, refusal("$", `null value found for non-nullable type: "uuid!"`)},
		"default of a variable":     {`query ($n: Int = 0) { users(limit: $n) { id } }`, `{}`, `{"data":{"users":[]}}`},
		"nullable without a value":  {`query ($n: Int) { users(limit: $n) { name } }`, `{}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"variable inside an object": {`query ($e: String!) { users(where: {email: {_in: [$e]}}) { name } }`, `{"e":"a@example.com"}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"whole filter as variable":  {`query ($w: users_bool_exp!) { users(where: $w) { name } }`, `{"w":{"_and":[{"name":{"_ilike":"AN%"}},{"name":{"_is_null":false}}]}}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"one for a list":            {`{ users(where: {email: {_in: "a@example.com"}}) { name } }`, `{}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"nin":                       {`{ users(where: {email: {_nin: ["a@example.com"]}}) { name } }`, `{}`, `{"data":{"users":[]}}`},
		"unknown filter column":     {`{ users(where: {password: {_eq: "x"}}) { id } }`, `{}`, refusal("$.selectionSet.users.args.where.password", "field 'password' not found in type: 'users_bool_exp'")},
		"a string for an object":    {`{ users(where: "x") { id } }`, `{}`, refusal("$.selectionSet.users.args.where", "expected an object for type 'users_bool_exp', but found a string")},
		"a list via a variable":     {`query ($w: users_bool_exp) { users(where: $w) { id } }`, `{"w":[1]}`, refusal("$.selectionSet.users.args.where", "expected an object for type 'users_bool_exp', but found a list")},
		"no regex on SQLite":        {`{ users(where: {name: {_regex: "^A"}}) { id } }`, `{}`, coded("not-supported", "$", "_regex is not supported on SQLite")},
		"update many":               {`mutation { update_users_many(updates: [{where: {}, _set: {name: "X"}}, {where: {}, _set: {name: "Ann"}}]) { affected_rows } }`, `{}`, `{"data":{"update_users_many":[{"affected_rows":1},{"affected_rows":1}]}}`},
		"table's own check":         {`mutation { update_users(where: {}, _set: {name: ""}) { affected_rows } }`, `{}`, coded("permission-error", "$", `Check constraint violation. new row for relation "users" violates check constraint "users_name_check"`)},
		"unknown operation":         {`query a { users { id } }`, `{}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := e.run(t, ann, body(tc.query, tc.variables))
			if tc.want == "" {
				tc.want = coded("invalid-json", "$", "the body is not valid JSON")
			}
			if got != tc.want {
				t.Errorf("answer\n%s, want\n%s", got, tc.want)
			}
		})
	}
}

func TestQuery_OperationNames(t *testing.T) {
	e := start(t, nil)
	ann := tokenFor(t, annID, nil)
	for name, tc := range map[string]struct{ body, want string }{
		"chosen":     {`{"query":"query a { users { id } } query b { users { name } }","operationName":"b"}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"unknown":    {`{"query":"query a { users { id } }","operationName":"b"}`, refusal("$", `no such operation found in the document: "b"`)},
		"anonymous":  {`{"query":"query a { users { id } } { users { id } }","operationName":"a"}`, refusal("$", "operationName cannot be used when an anonymous operation exists in the document")},
		"null":       {`{"query":"{ users { name } }","operationName":null,"variables":null}`, `{"data":{"users":[{"name":"Ann"}]}}`},
		"persisted":  {`{"query":"{ users { name } }","extensions":{"persistedQuery":{"version":1}}}`, coded("not-supported", "$", "PersistedQueryNotSupported")},
		"no object":  {`7`, coded("parse-failed", "$", "parsing Hasura.GraphQL.Transport.HTTP.Protocol.GQLReq(GQLReq) failed, expected Object, but encountered Number")},
		"wrong type": {`{"query":["x"]}`, coded("parse-failed", "$.query", "parsing Text failed, expected String, but encountered Array")},
	} {
		if got := e.run(t, ann, tc.body); got != tc.want {
			t.Errorf("%s: answer\n%s, want\n%s", name, got, tc.want)
		}
	}
}

func TestMutation_TableFieldsAloneAreOneTransaction(t *testing.T) {
	e := start(t, nil)
	ann := tokenFor(t, annID, nil)
	failing := coded("permission-error", "$", `Check constraint violation. new row for relation "users" violates check constraint "users_name_check"`)
	if got := e.query(t, ann, `mutation { a: update_users(where: {}, _set: {name: "First"}) { affected_rows } b: update_users(where: {}, _set: {name: ""}) { affected_rows } }`); got != failing {
		t.Fatal(got)
	}
	if got := e.query(t, ann, `{ users { name } }`); got != `{"data":{"users":[{"name":"Ann"}]}}` {
		t.Errorf("the first update stayed: %s", got)
	}
	if got := e.query(t, ann, `mutation { __typename a: update_users(where: {}, _set: {name: "First"}) { affected_rows } b: update_users(where: {}, _set: {name: ""}) { affected_rows } }`); got != failing {
		t.Fatal(got)
	}
	if got := e.query(t, ann, `{ users { name } }`); got != `{"data":{"users":[{"name":"First"}]}}` {
		t.Errorf("with another field among them each table field is its own transaction, but: %s", got)
	}
}

func TestUpdate_ReturnsWhatTriggersLeft(t *testing.T) {
	e := start(t, nil)
	got := e.query(t, tokenFor(t, annID, nil), `mutation { update_users_by_pk(pk_columns: {id: "`+annID+`"}, _set: {name: "Anna"}) { name updated_at } }`)
	if !strings.Contains(got, `"name":"Anna"`) || strings.Contains(got, "2026-11-24T18:15:00.000000") {
		t.Errorf("updated_at is not the new one: %s", got)
	}
}

func TestSessionVariables_MalformedOnesRefuse(t *testing.T) {
	e := start(t, nil)
	withUserID := func(id any) string {
		claims := map[string]any{"x-hasura-default-role": "user", "x-hasura-allowed-roles": []string{"user"}}
		if id != nil {
			claims["x-hasura-user-id"] = id
		}
		return tokenFor(t, annID, jwt.MapClaims{auth.DefaultNamespace: claims})
	}
	for name, tc := range map[string]struct {
		id   any
		want string
	}{
		"missing":    {nil, coded("not-found", "$", `missing session variable: "x-hasura-user-id"`)},
		"no uuid":    {"1 OR 1=1", coded("data-exception", "$", `invalid input syntax for type uuid: "1 OR 1=1"`)},
		"empty":      {"", coded("data-exception", "$", `invalid input syntax for type uuid: ""`)},
		"a number":   {7, coded("jwt-invalid-claims", "$", "x-hasura-* claims: parsing Text failed, expected String, but encountered Number")},
		"upper case": {strings.ToUpper(annID), `{"data":{"users":[{"name":"Ann"}]}}`},
	} {
		if got := e.query(t, withUserID(tc.id), `{ users { name } }`); got != tc.want {
			t.Errorf("%s: answer\n%s, want\n%s", name, got, tc.want)
		}
	}
}

func TestIntrospection_ShowsARoleWhatItMayDoAndNeverAHash(t *testing.T) {
	e := start(t, nil)
	const query = `{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { name } types { name fields { name } inputFields { name } } } }`
	public := e.query(t, "", query)
	for _, field := range []string{`"signup"`, `"signin"`, `"refresh"`, `"signout"`} {
		if !strings.Contains(public, field) {
			t.Errorf("public does not see %s", field)
		}
	}
	for _, field := range []string{`"users"`, `"sessions"`, `"deleteAccount"`, `"order_by"`, `"LoginSession"`} {
		if strings.Contains(public, field) {
			t.Errorf("public sees %s", field)
		}
	}
	if !strings.Contains(public, `"subscriptionType":null`) {
		t.Error("public has a subscription type")
	}
	_, _, admin := e.post(t, "/v1/graphql", `{"query":"`+query+`"}`, map[string]string{"X-Hasura-Admin-Secret": adminSecret})
	everything, _ := json.Marshal(admin)
	for role, schema := range map[string]string{"public": public, "user": e.query(t, tokenFor(t, annID, nil), query), "admin": string(everything)} {
		for _, secret := range []string{`"password"`, `"nonce"`, `"auth_accounts"`, `"auth_sessions"`, `"session_version"`} {
			if strings.Contains(schema, secret) {
				t.Errorf("role %s sees %s", role, secret)
			}
		}
	}
}
