package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// prepare gives a password the form in which it is hashed, the same whatever system
// it was typed on: the mappings of OpaqueString (RFC 8265, 4.2), which are U+0020 for
// every other space, then NFC. Nothing is refused here, unlike there: joiners and
// characters that are newer than our tables are in good passwords.
func prepare(password string) string {
	if isASCII(password) || !utf8.ValidString(password) {
		return password
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
