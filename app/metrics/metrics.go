// Package metrics counts what the service does, for Prometheus. Every label value comes
// from a closed list and its series is there from the first scrape on, but those of
// calls to the database: rates see the first event, and no flood from however many
// addresses adds a line. A value that is not in a list counts as "other". No user,
// address, session or token is ever a label.
package metrics

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hasura-login/app/login"
)

// other is the label value of all that no list names.
const other = "other"

// Metrics is the service's registry with everything in it. It is safe for
// concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	attempts      pairs
	http          httpSeries
	throttled     counters
	sessions      counters
	tokens        atomic.Pointer[func(alg string) uint64]
	audited       counters
	auditWritable prometheus.Gauge
	logDropped    prometheus.Counter
	auditLost     prometheus.Counter
	displaced     prometheus.Counter
	hashRefused   counters
	hashSeconds   prometheus.Histogram
	queueSeconds  prometheus.Histogram
	hashWorkers   prometheus.Gauge
	queueLength   atomic.Pointer[func() int]
	degraded      prometheus.Gauge
	keys          *keyCollector
	storeSeconds  *prometheus.SummaryVec
	storeCalls    atomic.Pointer[map[pair]prometheus.Observer] // those seen so far; replaced, never changed
	storeLatency  prometheus.Histogram
	mails         pairs
	providers     pairs
	mailQueue     prometheus.Gauge
	scrapeHandler http.Handler
}

// New makes a registry. Routes are the service's own, each as "METHOD /path operation"
// with placeholders for variable parts ("DELETE /auth/sessions/{id} endSession"). It
// panics on any other form, because the list is part of the program. providers are the
// names of the sites that people can sign in with.
func New(version string, routes []string, providers ...string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		// The process collector tells the memory that counts; the two dozen
		// series of the allocator would be a tenth of every scrape.
		collectors.NewGoCollector(collectors.WithGoCollectorMemStatsMetricsDisabled()),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.attempts = newAttempts(m.registry)
	m.http = newHTTPSeries(m.registry, routes)
	m.throttled = newCounters(m.registry, throttledOpts, "scope", Scopes())
	m.sessions = newCounters(m.registry, sessionsOpts, "event", sessionEvents)
	m.registerTokens()
	m.audited = newCounters(m.registry, auditOpts, "event", auditEvents())
	m.registerAudit()
	m.logDropped = prometheus.NewCounter(logDroppedOpts)
	m.registry.MustRegister(m.logDropped)
	m.registerHashLimiter()
	m.degraded = prometheus.NewGauge(degradedOpts)
	m.keys = &keyCollector{}
	m.registry.MustRegister(m.degraded, m.keys, newBuildInfo(version))
	m.registerStore()
	m.registerMail()
	m.registerProviders(providers)
	// Prometheus is next door: compressing takes a third of a scrape's time and
	// megabytes of memory, and saves nothing.
	m.scrapeHandler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{DisableCompression: true})
	return m
}

func newBuildInfo(version string) prometheus.Collector {
	info := prometheus.NewGaugeVec(buildInfoOpts, []string{"version", "goversion"})
	info.WithLabelValues(version, runtime.Version()).Set(1)
	return info
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler { return m.scrapeHandler }

// Registry gives access to the collected metrics, for tests and documentation.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Throttled counts an attempt that a limit refused; scope is one of Scopes.
func (m *Metrics) Throttled(scope string) { m.throttled.inc(scope) }

// Degraded records whether limits are counted only in this process although several
// machines should share them.
func (m *Metrics) Degraded(yes bool) { setBool(m.degraded, yes) }

func setBool(g prometheus.Gauge, yes bool) {
	if yes {
		g.Set(1)
		return
	}
	g.Set(0)
}

// LogDropped counts lines of the log that were dropped.
func (m *Metrics) LogDropped(lines int) { m.logDropped.Add(float64(lines)) }

// registerTokens reads the issuer's own counts at each scrape.
func (m *Metrics) registerTokens() {
	for _, alg := range algorithms {
		opts := tokensOpts
		opts.ConstLabels = prometheus.Labels{"alg": alg}
		m.registry.MustRegister(prometheus.NewCounterFunc(opts, func() float64 {
			if issued := m.tokens.Load(); issued != nil {
				return float64((*issued)(alg))
			}
			return 0
		}))
	}
}

// SetTokensIssued hands over what tells how many access tokens were signed with
// a JWT algorithm since the start.
func (m *Metrics) SetTokensIssued(issued func(alg string) uint64) { m.tokens.Store(&issued) }

// Attempt counts a use case by how it ended: ResultOK, ResultCallerGone or the
// code of the error that the caller was told.
func (m *Metrics) Attempt(op login.Operation, result string) {
	m.attempts.inc(string(op), result)
}

// HTTPRequest counts a request and its time; route is the path of one of the
// routes that New was given.
func (m *Metrics) HTTPRequest(route, method string, status int, took time.Duration) {
	m.http.observe(route, method, status, took)
}
