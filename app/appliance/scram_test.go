package appliance_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
)

// scramMatches checks a password against Postgres' stored verifier
// (SCRAM-SHA-256$iterations:salt$storedKey:serverKey, RFC 7677).
func scramMatches(t *testing.T, verifier, password string) bool {
	t.Helper()
	parts := strings.FieldsFunc(verifier, func(r rune) bool { return r == '$' || r == ':' })
	if len(parts) != 5 || parts[0] != "SCRAM-SHA-256" {
		t.Fatalf("not a SCRAM verifier: %s", verifier)
	}
	iterations, err := strconv.Atoi(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	salt, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, salted)
	mac.Write([]byte("Server Key"))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == parts[4]
}
