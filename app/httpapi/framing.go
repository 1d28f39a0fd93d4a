package httpapi

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"

	"hasura-login/app/login"
)

// requirePlainBody refuses a request whose body is compressed, or whose end is
// ambiguous. It runs before any handler: Fiber unpacks a body when it is read, and a
// few hundred bytes of brotli can become gigabytes.
func requirePlainBody(c *fiber.Ctx) error {
	header := &c.Request().Header
	for _, value := range header.PeekAll(fiber.HeaderContentEncoding) {
		if !strings.EqualFold(string(bytes.TrimSpace(value)), "identity") {
			return login.Errorf(login.CodeUnsupportedMediaType, "Send the body as it is, not compressed: without Content-Encoding")
		}
	}
	if header.ContentLength() == chunked && !onlyChunked(header.RawHeaders()) {
		c.Set(fiber.HeaderConnection, "close")
		return login.Errorf(login.CodeInvalidInput, "The body's length is not clear: send Content-Length, or Transfer-Encoding: chunked and nothing else")
	}
	return c.Next()
}

// chunked is the length that fasthttp gives any transfer coding.
const chunked = -1

// onlyChunked reports whether raw header lines name the transfer coding chunked once,
// and neither another coding nor a length (RFC 9112, 6.1 and 6.3). fasthttp reads every
// coding as chunked.
func onlyChunked(raw []byte) bool {
	seen := 0
	for line := range bytes.Lines(raw) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.EqualFold(name, []byte(fiber.HeaderContentLength)):
			return false
		case bytes.EqualFold(name, []byte(fiber.HeaderTransferEncoding)):
			if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
				return false
			}
			seen++
		}
	}
	return seen == 1
}
