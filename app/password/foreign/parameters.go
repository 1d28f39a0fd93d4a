package foreign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parameters reads the comma-separated key=value pairs of a PHC string.
func parameters(text string) (map[string]string, error) {
	found := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if _, twice := found[key]; !ok || twice {
			return nil, errors.New("malformed parameters")
		}
		found[key] = value
	}
	return found, nil
}

// number reads a parameter that must lie within bounds.
func number(found map[string]string, key string, least, most int) (int, error) {
	n, err := strconv.Atoi(found[key])
	if err != nil {
		return 0, fmt.Errorf("parameter %s is missing or not a number", key)
	}
	if n < least || n > most {
		return 0, fmt.Errorf("parameter %s is %d; it must be %d to %d", key, n, least, most)
	}
	return n, nil
}

// decode reads base64 in the alphabets in use for hashes, with padding or without:
// the standard one, and passlib's with "." instead of "+".
func decode(what, text string) ([]byte, error) {
	text = strings.TrimRight(strings.ReplaceAll(text, ".", "+"), "=")
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is not base64, or cut short", what)
	case len(b) == 0 || len(b) > maxBytes:
		return nil, fmt.Errorf("%s has %d bytes; it must have 1 to %d", what, len(b), maxBytes)
	}
	return b, nil
}

// saltAndDigest reads the last two fields of a PHC string. A digest of less than 16
// bytes is one that lost its end.
func saltAndDigest(salt, digest string) (s, d []byte, err error) {
	if s, err = decode("salt", salt); err != nil {
		return nil, nil, err
	}
	if d, err = decode("digest", digest); err != nil {
		return nil, nil, err
	}
	if len(d) < 16 {
		return nil, nil, fmt.Errorf("digest has %d bytes; it must have 16 at least", len(d))
	}
	return s, d, nil
}

// fields splits a PHC string into its fields and wants so many.
func fields(stored string, want int) ([]string, error) {
	parts := strings.Split(stored, "$")
	if len(parts) != want+1 || parts[0] != "" {
		return nil, fmt.Errorf("%d fields; it must have %d", len(parts)-1, want)
	}
	return parts[1:], nil
}
