package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// hashing are the use cases that need a password hash.
func hashing() []string {
	var names []string
	for _, op := range login.Operations() {
		if login.PolicyOf(op).Lane != login.LaneNone {
			names = append(names, string(op))
		}
	}
	return names
}

func (m *Metrics) registerHashLimiter() {
	m.hashRefused = newCounters(m.registry, hashRefusedOpts, "operation", hashing())
	m.hashSeconds = prometheus.NewHistogram(hashSecondsOpts)
	m.queueSeconds = prometheus.NewHistogram(queueSecondsOpts)
	m.hashWorkers = prometheus.NewGauge(hashWorkersOpts)
	length := prometheus.NewGaugeFunc(queueLengthOpts, func() float64 {
		if f := m.queueLength.Load(); f != nil {
			return float64((*f)())
		}
		return 0
	})
	m.registry.MustRegister(m.hashSeconds, m.queueSeconds, m.hashWorkers, length)
}

// HashQueued records how long a hash waited for a worker.
func (m *Metrics) HashQueued(wait time.Duration) { m.queueSeconds.Observe(wait.Seconds()) }

// HashDone records how long a hash took on its worker.
func (m *Metrics) HashDone(took time.Duration) { m.hashSeconds.Observe(took.Seconds()) }

// HashRefused counts a hash that was refused because the wait was too long.
func (m *Metrics) HashRefused(op login.Operation) { m.hashRefused.inc(string(op)) }

// SetHashWorkers tells how many workers the hash limiter has.
func (m *Metrics) SetHashWorkers(n int) { m.hashWorkers.Set(float64(n)) }

// SetHashQueueLength hands over what tells the queue's length at each scrape.
func (m *Metrics) SetHashQueueLength(length func() int) { m.queueLength.Store(&length) }
