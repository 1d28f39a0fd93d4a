package metrics

import "github.com/prometheus/client_golang/prometheus"

// counters is a counter vector of one closed label, its children looked up once
// so that counting allocates nothing.
type counters map[string]prometheus.Counter

func newCounters(r *prometheus.Registry, opts prometheus.CounterOpts, label string, values []string) counters {
	vec := prometheus.NewCounterVec(opts, []string{label})
	r.MustRegister(vec)
	c := make(counters, len(values)+1)
	for _, v := range append([]string{other}, values...) {
		c[v] = vec.WithLabelValues(v)
	}
	return c
}

func (c counters) inc(value string) {
	counter, known := c[value]
	if !known {
		counter = c[other]
	}
	counter.Inc()
}

// pair is a combination of two label values.
type pair struct{ first, second string }

// pairs is a counter vector of two labels, of which only some combinations can
// occur. Every first value has a combination with "other".
type pairs map[pair]prometheus.Counter

func (p pairs) inc(first, second string) {
	counter, known := p[pair{first, second}]
	if !known {
		counter, known = p[pair{first, other}]
	}
	if !known {
		counter = p[pair{other, other}]
	}
	counter.Inc()
}
