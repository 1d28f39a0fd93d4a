package httpapi

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/clientip"
	"hasura-login/app/login"
)

// GatewayPath is where nginx asks about a request with a session's cookie. It is no route
// of the public: nginx sends only the headers below, and answers with none of them.
const GatewayPath = "/gateway"

// The headers of the gateway, besides those of the request that it is about.
const (
	// HeaderForwardedMethod has the request's method.
	HeaderForwardedMethod = "X-Forwarded-Method"
	// HeaderGatewayCode has the code of a refusal. nginx tells only 401 and 403 apart, so
	// every refusal is 403.
	HeaderGatewayCode = "Gateway-Code"
	// HeaderRole goes on to Hasura if the session has the role.
	HeaderRole = "X-Hasura-Role"
)

// InternalRoutes lists the routes that are not for clients, in the form of Routes.
func InternalRoutes() []string {
	return []string{http.MethodGet + " " + GatewayPath + " " + string(login.OpGateway)}
}

// gateway turns the cookie of a request for Hasura into an access token. Only the edge
// may ask: a page could otherwise read the token if a proxy passed this route on.
func (a *API) gateway(c *fiber.Ctx) error {
	if !a.Clients.FromEdge(c.Get(clientip.HeaderEdgeSecret)) {
		return fiber.ErrNotFound
	}
	token, err := a.cookieToken(c)
	if err := a.checkedCookie(err); err != nil {
		a.client(c, false) // for the line
		c.Set(HeaderGatewayCode, string(a.note(c, err).Code))
		c.Status(http.StatusForbidden)
		return nil
	}
	c.Locals(localQuiet, true) // one for each request to Hasura
	c.Set(fiber.HeaderAuthorization, "Bearer "+token)
	if role := c.Get(HeaderRole); role != "" {
		c.Set(HeaderRole, role)
	}
	c.Status(http.StatusNoContent)
	return nil
}

func (a *API) cookieToken(c *fiber.Ctx) (string, error) {
	if err := refuseTwoCredentials(c); err != nil {
		return "", err
	}
	method := c.Get(HeaderForwardedMethod)
	if err := a.checkOrigin(c, sent{method: method, hasBody: true, contentType: c.Get(fiber.HeaderContentType)}); err != nil {
		return "", err
	}
	ctx, cancel := a.context(c)
	defer cancel()
	kept := cookie(c, a.cookies.session)
	token, err := a.Service.Gateway(ctx, login.GatewayInput{Cookie: kept, Role: c.Get(HeaderRole)})
	a.forgetIfOver(c, kept, err)
	return token, err
}

// checkedCookie counts how the check of a request with a session's cookie ended.
func (a *API) checkedCookie(err error) error { return a.attempted(login.OpGateway, err) }

// replacedCookie counts how the session of a lost cookie ended. If it did not end, it
// expires by itself.
func (a *API) replacedCookie(err error) { _ = a.attempted(login.OpSignOut, err) }

func (a *API) originRefused(c *fiber.Ctx, message string) error {
	ctx, cancel := a.context(c)
	defer cancel()
	a.Audit.Record(ctx, login.Event{
		Name: login.EventRefused, Operation: login.OpGateway, Reason: string(login.CodeOriginRefused),
		ClientPrefix: a.client(c, false).Prefix(), Actor: login.ActorUser,
	})
	return login.Errorf(login.CodeOriginRefused, "%s", message)
}
