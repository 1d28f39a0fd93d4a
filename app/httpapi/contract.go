package httpapi

import (
	"github.com/gofiber/fiber/v2"

	contract "hasura-login"
)

const contractPath = "/auth/openapi.yaml"

// contract serves the description of this API, for generators of clients.
func (a *API) contract(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "public, max-age=300")
	c.Set(fiber.HeaderContentType, "application/yaml") // RFC 9512
	return c.Send(contract.OpenAPI)
}
