package bench_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/webauthn/webauthntest"
)

// passkeyOrigin is where browsers find the service under test.
const passkeyOrigin = "https://" + siteName

// passkey makes an account with a passkey. No other part of the benchmark signs in to it.
func (s *subject) passkey() *webauthntest.Authenticator {
	s.b.Helper()
	email := fmt.Sprintf("passkey%d@example.org", time.Now().UnixNano())
	var token string
	call := func(path, body string, want int) []byte {
		s.b.Helper()
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(s.api + path)
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.Header.Set("Authorization", "Bearer "+token)
		req.SetBodyString(body)
		check(s.b, s.client.DoTimeout(req, resp, patience))
		if resp.StatusCode() != want {
			s.b.Fatalf("%s: %d %s", path, resp.StatusCode(), resp.Body())
		}
		return append([]byte(nil), resp.Body()...)
	}
	var grant struct{ Token string }
	check(s.b, json.Unmarshal(call("/auth/signup", fmt.Sprintf(`{"email":%q,"name":"Kim","password":%q}`, email, password), fasthttp.StatusCreated), &grant))
	token = grant.Token
	key := webauthntest.New(passkeyOrigin)
	options := call("/auth/passkeys/options", fmt.Sprintf(`{"password":%q}`, password), fasthttp.StatusOK)
	credential, err := key.Create(optionsOf(options))
	check(s.b, err)
	call("/auth/passkeys", `{"credential":`+string(credential)+`}`, fasthttp.StatusCreated)
	return key
}

func optionsOf(answer []byte) []byte {
	var o struct{ Options json.RawMessage }
	_ = json.Unmarshal(answer, &o)
	return o.Options
}

// signInPasskey times only the sign-in. It gets the options and signs the answer
// before.
func (s *subject) signInPasskey(key *webauthntest.Authenticator) outcome {
	s.b.Helper()
	_, options := post(s.client, s.api+"/auth/signin/passkey/options", []byte("{}"))
	credential, err := key.Get(optionsOf(options))
	check(s.b, err)
	o, _ := post(s.client, s.api+"/auth/signin/passkey", fmt.Appendf(nil, `{"credential":%s}`, credential))
	return o
}
