package password

import (
	_ "embed"
	"strings"
)

// commonPasswords is the list of common/README.md. It is searched where the
// linker put it: no map to build at start, nothing on the heap.
//
//go:embed common/passwords.txt
var commonPasswords string

// Common lists the passwords that are refused because they are tried first, in lower
// case, one a line.
func Common() string { return commonPasswords }

// isCommon reports whether the lower-case password is a line of the list.
func isCommon(lower string) bool {
	rest := commonPasswords
	for rest != "" {
		middle := len(rest) / 2
		start := strings.LastIndexByte(rest[:middle], '\n') + 1
		end := start + strings.IndexByte(rest[start:], '\n')
		switch order := strings.Compare(lower, rest[start:end]); {
		case order == 0:
			return true
		case order < 0:
			rest = rest[:start]
		default:
			rest = rest[end+1:]
		}
	}
	return false
}
