// Package httpapi serves the use cases over HTTP: REST, Hasura's actions, the key set,
// health. Only this package knows Fiber; operation.go lists all routes.
package httpapi

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"hasura-login/app/clientip"
	"hasura-login/app/login"
	"hasura-login/app/pages"
	"hasura-login/app/token"
)

const (
	maxBody = 16 << 10
	// maxHeaders leaves room for an access token with many claims and for the browser's
	// headers that Hasura forwards.
	maxHeaders   = 8 << 10
	readTimeout  = 5 * time.Second
	writeTimeout = 10 * time.Second
	idleTimeout  = 30 * time.Second
	// callTimeout stays below the 10 s that Hasura gives an action, so that the
	// client hears from us what went wrong.
	callTimeout = 9 * time.Second
)

// Observer counts requests and use cases.
type Observer interface {
	HTTPRequest(route, method string, status int, took time.Duration)
	Attempt(op login.Operation, result string)
}

// CallLimit limits how many actions one request causes: a GraphQL document can
// call an action under any number of names.
type CallLimit interface {
	// Call counts one action. A refusal is a *login.Error to errors.As; its method
	// Repeated() bool reports whether the same request was refused before. Ids from the
	// edge are counted apart from all others.
	Call(requestID string, fromEdge bool) error
}

// Config wires an API. All fields but Origin and Pages are required.
type Config struct {
	Service       *login.Service
	Verifier      *token.Verifier                 // of the Bearer routes
	JWKS          func() []byte                   // the published key set, ready to send
	Ready         func(ctx context.Context) error // nil: requests can be served; asked at every /healthz
	ActionSecrets func() []string                 // those that are valid now
	Clients       *clientip.Resolver
	Calls         CallLimit
	AllowOrigin   func(origin string) bool
	Origin        string // the service's own, as browsers see it; empty: not known
	Audit         login.Auditor
	Observer      Observer
	Log           *zap.Logger
	Pages         *pages.Site // nil: none are served
}

// API is the public listener.
type API struct {
	Config
	fiber    *fiber.App
	cookies  cookies
	draining atomic.Bool
}

// pathParameter is how Fiber writes a variable part of a path.
var pathParameter = regexp.MustCompile(`:(\w+)`)

// shownPath is a route's path as metrics, the log and openapi.yaml write it.
func shownPath(path string) string { return pathParameter.ReplaceAllString(path, "{$1}") }

// Routes lists the routes as "METHOD /path operation", with {name} for a variable part
// of a path. The operation is the use case, or the name of another kind of route.
func Routes() []string {
	routes := []string{"GET /healthz health", "GET /.well-known/jwks.json keys", "GET " + contractPath + " contract"}
	for _, op := range operations() {
		routes = append(routes, op.method+" "+shownPath(op.path)+" "+string(op.name))
		if !op.restOnly {
			routes = append(routes, "POST "+actionPath(op)+" "+string(op.name))
		}
	}
	return routes
}

// New registers every route.
func New(cfg Config) *API {
	a := &API{Config: cfg, cookies: cookiesOf(cfg.Origin)}
	a.fiber = fiber.New(fiber.Config{
		AppName: "hasura-login", DisableStartupMessage: true,
		BodyLimit: maxBody, ReadBufferSize: maxHeaders,
		// Idle connections of a flood's clients keep no buffers.
		ReduceMemoryUsage: true,
		ReadTimeout:       readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		CaseSensitive: true, StrictRouting: true, UnescapePath: false,
		ErrorHandler: a.unreadable,
	})
	a.fiber.Use(a.observe)
	a.fiber.Use(recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: a.logPanic}))
	a.fiber.Use(cors.New(cors.Config{
		AllowOriginsFunc: cfg.AllowOrigin,
		AllowOrigins:     "", // only the function decides
		AllowMethods:     "GET,POST,PATCH,DELETE",
		// Whatever is asked for, as Hasura does: tracing libraries add headers of their
		// own, and the answer to a preflight with one too many stops the page.
		AllowHeaders: "",
		// A page of another origin may use the session's cookie.
		AllowCredentials: true,
		ExposeHeaders:    "Retry-After,X-Request-Id,RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset",
		MaxAge:           600,
	}))
	a.route(http.MethodGet, "/healthz", a.healthz)
	a.route(http.MethodGet, "/.well-known/jwks.json", a.jwks)
	a.route(http.MethodGet, GatewayPath, a.gateway)
	a.route(http.MethodGet, contractPath, a.contract)
	bearer := a.bearer()
	for _, op := range operations() {
		a.route(op.method, op.path, a.caller(op, bearer), a.rest(op))
		if !op.restOnly {
			a.route(http.MethodPost, actionPath(op), a.action(op))
		}
	}
	if cfg.Pages != nil {
		a.servePages()
	}
	a.refuseTheRest()
	a.takeAnyMethod()
	return a
}

// takeAnyMethod lets a method that Fiber does not know pass for one that no
// route takes: Fiber itself would answer it with plain text, past everything.
func (a *API) takeAnyMethod() {
	server := a.fiber.Server()
	handler := server.Handler
	known := a.fiber.Config().RequestMethods
	server.Handler = func(ctx *fasthttp.RequestCtx) {
		if !slices.Contains(known, string(ctx.Method())) {
			ctx.Request.Header.SetMethod(http.MethodTrace)
		}
		handler(ctx)
	}
}

func actionPath(op operation) string { return "/actions/" + string(op.name) }

// route registers handlers; a route of GET answers HEAD too (RFC 9110, 9.3.2).
func (a *API) route(method, path string, handlers ...fiber.Handler) {
	handlers = append([]fiber.Handler{markRoute(shownPath(path)), requirePlainBody}, handlers...)
	a.fiber.Add(method, path, handlers...)
	if method == http.MethodGet {
		a.fiber.Add(http.MethodHead, path, handlers...)
	}
}

// refuseTheRest answers known paths under other methods with 405 and Allow, and
// everything else with 404.
func (a *API) refuseTheRest() {
	methods := map[string][]string{}
	for _, r := range a.fiber.GetRoutes(true) {
		if !slices.Contains(methods[r.Path], r.Method) {
			methods[r.Path] = append(methods[r.Path], r.Method)
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		a.fiber.All(path, markRoute(shownPath(path)), func(c *fiber.Ctx) error {
			c.Set(fiber.HeaderAllow, allow)
			return fiber.ErrMethodNotAllowed
		})
	}
	a.fiber.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
}

// Serve answers on ln until Shutdown.
func (a *API) Serve(ln net.Listener) error {
	a.fiber.Server().CloseOnShutdown = true
	return a.fiber.Listener(ln)
}

// Drain asks peers, answer by answer, to close their connections, while
// everything is still answered.
func (a *API) Drain() { a.draining.Store(true) }

// Shutdown stops accepting and returns when every request in flight is
// answered, or when ctx ends.
func (a *API) Shutdown(ctx context.Context) error { return a.fiber.ShutdownWithContext(ctx) }
