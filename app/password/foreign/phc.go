package foreign

import (
	"crypto/pbkdf2"
	"crypto/sha1" // #nosec G505 -- what other systems hashed with
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/scrypt"
)

// parseArgon2 reads $argon2id$v=19$m=…,t=…,p=…$salt$digest (PHC), and argon2i.
func parseArgon2(stored string) (Hash, error) {
	part, err := fields(stored, 5)
	if err != nil {
		return Hash{}, err
	}
	if part[1] != "v=19" {
		return Hash{}, fmt.Errorf("version %q; only 19 can be verified", part[1])
	}
	found, err := parameters(part[2])
	if err != nil {
		return Hash{}, err
	}
	if len(found) != 3 {
		return Hash{}, fmt.Errorf("parameters %q; only m, t and p can be verified", part[2])
	}
	lanes, err := number(found, "p", 1, maxLanes)
	if err != nil {
		return Hash{}, err
	}
	memory, err := number(found, "m", 8*lanes, MaxMemory/1024)
	if err != nil {
		return Hash{}, err
	}
	passes, err := number(found, "t", 1, max(1, maxFilled/1024/memory))
	if err != nil {
		return Hash{}, err
	}
	salt, digest, err := saltAndDigest(part[3], part[4])
	if err != nil {
		return Hash{}, err
	}
	derive := argon2.IDKey
	if part[0] == "argon2i" {
		derive = argon2.Key
	}
	return Hash{
		form: strings.Join(part[:3], "$"), memory: int64(memory) * 1024,
		match: func(password []byte) bool {
			return same(digest, derive(password, salt, uint32(passes), uint32(memory), uint8(lanes), uint32(len(digest)))) // #nosec G115 -- within bounds
		},
	}, nil
}

// scryptCost reads the parameters of scrypt: the binary logarithm of N under the
// name given, r and p.
func scryptCost(found map[string]string, logN string) (n, r, p int, err error) {
	log, err := number(found, logN, 1, 30)
	if err != nil {
		return 0, 0, 0, err
	}
	if r, err = number(found, "r", 1, 64); err != nil {
		return 0, 0, 0, err
	}
	if p, err = number(found, "p", 1, maxLanes); err != nil {
		return 0, 0, 0, err
	}
	n = 1 << log
	switch {
	case 128*n*r > MaxMemory:
		return 0, 0, 0, fmt.Errorf("it needs %d MB of memory; at most %d MB can be had", 128*n*r>>20, MaxMemory>>20)
	case 128*n*r*p > maxFilled:
		return 0, 0, 0, fmt.Errorf("parameter p is %d, too much work at this size", p)
	}
	return n, r, p, nil
}

// parseScrypt reads $scrypt$ln=…,r=…,p=…$salt$digest (PHC).
func parseScrypt(stored string) (Hash, error) {
	part, err := fields(stored, 4)
	if err != nil {
		return Hash{}, err
	}
	found, err := parameters(part[1])
	if err != nil {
		return Hash{}, err
	}
	n, r, p, err := scryptCost(found, "ln")
	if err != nil {
		return Hash{}, err
	}
	salt, digest, err := saltAndDigest(part[2], part[3])
	if err != nil {
		return Hash{}, err
	}
	return Hash{
		form: strings.Join(part[:2], "$"), memory: int64(128 * n * r),
		match: func(password []byte) bool {
			key, err := scrypt.Key(password, salt, n, r, p, len(digest))
			return err == nil && same(digest, key)
		},
	}, nil
}

var pbkdf2Digests = map[string]func() hash.Hash{
	"pbkdf2": sha1.New, "pbkdf2-sha1": sha1.New, "pbkdf2-sha256": sha256.New, "pbkdf2-sha512": sha512.New,
}

// parsePBKDF2 reads $pbkdf2-sha256$i=…,l=…$salt$digest (PHC) and passlib's
// $pbkdf2-sha256$rounds$salt$digest; $pbkdf2$ stands for SHA-1.
func parsePBKDF2(stored string) (Hash, error) {
	part, err := fields(stored, 4)
	if err != nil {
		return Hash{}, err
	}
	digestOf, known := pbkdf2Digests[part[0]]
	if !known {
		return Hash{}, fmt.Errorf("%s is %w", part[0], ErrUnknown)
	}
	found := map[string]string{"i": part[1]}
	if strings.Contains(part[1], "=") {
		if found, err = parameters(part[1]); err != nil {
			return Hash{}, err
		}
	}
	rounds, err := number(found, "i", 1, maxRounds)
	if err != nil {
		return Hash{}, err
	}
	salt, digest, err := saltAndDigest(part[2], part[3])
	if err != nil {
		return Hash{}, err
	}
	if most := 64 * digestOf().Size(); len(digest) > most { // each block costs all rounds
		return Hash{}, fmt.Errorf("digest has %d bytes; it must have at most %d", len(digest), most)
	}
	return Hash{
		form: part[0] + "$" + strconv.Itoa(rounds),
		match: func(password []byte) bool {
			key, err := pbkdf2.Key(digestOf, string(password), salt, rounds, len(digest))
			return err == nil && same(digest, key)
		},
	}, nil
}
