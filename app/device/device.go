// Package device makes and checks the tokens that distinguish a device that has signed
// in before from strangers.
package device

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// The token is base64url without padding of
//
//	format (1 byte) | expiry (Unix seconds, 8 bytes) | device id (16 bytes) | HMAC-SHA-256 (32 bytes)
//
// where the HMAC also covers the account, which the token does not contain. The
// second half of the id is a digest of the account's version.
const (
	format     = 1
	idSize     = 16
	versionAt  = 8
	versionLen = idSize - versionAt
	idAt       = 1 + 8
	macAt      = idAt + idSize
	size       = macAt + sha256.Size
	purpose    = "hasura-login device token\x00" // nothing else signed with the secret can be taken for one
	encodedLen = (size*8 + 5) / 6
)

// strict, so that each token has exactly one spelling.
var encoding = base64.RawURLEncoding.Strict()

// Tokens implements login.Devices. A token is no credential: it only gives the device
// its own count.
type Tokens struct {
	secrets func() [][]byte
}

// NewTokens makes Tokens. secrets returns the secrets that are valid now and is asked
// again for each token: the first signs, all verify, so that a rotation forgets no
// device. Empty secrets are ignored; without any there are no tokens.
func NewTokens(secrets func() [][]byte) *Tokens {
	return &Tokens{secrets: secrets}
}

// Issue returns a token for a new device id of the account (its normalised
// e-mail address) at its present version, or "" if no secret is configured. Every sign-in
// gives a new id; nothing is lost with the old one, as its count was cleared by the
// same sign-in.
func (d *Tokens) Issue(account, version string, expires time.Time) string {
	for _, secret := range d.secrets() {
		if len(secret) == 0 {
			continue
		}
		var raw [size]byte
		raw[0] = format
		binary.BigEndian.PutUint64(raw[1:], uint64(expires.Unix())) // #nosec G115 -- after 1970
		_, _ = rand.Read(raw[idAt : idAt+versionAt])                // never fails: it ends the process instead
		copy(raw[idAt+versionAt:macAt], digestOf(version))
		copy(raw[macAt:], macOf(secret, raw[:macAt], account))
		return encoding.EncodeToString(raw[:])
	}
	return ""
}

// Check returns the device's id, or "" if the token is not valid for the account:
// forged, expired, of another account, or signed with a secret that is no longer valid.
func (d *Tokens) Check(account, token string, now time.Time) string {
	if len(token) != encodedLen {
		return ""
	}
	var raw [size]byte
	if n, err := encoding.Decode(raw[:], []byte(token)); err != nil || n != size {
		return ""
	}
	genuine := false
	for _, secret := range d.secrets() {
		if len(secret) > 0 && hmac.Equal(raw[macAt:], macOf(secret, raw[:macAt], account)) {
			genuine = true
		}
	}
	expiry := binary.BigEndian.Uint64(raw[1:])
	if !genuine || raw[0] != format || uint64(max(0, now.Unix())) >= expiry { // #nosec G115 -- not negative
		return ""
	}
	return encoding.EncodeToString(raw[idAt:macAt])
}

// IssuedFor reports whether the token of a device id was issued for this version of its
// account.
func (d *Tokens) IssuedFor(deviceID, version string) bool {
	raw, err := encoding.DecodeString(deviceID)
	return err == nil && len(raw) == idSize && bytes.Equal(raw[versionAt:], digestOf(version))
}

func digestOf(version string) []byte {
	digest := sha256.Sum256([]byte(version))
	return digest[:versionLen]
}

func macOf(secret, head []byte, account string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	mac.Write(head) // of fixed length, so where the account begins is never in doubt
	mac.Write([]byte(account))
	return mac.Sum(nil)
}
