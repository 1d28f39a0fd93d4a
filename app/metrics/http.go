package metrics

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// statusClasses are the label values of status; 1xx and 3xx are "other". Exact
// codes are in the request log, and login_attempts_total has the error's code.
var statusClasses = [...]string{"2xx", "4xx", "5xx", other}

type routeSeries struct {
	byClass [len(statusClasses)]prometheus.Counter
	seconds prometheus.Observer
}

// httpSeries holds the series of each path and method; the zero pair is what
// no route names.
type httpSeries map[pair]routeSeries

func newHTTPSeries(r *prometheus.Registry, routes []string) httpSeries {
	requests := prometheus.NewCounterVec(httpRequestsOpts, []string{"route", "method", "status"})
	seconds := prometheus.NewHistogramVec(httpSecondsOpts, []string{"route"})
	r.MustRegister(requests, seconds)

	series := func(path, method string) (s routeSeries) {
		for i, class := range statusClasses {
			s.byClass[i] = requests.WithLabelValues(path, method, class)
		}
		s.seconds = seconds.WithLabelValues(path)
		return s
	}
	all := httpSeries{{}: series(other, other)}
	for _, route := range routes {
		method, path, found := strings.Cut(route, " ")
		if !found || !strings.HasPrefix(path, "/") {
			panic(fmt.Sprintf("metrics: route %q is not of the form \"METHOD /path\"", route))
		}
		all[pair{path, method}] = series(path, method)
	}
	return all
}

func (h httpSeries) observe(path, method string, status int, took time.Duration) {
	s, known := h[pair{path, method}]
	if !known {
		s = h[pair{}]
	}
	s.byClass[classOf(status)].Inc()
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
