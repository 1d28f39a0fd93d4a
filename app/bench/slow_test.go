package bench_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/testserver"
)

const (
	siteName      = "login.example.org"
	halfOpen      = 1000
	underSiegeFor = 11 * time.Second
)

// BenchmarkSlowClients measures how much connections that never finish a request slow
// the sign-ins of others, through nginx with TLS.
func BenchmarkSlowClients(b *testing.B) {
	for range b.N {
		e := newEdge(b)
		rate := bcryptBound(runtime.NumCPU(), 2*time.Second) / 3
		sieges := []struct {
			what string
			from func(n int) net.IP
		}{
			{"without them", nil},
			{"from 250 addresses", func(n int) net.IP { return net.IPv4(127, 2, 0, byte(1+n%250)) }},
			{"from one address", func(int) net.IP { return net.IPv4(127, 3, 0, 1) }},
		}
		p50, p99, open := make([][]float64, len(sieges)), make([][]float64, len(sieges)), make([]int, len(sieges))
		for round := range rounds {
			for i := range sieges {
				k := (round + i) % len(sieges) // no order is favoured
				took, active := e.measure(rate, sieges[k].from)
				p50[k], p99[k] = append(p50[k], millis(quantile(took, 0.5))), append(p99[k], millis(quantile(took, 0.99)))
				if round == 0 || active < open[k] {
					open[k] = active
				}
			}
		}
		r := &report{heading: "Slow clients, through nginx", intro: fmt.Sprintf("%d half-open connections: a third each in the TLS handshake, in the header and in the body, reopened when nginx closes them. At the same time %.0f sign-ins a second, a third of the bound, each over its own TLS connection from its own address. Medians of %d interleaved rounds.", halfOpen, rate, rounds)}
		for k, siege := range sieges {
			figure, target := fmt.Sprintf("%.1f ms", median(p99[k])), ""
			if siege.from != nil {
				var ratios []float64
				for round := range rounds {
					ratios = append(ratios, p99[k][round]/p99[0][round])
				}
				figure, target = fmt.Sprintf("%s, %.2f × that without", figure, median(ratios)), "≤ 1.10 ×"
			}
			r.add("sign-ins' p99 "+siege.what, fmt.Sprintf("at least %d connections open; the median is %.1f ms", open[k], median(p50[k])), figure, target)
		}
		r.write(b)
	}
}

// edge is the service behind nginx.
type edge struct {
	b       *testing.B
	address string
	status  string
	bodies  [][]byte
	signIns int
}

func newEdge(b *testing.B) *edge {
	b.Helper()
	s := begin(b)
	nginx := testserver.StartNginx(b, testserver.NginxSettings{Entry: "tls", Names: siteName, Login: s.apiAddr(), Hasura: "127.0.0.1:1", EdgeSecret: edgeSecret})
	e := &edge{b: b, address: nginx.TLSAddr(), status: "http://" + testserver.Addr(nginx.StatusPort) + "/stub_status"}
	for i := range 40 {
		body := fmt.Appendf(nil, `{"email":"user%d@example.org","name":"User","password":%q}`, i, password)
		if o, answer := post(s.client, s.api+"/auth/signup", body); o.status != fasthttp.StatusCreated {
			b.Fatalf("signing up: %d %s", o.status, answer)
		}
		e.bodies = append(e.bodies, fmt.Appendf(nil, `{"email":"user%d@example.org","password":%q}`, i, password))
	}
	return e
}

// measure signs in at a rate, besieged unless from is nil, and returns the times
// and how many connections nginx had in the middle of it.
func (e *edge) measure(rate float64, from func(n int) net.IP) (took []time.Duration, active int) {
	e.b.Helper()
	if from != nil {
		defer e.besiege(from)()
	}
	counted := make(chan int)
	go func() {
		time.Sleep(underSiegeFor / 2)
		counted <- e.active()
	}()
	all := openLoop(rate, underSiegeFor, func(n int) outcome { return e.signIn(e.signIns + n) })
	e.signIns += len(all)
	took = pick(all, isGood)
	if len(took) < len(all) {
		e.b.Errorf("%d of %d sign-ins failed", len(all)-len(took), len(all))
	}
	return took, <-counted
}

// signIn signs in as a stranger, with a new address and connection.
func (e *edge) signIn(n int) outcome {
	began := time.Now()
	c, err := e.connect(net.IPv4(127, 1, byte(n>>8), byte(n)))
	if err != nil {
		return outcome{took: time.Since(began)}
	}
	defer c.Close()
	body := e.bodies[n%len(e.bodies)]
	_, _ = fmt.Fprintf(c, "POST /auth/signin HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", siteName, len(body), body)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return outcome{took: time.Since(began)}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return outcome{status: resp.StatusCode, took: time.Since(began)}
}

func (e *edge) dial(from net.IP) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
	return d.Dial("tcp", e.address)
}

func (e *edge) connect(from net.IP) (net.Conn, error) {
	c, err := e.dial(from)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	secure := tls.Client(c, &tls.Config{ // #nosec G402 -- the certificate is self-signed
		ServerName: siteName, InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}, // the cheapest for us
	})
	if err := secure.Handshake(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return secure, nil
}

// active is the number of connections that nginx has.
func (e *edge) active() int {
	resp, err := http.Get(e.status)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if m := regexp.MustCompile(`Active connections: (\d+)`).FindSubmatch(text); m != nil {
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	return 0
}

// besiege holds half-open connections until stop is called.
func (e *edge) besiege(from func(n int) net.IP) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for n := range halfOpen {
		time.Sleep(2 * time.Second / halfOpen)
		wg.Go(func() {
			// The first is given up at some time, so that they do not all end at once.
			e.hold(ctx, n%3, from(n), time.Duration(rand.Int64N(int64(10*time.Second))))
			for ctx.Err() == nil {
				e.hold(ctx, n%3, from(n), time.Hour)
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	return func() {
		cancel()
		wg.Wait()
		time.Sleep(500 * time.Millisecond)
	}
}

// hold goes as far as its kind and no further, until nginx closes the connection
// or the time is up.
func (e *edge) hold(ctx context.Context, kind int, from net.IP, most time.Duration) {
	open, text, dribble := e.connect, "POST /auth/signin HTTP/1.1\r\nHost: "+siteName+"\r\nContent-Le", ""
	switch kind {
	case 0:
		open, text = e.dial, "\x16\x03\x01\x02\x00\x01\x00" // of a hello of 512 bytes
	case 1:
		text, dribble = text+"ngth: 1000\r\n\r\n{", " "
	}
	c, err := open(from)
	if err != nil {
		time.Sleep(time.Second)
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(most))
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(c, text); err != nil {
		return
	}
	if dribble != "" {
		go func() {
			// Just enough for nginx to go on waiting for the body.
			for range time.Tick(5 * time.Second) {
				if _, err := io.WriteString(c, dribble); err != nil {
					return
				}
			}
		}()
	}
	_, _ = io.Copy(io.Discard, c)
}
