package monitoring_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hasura-login/app/httpapi"
	"hasura-login/app/login"
	"hasura-login/app/metrics"
	"hasura-login/app/testserver"
)

const (
	dayLength = 26 * time.Hour // a day and what looks back at it
	dayStep   = 2 * time.Minute
)

// backfillDay lets a service's real metrics live through a day that ended just
// now, and makes Prometheus' blocks of it: people by day and few by night, an
// hour of password spraying, a minute without database, a deploy, a rotation.
func backfillDay(t *testing.T, data string, end time.Time) {
	t.Helper()
	path := filepath.Join(testserver.TempDir(t), "day.om")
	file, err := os.Create(path) // #nosec G304 -- the test's own folder
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(file)
	day := newDay("1.0.0")
	start := end.Add(-dayLength)
	for at := start; !at.After(end); at = at.Add(dayStep) {
		if gone := at.Sub(start); gone >= 12*time.Hour && day.version == "1.0.0" {
			keys := day.keyBorn
			day = newDay("1.1.0") // counters restart, as after any deploy
			day.keyBorn = keys
		} else if gone >= 18*time.Hour && day.keyBorn.IsZero() {
			day.keyBorn = at
		}
		day.live(at, at.Sub(start))
		day.write(out, at)
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	testserver.Backfill(t, path, data)
}

type day struct {
	version string
	m       *metrics.Metrics
	audit   login.Auditor
	keyBorn time.Time // zero: the key of the month before
	now     time.Time
	random  *rand.Rand
}

func newDay(version string) *day {
	d := &day{version: version, m: metrics.New(version, httpapi.Routes()), random: rand.New(rand.NewPCG(1, 2))} // #nosec G404 -- repeatable
	d.audit = metrics.CountingAuditor(silent{}, d.m)
	d.m.SetHashWorkers(2)
	d.m.SetHashQueueLength(func() int { return d.random.IntN(3) })
	d.m.SetTokensIssued(func(alg string) uint64 { return map[string]uint64{"EdDSA": uint64(d.now.Unix() / 4)}[alg] }) // #nosec G115
	d.m.Keys(func() metrics.KeyStates {
		age := 30 * 24 * time.Hour
		if !d.keyBorn.IsZero() {
			age = d.now.Sub(d.keyBorn)
		}
		return metrics.KeyStates{Active: 1, Retired: 1, ActiveAge: age}
	})
	return d
}

type silent struct{}

func (silent) Record(context.Context, login.Event) {}

// live does what two minutes of traffic do.
func (d *day) live(at time.Time, gone time.Duration) {
	d.now = at
	people := 1 + int(6*(1+math.Sin(2*math.Pi*gone.Hours()/24)))
	for range people {
		d.signIn("ok", login.EventSignedIn, 80*time.Millisecond)
		d.call("/auth/refresh", login.OpRefresh, "ok", 200, 4*time.Millisecond)
		d.audit.Record(context.Background(), login.Event{Name: login.EventRefreshed})
		d.m.Store("exchanging a refresh token", nil, 2*time.Millisecond)
		d.call("/auth/me", login.OpMe, "unauthenticated", 401, time.Millisecond)
	}
	d.signIn("invalid-credentials", login.EventRefused, 80*time.Millisecond)
	d.call("/auth/signup", login.OpSignUp, "email-taken", 409, 90*time.Millisecond)
	d.m.Store("writing to the database", nil, time.Millisecond)
	if 8 <= gone.Hours() && gone.Hours() < 9 { // a list of accounts is tried
		for range 60 {
			d.signIn("invalid-credentials", login.EventRefused, 200*time.Millisecond)
		}
		d.signIn("overloaded", login.EventRefused, time.Millisecond)
		d.m.HashRefused(login.OpSignIn)
		d.m.Throttled(metrics.ScopeClientWide)
		d.call("/auth/signin", login.OpSignIn, "rate-limited", 429, time.Millisecond)
	}
	if gone == 20*time.Hour {
		d.signIn("unavailable", login.EventRefused, time.Millisecond)
		d.m.Store("reading a user", login.ErrUnavailable, time.Second)
		d.audit.Record(context.Background(), login.Event{Name: login.EventReuseDetected})
	}
}

func (d *day) signIn(result string, event login.EventName, took time.Duration) {
	status := map[string]int{"ok": 200, "invalid-credentials": 401, "overloaded": 503, "unavailable": 503}[result]
	d.call("/auth/signin", login.OpSignIn, result, status, took+time.Duration(d.random.IntN(40))*time.Millisecond)
	d.audit.Record(context.Background(), login.Event{Name: event})
	d.m.Store("reading a user", nil, time.Millisecond)
	d.m.HashQueued(time.Duration(d.random.IntN(30)) * time.Millisecond)
	d.m.HashDone(took)
}

func (d *day) call(route string, op login.Operation, result string, status int, took time.Duration) {
	method := "POST"
	if route == "/auth/me" {
		method = "GET"
	}
	d.m.HTTPRequest(route, method, status, took)
	d.m.Attempt(op, result)
}

// write adds a scrape's samples with their time, and the labels that Prometheus
// gives a target.
func (d *day) write(out *bufio.Writer, at time.Time) {
	answer := httptest.NewRecorder()
	d.m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	const target = `job="login",instance="login:9100"`
	for line := range strings.Lines(answer.Body.String()) {
		if !strings.HasPrefix(line, "login_") {
			continue
		}
		series, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if name, labels, found := strings.Cut(series, "{"); found {
			series = name + "{" + target + "," + labels
		} else {
			series += "{" + target + "}"
		}
		fmt.Fprintf(out, "%s %s %d\n", series, value, at.Unix())
	}
}
