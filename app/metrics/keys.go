package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// KeyStates is the key ring as one moment sees it.
type KeyStates struct {
	Pending, Active, Retired int
	ActiveAge                time.Duration // of the active key; 0 without one
	Problems                 int           // that 'keys list' shows
}

// Keys hands over what tells the key ring's state. It is asked once for each
// scrape, so that the numbers belong together.
func (m *Metrics) Keys(states func() KeyStates) { m.keys.states.Store(&states) }

// keyCollector tells of a ring without any key until it is handed one.
type keyCollector struct {
	states atomic.Pointer[func() KeyStates]
}

func (*keyCollector) Describe(out chan<- *prometheus.Desc) {
	out <- keyStateDesc
	out <- keyAgeDesc
	out <- keyProblemsDesc
}

func (k *keyCollector) Collect(out chan<- prometheus.Metric) {
	var s KeyStates
	if states := k.states.Load(); states != nil {
		s = (*states)()
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(keyStateDesc, float64(s.Pending), "pending")
	gauge(keyStateDesc, float64(s.Active), "active")
	gauge(keyStateDesc, float64(s.Retired), "retired")
	gauge(keyAgeDesc, s.ActiveAge.Seconds())
	gauge(keyProblemsDesc, float64(s.Problems))
}
