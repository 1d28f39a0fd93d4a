package standin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/auth"
)

// maxBody bounds a request. The engine has no such limit; the proxy in front has.
const maxBody = 16 << 20

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET /healthz", s.healthz)
	s.mux.HandleFunc("GET /hasura/healthz", s.healthz)
	s.mux.HandleFunc("GET /v1/version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, mustJSON(map[string]string{"version": version, "server_type": "ce"}))
	})
	for _, path := range []string{"/v1/graphql", "/v1alpha1/graphql"} {
		s.mux.HandleFunc("GET "+path, s.getGraphQL)
		s.mux.HandleFunc("POST "+path, s.postGraphQL)
	}
	for _, path := range []string{"/v1/metadata", "/v2/query", "/v1/query"} {
		s.mux.HandleFunc("POST "+path, s.adminAPI)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		f := &graphqlError{Message: "resource does not exist", Code: "not-found"}
		writeJSON(w, http.StatusNotFound, f.plain())
	})
}

// ServeHTTP answers one request, WebSocket handshakes among them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cors(w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusOK, "OK"
	switch {
	case s.cfg.DB.PingContext(r.Context()) != nil:
		status, text = http.StatusInternalServerError, "ERROR"
	case len(s.problems) > 0 && r.URL.Query().Get("strict") == "true":
		status, text = http.StatusInternalServerError, "ERROR: inconsistent objects in schema"
	case len(s.problems) > 0:
		text = "WARN: inconsistent objects in schema"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// adminAPI checks the admin secret; no endpoint behind it is implemented.
func (s *Server) adminAPI(w http.ResponseWriter, r *http.Request) {
	session, refused := s.auth.Authenticate(auth.FromHTTP(r.Header))
	f := &graphqlError{Message: "the development stand-in has no metadata API", Code: "not-supported"}
	if refused != nil {
		f = fromAuth(refused)
	} else if session.Role != auth.AdminRole {
		f = &graphqlError{Message: "restricted access : admin only", Code: "access-denied", Path: "$.args"}
	}
	writeJSON(w, f.status(), f.plain())
}

// getGraphQL is either a WebSocket handshake or a persisted query, which CE lacks.
func (s *Server) getGraphQL(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		s.serveWebSocket(w, r)
		return
	}
	if _, refused := s.auth.Authenticate(auth.FromHTTP(r.Header)); refused != nil {
		s.writeFailure(w, r, fromAuth(refused), false)
		return
	}
	s.writeFailure(w, r, persistedQueryNotSupported(), false)
}

func (s *Server) postGraphQL(w http.ResponseWriter, r *http.Request) {
	body, readErr := io.ReadAll(r.Body)
	headers := auth.FromHTTP(r.Header)
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		id = uuid.NewString()
	}
	w.Header().Set("X-Request-Id", id) // of errors too, since v2.49.5
	session, refused := s.auth.Authenticate(headers)
	if refused != nil {
		s.writeFailure(w, r, fromAuth(refused), false)
		return
	}
	// Since v2.49.2: a raw line break in a string would be no JSON.
	for i, c := range body {
		if c < ' ' {
			body[i] = ' '
		}
	}
	if readErr != nil || !json.Valid(body) {
		s.writeFailure(w, r, &graphqlError{Message: "the body is not valid JSON", Code: "invalid-json"}, false)
		return
	}
	c := caller{session: session, headers: append(headers, auth.Header{Name: "Host", Value: r.Host}), requestID: id}
	if batch, isBatch := batchOf(body); isBatch {
		requests, refused := parseBatch(batch)
		if refused != nil {
			s.writeFailure(w, r, refused, s.showsInternal(session))
			return
		}
		answers := make([]json.RawMessage, len(batch))
		for i, req := range requests {
			answers[i] = s.batchElement(r.Context(), req, c)
		}
		writeJSON(w, http.StatusOK, array(answers))
		return
	}
	req, f := parseRequest(body)
	if f != nil {
		s.writeFailure(w, r, f, s.showsInternal(session))
		return
	}
	done, f := s.answer(r.Context(), req, c)
	if f != nil {
		s.writeFailure(w, r, f, s.showsInternal(session))
		return
	}
	for _, cookie := range done.cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	writeJSON(w, http.StatusOK, dataAnswer(done.data))
}

// batchOf splits a body that is a JSON array.
func batchOf(body []byte) ([]json.RawMessage, bool) {
	var batch []json.RawMessage
	if strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "[") && json.Unmarshal(body, &batch) == nil {
		return batch, true
	}
	return nil, false
}

// parseBatch: with one malformed element nothing runs, and the answer is that one error.
func parseBatch(batch []json.RawMessage) ([]*graphQLRequest, *graphqlError) {
	requests := make([]*graphQLRequest, len(batch))
	for i, body := range batch {
		req, refused := parseRequest(body)
		if refused != nil {
			refused.Path = fmt.Sprintf("$[%d]", i) + strings.TrimPrefix(refused.path(), "$")
			return nil, refused
		}
		requests[i] = req
	}
	return requests, nil
}

func (s *Server) batchElement(ctx context.Context, req *graphQLRequest, c caller) json.RawMessage {
	done, f := s.answer(ctx, req, c)
	if f != nil {
		return errorAnswer(f, s.showsInternal(c.session))
	}
	return dataAnswer(done.data)
}

// answer runs one operation that came over HTTP.
func (s *Server) answer(ctx context.Context, req *graphQLRequest, c caller) (*result, *graphqlError) {
	op, refused := req.operation()
	if refused != nil {
		return nil, refused
	}
	p, refused := s.prepare(op, c.session)
	if refused != nil {
		return nil, refused
	}
	if op.kind == ast.Subscription {
		return nil, &graphqlError{Message: "subscriptions are not supported over HTTP, use websockets instead", Code: "unexpected-payload"}
	}
	return s.execute(ctx, p, c)
}

// showsInternal: dev mode shows it to all; the admin sees it by default.
func (s *Server) showsInternal(session *auth.Session) bool {
	return s.cfg.DevMode || session.Role == auth.AdminRole
}

func dataAnswer(data json.RawMessage) json.RawMessage {
	var o object
	o.add("data", data)
	return o.json()
}

func errorAnswer(f *graphqlError, internal bool) json.RawMessage {
	var o object
	o.add("errors", array([]json.RawMessage{f.graphQL(internal)}))
	return o.json()
}

// writeFailure answers 200 on /v1/graphql, whatever went wrong; with
// Preserve401Errors a 401 stays one. The legacy path keeps every status.
func (s *Server) writeFailure(w http.ResponseWriter, r *http.Request, f *graphqlError, internal bool) {
	status := http.StatusOK
	if r.URL.Path == "/v1alpha1/graphql" || s.cfg.Preserve401Errors && f.status() == http.StatusUnauthorized {
		status = f.status()
	}
	writeJSON(w, status, errorAnswer(f, internal))
}

func writeJSON(w http.ResponseWriter, status int, body json.RawMessage) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // #nosec G705 -- JSON by its content type
}

// cors sets the headers for an allowed origin and answers preflights itself.
// Over HTTP it refuses nothing: the browser does.
func (s *Server) cors(w http.ResponseWriter, r *http.Request) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || !s.originAllowed(origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,OPTIONS")
	h.Set("Vary", "Origin")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Max-Age", "1728000")
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (s *Server) originAllowed(origin string) bool {
	return s.cfg.AllowOrigin == nil || s.cfg.AllowOrigin(origin)
}
