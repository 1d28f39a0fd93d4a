package testserver

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// Flood simulates a crowd of one-time clients: each request has its own address and
// differs in everything else that a client chooses.
type Flood struct {
	API        string // address of the login service
	EdgeSecret string
	Requests   int
}

// Run sends the requests as fast as they are answered and counts the answers.
func (f Flood) Run(t testing.TB) map[int]int {
	t.Helper()
	const connections = 16
	client := &fasthttp.Client{MaxConnsPerHost: connections, NoDefaultUserAgentHeader: true, DisablePathNormalizing: true}
	var next, failed atomic.Int64
	var mu sync.Mutex
	answers := map[int]int{}
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			own := map[int]int{}
			for n := next.Add(1) - 1; n < int64(f.Requests); n = next.Add(1) - 1 {
				status, err := f.send(client, uint32(n)) // #nosec G115 -- a count
				if err != nil {
					failed.Add(1)
				}
				own[status]++
			}
			mu.Lock()
			defer mu.Unlock()
			for status, n := range own {
				answers[status] += n
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d requests of the flood got no answer", n, f.Requests)
	}
	return answers
}

func (f Flood) send(client *fasthttp.Client, n uint32) (int, error) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	switch n % 4 {
	case 0: // a scanner
		req.SetRequestURI(fmt.Sprintf("http://%s/scan-%d.php?n=%d", f.API, n, n))
		req.Header.SetMethod(fmt.Sprintf("SCAN%d", n))
	default:
		req.SetRequestURI(fmt.Sprintf("http://%s/auth/refresh?n=%d", f.API, n))
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetBodyString(fmt.Sprintf(`{"refreshToken":"token-%d"}`, n))
	}
	req.Header.SetUserAgent(fmt.Sprintf("agent/%d", n))
	req.Header.Set("X-Request-Id", fmt.Sprintf("%032x", n))
	req.Header.Set("X-Edge-Secret", f.EdgeSecret)
	req.Header.Set("X-Real-IP", addressOf(n).String())
	err := client.DoTimeout(req, resp, 30*time.Second)
	return resp.StatusCode(), err
}

// addressOf gives each number an address far from the others; every second one is in
// its own IPv6 /64.
func addressOf(n uint32) netip.Addr {
	spread := n * 2654435761 // odd, so no two numbers meet
	b := [4]byte{byte(spread >> 24), byte(spread >> 16), byte(spread >> 8), byte(spread)}
	if n%2 == 0 {
		return netip.AddrFrom4(b)
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, b[0], b[1], b[2], b[3], 0, 0, 15: 1})
}
