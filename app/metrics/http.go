package metrics

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// statusClasses are the label values of status; 1xx and 3xx are "other". A class
// that a route never answers with counts as the route "other". Exact codes are in
// the request log, and login_attempts_total has the error's code.
var statusClasses = [...]string{"2xx", "4xx", "5xx", other}

type routeSeries struct {
	byClass [len(statusClasses)]prometheus.Counter // nil: of the route "other"
	seconds prometheus.Observer
}

// httpSeries holds the series of each path and method; the zero pair stands for unknown
// routes.
type httpSeries map[pair]routeSeries

func newHTTPSeries(r *prometheus.Registry, routes []string) httpSeries {
	requests := prometheus.NewCounterVec(httpRequestsOpts, []string{"route", "method", "status"})
	// By operation, not by route: a use case takes equally long over REST and as an
	// action, and buckets for each route would be a third of a scrape.
	seconds := prometheus.NewHistogramVec(httpSecondsOpts, []string{"operation"})
	r.MustRegister(requests, seconds)

	series := func(path, method, operation string) (s routeSeries) {
		for i, class := range statusClasses {
			if answersWith(path, class) {
				s.byClass[i] = requests.WithLabelValues(path, method, class)
			}
		}
		s.seconds = seconds.WithLabelValues(operation)
		return s
	}
	all := httpSeries{{}: series(other, other, other)}
	for _, route := range routes {
		parts := strings.Fields(route)
		if len(parts) != 3 || !strings.HasPrefix(parts[1], "/") {
			panic(fmt.Sprintf("metrics: route %q is not of the form \"METHOD /path operation\"", route))
		}
		method, path, operation := parts[0], parts[1], parts[2]
		all[pair{path, method}] = series(path, method, operation)
	}
	return all
}

// answersWith: only pages redirect, and an action's errors are all 4xx, for Hasura
// hides the text of a 5xx.
func answersWith(path, class string) bool {
	switch {
	case path == other:
		return true
	case strings.HasPrefix(path, "/actions/"):
		return class == "2xx" || class == "4xx"
	}
	return class != other || strings.Contains(path, "/pages/")
}

func (h httpSeries) observe(path, method string, status int, took time.Duration) {
	s, known := h[pair{path, method}]
	if !known {
		s = h[pair{}]
	}
	class := classOf(status)
	if s.byClass[class] == nil {
		s.byClass[class] = h[pair{}].byClass[class]
	}
	s.byClass[class].Inc()
	s.seconds.Observe(took.Seconds())
}

// classOf returns the index of a status in statusClasses.
func classOf(status int) int {
	switch {
	case status >= http.StatusOK && status < http.StatusMultipleChoices:
		return 0
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return 1
	case status >= http.StatusInternalServerError && status < 600:
		return 2
	default:
		return 3
	}
}
