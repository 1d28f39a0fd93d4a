package login

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxNameRunes is the maximum length of a person's name, in characters.
const MaxNameRunes = 200

// normalizeName trims blanks, composes (NFC) and checks the name of a person or a thing:
// 1 to most characters, none of them hidden.
func normalizeName(raw string, most int) (string, error) {
	name := norm.NFC.String(strings.TrimSpace(raw))
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", Invalid("name", "must not be empty")
	case n > most:
		return "", Invalid("name", "longer than %d characters", most)
	case !utf8.ValidString(name):
		return "", Invalid("name", "must be valid UTF-8")
	}
	return name, refuseHidden("name", name)
}

// isUUID accepts the canonical form only, so that a malformed id never reaches
// the database.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
			if !hex {
				return false
			}
		}
	}
	return true
}
