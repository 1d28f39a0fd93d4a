package httpapi

import (
	"net/http"

	"github.com/gofiber/fiber/v2"
)

const headerFetchSite = "Sec-Fetch-Site"

// sent is what decides whether a page of another site may have sent a request.
type sent struct {
	method      string
	hasBody     bool
	contentType string
}

// A browser adds the session's cookie whichever page asks. So checkOrigin refuses a
// request with it unless it comes from this service's own pages, from a page of an
// allowed origin, or from no browser. Browsers add Origin to every WebSocket and to
// every request that changes something, and Sec-Fetch-Site to all; no script can write
// either. As a second measure a body must be JSON, which no form sends and other sites
// must ask for first.
func (a *API) checkOrigin(c *fiber.Ctx, r sent) error {
	origin, site := c.Get(fiber.HeaderOrigin), c.Get(headerFetchSite)
	allowed := site == "same-origin"
	if origin != "" {
		allowed = allowed || origin == a.Origin || a.AllowOrigin(origin)
	} else {
		allowed = allowed || site == "" || site == "none"
	}
	if !allowed {
		return a.originRefused(c, "This request comes from a page that may not use the session's cookie")
	}
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if (r.hasBody || r.contentType != "") && requireJSON(r.contentType) != nil {
		return a.originRefused(c, "With the session's cookie, send the body as application/json")
	}
	return nil
}
