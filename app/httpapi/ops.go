package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Check is one thing that readiness rests on.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
	// Advisory checks are reported but do not change the status: the service works
	// without them.
	Advisory bool
}

// Ops serves the listener that is never published: metrics, liveness and readiness.
// Live checks are about the process itself (a restart could help); ready checks add its
// dependencies and name the one that is missing.
func Ops(metrics http.Handler, live, ready []Check) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("GET /livez", checks(live))
	mux.Handle("GET /readyz", checks(append(append([]Check{}, live...), ready...)))
	for _, path := range []string{"/metrics", "/livez", "/readyz"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			writeStatus(w, http.StatusMethodNotAllowed, map[string]string{"error": "this route takes GET and HEAD"})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusNotFound, map[string]string{"error": "no such route"})
	})
	return mux
}

// checks runs every check and names those that failed. The texts are for the
// operator: this listener is not published.
func checks(list []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		status, result := http.StatusOK, map[string]string{}
		for _, c := range list {
			result[c.Name] = "ok"
			if err := c.Run(ctx); err != nil {
				result[c.Name] = err.Error()
				if !c.Advisory {
					status = http.StatusServiceUnavailable
				}
			}
		}
		writeStatus(w, status, result)
	})
}

func writeStatus(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// OpsServer bounds every phase of a request, as the public listener does.
func OpsServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout,
		WriteTimeout: 30 * time.Second, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaders,
	}
}
