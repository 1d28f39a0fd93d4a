package bench_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// measureOverhead subtracts from a sign-in's time the time of its own hash, as the
// service counts it, because two hashes on a shared machine differ by more than the
// rest takes. A scrape of that count makes the service collect garbage, which would
// slow the next sign-in, so ten sign-ins share one scrape. How long a process takes to
// wake up differs by half from day to day, so the result also counts in empty trips.
func (s *subject) measureOverhead(r *report, target string) {
	const block = 10
	s.client.CloseIdleConnections() // the service has closed them meanwhile
	var beyond, inService []time.Duration
	for n := range rounds * 6 {
		hashed, served := s.counted()
		var took time.Duration
		for m := range block {
			took += s.signIn(n*block + m + 2).took
		}
		hashedAfter, servedAfter := s.counted()
		hashes := hashedAfter - hashed
		beyond = append(beyond, (took-hashes)/block)
		inService = append(inService, (servedAfter-served-hashes)/block)
	}
	trips, sum := s.emptyTrips(), quantile(beyond, 0.5)
	note := fmt.Sprintf("%.2f ms of it in the service; empty requests and statements take %.2f ms at the same intervals",
		millis(quantile(inService, 0.5)), millis(trips))
	r.add("a sign-in beyond its one hash, median", note, fmt.Sprintf("%.2f ms, %.2f × empty trips", millis(sum), sum.Seconds()/trips.Seconds()), target)
}

// counted is how long the service has hashed and has worked on sign-ins since its
// start.
func (s *subject) counted() (hashed, served time.Duration) {
	s.b.Helper()
	_, body, err := s.client.Get(nil, s.ops+"/metrics")
	check(s.b, err)
	return s.seconds(body, "login_hash_seconds_sum "), s.seconds(body, `login_http_request_seconds_sum{operation="signin"} `)
}

// seconds is the value that follows series in what /metrics answered.
func (s *subject) seconds(metrics []byte, series string) time.Duration {
	s.b.Helper()
	_, rest, found := strings.Cut(string(metrics), "\n"+series)
	if !found {
		s.b.Fatal("no " + series)
	}
	value, _, _ := strings.Cut(rest, "\n")
	seconds, err := strconv.ParseFloat(value, 64)
	check(s.b, err)
	return time.Duration(seconds * float64(time.Second))
}

// emptyTrips measures the round trips of a sign-in without any work at their ends: the
// request, and two statements if there is a database server. They come once in the time
// of a hash, so that each process has to wake up.
func (s *subject) emptyTrips() time.Duration {
	s.b.Helper()
	apart := func(ask func()) time.Duration {
		var times []time.Duration
		for range 40 {
			time.Sleep(60 * time.Millisecond)
			began := time.Now()
			ask()
			times = append(times, time.Since(began))
		}
		return quantile(times, 0.5)
	}
	request := apart(func() { post(s.client, s.api+"/.well-known/jwks.json", nil) })
	if s.database == "" {
		return request
	}
	conn, err := pgx.Connect(s.b.Context(), s.database)
	check(s.b, err)
	defer func() { _ = conn.Close(s.b.Context()) }()
	return request + 2*apart(func() {
		_, err := conn.Exec(s.b.Context(), "SELECT 1")
		check(s.b, err)
	})
}
