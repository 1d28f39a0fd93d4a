package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"hasura-login/app/login"
	"hasura-login/app/pages"
)

// PageRoutes lists the routes of the hosted pages, in the form of Routes. They
// are for people: openapi.yaml, which is for programs, leaves them out.
func PageRoutes() []string {
	var routes []string
	for _, path := range pages.Paths() {
		routes = append(routes, http.MethodGet+" "+path+" pages", http.MethodPost+" "+path+" "+formOperation(path))
	}
	for _, path := range pages.Entrances() {
		routes = append(routes, http.MethodGet+" "+path+" pages")
	}
	for _, route := range pages.AssetRoutes() {
		routes = append(routes, http.MethodGet+" "+route+" pages")
	}
	begin, end := pages.ProviderPaths()
	for _, route := range []string{http.MethodGet + " " + begin, http.MethodGet + " " + end, http.MethodPost + " " + end} {
		routes = append(routes, strings.ReplaceAll(route, ":provider", "{provider}")+" pages")
	}
	return routes
}

// formOperation is the use case of a page that is named like its REST route: a
// sign-in takes as long whatever it comes by.
func formOperation(path string) string {
	for _, op := range operations() {
		if op.path == strings.Replace(path, "/pages/", "/", 1) {
			return string(op.name)
		}
	}
	return "pages"
}

// servePages registers the hosted pages.
func (a *API) servePages() {
	for _, path := range pages.Paths() {
		a.route(http.MethodGet, path, a.page)
		a.route(http.MethodPost, path, a.page)
	}
	for _, path := range pages.Entrances() {
		a.route(http.MethodGet, path, a.page)
	}
	begin, end := pages.ProviderPaths()
	a.route(http.MethodGet, begin, a.page)
	a.route(http.MethodGet, end, a.page)
	a.route(http.MethodPost, end, a.page) // Apple sends a form
	for _, asset := range a.Pages.Assets() {
		serve := func(c *fiber.Ctx) error {
			c.Set(fiber.HeaderContentType, asset.Type)
			c.Set(fiber.HeaderCacheControl, asset.Caching)
			// An SVG image that is opened as a page runs no script.
			c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; style-src 'unsafe-inline'; sandbox")
			return c.Send(asset.Body)
		}
		a.fiber.Get(asset.Path, markRoute(asset.Route), serve) // HEAD too
	}
}

// page answers with HTML. The status of an error is that of the REST routes.
func (a *API) page(c *fiber.Ctx) error {
	var r http.Request
	if err := fasthttpadaptor.ConvertRequest(c.Context(), &r, true); err != nil {
		return login.Errorf(login.CodeInvalidInput, "The address could not be read")
	}
	ctx, cancel := a.context(c)
	defer cancel()
	w := pageWriter{c: c, header: http.Header{}}
	failure := a.Pages.Serve(&w, r.WithContext(ctx), pages.Caller{Client: a.client(c, false), Attempted: a.attempted})
	w.flushHeader()
	if failure == nil {
		return nil
	}
	e := a.note(c, failure)
	c.Status(statuses[e.Code])
	if wait := wholeSeconds(e.RetryAfter); wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(wait))
	}
	return nil
}

// failedPage answers a failed request of a browser with a page, if it was for one: a
// person should never see JSON.
func (a *API) failedPage(c *fiber.Ctx, e *login.Error) bool {
	path := c.Path()
	forPeople := strings.HasPrefix(path, "/auth/pages/") || strings.HasPrefix(path, "/auth/oauth/") || e.Code == login.CodeNotFound
	if a.Pages == nil || !forPeople || !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
		return false
	}
	var r http.Request
	if err := fasthttpadaptor.ConvertRequest(c.Context(), &r, true); err != nil {
		return false
	}
	c.Response().ResetBody()
	w := pageWriter{c: c, header: http.Header{}}
	a.Pages.ServeError(&w, &r, pages.Caller{Client: a.client(c, false), Attempted: a.attempted}, e)
	w.flushHeader()
	c.Status(statuses[e.Code])
	if wait := wholeSeconds(e.RetryAfter); wait > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(wait))
	}
	return true
}

// pageWriter writes to Fiber's answer.
type pageWriter struct {
	c      *fiber.Ctx
	header http.Header
}

func (w *pageWriter) Header() http.Header { return w.header }

func (w *pageWriter) Write(b []byte) (int, error) { return w.c.Write(b) }

func (w *pageWriter) WriteHeader(status int) { w.c.Status(status) }

func (w *pageWriter) flushHeader() {
	for name, values := range w.header {
		for _, value := range values {
			w.c.Response().Header.Add(name, value)
		}
	}
}
