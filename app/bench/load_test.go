package bench_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"
)

// patience is how long a client waits for an answer.
const patience = 10 * time.Second

// newClient costs little compared with the service; the bound is corrected by its cost.
func newClient() *fasthttp.Client {
	return &fasthttp.Client{
		MaxConnsPerHost: 10000, ReadTimeout: patience, WriteTimeout: patience, MaxIdleConnDuration: time.Minute,
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true, MaxIdemponentCallAttempts: 1,
		Dial: func(addr string) (net.Conn, error) { return net.DialTimeout("tcp", addr, patience) },
	}
}

// outcome is one request as its client saw it.
type outcome struct {
	status int // 0: no answer within the patience
	took   time.Duration
	after  time.Duration // the Retry-After of a refusal
}

// post sends a JSON body from the client's own address.
func post(c *fasthttp.Client, url string, body []byte) (outcome, []byte) {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(url)
	if body != nil {
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetBodyRaw(body)
	}
	n := address.Add(1)
	req.Header.Set("X-Edge-Secret", edgeSecret)
	req.Header.Set("X-Real-IP", fmt.Sprintf("10.%d.%d.%d", n>>16&0xff, n>>8&0xff, n&0xff))
	began := time.Now()
	if err := c.DoTimeout(req, resp, patience); err != nil {
		return outcome{took: time.Since(began)}, nil
	}
	o := outcome{status: resp.StatusCode(), took: time.Since(began)}
	if seconds, err := strconv.Atoi(string(resp.Header.Peek(fasthttp.HeaderRetryAfter))); err == nil {
		o.after = time.Duration(seconds) * time.Second
	}
	return o, append([]byte(nil), resp.Body()...)
}

var address atomic.Uint32

// closedLoop runs clients that each send the next request after the last answer. A
// refused client waits for its Retry-After.
func closedLoop(clients int, d time.Duration, request func(client, n int) outcome) []outcome {
	var mu sync.Mutex
	var all []outcome
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for client := range clients {
		wg.Go(func() {
			var own []outcome
			for n := 0; time.Now().Before(end); n++ {
				o := request(client, n)
				own = append(own, o)
				time.Sleep(min(o.after, time.Until(end)))
			}
			mu.Lock()
			all = append(all, own...)
			mu.Unlock()
		})
	}
	wg.Wait()
	return all
}

// openLoop sends requests at a rate, whether or not earlier ones are answered, as a
// flood does. They leave in small bursts: Go's runtime looks around every 20 µs for
// some milliseconds after each time this process wakes up, and would take the
// processors from the service thousands of times a second, which costs the service more
// than the generator's own processor time shows.
func openLoop(perSecond float64, d time.Duration, request func(n int) outcome) []outcome {
	const pause = 20 * time.Millisecond
	results := make([]outcome, int(perSecond*d.Seconds()))
	var wg sync.WaitGroup
	began := time.Now()
	for sent := 0; sent < len(results); time.Sleep(pause) {
		for due := int(perSecond * time.Since(began).Seconds()); sent < min(due, len(results)); sent++ {
			n := sent
			wg.Go(func() { results[n] = request(n) })
		}
	}
	wg.Wait()
	return results
}

// strangers sends requests at a rate on average, as clients do that know nothing of one
// another: the times between them vary (exponentially), and some come at once by chance.
func strangers(perSecond float64, d time.Duration, request func(n int) outcome) []outcome {
	results := make([]outcome, int(perSecond*d.Seconds()))
	var wg sync.WaitGroup
	next := time.Now()
	for n := range results {
		next = next.Add(time.Duration(rand.ExpFloat64() / perSecond * float64(time.Second)))
		time.Sleep(time.Until(next))
		wg.Go(func() { results[n] = request(n) })
	}
	wg.Wait()
	return results
}

// bcryptBound is how many hashes the machine makes a second with every core and no
// other work.
func bcryptBound(cores int, d time.Duration) float64 {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		panic(err)
	}
	var done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	end := began.Add(d)
	for range cores {
		wg.Go(func() {
			for time.Now().Before(end) {
				_ = bcrypt.CompareHashAndPassword(hash, []byte(password))
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// ownCPU is the processor time this process, the load generator, has used.
func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// shareOf measures which part of all cores this process uses while f runs.
func shareOf(cores int, f func()) (share float64, took time.Duration) {
	began, cpu := time.Now(), ownCPU()
	f()
	took = time.Since(began)
	return float64(ownCPU()-cpu) / float64(took) / float64(cores), took
}

func pick(all []outcome, want func(status int) bool) []time.Duration {
	var times []time.Duration
	for _, o := range all {
		if want(o.status) {
			times = append(times, o.took)
		}
	}
	return times
}

func isGood(status int) bool    { return status == fasthttp.StatusOK }
func isRefused(status int) bool { return status == fasthttp.StatusServiceUnavailable }
