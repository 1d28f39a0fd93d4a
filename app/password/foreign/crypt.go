package foreign

import (
	"crypto/md5" // #nosec G501 -- what phpass hashes with
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// itoa64 is the alphabet of crypt(3), in its order.
const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func only(alphabet, text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(alphabet, r) }) < 0
}

// parseSHACrypt reads $5$ and $6$, with rounds= or without (Drepper, "Unix crypt
// using SHA-256 and SHA-512").
func parseSHACrypt(stored string) (Hash, error) {
	part := strings.Split(stored, "$")[1:]
	form, length := part[0], map[string]int{"5": 43, "6": 86}[part[0]]
	rest := part[1:]
	if len(rest) == 3 {
		text, ok := strings.CutPrefix(rest[0], "rounds=")
		if !ok {
			return Hash{}, errors.New("malformed parameters")
		}
		if _, err := number(map[string]string{"rounds": text}, "rounds", shacrypt.IterationsMin, maxRounds); err != nil {
			return Hash{}, err
		}
		form, rest = form+"$"+rest[0], rest[1:]
	}
	if len(rest) != 2 {
		return Hash{}, fmt.Errorf("%d fields; it must have 3 or 4", len(part))
	}
	salt, digest := rest[0], rest[1]
	if len(salt) > shacrypt.SaltLengthMax || len(digest) != length || !only(itoa64, digest) {
		return Hash{}, errors.New("salt or digest is malformed, or cut short")
	}
	parsed, err := shacrypt.Decode(stored)
	if err != nil {
		return Hash{}, err
	}
	return Hash{form: form, match: parsed.MatchBytes}, nil
}

// parsePhpass reads the portable hash of phpass, which WordPress wrote before 6.8:
// $P$, the logarithm of the rounds, eight characters of salt, the digest.
func parsePhpass(stored string) (Hash, error) {
	const length = len("$P$") + 1 + 8 + 22
	if len(stored) != length || !only(itoa64, stored[3:]) {
		return Hash{}, errors.New("malformed, or cut short")
	}
	log := strings.IndexByte(itoa64, stored[3])
	if log < 7 || log > maxPhpassLog {
		return Hash{}, fmt.Errorf("2^%d rounds; it must be 2^7 to 2^%d", log, maxPhpassLog)
	}
	salt, digest := stored[4:12], stored[12:]
	return Hash{
		form: "phpass$" + strconv.Itoa(log),
		match: func(password []byte) bool {
			sum := md5.Sum(append([]byte(salt), password...)) // #nosec G401 -- as phpass does
			buffer := make([]byte, md5.Size, md5.Size+len(password))
			for range 1 << log {
				copy(buffer, sum[:])
				sum = md5.Sum(append(buffer, password...)) // #nosec G401 -- as phpass does
			}
			return same([]byte(encode64(sum[:])), []byte(digest))
		},
	}, nil
}

// encode64 writes three bytes as four characters, the lowest six bits first.
func encode64(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		value, chars := uint32(b[0]), 2
		if len(b) > 1 {
			value, chars = value|uint32(b[1])<<8, 3
		}
		if len(b) > 2 {
			value, chars = value|uint32(b[2])<<16, 4
		}
		for range chars {
			out.WriteByte(itoa64[value&63])
			value >>= 6
		}
		b = b[min(3, len(b)):]
	}
	return out.String()
}
