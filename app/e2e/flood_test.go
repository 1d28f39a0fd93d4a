package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/testserver"
)

// More addresses than the limiter has room for, each of which comes once: no
// scrape grows by a series, none is large, and the memory stays as it is. The
// benchmark does the same with a million.
func TestFlood_NoAddressAddsASeriesOrMemory(t *testing.T) {
	const addresses, growth = 100_000, 24 << 10
	sizeLimit := 30_000 + 2_300*len(login.Operations()) // as of app/metrics
	s := start(t, options{})
	before := seriesOf(s.scrape())
	rssBefore := residentKB(t, s.login.Pid())

	done := make(chan map[int]int)
	go func() {
		done <- testserver.Flood{API: s.login.api, EdgeSecret: edgeSecret, Requests: addresses}.Run(t)
	}()
	var largest int
	var times []time.Duration
	var answers map[int]int
	for answers == nil {
		began := time.Now()
		body := s.scrape()
		times = append(times, time.Since(began))
		largest = max(largest, len(body))
		if after := seriesOf(body); !slices.Equal(after, before) {
			t.Fatalf("%d series became %d", len(before), len(after))
		}
		select {
		case answers = <-done:
		case <-time.After(200 * time.Millisecond):
		}
	}
	rssAfter := residentKB(t, s.login.Pid())
	slices.Sort(times)
	t.Logf("%v; %d scrapes of %d series, at most %d bytes, half of them within %s; memory %d kB, then %d kB",
		answers, len(times), len(before), largest, times[len(times)/2], rssBefore, rssAfter)
	if largest > sizeLimit {
		t.Errorf("a scrape had %d bytes, more than %d", largest, sizeLimit)
	}
	if rssAfter > rssBefore+growth {
		t.Errorf("memory grew from %d kB to %d kB", rssBefore, rssAfter)
	}
	if answers[http.StatusUnauthorized]+answers[http.StatusTooManyRequests] != addresses*3/4 || answers[http.StatusNotFound] != addresses/4 {
		t.Errorf("the answers are %v", answers)
	}
}

func (s *stack) scrape() string {
	s.t.Helper()
	resp, err := http.Get("http://" + s.login.ops + "/metrics")
	check(s.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(s.t, err)
	return string(body)
}

// seriesOf lists a scrape's lines without their values. It leaves out series that the
// Go runtime adds later (at the first collection, the first scrape).
func seriesOf(body string) []string {
	var names []string
	for line := range strings.Lines(body) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "login_") {
			names = append(names, name)
		}
	}
	return names
}

func residentKB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(t, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kB int
	_, err = fmt.Sscanf(rest, "%d kB", &kB)
	check(t, err)
	return kB
}
