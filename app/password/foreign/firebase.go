package foreign

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// parseFirebase reads Firebase's scrypt in the form that supabase/auth gave it:
// $fbscrypt$v=1,n=14,r=8,p=1,ss=separator,sk=signer key$salt$digest. scrypt of the
// password, with the separator after the salt, is the AES-256 key that encrypts the
// project's signer key in counter mode from zero (github.com/firebase/scrypt). The
// counter may begin at zero: each key encrypts one text.
func parseFirebase(stored string) (Hash, error) {
	part, err := fields(stored, 4)
	if err != nil {
		return Hash{}, err
	}
	found, err := parameters(part[1])
	if err != nil {
		return Hash{}, err
	}
	if found["v"] != "1" {
		return Hash{}, fmt.Errorf("version %q; only 1 can be verified", found["v"])
	}
	n, r, p, err := scryptCost(found, "n")
	if err != nil {
		return Hash{}, err
	}
	signer, err := decode("signer key", found["sk"])
	if err != nil {
		return Hash{}, err
	}
	separator := []byte{}
	if found["ss"] != "" {
		if separator, err = decode("salt separator", found["ss"]); err != nil {
			return Hash{}, err
		}
	}
	salt, digest, err := saltAndDigest(part[2], part[3])
	if err != nil {
		return Hash{}, err
	}
	salt = append(salt, separator...)
	cost, _, _ := strings.Cut(part[1], ",ss=")
	return Hash{
		form: "fbscrypt$" + cost, memory: int64(128 * n * r),
		match: func(password []byte) bool {
			key, err := scrypt.Key(password, salt, n, r, p, 32)
			if err != nil {
				return false
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return false
			}
			sealed := make([]byte, len(signer))
			cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(sealed, signer)
			return same(digest, sealed)
		},
	}, nil
}
