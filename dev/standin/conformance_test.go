package standin_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hasura-login/app/testserver"
	"hasura-login/dev/standin"
)

var (
	hasuraImage   = flag.String("hasura-image", "", "replay the transcripts against this image of the engine, by Docker")
	postgresImage = flag.String("postgres-image", "", "with the Postgres of this image")
	hasuraURL     = flag.String("hasura-url", "", "go through this running engine and its login instead, with $ADMIN_SECRET")
	reportFile    = flag.String("hasura-report", "", "write case, expected and seen to this file")
)

// launcher starts an engine as a case wants it, on a database that has the case's
// tables, and returns its URL.
type launcher func(t testing.TB, w *world, database string) string

// engineUnderTest is the engine against which the transcripts are replayed.
func engineUnderTest(t *testing.T) (*testserver.Postgres, launcher) {
	t.Helper()
	if *hasuraImage != "" {
		pg := dockerPostgres(t, *postgresImage)
		makeSharedDatabase(t, pg)
		return pg, realEngine(pg, dockerEngine(*hasuraImage))
	}
	pg := testserver.StartPostgres(t)
	makeSharedDatabase(t, pg)
	return pg, standInBehind(func(h http.Handler) http.Handler { return h })
}

// standInBehind launches the stand-in, with a handler around it.
func standInBehind(around func(http.Handler) http.Handler) launcher {
	return func(t testing.TB, w *world, _ string) string {
		t.Helper()
		s, err := standin.New(t.Context(), w.cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		srv := httptest.NewServer(around(s))
		t.Cleanup(func() { cancel(); <-ended; srv.Close() })
		return srv.URL
	}
}

// conforms replays one case and returns the differences from the recording, which the
// runner's own tests and the report need as a value.
func conforms(t testing.TB, pg *testserver.Postgres, c *transcript, launch launcher) []string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		newWorld(r, pg, c, launch).replay(r)
	}()
	<-done
	return r.failures
}

// recorder keeps the failures of a case for itself.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, strings.TrimSuffix(text, "\n"))
}

func (r *recorder) Helper()                   {}
func (r *recorder) Error(args ...any)         { r.add(fmt.Sprintln(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.add(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)         { r.Error(args...); r.FailNow() }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); r.FailNow() }
func (r *recorder) Fail()                     { r.add("failed") }
func (r *recorder) FailNow()                  { runtime.Goexit() }
func (r *recorder) Failed() bool              { return len(r.failures) > 0 }

// report is the file that a person sends in: for each case, what was expected and seen.
type report struct {
	mu      sync.Mutex
	cases   map[string][]string
	leftOut []string // what this run could not compare, and why
}

// replayed is the report of all that this run compares.
var replayed = &report{cases: map[string][]string{}}

// writeReport writes it when a test and its cases have ended.
func writeReport(t *testing.T) *report {
	t.Cleanup(func() {
		if *reportFile == "" {
			return
		}
		if err := os.WriteFile(*reportFile, []byte(replayed.text()), 0o600); err != nil {
			t.Error(err)
		}
	})
	return replayed
}

func (r *report) note(name string, failures []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cases[name] = failures
}

func (r *report) leaveOut(what string) { r.leftOut = append(r.leftOut, what) }

func (r *report) text() string {
	var b strings.Builder
	names := make([]string, 0, len(r.cases))
	wrong := 0
	for name, failures := range r.cases {
		names = append(names, name)
		if len(failures) > 0 {
			wrong++
		}
	}
	slices.Sort(names)
	against := *hasuraImage
	switch {
	case *hasuraURL != "":
		against = "the engine at " + *hasuraURL
	case against == "":
		against = "the stand-in"
	}
	fmt.Fprintf(&b, "Conformance of %s, %s: %d of %d cases as recorded\n\n", against, time.Now().UTC().Format(time.RFC3339), len(names)-wrong, len(names))
	for _, name := range names {
		if len(r.cases[name]) == 0 {
			fmt.Fprintf(&b, "ok      %s\n", name)
			continue
		}
		fmt.Fprintf(&b, "DIFFERS %s\n", name)
		for _, failure := range r.cases[name] {
			fmt.Fprintf(&b, "        %s\n", strings.ReplaceAll(failure, "\n", "\n        "))
		}
	}
	for _, what := range r.leftOut {
		fmt.Fprintf(&b, "LEFT OUT %s\n", what)
	}
	return b.String()
}
