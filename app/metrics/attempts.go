package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// always are the results that any use case can have.
var always = []string{
	ResultOK, other,
	string(login.CodeInvalidInput), string(login.CodeRateLimited),
	string(login.CodeUnavailable), string(login.CodeInternal),
}

// resultsOf lists how a use case can end. A result that is missing counts as
// "other": the full product of operations and codes would be twice the lines, most of
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
