// Package sqlvalue holds what both stores do alike to a value on its way into or
// out of a column, so that neither database decides it.
package sqlvalue

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// ID parses an id that may come from a client. If it is not a UUID, it names no row,
// and the caller answers as for a missing one.
func ID(s string) (uuid.UUID, bool) {
	id, err := uuid.Parse(s)
	return id, err == nil
}

// Text makes a text that only describes (a client's name) storable everywhere:
// Postgres refuses NUL and broken UTF-8, and a User-Agent cut in the middle of a
// letter must not cost anyone their sign-in.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// EncodeClaims writes custom claims as a JSON object.
func EncodeClaims(claims map[string]string) (string, error) {
	if len(claims) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	return string(b), nil
}

// DecodeClaims reads custom claims; an empty object gives nil. An operator may have
// edited the column by hand, and a mistake there must not lock the user out: other JSON
// than an object counts as empty, and values other than strings are left out.
func DecodeClaims(b []byte) map[string]string {
	if b = bytes.TrimSpace(b); len(b) == 0 || string(b) == "{}" {
		return nil
	}
	var raw map[string]any
	if json.Unmarshal(b, &raw) != nil {
		return nil
	}
	var claims map[string]string
	for name, value := range raw {
		if s, ok := value.(string); ok {
			if claims == nil {
				claims = make(map[string]string, len(raw))
			}
			claims[name] = s
		}
	}
	return claims
}
