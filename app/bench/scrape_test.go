package bench_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"hasura-login/app/testserver"
)

const floodAddresses = 1_000_000

// measureScrape asks for the metrics while a million addresses come once each.
func (s *subject) measureScrape(r *report) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		testserver.Flood{API: strings.TrimPrefix(s.api, "http://"), EdgeSecret: edgeSecret, Requests: floodAddresses}.Run(s.b)
	}()
	var times []time.Duration
	least, most := 1<<30, 0
	before := s.rss()
	for running := true; running; {
		began := time.Now()
		status, body, err := s.client.Get(nil, s.ops+"/metrics")
		times = append(times, time.Since(began))
		check(s.b, err)
		if status != fasthttp.StatusOK {
			s.b.Fatalf("a scrape was answered %d", status)
		}
		series := strings.Count(string(body), "\nlogin_")
		least, most = min(least, series), max(most, series)
		size := float64(len(body)) / 1000
		select {
		case <-done:
			r.add("a scrape at the end of a flood from a million addresses", fmt.Sprintf("%d to %d series", least, most), fmt.Sprintf("%.1f kB", size), "≤ 80 kB")
			running = false
		case <-time.After(250 * time.Millisecond):
		}
	}
	r.add("a scrape during it, median", fmt.Sprintf("%d scrapes, p99 %.1f ms", len(times), millis(quantile(times, 0.99))), fmt.Sprintf("%.1f ms", millis(quantile(times, 0.5))), "≤ 5 ms")
	r.add("memory added by it", "", fmt.Sprintf("%.1f MB", s.rss()-before), "≤ 10 MB")
}
