package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/routers/gorillamux"

	"hasura-login/app/logintest"
	"hasura-login/app/webauthn/webauthntest"
)

type optionsAnswer struct {
	Options json.RawMessage `json:"options"`
}

// passkeyAnswer is a passkey as both faces show it.
type passkeyAnswer struct {
	ID, Name, CreatedAt string
	LastUsedAt          *string
	BackedUp            bool
}

// Every call about passkeys, held against openapi.yaml.
func TestPasskeys_OverREST(t *testing.T) {
	s := start(t)
	router, err := gorillamux.NewRouter(document(t))
	check(t, err)
	call := func(want int, method, path, body string, headers ...string) answer {
		t.Helper()
		req := s.request(method, path, body, headers...)
		a := s.do(req)
		if a.StatusCode != want {
			t.Fatalf("%s %s: %d %s, want %d", method, path, a.StatusCode, a.body, want)
		}
		validate(t, router, req, a)
		return a
	}
	auth := []string{"Authorization", bearer(s.signUp("ann@example.org"))}
	key := webauthntest.New(logintest.Origin)
	answered := func(a answer, respond func([]byte) ([]byte, error)) string {
		t.Helper()
		credential, err := respond(decoded[optionsAnswer](t, a).Options)
		check(t, err)
		return string(credential)
	}
	call(400, "POST", "/auth/passkeys/options", `{}`, auth...)
	call(401, "POST", "/auth/passkeys/options", `{"password":"wrong one"}`, auth...)
	credential := answered(call(200, "POST", "/auth/passkeys/options", fmt.Sprintf(`{"password":%q}`, goodPassword), auth...), key.Create)
	added := decoded[passkeyAnswer](t, call(201, "POST", "/auth/passkeys", `{"name":"Phone","credential":`+credential+`}`, auth...))
	call(401, "POST", "/auth/passkeys", `{"credential":`+credential+`}`, auth...)
	list := decoded[[]passkeyAnswer](t, call(200, "GET", "/auth/passkeys", "", auth...))
	if len(list) != 1 || list[0].ID != added.ID || list[0].Name != "Phone" || list[0].LastUsedAt != nil {
		t.Errorf("%+v", list)
	}
	call(204, "PATCH", "/auth/passkeys/"+added.ID, `{"name":"Key ring"}`, auth...)
	call(404, "PATCH", "/auth/passkeys/00000000-0000-4000-8000-000000000000", `{"name":"x"}`, auth...)
	call(403, "DELETE", "/auth/passkeys/"+added.ID, fmt.Sprintf(`{"password":%q}`, goodPassword), auth...)

	refused := call(401, "POST", "/auth/signin", fmt.Sprintf(`{"email":"ann@example.org","password":%q}`, goodPassword))
	first := decoded[struct {
		Challenge      string
		PasskeyOptions json.RawMessage
	}](t, refused)
	signed, err := key.Get(first.PasskeyOptions)
	check(t, err)
	call(200, "POST", "/auth/signin/second-factor", fmt.Sprintf(`{"challenge":%q,"method":"passkey","credential":%s}`, first.Challenge, signed))

	signed = []byte(answered(call(200, "POST", "/auth/elevate/options", "", auth...), key.Get))
	call(200, "POST", "/auth/elevate", `{"method":"passkey","credential":`+string(signed)+`}`, auth...)
	call(401, "POST", "/auth/elevate", `{"method":"passkey","credential":`+string(signed)+`}`, auth...)

	body := `{"credential":` + answered(call(200, "POST", "/auth/signin/passkey/options", ""), key.Get) + `}`
	grant := s.granted(call(200, "POST", "/auth/signin/passkey", body))
	call(401, "POST", "/auth/signin/passkey", body)
	if amr := fmt.Sprint(claims(t, grant.Token)["amr"]); amr != "[hwk user mfa]" {
		t.Errorf("amr %s", amr)
	}
	auth[1] = bearer(grant)
	without := s.granted(call(200, "DELETE", "/auth/password", `{}`, auth...))
	auth[1] = bearer(without)
	a := call(409, "DELETE", "/auth/passkeys/"+added.ID, `{}`, auth...)
	if a.code() != "last-way-in" {
		t.Errorf("%s", a.body)
	}
	for _, wrong := range []string{`{}`, `{"credential":null}`, `{"credential":"x"}`, `{"credential":[]}`, `{"credential":{}}`, `{"credential":{"id":"` + strings.Repeat("A", 9000) + `"}}`} {
		call(400, "POST", "/auth/signin/passkey", wrong)
	}
}

// Through Hasura, options and credential are JSON.
func TestPasskeys_AsActions(t *testing.T) {
	s := start(t)
	g := s.signUp("ann@example.org")
	said := claims(t, g.Token)["https://hasura.io/jwt/claims"].(map[string]any)
	variables := map[string]any{"x-hasura-role": "user", "x-hasura-user-id": said["x-hasura-user-id"], "x-hasura-session-id": said["x-hasura-session-id"]}
	ok := func(a answer) answer {
		t.Helper()
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return a
	}
	key := webauthntest.New(logintest.Origin)
	options := decoded[optionsAnswer](t, ok(s.action("passkeyOptions", map[string]any{"password": goodPassword}, variables)))
	created, err := key.Create(options.Options)
	check(t, err)
	ok(s.action("addPasskey", map[string]any{"credential": json.RawMessage(created), "name": "Phone"}, variables))
	options = decoded[optionsAnswer](t, ok(s.action("signinPasskeyOptions", nil, nil)))
	signed, err := key.Get(options.Options)
	check(t, err)
	s.granted(ok(s.action("signinPasskey", map[string]any{"credential": json.RawMessage(signed)}, nil)))
	if list := decoded[[]passkeyAnswer](t, ok(s.action("passkeys", map[string]any{}, variables))); len(list) != 1 || list[0].LastUsedAt == nil {
		t.Errorf("%+v", list)
	}
}
