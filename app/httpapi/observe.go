package httpapi

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"hasura-login/app/audit"
	"hasura-login/app/clientip"
	"hasura-login/app/language"
	"hasura-login/app/login"
)

const headerRequestID = "X-Request-Id"

// Keys of the request's locals.
const (
	localID       = "id"
	localRoute    = "route"
	localAction   = "action"
	localCode     = "code"
	localClient   = "client"
	localPanicked = "panicked"
	localQuiet    = "quiet" // true: the line is of level debug
)

// observe wraps every request: it gives it an id, turns errors into answers,
// counts it and writes its one log line.
func (a *API) observe(c *fiber.Ctx) error {
	began := time.Now()
	requestID(c)
	if a.draining.Load() {
		c.Set(fiber.HeaderConnection, "close")
	}
	if err := c.Next(); err != nil {
		if err := a.fail(c, err); err != nil {
			return err
		}
	}
	a.finish(c, began)
	return nil
}

// unreadable answers what Fiber could not even parse, so that no other handler saw it.
func (a *API) unreadable(c *fiber.Ctx, err error) error {
	began := time.Now()
	if err := a.fail(c, err); err != nil {
		return err
	}
	a.finish(c, began)
	return nil
}

func (a *API) fail(c *fiber.Ctx, err error) error {
	e := a.note(c, err)
	if a.failedPage(c, e) {
		return nil
	}
	return writeError(c, e)
}

// note leaves an error to the log and its limit, if it is of one, to the client.
func (a *API) note(c *fiber.Ctx, err error) *login.Error {
	e := toError(err)
	c.Locals(localCode, string(e.Code))
	if _, panicked := c.Locals(localPanicked).(bool); !panicked && (e.Code == login.CodeInternal || e.Code == login.CodeUnavailable) {
		a.Log.Error("request failed", zap.String("id", requestID(c)), zap.String("route", route(c)), zap.Error(e))
	}
	if e.Code == login.CodeProviderUnavailable || e.Code == login.CodeProviderRefused {
		// What the provider has done wrong is for the operator to know.
		a.Log.Warn("provider", zap.String("id", requestID(c)), zap.Error(e))
	}
	setRateLimit(c, err)
	return e
}

// setRateLimit tells a refused client the numbers of the limit that refused it.
func setRateLimit(c *fiber.Ctx, err error) {
	var limited interface {
		RateLimit() (limit, remaining int64, reset time.Duration)
	}
	if !errors.As(err, &limited) {
		return
	}
	limit, remaining, reset := limited.RateLimit()
	c.Set("RateLimit-Limit", strconv.FormatInt(limit, 10))
	c.Set("RateLimit-Remaining", strconv.FormatInt(remaining, 10))
	c.Set("RateLimit-Reset", strconv.Itoa(wholeSeconds(reset)))
}

// Lines lend one another the memory for their fields, a good part of their cost.
var lentFields = sync.Pool{New: func() any { return new([7]zap.Field) }}

func (a *API) finish(c *fiber.Ctx, began time.Time) {
	took := time.Since(began)
	status := c.Response().StatusCode()
	method := string(c.Context().Method())
	a.Observer.HTTPRequest(route(c), method, status, took)
	level := zap.InfoLevel
	if quiet, _ := c.Locals(localQuiet).(bool); quiet {
		level = zap.DebugLevel
	}
	if ce := a.Log.Check(level, "request"); ce != nil {
		code, _ := c.Locals(localCode).(string)
		client, _ := c.Locals(localClient).(string)
		fields := lentFields.Get().(*[7]zap.Field)
		defer lentFields.Put(fields)
		*fields = [...]zap.Field{
			zap.String("id", requestID(c)), zap.String("method", method), zap.String("route", route(c)),
			zap.Int("status", status), zap.String("code", code),
			zap.Duration("took", took), zap.String("client", client),
		}
		ce.Write(fields[:]...)
	}
}

func (a *API) logPanic(c *fiber.Ctx, _ any) {
	// The panic's value may quote a request; the stack names functions only.
	c.Locals(localPanicked, true)
	a.Log.Error("panic", zap.String("id", requestID(c)), zap.String("route", route(c)), zap.StackSkip("stack", 1))
}

// markRoute remembers the route's pattern; the path itself may hold ids.
func markRoute(pattern string) fiber.Handler {
	isAction := len(pattern) > 9 && pattern[:9] == "/actions/"
	return func(c *fiber.Ctx) error {
		c.Locals(localRoute, pattern)
		if isAction {
			c.Locals(localAction, true)
		}
		return c.Next()
	}
}

func route(c *fiber.Ctx) string {
	if r, ok := c.Locals(localRoute).(string); ok {
		return r
	}
	return "unknown"
}

func isAction(c *fiber.Ctx) bool {
	_, ok := c.Locals(localAction).(bool)
	return ok
}

// requestID is the id that nginx gave the request (directly, or through Hasura
// among the forwarded headers), or a new one. It comes back in the answer.
func requestID(c *fiber.Ctx) string {
	if id, ok := c.Locals(localID).(string); ok {
		return id
	}
	id := c.Get(headerRequestID)
	if !isRequestID(id) {
		id = uuid.NewString()
	}
	id = string([]byte(id)) // Fiber reuses the header's buffer
	c.Locals(localID, id)
	c.Set(headerRequestID, id)
	return id
}

func isRequestID(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		word := '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !word && r != '-' && r != '_'
	}) < 0
}

// headerForwardedLanguage is what nginx calls Accept-Language on the way to Hasura,
// which forwards no header of that name. Over a WebSocket, and directly, a client can
// set it, too; it only chooses the language of the client's own mails.
const headerForwardedLanguage = "X-Forwarded-Accept-Language"

// client returns the client of a request. The peer of an action is Hasura, so the
// browser's name arrives in another header.
func (a *API) client(c *fiber.Ctx, viaHasura bool) login.Client {
	agent, languages := c.Get(fiber.HeaderUserAgent), c.Get(fiber.HeaderAcceptLanguage)
	if viaHasura {
		agent, languages = c.Get("X-Forwarded-User-Agent"), c.Get(headerForwardedLanguage)
	}
	peer, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	client := login.Client{
		Addr: a.Clients.Resolve(clientip.Request{
			Peer: peer, RealIP: c.Get(clientip.HeaderRealIP), EdgeSecret: c.Get(clientip.HeaderEdgeSecret), ViaHasura: viaHasura,
		}),
		Name: printable(string([]byte(agent)), 120), Language: language.Preferred(languages),
	}
	c.Locals(localClient, client.Prefix())
	return client
}

// context bounds a call in time, carries its request id to the audit log, and
// reports a caller that has hung up.
func (a *API) context(c *fiber.Ctx) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	return audit.WithRequestID(callerContext{ctx, c.Context().Conn()}, requestID(c)), cancel
}
