package login

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxEmailBytes = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
	maxNameRunes  = 200
)

// NormalizeEmail trims blanks around the address, lowers its letters and
// checks it by the one rule that the database checks too: at most 254 bytes,
// one @, a dot after it, no space or control character. Whether the mailbox
// exists only a mail can tell.
func NormalizeEmail(raw string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(raw))
	if email == "" {
		return "", Errorf(CodeInvalidInput, "email: must not be empty")
	}
	if len(email) > maxEmailBytes {
		return "", Errorf(CodeInvalidInput, "email: longer than %d bytes", maxEmailBytes)
	}
	if strings.ContainsFunc(email, isSpaceOrControl) || !utf8.ValidString(raw) {
		return "", Errorf(CodeInvalidInput, "email: must not hold spaces or control characters")
	}
	local, domain, found := strings.Cut(email, "@")
	dot := strings.LastIndexByte(domain, '.')
	if !found || local == "" || strings.Contains(domain, "@") || dot <= 0 || dot == len(domain)-1 {
		return "", Errorf(CodeInvalidInput, "email: not an e-mail address")
	}
	return email, nil
}

func isSpaceOrControl(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// normalizeName trims blanks and checks a display name: 1 to 200 characters,
// none of them a control character.
func normalizeName(raw string) (string, error) {
	name := strings.TrimSpace(raw)
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", Errorf(CodeInvalidInput, "name: must not be empty")
	case n > maxNameRunes:
		return "", Errorf(CodeInvalidInput, "name: longer than %d characters", maxNameRunes)
	case strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name):
		return "", Errorf(CodeInvalidInput, "name: must not hold control characters")
	}
	return name, nil
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
