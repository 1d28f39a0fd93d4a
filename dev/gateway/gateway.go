// Package gateway stands before the stand-in for Hasura, as nginx stands before Hasura
// in production: it passes login's routes on, so that both have one origin, and asks
// login about requests with the cookie of a session. It has none of nginx's limits.
package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"hasura-login/app/clientip"
	"hasura-login/app/httpapi"
	"hasura-login/app/login"
)

// Config says how the gateway reaches login.
type Config struct {
	LoginURL    string
	EdgeSecret  string // empty: none is configured
	Origin      string // the service's own; it decides how the cookie is named
	AllowOrigin func(origin string) bool
}

type gateway struct {
	Config
	cookie string
	hasura http.Handler
	client *http.Client
}

// New makes a gateway before a handler that answers as Hasura does.
func New(hasura http.Handler, c Config) (http.Handler, error) {
	target, err := url.Parse(c.LoginURL)
	if err != nil {
		return nil, err
	}
	g := &gateway{Config: c, cookie: httpapi.SessionCookie(c.Origin), hasura: hasura, client: &http.Client{Timeout: 10 * time.Second}}
	login := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	mux := http.NewServeMux()
	mux.Handle("/auth/", login)
	mux.Handle("/.well-known/jwks.json", login)
	mux.HandleFunc("/v1/graphql", g.graphql)
	mux.Handle("/", hasura)
	return mux, nil
}

// graphql passes a request on. Of one with the session's cookie, Hasura gets the access
// token and the role that login answers, and no x-hasura-* header of the client.
func (g *gateway) graphql(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(g.cookie)
	if err != nil || cookie.Value == "" || r.Method == http.MethodOptions {
		g.hasura.ServeHTTP(w, r)
		return
	}
	answer, err := g.ask(r, cookie)
	if err != nil {
		g.refuse(w, r, login.CodeUnavailable)
		return
	}
	for _, set := range answer.Values("Set-Cookie") {
		w.Header().Add("Set-Cookie", set)
	}
	if code := answer.Get(httpapi.HeaderGatewayCode); code != "" {
		g.refuse(w, r, login.Code(code))
		return
	}
	r.Header.Del("Cookie")
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Hasura-") {
			r.Header.Del(name)
		}
	}
	for _, name := range []string{"Authorization", httpapi.HeaderRole} {
		if value := answer.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	g.hasura.ServeHTTP(w, r)
}

// ask sends login what nginx sends it.
func (g *gateway) ask(r *http.Request, cookie *http.Cookie) (http.Header, error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, g.LoginURL+httpapi.GatewayPath, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "Content-Type", "Origin", "Sec-Fetch-Site", httpapi.HeaderRole, "X-Request-Id"} {
		if values := r.Header.Values(name); len(values) > 0 {
			req.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	req.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value}) // #nosec G124 -- of a request
	req.Header.Set(httpapi.HeaderForwardedMethod, r.Method)
	req.Header.Set(clientip.HeaderEdgeSecret, g.EdgeSecret)
	req.Header.Set(clientip.HeaderRealIP, "127.0.0.1")
	resp, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent && resp.Header.Get(httpapi.HeaderGatewayCode) == "" {
		resp.Header.Set(httpapi.HeaderGatewayCode, string(login.CodeUnavailable))
	}
	return resp.Header, nil
}

// refuse answers in the form that GraphQL clients read, as nginx does.
func (g *gateway) refuse(w http.ResponseWriter, r *http.Request, code login.Code) {
	if origin := r.Header.Get("Origin"); origin != "" && g.AllowOrigin(origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
	w.Header().Set("Vary", "Origin")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(httpapi.Status(code))
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{
		"message":    "login refuses the session's cookie: " + string(code),
		"extensions": map[string]string{"code": string(code), "requestId": uuid.NewString()},
	}}})
}
