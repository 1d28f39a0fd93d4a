package metrics

import (
	"hasura-login/app/login"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

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
// occur. What fits none of them counts as "other", "other".
type pairs map[pair]prometheus.Counter

func (p pairs) inc(first, second string) {
	counter, known := p[pair{first, second}]
	if !known {
		counter = p[pair{other, other}]
	}
	counter.Inc()
}

// always are the results that any use case can have.
var always = []string{
	ResultOK,
	string(login.CodeInvalidInput), string(login.CodeRateLimited),
	string(login.CodeUnavailable), string(login.CodeInternal),
}

// resultsOf lists how a use case can end. The full product of operations and codes would be twice the lines, most of
// them zero for ever.
func resultsOf(p login.Policy) []string {
	list := slices.Clone(always)
	for _, code := range p.Results {
		list = append(list, string(code))
	}
	if p.Lane != login.LaneNone { // it waits for a hash; callers leave while they wait
		list = append(list, string(login.CodeOverloaded), ResultCallerGone)
	}
	return list
}

func newAttempts(r *prometheus.Registry) pairs {
	vec := prometheus.NewCounterVec(attemptsOpts, []string{"operation", "result"})
	r.MustRegister(vec)
	p := pairs{{other, other}: vec.WithLabelValues(other, other)}
	for _, op := range login.Operations() {
		for _, result := range resultsOf(login.PolicyOf(op)) {
			p[pair{string(op), result}] = vec.WithLabelValues(string(op), result)
		}
	}
	return p
}
