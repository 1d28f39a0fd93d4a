package bench_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/testserver"
)

const (
	graphQLRate = 200 // requests a second
	graphQLFor  = 4 * time.Second
	signedIn    = 50 // sessions that take turns; others sign in, which would end the oldest
)

// BenchmarkCookies measures how much time a session's cookie adds to a request for
// Hasura, through nginx, while 64 clients keep every core hashing.
func BenchmarkCookies(b *testing.B) {
	for range b.N {
		s := begin(b)
		s.signUpAll()
		s.weigh(asContainer)
		// Limits count the addresses that the load balancer names.
		nginx := testserver.StartNginx(b, testserver.NginxSettings{
			Entry: "load-balancer", LoadBalancers: "127.0.0.1", Names: siteName, Login: s.apiAddr(), Hasura: serveAnswers(b), EdgeSecret: edgeSecret,
		})
		way := &gatewayLoad{s: s, url: nginx.URL("/v1/graphql")}
		way.signInAll()
		ways := []string{"Authorization", "Cookie"}
		p50, p99 := map[string][]float64{}, map[string][]float64{}
		for round := range rounds * 2 {
			stop := s.busy()
			for i := range ways {
				k := ways[(round+i)%2] // no order is favoured
				took := way.measure(k)
				p50[k], p99[k] = append(p50[k], millis(quantile(took, 0.5))), append(p99[k], millis(quantile(took, 0.99)))
			}
			stop()
		}
		var added []float64
		for i := range p99["Cookie"] {
			added = append(added, p99["Cookie"][i]-p99["Authorization"][i])
		}
		r := &report{heading: "Sessions in a cookie, through nginx", intro: fmt.Sprintf("%d requests a second, at random times, for a Hasura that answers at once, with a Bearer token or with the cookie of one of %d sessions, next to 64 clients signing in. Login looks the session up in Postgres at each request with the cookie. Medians of %d interleaved rounds.", graphQLRate, signedIn, rounds*2)}
		r.add("p99 with a Bearer token", fmt.Sprintf("the median is %.2f ms", median(p50["Authorization"])), fmt.Sprintf("%.1f ms", median(p99["Authorization"])), "")
		r.add("p99 with the cookie", fmt.Sprintf("the median is %.2f ms", median(p50["Cookie"])), fmt.Sprintf("%.1f ms", median(p99["Cookie"])), "")
		r.add("p99 that the cookie adds", "", fmt.Sprintf("%.1f ms", median(added)), "≤ 1 ms")
		r.write(b)
	}
}

// serveAnswers is a Hasura that answers at once.
func serveAnswers(b *testing.B) (address string) {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	server := &fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		if len(c.Request.Header.Peek("Authorization")) == 0 {
			c.SetStatusCode(fasthttp.StatusUnauthorized)
			return
		}
		c.SetContentType("application/json")
		_, _ = c.WriteString(`{"data":{"users":[]}}`)
	}}
	go func() { _ = server.Serve(ln) }()
	b.Cleanup(func() { _ = server.Shutdown() })
	return ln.Addr().String()
}

// gatewayLoad sends requests for Hasura.
type gatewayLoad struct {
	s       *subject
	url     string
	cookies []string
	token   string
}

func (g *gatewayLoad) signInAll() {
	g.s.b.Helper()
	for i := range signedIn {
		body := strings.Replace(string(g.s.bodies[i]), "{", `{"session":"cookie",`, 1)
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		req.SetRequestURI(g.s.api + "/auth/signin")
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetBodyString(body)
		check(g.s.b, g.s.client.DoTimeout(req, resp, patience))
		cookie := fasthttp.AcquireCookie()
		cookie.SetKey("__Host-session")
		if !resp.Header.Cookie(cookie) {
			g.s.b.Fatalf("signing in: %d %s", resp.StatusCode(), resp.Body())
		}
		g.cookies = append(g.cookies, "__Host-session="+string(cookie.Value()))
	}
	var grant struct{ Token string }
	_, answer := post(g.s.client, g.s.api+"/auth/signin", g.s.bodies[0])
	check(g.s.b, json.Unmarshal(answer, &grant))
	g.token = "Bearer " + grant.Token
}

// measure sends requests at the rate, with one of the headers. They come from clients
// that know nothing of one another: openLoop would send four at a time.
func (g *gatewayLoad) measure(header string) []time.Duration {
	g.s.b.Helper()
	all := strangers(graphQLRate, graphQLFor, func(n int) outcome {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(g.url)
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetHost(siteName)
		req.UseHostHeader = true
		req.Header.SetContentType("application/json")
		req.SetBodyString(`{"query":"{ users { id } }"}`)
		address := address.Add(1)
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", address>>16&0xff, address>>8&0xff, address&0xff))
		if req.Header.Set("Authorization", g.token); header == "Cookie" {
			req.Header.Del("Authorization")
			req.Header.Set("Cookie", g.cookies[n%len(g.cookies)])
		}
		began := time.Now()
		if err := g.s.client.DoTimeout(req, resp, patience); err != nil {
			return outcome{took: time.Since(began)}
		}
		return outcome{status: resp.StatusCode(), took: time.Since(began)}
	})
	took := pick(all, isGood)
	if len(took) < len(all) {
		g.s.b.Errorf("%d of %d requests with %s failed", len(all)-len(took), len(all), header)
	}
	return took
}

// busy has 64 clients sign in until stop is called.
func (s *subject) busy() (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		closedLoop(64, 2*graphQLFor+2*time.Second, func(client, n int) outcome { return s.signIn(signedIn + (client*5+n)%(users-signedIn)) })
	}()
	time.Sleep(time.Second)
	return func() { <-done }
}
