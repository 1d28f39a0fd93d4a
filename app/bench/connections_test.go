package bench_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// BenchmarkConnections opens up to 10,000 connections at once, asks once on each and
// keeps them open.
func BenchmarkConnections(b *testing.B) {
	const openers = 64
	s := begin(b)
	r := &report{heading: "Connections", intro: fmt.Sprintf("Connections straight to the service, opened by %d openers at once. Each asks for the key set and stays open.", openers)}
	var kept []net.Conn
	defer func() {
		for _, c := range kept {
			_ = c.Close()
		}
	}()
	before := s.rss()
	for _, size := range []int{100, 1_000, 10_000} {
		var mu sync.Mutex
		var times []time.Duration
		var all sync.WaitGroup
		missing := size - len(kept)
		began := time.Now()
		for opener := range openers {
			all.Go(func() {
				for i := opener; i < missing; i += openers {
					began := time.Now()
					c, err := s.keep()
					took := time.Since(began)
					mu.Lock()
					if err != nil {
						b.Errorf("connection %d: %v", i, err)
					} else {
						kept, times = append(kept, c), append(times, took)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		took := time.Since(began)
		r.add(fmt.Sprintf("%d connections", size), fmt.Sprintf("%.0f new ones a second; until the first answer median %.1f ms, p99 %.1f ms", float64(missing)/took.Seconds(), millis(quantile(times, 0.5)), millis(quantile(times, 0.99))),
			fmt.Sprintf("%.1f MiB, %.1f kB each", s.rss(), (s.rss()-before)*1024/float64(size)), "")
	}
	r.write(b)
}

// keep opens a connection and asks once.
func (s *subject) keep() (net.Conn, error) {
	c, err := net.DialTimeout("tcp", s.apiAddr(), patience)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "GET /.well-known/jwks.json HTTP/1.1\r\nHost: login\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", resp.Status)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return c, err
}
