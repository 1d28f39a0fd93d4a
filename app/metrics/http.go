package metrics

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hasura-login/app/login"
)

// statusClasses are the label values of status; 1xx and 3xx are "other". Exact codes are
// in the request log, and login_attempts_total has the error's code of each use case.
var statusClasses = [...]string{"2xx", "4xx", "5xx", other}

// timedAlone are the operations with a histogram of their own: those that most requests
// ask for, and those that alerts and dashboards watch. All others share one, because
// eleven series for each use case would be most of a scrape.
var timedAlone = map[string]bool{
	string(login.OpSignIn): true, string(login.OpSignUp): true, string(login.OpRefresh): true,
	string(login.OpSignInPasskey): true, string(login.OpSignInSecondFactor): true, string(login.OpMe): true,
	"keys": true, "health": true, "pages": true,
}

type routeSeries struct {
	byClass [len(statusClasses)]prometheus.Counter
	seconds prometheus.Observer
}

// httpSeries holds the series of each path and method; the zero pair stands for unknown
// routes.
type httpSeries map[pair]routeSeries

func newHTTPSeries(r *prometheus.Registry, routes []string) httpSeries {
	requests := prometheus.NewCounterVec(httpRequestsOpts, []string{"interface", "status"})
	// By operation, not by route: a use case takes equally long over REST and as an
	// action.
	seconds := prometheus.NewHistogramVec(httpSecondsOpts, []string{"operation"})
	r.MustRegister(requests, seconds)

	series := func(path, operation string) (s routeSeries) {
		for i, class := range statusClasses {
			s.byClass[i] = requests.WithLabelValues(interfaceOf(path), class)
		}
		if !timedAlone[operation] {
			operation = other
		}
		s.seconds = seconds.WithLabelValues(operation)
		return s
	}
	all := httpSeries{{}: series(other, other)}
	for _, route := range routes {
		parts := strings.Fields(route)
		if len(parts) != 3 || !strings.HasPrefix(parts[1], "/") {
			panic(fmt.Sprintf("metrics: route %q is not of the form \"METHOD /path operation\"", route))
		}
		method, path, operation := parts[0], parts[1], parts[2]
		all[pair{path, method}] = series(path, operation)
	}
	return all
}

// interfaceOf tells which of the service's interfaces a path belongs to.
func interfaceOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/actions/"):
		return "action"
	case strings.HasPrefix(path, "/auth/pages/"):
		return "page"
	case path == other:
		return other
	}
	return "rest"
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
