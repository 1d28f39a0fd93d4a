package bench_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/valyala/fasthttp"

	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
	"hasura-login/hasura"
)

// BenchmarkWay times sign-ins and refreshes over each way that users take: over REST and
// as actions, with nginx and without.
func BenchmarkWay(b *testing.B) {
	s := begin(b)
	s.signUpAll()
	hasura := s.startHasura()
	nginx := testserver.StartNginx(b, testserver.NginxSettings{Login: s.apiAddr(), Hasura: hasura, EdgeSecret: edgeSecret})
	edge := fmt.Sprintf("http://127.0.0.1:%d", nginx.Port)
	ways := []struct {
		name, url string
		action    bool
		client    *fasthttp.Client
	}{
		{"REST", s.api, false, s.client},
		{"nginx, REST", edge, false, crowd()},
		{"Hasura's action", "http://" + hasura, true, s.client},
		{"nginx, Hasura's action", edge, true, crowd()},
	}
	r := &report{heading: "The whole way", intro: "One client at a time, the ways in turns. The figures are medians, and how much longer each way takes than the first. In Hasura's place is the stand-in, in the process of the generator: its share shows what an action's second request costs, and not what Hasura itself does."}
	signIns, refreshes := make([][]time.Duration, len(ways)), make([][]time.Duration, len(ways))
	tokens := make([]string, len(ways))
	for n := range 100 {
		for i, way := range ways {
			o, token := ask(way.client, way.url, way.action, "signin", "query", map[string]string{"email": fmt.Sprintf("user%d@example.org", n%users), "password": password})
			check(b, errUnlessGood(o))
			signIns[i], tokens[i] = append(signIns[i], o.took), token
		}
		for range 5 {
			for i, way := range ways {
				o, token := ask(way.client, way.url, way.action, "refresh", "mutation", map[string]string{"refreshToken": tokens[i]})
				check(b, errUnlessGood(o))
				refreshes[i], tokens[i] = append(refreshes[i], o.took), token
			}
		}
	}
	add := func(what string, times [][]time.Duration) {
		for i, way := range ways {
			beyond := millis(quantile(times[i], 0.5) - quantile(times[0], 0.5))
			r.add(what+" by "+way.name, fmt.Sprintf("p99 %.1f ms", millis(quantile(times[i], 0.99))), fmt.Sprintf("%.2f ms, %+.2f ms", millis(quantile(times[i], 0.5)), beyond), "")
		}
	}
	add("refresh", refreshes)
	add("sign-in", signIns)
	r.write(b)
}

// startHasura starts the stand-in on the service's database and returns its address.
func (s *subject) startHasura() string {
	s.b.Helper()
	db, err := sql.Open("pgx", s.postgres.URLFor("hasura_engine_a", "app"))
	check(s.b, err)
	s.b.Cleanup(func() { _ = db.Close() })
	meta, err := metadata.Load(hasura.Project())
	check(s.b, err)
	vars := map[string]string{"LOGIN_URL": s.api, "ACTION_SECRET": strings.Repeat("0", 32)}
	ctx, end := context.WithCancel(context.Background())
	s.b.Cleanup(end)
	engine, err := standin.New(ctx, standin.Config{
		Metadata: meta, Env: func(name string) (string, bool) { v, ok := vars[name]; return v, ok },
		DB: db, Dialect: standin.Postgres, AdminSecret: edgeSecret,
		JWT:              &auth.JWT{JWKURL: s.api + "/.well-known/jwks.json"},
		UnauthorizedRole: "public", ConfiguredHeaderPrecedence: true, Now: time.Now,
	})
	check(s.b, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(s.b, err)
	server := &http.Server{Handler: engine, ReadHeaderTimeout: patience}
	s.b.Cleanup(func() { _ = server.Close() })
	go engine.Run(ctx)
	go func() { _ = server.Serve(ln) }()
	return ln.Addr().String()
}

// crowd is a client whose connections come from an address each, as nginx counts them,
// and end after a few requests.
func crowd() *fasthttp.Client {
	var n atomic.Uint32
	c := newClient()
	c.MaxConnDuration = time.Second
	c.Dial = func(addr string) (net.Conn, error) {
		i := n.Add(1)
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 4, byte(i>>8), byte(i))}, Timeout: patience}
		return d.Dial("tcp", addr)
	}
	return c
}

// ask calls an operation over REST or as an action, and returns the refresh token.
func ask(c *fasthttp.Client, url string, action bool, name, kind string, arguments map[string]string) (outcome, string) {
	path, body := "/auth/"+name, []byte(nil)
	if action {
		var declared, given []string
		for argument := range arguments {
			declared, given = append(declared, "$"+argument+": String!"), append(given, argument+": $"+argument)
		}
		path = "/v1/graphql"
		body, _ = json.Marshal(map[string]any{
			"query":     fmt.Sprintf("%s(%s) { %s(%s) { token refreshToken } }", kind, strings.Join(declared, ", "), name, strings.Join(given, ", ")),
			"variables": arguments,
		})
	} else {
		body, _ = json.Marshal(arguments)
	}
	o, answer := post(c, url+path, body)
	if action {
		var wrapped struct {
			Data map[string]json.RawMessage `json:"data"`
		}
		_ = json.Unmarshal(answer, &wrapped)
		answer = wrapped.Data[name]
	}
	token := refreshTokenOf(answer)
	if token == "" {
		o.status = 0
	}
	return o, token
}
