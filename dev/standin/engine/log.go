package main

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"
)

// log writes lines of the engine's shape.
type log struct {
	out io.Writer
}

var logLock sync.Mutex

func (l log) line(level, kind string, detail any) {
	logLock.Lock()
	defer logLock.Unlock()
	_ = json.NewEncoder(l.out).Encode(map[string]any{
		"type": kind, "timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000-0700"), "level": level, "detail": detail,
	})
}

func (l log) startup(info string) {
	l.line("info", "startup", map[string]string{"kind": "server", "info": info})
}

func (l log) trouble(err error) { l.line("error", "unstructured", err.Error()) }

// requests writes a line for each request, the health check's left out.
func (l log) requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		begun := time.Now()
		seen := &seenStatus{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r)
		l.line("info", "http-log", map[string]any{
			"request_id": r.Header.Get("X-Request-Id"),
			"operation":  map[string]any{"query_execution_time": time.Since(begun).Seconds()},
			"http_info":  map[string]any{"status": seen.status, "url": r.URL.Path, "method": r.Method, "ip": r.RemoteAddr},
		})
	})
}

// seenStatus remembers the status that was written.
type seenStatus struct {
	http.ResponseWriter
	status int
}

func (s *seenStatus) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a WebSocket take the connection over.
func (s *seenStatus) Unwrap() http.ResponseWriter { return s.ResponseWriter }
