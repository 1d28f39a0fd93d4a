// Package edgelog counts nginx's access log for Prometheus: requests by route
// and status, what limits refused, and how long the services behind took.
// nginx's status page knows none of these, and Hasura's Community Edition has no
// metrics of its own, so this is where its health shows.
//
// It follows the file that nginx writes, so its failures cannot affect nginx, unlike
// those of a log sent to a socket.
package edgelog

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Routes as labels; all that nginx does not serve is "other".
const (
	routeOther     = "other"
	routeAuth      = "auth" // paths under /auth/ without their own label
	routeWebsocket = "websocket"
)

var routeOf = map[string]string{
	"/v1/graphql":            "graphql",
	"/auth/signin":           "signin",
	"/auth/signup":           "signup",
	"/auth/refresh":          "refresh",
	"/.well-known/jwks.json": "jwks",
	"/healthz":               "healthz",
}

// Kinds of limit that nginx has.
const (
	limitRequests    = "requests"
	limitConnections = "connections"
)

// statusClasses are the label values of status; 101 is an upgraded WebSocket.
var statusClasses = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// Counter is a registry of the counts from the log. It is safe for concurrent use.
type Counter struct {
	registry  *prometheus.Registry
	requests  map[string][len(statusClasses)]prometheus.Counter
	seconds   map[string]prometheus.Observer
	refused   map[string]prometheus.Counter
	malformed prometheus.Counter
}

// New makes a registry with every series in it from the start.
func New() *Counter {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "edge_requests_total",
		Help: "Requests that nginx answered, by route and class of status. A WebSocket counts when it ends.",
	}, []string{"route", "status"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "edge_request_seconds",
		Help:    "Time of requests that a service behind nginx answered, including the client's own slowness. WebSockets are not counted.",
		Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "edge_refused_total",
		Help: "Requests that nginx refused by a limit per client, by kind: requests (too many in a time) or connections (too many at once).",
	}, []string{"kind"})
	malformed := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "edge_log_malformed_total",
		Help: "Lines of the access log that could not be read; any value above 0 means that the log format has changed.",
	})

	c := &Counter{
		registry: prometheus.NewRegistry(), malformed: malformed,
		requests: map[string][len(statusClasses)]prometheus.Counter{},
		seconds:  map[string]prometheus.Observer{},
		refused:  map[string]prometheus.Counter{},
	}
	c.registry.MustRegister(requests, seconds, refused, malformed,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, route := range routes() {
		var byClass [len(statusClasses)]prometheus.Counter
		for i, class := range statusClasses {
			byClass[i] = requests.WithLabelValues(route, class)
		}
		c.requests[route] = byClass
		c.seconds[route] = seconds.WithLabelValues(route)
	}
	for _, kind := range []string{limitRequests, limitConnections} {
		c.refused[kind] = refused.WithLabelValues(kind)
	}
	return c
}

func routes() []string {
	all := []string{routeOther, routeAuth, routeWebsocket}
	for _, route := range routeOf {
		all = append(all, route)
	}
	return all
}

// Handler answers scrapes.
func (c *Counter) Handler() http.Handler {
	return promhttp.HandlerFor(c.registry, promhttp.HandlerOpts{})
}

// Registry gives access to the collected metrics, for tests and documentation.
func (c *Counter) Registry() *prometheus.Registry { return c.registry }

// record holds the fields that are used of a log line.
type record struct {
	Path            string  `json:"path"`
	Status          int     `json:"status"`
	Seconds         float64 `json:"seconds"`
	Limit           string  `json:"limit"`
	ConnectionLimit string  `json:"connection_limit"`
	UpstreamStatus  string  `json:"upstream_status"`
}

// Line counts one line of the log.
func (c *Counter) Line(line []byte) {
	var r record
	if json.Unmarshal(line, &r) != nil || r.Status < 100 || r.Status > 599 {
		c.malformed.Inc()
		return
	}
	route := r.route()
	c.requests[route][r.Status/100-1].Inc()
	if r.UpstreamStatus != "" && route != routeWebsocket {
		c.seconds[route].Observe(r.Seconds)
	}
	if r.Limit == "REJECTED" {
		c.refused[limitRequests].Inc()
	}
	if r.ConnectionLimit == "REJECTED" {
		c.refused[limitConnections].Inc()
	}
}

func (r record) route() string {
	if r.Status == http.StatusSwitchingProtocols {
		return routeWebsocket
	}
	if route, known := routeOf[r.Path]; known {
		return route
	}
	if strings.HasPrefix(r.Path, "/auth/") {
		return routeAuth
	}
	return routeOther
}
