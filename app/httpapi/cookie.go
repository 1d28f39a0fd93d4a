package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"hasura-login/app/login"
)

// keepInCookie is the value of the argument session.
const keepInCookie = "cookie"

// argSession is the argument that asks for a session in a cookie.
const argSession = "session"

// cookies are those of a browser that keeps its session in one. No script can read them,
// and no other host can set those with the prefix __Host-.
type cookies struct {
	session, device string // names
	secure          bool
}

// cookiesOf names the cookies. The ones for plain http are for development only. The
// device's cookie is that of the hosted pages: it is the same device.
func cookiesOf(origin string) cookies {
	if strings.HasPrefix(origin, "http://") {
		return cookies{session: "dev-session", device: "login-device"}
	}
	return cookies{session: "__Host-session", device: "__Host-login-device", secure: true}
}

// SessionCookie is the name of the session's cookie for a service of that origin.
func SessionCookie(origin string) string { return cookiesOf(origin).session }

// cookie reads a cookie; the web server reuses its buffers.
func cookie(c *fiber.Ctx, name string) string { return strings.Clone(c.Cookies(name)) }

func (k cookies) set(c *fiber.Ctx, name, value string, life time.Duration) {
	c.Cookie(k.make(name, value, fiber.Cookie{MaxAge: int(life / time.Second)}))
}

func (k cookies) forget(c *fiber.Ctx) {
	c.Cookie(k.make(k.session, "", fiber.Cookie{Expires: fasthttp.CookieExpireDelete}))
}

// make makes a Lax cookie: a user who follows a link to the app is recognised by a page
// that its server renders.
func (k cookies) make(name, value string, life fiber.Cookie) *fiber.Cookie {
	life.Name, life.Value, life.Path = name, value, "/"
	life.HTTPOnly, life.Secure, life.SameSite = true, k.secure, fiber.CookieSameSiteLaxMode
	return &life
}

// caller finds out who sends a request: by a Bearer token or by the cookie of a session,
// but not by both.
func (a *API) caller(op operation, bearer fiber.Handler) fiber.Handler {
	byToken := bearer
	switch op.caller() {
	case login.CallerAnyone:
		byToken = func(c *fiber.Ctx) error { return c.Next() }
	case login.CallerAnyoneOrSession:
		byToken = ifPresent(bearer)
	}
	open := op.caller() == login.CallerAnyone && op.method == http.MethodGet // it shows everybody the same
	return func(c *fiber.Ctx) error {
		kept := cookie(c, a.cookies.session)
		if kept == "" || open {
			return byToken(c)
		}
		if err := a.byCookie(c, op, kept); err != nil {
			return a.checkedCookie(err)
		}
		c.Locals(localCookie, kept)
		return c.Next()
	}
}

func (a *API) byCookie(c *fiber.Ctx, op operation, kept string) error {
	if err := refuseTwoCredentials(c); err != nil {
		return err
	}
	if err := a.checkOrigin(c, sentOf(c)); err != nil {
		return err
	}
	if op.caller() == login.CallerAnyone {
		return nil
	}
	ctx, cancel := a.context(c)
	defer cancel()
	identity, err := a.Service.CookieIdentity(ctx, kept)
	if err != nil {
		if a.forgetIfOver(c, kept, err); op.caller() == login.CallerAnyoneOrSession && isOver(err) {
			return nil
		}
		return err
	}
	c.Locals(localIdentity, identity)
	return nil
}

func refuseTwoCredentials(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderAuthorization) == "" {
		return nil
	}
	return login.Errorf(login.CodeAmbiguousCredentials, "Send the session's cookie or a Bearer token, not both")
}

func sentOf(c *fiber.Ctx) sent {
	return sent{method: c.Method(), hasBody: len(c.Body()) > 0, contentType: c.Get(fiber.HeaderContentType)}
}

func isOver(err error) bool { return login.AsError(err).Code == login.CodeUnauthenticated }

// forgetIfOver removes the cookie of a session that has been over for a while.
func (a *API) forgetIfOver(c *fiber.Ctx, kept string, err error) {
	if isOver(err) && a.Service.CookieOver(kept) {
		a.cookies.forget(c)
	}
}

// asksForCookie prepares a call whose session is in a cookie, or should be.
func (a *API) asksForCookie(c *fiber.Ctx, op operation, r *call) error {
	switch {
	case r.args[argSession] == keepInCookie:
		if r.cookie == "" { // otherwise it is checked already
			if err := a.checkOrigin(c, sentOf(c)); err != nil {
				return a.checkedCookie(err)
			}
		}
	case r.args[argSession] != "":
		return a.attempted(op.name, login.Invalid(argSession, "must be %q", keepInCookie))
	case r.cookie == "" || r.identity == (login.Identity{}):
		if !op.grants { // a mail to sign in with, for example
			a.knowDevice(c, op, r)
		}
		return nil
	}
	r.client.KeepsCookie = true
	a.knowDevice(c, op, r)
	return nil
}

// knowDevice takes the device token from its cookie if the call can have one and brings
// none.
func (a *API) knowDevice(c *fiber.Ctx, op operation, r *call) {
	takes := slices.ContainsFunc(op.fields, func(f field) bool { return f.name == "deviceToken" })
	if takes && r.args["deviceToken"] == "" {
		r.args["deviceToken"] = cookie(c, a.cookies.device)
	}
}

// cookieGrant is the answer to a client that keeps its session in a cookie.
type cookieGrant struct {
	ID               string `json:"id"`
	SessionExpiresAt string `json:"sessionExpiresAt"`
	RolesWithheld    bool   `json:"rolesWithheld"`
}

// intoCookies moves the tokens of an answer into cookies. What is left has none.
func (a *API) intoCookies(ctx context.Context, c *fiber.Ctx, r call, answer any) any {
	switch g := answer.(type) {
	case grantAnswer:
		if r.cookie != "" {
			a.replacedCookie(a.Service.ReplaceCookie(ctx, r.cookie, r.client))
		}
		a.cookies.set(c, a.cookies.session, g.RefreshToken, time.Until(g.sessionExpires))
		if g.DeviceToken != nil {
			a.cookies.set(c, a.cookies.device, *g.DeviceToken, login.DeviceLifetime)
		}
		return cookieGrant{ID: g.ID, SessionExpiresAt: g.RefreshTokenExpiresAt, RolesWithheld: g.RolesWithheld}
	case elevatedAnswer:
		return nil
	}
	return answer
}

// signOut ends the session of the cookie or of the refresh token.
func signOut(ctx context.Context, s *login.Service, c call) error {
	switch token := c.args["refreshToken"]; {
	case c.cookie != "" && token != "":
		return login.Errorf(login.CodeAmbiguousCredentials, "Send the session's cookie or a refresh token, not both")
	case c.cookie != "":
		return s.SignOutCookie(ctx, c.cookie, c.client)
	case token == "":
		return login.Invalid("refreshToken", "missing")
	default:
		return s.SignOut(ctx, login.RefreshInput{RefreshToken: token, Client: c.client})
	}
}
