// Package foreign verifies password hashes that other systems made, but for plain
// bcrypt, which package password does: each in the form in which its system, or the
// PHC string format, writes it. It makes none.
package foreign

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
)

// The most that one verification may cost. A hash beyond it is refused when it is
// imported, and no password matches it.
const (
	// MaxMemory is what argon2 and scrypt may fill, in bytes.
	MaxMemory = 128 << 20
	// maxFilled is how much of it they may write, over all passes, in bytes.
	maxFilled = 4 * MaxMemory
	// maxRounds is of PBKDF2 and SHA-crypt.
	maxRounds = 2_000_000
	// maxPhpassLog is the binary logarithm of phpass's rounds.
	maxPhpassLog = 20
	// maxBcryptCost is that of package password.
	maxBcryptCost = 15
	maxLanes      = 16
	maxBytes      = 512 // of a salt or digest
)

// ErrUnknown is the error for a hash of a kind that this package cannot verify.
var ErrUnknown = errors.New("a kind of hash that cannot be verified here")

// Hash is a stored hash that can be verified.
type Hash struct {
	form   string
	memory int64
	match  func(password []byte) bool
}

// Form is the hash without salt and digest: what decides its cost.
func (h Hash) Form() string { return h.form }

// Memory is how many bytes a verification fills.
func (h Hash) Memory() int64 { return h.memory }

// Matches computes the hash of the password and reports whether it is this one.
func (h Hash) Matches(password []byte) bool { return h.match(password) }

// kinds are recognised by the prefix of a hash.
var kinds = []struct {
	prefix string
	parse  func(stored string) (Hash, error)
}{
	{"$argon2id$", parseArgon2},
	{"$argon2i$", parseArgon2},
	{"$scrypt$", parseScrypt},
	{"$fbscrypt$", parseFirebase},
	{"$pbkdf2-", parsePBKDF2},
	{"$pbkdf2$", parsePBKDF2},
	{"$5$", parseSHACrypt},
	{"$6$", parseSHACrypt},
	{"$P$", parsePhpass},
	{"$H$", parsePhpass},
	{"$wp$2", parseWordPress},
	{"bcrypt_sha256$$2", parseDjangoBcrypt},
	{emailBcryptPrefix, parseEmailBcrypt},
}

// Parse reads a stored hash. ErrUnknown if it is of no kind that this package
// verifies, another error if it is malformed or its parameters are out of bounds.
func Parse(stored string) (Hash, error) {
	for _, kind := range kinds {
		if strings.HasPrefix(stored, kind.prefix) {
			h, err := kind.parse(stored)
			if err != nil {
				return Hash{}, fmt.Errorf("%s hash: %w", strings.Trim(kind.prefix, "$-"), err)
			}
			return h, nil
		}
	}
	return Hash{}, ErrUnknown
}

// same compares digests in constant time.
func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
