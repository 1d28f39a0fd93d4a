package httpapi

import (
	"context"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/login"
)

const (
	// healthFor bounds how often the public can make us ask the database.
	healthFor     = time.Second
	healthTimeout = 2 * time.Second
)

// healthCache remembers an answer for a moment and lets one caller at a time ask anew.
type healthCache struct {
	check func(ctx context.Context) error

	mu    sync.Mutex
	until time.Time
	err   error
}

func (h *healthCache) get() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.After(h.until) {
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		h.err = h.check(ctx)
		h.until = time.Now().Add(healthFor)
	}
	return h.err
}

// healthz tells the public whether sign-ins can be served, and nothing else.
func (a *API) healthz(c *fiber.Ctx) error {
	if a.health.get() != nil {
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
