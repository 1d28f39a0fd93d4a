package foreign

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// bcryptBytes is where bcrypt stops reading.
const bcryptBytes = 72

// parseWordPress reads what WordPress writes since 6.8: $wp and a bcrypt hash of the
// password's HMAC-SHA-384 in base64.
func parseWordPress(stored string) (Hash, error) {
	return wrapped("wp", strings.TrimPrefix(stored, "$wp"), func(password []byte) []byte {
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		mac.Write(password)
		return []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	})
}

// parseDjangoBcrypt reads Django's bcrypt_sha256$ and a bcrypt hash of the password's
// SHA-256 in hexadecimal.
func parseDjangoBcrypt(stored string) (Hash, error) {
	return wrapped("bcrypt_sha256", strings.TrimPrefix(stored, "bcrypt_sha256$"), func(password []byte) []byte {
		sum := sha256.Sum256(password)
		return []byte(hex.EncodeToString(sum[:]))
	})
}

// wrapped is a bcrypt hash of what another function made of the password.
func wrapped(name, stored string, prepare func(password []byte) []byte) (Hash, error) {
	const length = len("$2b$10$") + 22 + 31
	if len(stored) != length || !only(itoa64, stored[7:]) || !strings.Contains("aby", stored[2:3]) {
		return Hash{}, errors.New("malformed, or cut short")
	}
	cost, err := bcrypt.Cost([]byte(stored))
	if err != nil {
		return Hash{}, errors.New("malformed")
	}
	if cost > maxBcryptCost {
		return Hash{}, fmt.Errorf("cost %d; it must be at most %d", cost, maxBcryptCost)
	}
	return Hash{
		form: name + "$" + strconv.Itoa(cost),
		match: func(password []byte) bool {
			key := prepare(password)
			return bcrypt.CompareHashAndPassword([]byte(stored), key[:min(len(key), bcryptBytes)]) == nil
		},
	}, nil
}

// emailBcryptPrefix begins a hash over an address in lower case and the password, as
// the project hasuraLoginDocker made them. The address is part of the hash: it stays
// the one that was hashed when the account gets another.
const emailBcryptPrefix = "$email-bcrypt$"

// MaxEmailBytes is the longest address that is accepted in a hash over address and
// password: it leaves the password 32 of the 72 bytes that bcrypt reads. With a longer
// address bcrypt would compare only a few bytes of the password, or none, and almost
// any password would open the account.
const MaxEmailBytes = bcryptBytes - 32

// ErrEmailTooLong is the error for a hash in which the address leaves the password too
// little room.
var ErrEmailTooLong = fmt.Errorf("the address has more than %d bytes, so bcrypt saw too little of the password", MaxEmailBytes)

// EmailBcrypt is the stored form of a bcrypt hash over address and password.
func EmailBcrypt(email, stored string) string {
	return emailBcryptPrefix + base64.RawURLEncoding.EncodeToString([]byte(strings.ToLower(email))) + stored
}

func parseEmailBcrypt(stored string) (Hash, error) {
	coded, rest, found := strings.Cut(strings.TrimPrefix(stored, emailBcryptPrefix), "$")
	email, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if !found || err != nil || len(email) == 0 {
		return Hash{}, errors.New("malformed")
	}
	if len(email) > MaxEmailBytes {
		return Hash{}, ErrEmailTooLong
	}
	return wrapped("email-bcrypt", "$"+rest, func(password []byte) []byte {
		return append(email[:len(email):len(email)], password...)
	})
}
