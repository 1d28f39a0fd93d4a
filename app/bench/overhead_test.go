package bench_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// measureOverhead takes from each sign-in's time that of its own hash, as the
// service counts it: two hashes of a machine that others use too differ by more
// than what is left.
func (s *subject) measureOverhead(r *report) {
	s.client.CloseIdleConnections() // the service has closed them meanwhile
	var beyond []time.Duration
	before := s.hashing()
	for n := range rounds * 40 {
		took := s.signIn(n + 2).took
		after := s.hashing()
		beyond = append(beyond, took-(after-before))
		before = after
	}
	floor := fmt.Sprintf("empty requests and statements take %.2f ms when as far apart", millis(s.emptyTrips()))
	r.add("a sign-in beyond its one hash, median", floor, fmt.Sprintf("%.2f ms", millis(quantile(beyond, 0.5))), "≤ 1.5 ms")
}

// hashing is how long the service has hashed since its start.
func (s *subject) hashing() time.Duration {
	s.b.Helper()
	_, body, err := s.client.Get(nil, s.ops+"/metrics")
	check(s.b, err)
	for line := range strings.Lines(string(body)) {
		if sum, ok := strings.CutPrefix(line, "login_hash_seconds_sum "); ok {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(sum), 64)
			check(s.b, err)
			return time.Duration(seconds * float64(time.Second))
		}
	}
	s.b.Fatal("no login_hash_seconds_sum")
	return 0
}

// emptyTrips is what the ways of a sign-in take when nothing is done at their
// ends: the request, and two statements where there is a database server. What is
// asked once in the time of a hash finds everything asleep.
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
