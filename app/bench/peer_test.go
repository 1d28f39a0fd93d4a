package bench_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// adapter says how another service signs up and refreshes; %s are an address and a
// password, and a refresh token.
type adapter struct {
	signUp, signUpBody   string
	refresh, refreshBody string
	// token is where an answer has the refresh token.
	token []string
}

var adapters = map[string]adapter{
	"hasura-login": {"/auth/signup", `{"email":%q,"name":"User","password":%q}`, "/auth/refresh", `{"refreshToken":%q}`, []string{"refreshToken"}},
	"hasura-auth":  {"/signup/email-password", `{"email":%q,"password":%q}`, "/token", `{"refreshToken":%q}`, []string{"session.refreshToken", "refreshToken"}},
	"supabase":     {"/signup", `{"email":%q,"password":%q}`, "/token?grant_type=refresh_token", `{"refresh_token":%q}`, []string{"refresh_token"}},
}

// peer is another service, which the person who compares it has started.
type peer struct {
	name, url string
	adapter   adapter
}

// peers are those of BENCH_PEER: name=url,adapter, several separated by spaces.
func peers(b *testing.B) (list []peer) {
	b.Helper()
	for _, text := range strings.Fields(os.Getenv("BENCH_PEER")) {
		name, rest, _ := strings.Cut(text, "=")
		url, kind, _ := strings.Cut(rest, ",")
		a, ok := adapters[kind]
		if !ok {
			b.Fatalf("BENCH_PEER=%s: write name=url,adapter; adapters are hasura-auth, supabase and hasura-login", text)
		}
		list = append(list, peer{name, strings.TrimSuffix(url, "/"), a})
	}
	return list
}

// sessions signs up a user for each client.
func (p peer) sessions(b *testing.B, c *fasthttp.Client, clients int) refresher {
	b.Helper()
	tokens := make([]string, clients)
	for i := range tokens {
		o, answer := post(c, p.url+p.adapter.signUp, fmt.Appendf(nil, p.adapter.signUpBody, fmt.Sprintf("bench%d-%d@example.org", time.Now().UnixNano(), i), password))
		if tokens[i] = p.adapter.tokenOf(answer); o.status/100 != 2 || tokens[i] == "" {
			b.Fatalf("%s: signing up: %d %s", p.name, o.status, answer)
		}
	}
	return refresher{clients, func(client int) outcome {
		o, answer := post(c, p.url+p.adapter.refresh, fmt.Appendf(nil, p.adapter.refreshBody, tokens[client]))
		if isGood(o.status) {
			tokens[client] = p.adapter.tokenOf(answer)
		}
		return o
	}}
}

func (a adapter) tokenOf(answer []byte) string {
	for _, path := range a.token {
		rest := json.RawMessage(answer)
		for name := range strings.SplitSeq(path, ".") {
			var object map[string]json.RawMessage
			_ = json.Unmarshal(rest, &object)
			rest = object[name]
		}
		var token string
		if json.Unmarshal(rest, &token) == nil && token != "" {
			return token
		}
	}
	return ""
}
