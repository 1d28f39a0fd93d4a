package monitoring_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hasura-login/app/testserver"
)

// One test, because starting the stack and building a day's history takes most of the
// time.
func TestPrometheus_AnswersEveryQueryOfDashboardsAndRules(t *testing.T) {
	data := filepath.Join(testserver.TempDir(t), "data")
	now := time.Now()
	backfillDay(t, data, now.Add(-10*time.Second))
	s := startStack(t)
	s.keepBusy(t)
	p := s.startPrometheus(t, data)
	waitFor(t, time.Minute, func() error { return everyTargetAnswers(p, s.jobs) })

	for _, d := range dashboards(t) {
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				t.Run(d.UID+"/"+panel.Title+"/"+target.RefID, func(t *testing.T) {
					waitFor(t, 30*time.Second, func() error { return hasNumbers(p.Query(inGrafana(target.Expr))) })
				})
			}
		}
		for _, a := range d.Annotations.List {
			if a.BuiltIn == 0 {
				t.Run(d.UID+"/"+a.Name, func(t *testing.T) {
					waitFor(t, 30*time.Second, func() error {
						return hasNumbers(p.QueryRange(inGrafana(a.Target.Expr), now.Add(-dayLength), now, time.Minute))
					})
				})
			}
		}
	}
	for _, r := range alertsAndRecords(t) {
		t.Run(r.Alert+r.Record, func(t *testing.T) {
			if r.Record != "" {
				waitFor(t, 30*time.Second, func() error { return hasNumbers(p.Query(r.Record)) })
				return
			}
			// A quiet alert has no result, so the test checks that its series exist.
			if _, err := p.Query(r.Expr); err != nil {
				t.Errorf("it does not evaluate: %v", err)
			}
			waitFor(t, 30*time.Second, func() error { return readsSeries(t, p, r.Expr, now) })
		})
	}
	for _, expr := range documentedQueries(t) {
		t.Run("documented/"+expr, func(t *testing.T) {
			run(t, "promtool", "prometheus", "query", "instant", "http://"+testserver.Addr(p.Port), expr)
			waitFor(t, 30*time.Second, func() error { return readsSeries(t, p, expr, now) })
		})
	}
	t.Run("only the watchdog barks", func(t *testing.T) { onlyTheWatchdogBarks(t, p) })
}

// readsSeries reports a selector of the expression that has matched nothing since the day that was filled in.
func readsSeries(t *testing.T, p *testserver.Prometheus, expr string, now time.Time) error {
	t.Helper()
	for _, selector := range selectors(t, expr) {
		n, err := p.Count(selector, now.Add(-dayLength), time.Now().Add(time.Minute))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%s matches no series", selector)
		}
	}
	return nil
}

func everyTargetAnswers(p *testserver.Prometheus, want int) error {
	up, err := p.Query("up")
	if err != nil {
		return err
	}
	jobs := map[string]bool{}
	for _, s := range up {
		if s.Value != 1 {
			return fmt.Errorf("%s on %s is down", s.Labels["job"], s.Labels["instance"])
		}
		jobs[s.Labels["job"]] = true
	}
	if len(jobs) != want {
		return fmt.Errorf("%d jobs are scraped, not %d: %v", len(jobs), want, jobs)
	}
	return hasNumbers(p.Query("login:hash_workers:utilisation5m"))
}

// onlyTheWatchdogBarks: after a day with an attack and an outage that are long past, no
// other alert fires. Alerts about the test's own machine and its unreachable addresses
// are left out.
func onlyTheWatchdogBarks(t *testing.T, p *testserver.Prometheus) {
	expected := []string{"Watchdog"}
	ofTheMachine := []string{"ClockWrong", "DiskFilling", "MemoryLow", "AlertsNotDelivered"}
	firing, err := p.Query(`ALERTS{alertstate="firing"}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, alert := range firing {
		if name := alert.Labels["alertname"]; !slices.Contains(append(expected, ofTheMachine...), name) {
			t.Errorf("%s fires: %v", name, alert.Labels)
		}
	}
}

func hasNumbers(samples []testserver.Sample, err error) error {
	if err != nil {
		return err
	}
	for _, s := range samples {
		if !math.IsNaN(s.Value) {
			return nil
		}
	}
	return fmt.Errorf("no data (%d series)", len(samples))
}

// inGrafana fills in what Grafana does.
func inGrafana(expr string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$__range", "6h").Replace(expr)
}

var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	word       = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	selectorOf = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^}]*\})?`)
	grouping   = regexp.MustCompile(`\b(by|on|ignoring|without)\s*\([^)]*\)`)
	duration   = regexp.MustCompile(`\[[^\]]*\]|offset \S+`)
	noMetric   = []string{
		"and", "or", "unless", "bool", "sum", "max", "min", "count", "abs", "absent", "avg_over_time", "changes", "histogram_quantile",
		"increase", "predict_linear", "rate", "time", "vector",
	}
)

// selectors returns what an expression reads.
func selectors(t *testing.T, expr string) []string {
	t.Helper()
	plain := duration.ReplaceAllString(grouping.ReplaceAllString(expr, ""), "")
	var found []string
	for _, s := range selectorOf.FindAllString(plain, -1) {
		if name := word.FindString(quoted.ReplaceAllString(s, "")); !slices.Contains(noMetric, name) {
			found = append(found, s)
		}
	}
	if len(found) == 0 && !strings.Contains(expr, "vector(1)") {
		t.Errorf("nothing is read by %s", expr)
	}
	return found
}

// keepBusy lets people use the service through nginx until the test ends.
func (s *stack) keepBusy(t *testing.T) {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.trust, MinVersion: tls.VersionTLS12}}}
	post := func(path, body string) {
		answer, err := client.Post(s.public+path, "application/json", bytes.NewBufferString(body))
		if err == nil {
			_ = answer.Body.Close()
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			post("/auth/signup", fmt.Sprintf(`{"email":"ann%d@example.org","name":"Ann","password":"correct horse staple"}`, i%5))
			post("/auth/signin", `{"email":"ann0@example.org","password":"correct horse staple"}`)
			post("/auth/signin", `{"email":"ann1@example.org","password":"wrong horse staple"}`)
			post("/auth/refresh", `{"refreshToken":"unknown"}`)
			post("/v1/graphql", `{"query":"{ __typename }"}`)
			post("/wp-login.php", ``)
			time.Sleep(200 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
}
