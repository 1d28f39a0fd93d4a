package standin_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin"
	"hasura-login/dev/standin/metadata"
)

// grant answers as the login service does.
func grant(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Set-Cookie", "a=1")
	_, _ = io.WriteString(w, `{"id":"1","token":"t","tokenExpiresAt":"x","refreshToken":"r","refreshTokenExpiresAt":"y","deviceToken":null}`)
}

func TestActions_SignUpThroughTheProjectsOwnMetadata(t *testing.T) {
	e := start(t, nil)
	e.Handler.answers(grant)
	status, headers, answer := e.post(t, "/v1/graphql",
		`{"query":"mutation ($p: String!) { signup(email: \"a@b.c\", name: \"A\", password: $p) { token deviceToken } }","variables":{"p":"pw"}}`,
		map[string]string{"X-Real-IP": "192.0.2.7", "X-Edge-Secret": "edge", "X-Request-Id": "q1", "X-Hasura-Action-Secret": "forged", "X-Hasura-User-Id": annID})
	want := map[string]any{"data": map[string]any{"signup": map[string]any{"token": "t", "deviceToken": nil}}}
	if diff := cmp.Diff(want, answer); status != http.StatusOK || diff != "" {
		t.Fatalf("%d (-want +got):\n%s", status, diff)
	}
	if headers.Get("X-Request-Id") != "q1" || headers.Get("Set-Cookie") != "a=1" {
		t.Errorf("answer's headers: %v", headers)
	}
	asked := e.Handler.asked()[0]
	for name, value := range map[string]string{
		"X-Hasura-Action-Secret": "shared", "X-Real-Ip": "192.0.2.7", "X-Edge-Secret": "edge", "X-Request-Id": "q1", "X-Hasura-User-Id": "",
	} {
		if got := asked.Header.Get(name); got != value {
			t.Errorf("the handler got %s: %q, want %q", name, got, value)
		}
	}
	if asked.Path != "/actions/signup" {
		t.Errorf("path %s", asked.Path)
	}
	// Without a token the client writes session variables: the handler must not
	// act on them while the role is public.
	variables, _ := asked.Body["session_variables"].(map[string]any)
	if variables["x-hasura-role"] != "public" || variables["x-hasura-user-id"] != annID {
		t.Errorf("session variables %v", variables)
	}
}

func TestActions_RolesSeeTheirOwn(t *testing.T) {
	e := start(t, nil)
	ann := tokenFor(t, annID, nil)
	e.Handler.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/actions/sessions" {
			_, _ = io.WriteString(w, `[{"id":"s","createdAt":"x","lastUsedAt":"y","client":"curl","current":true}]`)
			return
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	for name, tc := range map[string]struct{ token, query, want string }{
		"sessions of a user": {ann, `{ sessions { id current __typename } }`, `{"data":{"sessions":[{"__typename":"LoginSession","current":true,"id":"s"}]}}`},
		"sign out as user":   {ann, `mutation { signout(refreshToken: "r") { ok } }`, `{"data":{"signout":{"ok":true}}}`},
		"sign out as public": {"", `mutation { signout(refreshToken: "r") { ok } }`, `{"data":{"signout":{"ok":true}}}`},
		"public, sessions":   {"", `{ sessions { id } }`, refusal("$.selectionSet.sessions", "field 'sessions' not found in type: 'query_root'")},
		"public, delete":     {"", `mutation { deleteAccount(password: "x") { ok } }`, refusal("$.selectionSet.deleteAccount", "field 'deleteAccount' not found in type: 'mutation_root'")},
		"public, subscribe":  {"", `subscription { users { id } }`, refusal("$", "no subscriptions exist")},
	} {
		if got := e.query(t, tc.token, tc.query); got != tc.want {
			t.Errorf("%s: answer\n%s, want\n%s", name, got, tc.want)
		}
	}
}

