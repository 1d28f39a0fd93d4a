package httpapi

import (
	"encoding/json"
	"errors"
	"slices"

	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"

	"hasura-login/app/login"
	"hasura-login/app/token"
)

const (
	localToken    = "token"
	localIdentity = "identity"
	localCookie   = "cookie" // of the session
)

// rest answers an operation's REST route.
func (a *API) rest(op operation) fiber.Handler {
	input := restInputOf(op)
	return func(c *fiber.Ctx) error {
		args, err := input.read(c)
		if err != nil {
			return a.attempted(op.name, err)
		}
		decoded := call{args: args, client: a.client(c, false)}
		decoded.identity, _ = c.Locals(localIdentity).(login.Identity)
		decoded.cookie, _ = c.Locals(localCookie).(string)
		if err := a.asksForCookie(c, op, &decoded); err != nil {
			return err
		}
		ctx, cancel := a.context(c)
		defer cancel()
		answer, err := op.run(ctx, a.Service, decoded)
		if err := a.attempted(op.name, err); err != nil {
			return err
		}
		if decoded.client.KeepsCookie {
			answer = a.intoCookies(ctx, c, decoded, answer)
		}
		if decoded.cookie != "" && op.ends != nil && op.ends(decoded) {
			a.cookies.forget(c)
		}
		if answer == nil {
			c.Set(fiber.HeaderCacheControl, "no-store")
			c.Status(op.status)
			if op.status == fiber.StatusOK {
				c.Status(fiber.StatusNoContent)
			}
			return nil
		}
		return writeJSON(c, op.status, fiber.MIMEApplicationJSON, answer)
	}
}

// restInput says where a REST route finds its arguments.
type restInput struct {
	fields []field
	body   bool // some are in the body
}

func restInputOf(op operation) restInput {
	in := restInput{fields: op.fields}
	if op.grants {
		in.fields = append(slices.Clone(in.fields), field{name: argSession, optional: true})
	}
	in.body = slices.ContainsFunc(in.fields, func(f field) bool { return !f.inPath && !f.inQuery })
	return in
}

func (in restInput) read(c *fiber.Ctx) (map[string]string, error) {
	object := map[string]json.RawMessage{}
	wantsBody := in.body
	if c.Locals(localCookie) != nil && c.Get(fiber.HeaderContentType) == "" {
		wantsBody = false
	}
	if wantsBody || len(c.Body()) > 0 {
		if err := requireJSON(c.Get(fiber.HeaderContentType)); err != nil {
			return nil, err
		}
		var err error
		if object, err = decodeObject(c.Body()); err != nil {
			return nil, err
		}
	}
	for _, f := range in.fields {
		value, given := c.Params(f.name), f.inPath
		if f.inQuery {
			value = c.Query(f.name)
			given = value != ""
		}
		if !given {
			continue
		}
		var inBody string
		if raw, twice := object[f.name]; twice && (json.Unmarshal(raw, &inBody) != nil || inBody != value) {
			return nil, login.Invalid(f.name, "the body has another value than the address")
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		object[f.name] = quoted
	}
	return arguments(in.fields, object)
}

// attempted counts how an operation ended and passes err on.
func (a *API) attempted(op login.Operation, err error) error {
	switch {
	case err == nil:
		a.Observer.Attempt(op, "ok")
		return nil
	case errors.Is(err, login.ErrCallerGone):
		a.Observer.Attempt(op, "caller-gone")
		// Nobody reads this; the log line shows the code.
		return login.Errorf(login.CodeOverloaded, "The caller left before its turn came")
	}
	a.Observer.Attempt(op, string(toError(err).Code))
	return err
}

// bearer lets a request pass with a good access token.
func (a *API) bearer() fiber.Handler {
	return jwtware.New(jwtware.Config{
		KeyFunc:    a.Verifier.Keyfunc,
		Claims:     &token.Claims{},
		ContextKey: localToken,
		SuccessHandler: func(c *fiber.Ctx) error {
			parsed, _ := c.Locals(localToken).(*jwt.Token)
			identity, err := a.Verifier.Identity(parsed)
			if err != nil {
				return err
			}
			c.Locals(localIdentity, login.Identity{UserID: identity.UserID, SessionID: identity.SessionID})
			return c.Next()
		},
		ErrorHandler: func(*fiber.Ctx, error) error { return errUnauthenticated() },
	})
}

// ifPresent lets a request without an access token pass; one with a bad token is
// refused as elsewhere, so that its sender refreshes it.
func ifPresent(bearer fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if c.Get(fiber.HeaderAuthorization) == "" {
			return c.Next()
		}
		return bearer(c)
	}
}

func errUnauthenticated() error {
	return login.Errorf(login.CodeUnauthenticated, "A valid access token is needed: Authorization: Bearer …")
}
