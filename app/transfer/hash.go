package transfer

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
)

// dovecotScheme is the prefix with which Dovecot's passwd-files, and LDAP, name a
// scheme.
var dovecotScheme = regexp.MustCompile(`^\{(?i:CRYPT|BLF-CRYPT|SHA256-CRYPT|SHA512-CRYPT|ARGON2ID?|MD5-CRYPT)\}`)

// storedForm converts a system's hash to the form that is stored here. It keeps unknown
// hashes unchanged, and returns "" for text that stands for no password.
func storedForm(hash string) string {
	hash = strings.TrimSpace(hash)
	hash = dovecotScheme.ReplaceAllString(hash, "")
	switch {
	case hash == "" || strings.HasPrefix(hash, "!") || strings.HasPrefix(hash, "*") || hash == "x":
		return ""
	case strings.HasPrefix(hash, "$2a$"):
		// This service writes 2a itself, and knows that its own hashes cut no password. For a
		// password of another system 2a and 2b mean the same.
		return "$2b$" + hash[4:]
	case strings.HasPrefix(hash, "$scrypt$ln="):
		return fromKratosScrypt(hash)
	case strings.HasPrefix(hash, "$firescrypt$"):
		return fromKratosFirebase(hash)
	case strings.HasPrefix(hash, "$sha256-crypt$"):
		return "$5$" + strings.TrimPrefix(hash, "$sha256-crypt$")
	case strings.HasPrefix(hash, "$sha512-crypt$"):
		return "$6$" + strings.TrimPrefix(hash, "$sha512-crypt$")
	case strings.HasPrefix(hash, "argon2$argon2"):
		return strings.TrimPrefix(hash, "argon2")
	case strings.HasPrefix(hash, "bcrypt$$2"):
		return storedForm(strings.TrimPrefix(hash, "bcrypt$"))
	case strings.HasPrefix(hash, "pbkdf2_sha"):
		return fromDjangoPBKDF2(hash)
	case strings.HasPrefix(hash, "scrypt$"):
		return fromDjangoScrypt(hash)
	}
	return hash
}

// fromKratosScrypt: Kratos writes N where a PHC string has its logarithm.
func fromKratosScrypt(hash string) string {
	rest := strings.TrimPrefix(hash, "$scrypt$ln=")
	number, rest, _ := strings.Cut(rest, ",")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n < 64 || bits.OnesCount64(n) != 1 {
		return hash
	}
	return fmt.Sprintf("$scrypt$ln=%d,%s", bits.TrailingZeros64(n), rest)
}

// fromKratosFirebase reads $firescrypt$parameters$salt$digest$separator$key.
func fromKratosFirebase(hash string) string {
	part := strings.Split(hash, "$")
	if len(part) != 7 {
		return hash
	}
	return fmt.Sprintf("$fbscrypt$v=1,n%s,ss=%s,sk=%s$%s$%s", strings.TrimPrefix(part[2], "ln"), part[5], part[6], part[3], part[4])
}

// fromDjangoPBKDF2 reads pbkdf2_sha256$rounds$salt$digest, whose salt is plain text.
func fromDjangoPBKDF2(hash string) string {
	part := strings.Split(hash, "$")
	if len(part) != 4 {
		return hash
	}
	return fmt.Sprintf("$%s$i=%s$%s$%s", strings.ReplaceAll(part[0], "_", "-"), part[1], plainSalt(part[2]), part[3])
}

// fromDjangoScrypt reads scrypt$N$salt$r$p$digest.
func fromDjangoScrypt(hash string) string {
	part := strings.Split(hash, "$")
	if len(part) != 6 {
		return hash
	}
	n, err := strconv.ParseUint(part[1], 10, 64)
	if err != nil || bits.OnesCount64(n) != 1 {
		return "$scrypt$ln=" + part[1] // which the cost limit then refuses
	}
	return fmt.Sprintf("$scrypt$ln=%d,r=%s,p=%s$%s$%s", bits.TrailingZeros64(n), part[3], part[4], plainSalt(part[2]), part[5])
}

func plainSalt(salt string) string { return base64.RawStdEncoding.EncodeToString([]byte(salt)) }