func TestActions_ABatchRunsInOrderAndIsOnlyAnArray(t *testing.T) {
	e := start(t, nil)
	e.Handler.answers(grant)
	_, headers, answer := e.post(t, "/v1/graphql", `[
		{"query":"{ signin(email: \"1\", password: \"p\") { id } }"},
		{"query":"mutation { signup(email: \"2\", name: \"n\", password: \"p\") { id } }"},
		{"query":"{ nothing }"}]`, nil)
	list, _ := answer.([]any)
	if len(list) != 3 || headers.Get("Set-Cookie") != "" {
		t.Errorf("%d answers, cookie %q", len(list), headers.Get("Set-Cookie"))
	}
	var emails []any
	for _, r := range e.Handler.asked() {
		input, _ := r.Body["input"].(map[string]any)
		emails = append(emails, input["email"])
	}
	if diff := cmp.Diff([]any{"1", "2"}, emails); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestActions_OptionalArgumentsAreAbsentUnlessGiven(t *testing.T) {
	e := start(t, nil)
	e.Handler.answers(grant)
	for _, body := range []string{
		`{"query":"{ signin(email: \"a\", password: \"p\") { id } }"}`,
		`{"query":"query ($d: String) { signin(email: \"a\", password: \"p\", deviceToken: $d) { id } }"}`,
		`{"query":"{ signin(email: \"a\", password: \"p\", deviceToken: null) { id } }"}`,
		`{"query":"query ($d: String) { signin(email: \"a\", password: \"p\", deviceToken: $d) { id } }","variables":{"d":"x"}}`,
	} {
		e.post(t, "/v1/graphql", body, nil)
	}
	var got []any
	for _, r := range e.Handler.asked() {
		got = append(got, r.Body["input"])
	}
	want := []any{
		map[string]any{"email": "a", "password": "p"}, map[string]any{"email": "a", "password": "p"},
		map[string]any{"email": "a", "password": "p", "deviceToken": nil}, map[string]any{"email": "a", "password": "p", "deviceToken": "x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

// shapes has an action "shape" with nested types and arguments of every kind.
func shapes(t *testing.T, handler string) *engine {
	return start(t, func(cfg *standin.Config) {
		cfg.Metadata.Types = append(cfg.Metadata.Types, sdlTypes(t, `
			scalar Anything
			enum Colour { red green }
			input Point { x: Int! y: Float label: ID on: Boolean at: timestamptz any: Anything }
			type Inner { n: Int tags: [String!] any: Anything }
			type Outer { inner: Inner list: [Inner!] colour: Colour when: timestamptz }`)...)
		argument := func(name, typ string) *ast.ArgumentDefinition {
			return &ast.ArgumentDefinition{Name: name, Type: ast.NamedType(typ, nil)}
		}
		colour := argument("colour", "Colour")
		colour.DefaultValue = &ast.Value{Kind: ast.EnumValue, Raw: "red"}
		cfg.Metadata.Actions = append(cfg.Metadata.Actions, metadata.Action{
			Name: "shape", Operation: ast.Query, Output: ast.NamedType("Outer", nil), Roles: []string{"public"},
			Arguments: ast.ArgumentDefinitionList{argument("point", "Point"), colour}, Handler: handler, Timeout: 1e10,
			Headers: []metadata.Header{{Name: "X-Where", Value: "at {{LOGIN_URL}}"}},
		})
	})
}

func TestActions_NestedTypesAndEveryKindOfArgument(t *testing.T) {
	e := shapes(t, "{{LOGIN_URL}}/shape")
	e.Handler.answers(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"inner":{"n":1,"any":{"b":[1,2]}},"list":[{"n":2,"tags":["x"]}],"colour":"green"}`)
	})
	got := e.query(t, "", `{ shape(point: {x: 1, y: 2.5, label: 7, on: true, at: "now", any: {a: [1, null, RED]}}) {
		inner { n any } renamed: inner { n } list { tags } colour when } }`)
	// An aliased nested object gets lost, as in the engine.
	want := `{"data":{"shape":{"colour":"green","inner":{"any":{"b":[1,2]},"n":1},"list":[{"tags":["x"]}],"when":null}}}`
	if got != want {
		t.Errorf("answer\n%s, want\n%s", got, want)
	}
	asked := e.Handler.asked()[0]
	input, _ := json.Marshal(asked.Body["input"])
	if want := `{"colour":"red","point":{"any":{"a":[1,null,"RED"]},"at":"now","label":"7","on":true,"x":1,"y":2.5}}`; string(input) != want {
		t.Errorf("input %s, want %s", input, want)
	}
	if where := asked.Header.Get("X-Where"); where != "at "+e.Handler.URL {
		t.Errorf("header from a template: %q", where)
	}
}

func TestActions_ArgumentsOfTheWrongKind(t *testing.T) {
	e := shapes(t, "{{LOGIN_URL}}/shape")
	for argument, want := range map[string]string{
		`point: {}`:                         refusal("$.selectionSet.shape.args.point.x", "missing required field 'x'"),
		`point: {x: "1"}`:                   refusal("$.selectionSet.shape.args.point.x", "expected a 32-bit integer for type 'Int', but found a string"),
		`point: {x: 1, y: true}`:            refusal("$.selectionSet.shape.args.point.y", "expected a float for type 'Float', but found a boolean"),
		`point: {x: 1, on: 1}`:              refusal("$.selectionSet.shape.args.point.on", "expected a boolean for type 'Boolean', but found an integer"),
		`point: {x: 1, label: 1.5, on: {}}`: refusal("$.selectionSet.shape.args.point.on", "expected a boolean for type 'Boolean', but found an object"),
		`point: {x: 1, label: [1]}`:         refusal("$.selectionSet.shape.args.point.label", "expected a String or a 32-bit integer for type 'ID', but found a list"),
		`point: {x: 1, at: 5}`:              coded("parse-failed", "$.selectionSet.shape.args.point.at", "parsing UTCTime failed, expected String, but encountered Number"),
		`colour: "red"`:                     refusal("$.selectionSet.shape.args.colour", "expected an enum value for type 'Colour', but found a string"),
	} {
		if got := e.query(t, "", `{ shape(`+argument+`) { colour } }`); got != want {
			t.Errorf("%s: answer\n%s, want\n%s", argument, got, want)
		}
	}
}

func TestActions_AnswersOfTheWrongShape(t *testing.T) {
	e := start(t, nil)
	for body, want := range map[string]string{
		`{"id":"s"}`: "expecting array for the action webhook response",
		`[7]`:        "got scalar String for the action webhook response, expecting LoginSession",
		`[true]`:     "got scalar Boolean for the action webhook response, expecting LoginSession",
		`[null]`:     "got null for the action webhook response",
		`[{"id":null,"createdAt":"","lastUsedAt":"","client":"","current":true}]`: `expecting not null value for field "id"`,
		`[] trailing`: "not a valid json response from webhook",
	} {
		e.Handler.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if got := e.query(t, tokenFor(t, annID, nil), `{ sessions { id } }`); got != coded("unexpected", "$", want) {
			t.Errorf("%s: answer\n%s", body, got)
		}
	}
	e.Handler.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `[]`)
	})
	if got := e.query(t, tokenFor(t, annID, nil), `{ sessions { id } }`); got != coded("parse-failed", "$", "parsing Hasura.GraphQL.Execute.Action.Types.ActionWebhookErrorResponse(ActionWebhookErrorResponse) failed, expected Object, but encountered Array") {
		t.Error(got)
	}
}
