package httpapi

import (
	"context"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/login"
)

const (
	// healthFor bounds how often monitors and the public can make us ask the database.
	healthFor     = 2 * time.Second
	healthTimeout = 2 * time.Second
)

// Cached makes a check that remembers its result for a moment and lets one caller at a
// time ask again.
func Cached(check func(ctx context.Context) error) func(ctx context.Context) error {
	var mu sync.Mutex
	var until time.Time
	var last error
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if time.Now().After(until) {
			// Others use the answer, too, and may wait longer than this caller.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
			defer cancel()
			last = check(ctx)
			until = time.Now().Add(healthFor)
		}
		return last
	}
}

// healthz tells the public whether sign-ins can be served, and nothing else.
func (a *API) healthz(c *fiber.Ctx) error {
	if a.Ready(context.Background()) != nil {
		return login.RetryLater(login.CodeUnavailable, 5*time.Second, "Not ready")
	}
	return writeJSON(c, fiber.StatusOK, fiber.MIMEApplicationJSON, struct {
		Status string `json:"status"`
	}{"ready"})
}

// jwks publishes the signing keys. Hasura reads the set once and never again
// where Cache-Control is missing, and looks every 60 s at best.
func (a *API) jwks(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "public, max-age=60")
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(a.JWKS())
}
