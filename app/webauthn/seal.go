package webauthn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"hasura-login/app/login"
)

// A sealed challenge is
//
//	version (1 byte) | expiry (Unix seconds, 8 bytes) | random (16 bytes) | HMAC-SHA-256 (32 bytes)
//
// Anyone may ask for sign-in options, as often as they like, so the server stores no
// challenge: the challenge contains what is needed. Only its use is stored, and that
// takes a passkey of an account.
const (
	version  = 1
	randomAt = 1 + 8
	macAt    = randomAt + 16 // WebAuthn asks for at least 16 random bytes
	size     = macAt + sha256.Size
	purpose  = "hasura-login passkey challenge\x00" // so that no other text signed with the secret passes for a challenge
)

// Strict, so that each challenge has exactly one encoding.
var encoding = base64.RawURLEncoding.Strict()

type seal struct{ secrets func() [][]byte }

// NewChallenge implements login.Passkeys.
func (c *Ceremonies) NewChallenge(now time.Time) ([]byte, error) {
	for _, secret := range c.seal.secrets() {
		if len(secret) == 0 {
			continue
		}
		raw := make([]byte, size)
		raw[0] = version
		binary.BigEndian.PutUint64(raw[1:], uint64(now.Add(login.ChallengeLife).Unix())) // #nosec G115 -- after 1970
		_, _ = rand.Read(raw[randomAt:macAt])                                            // never fails: it ends the process instead
		copy(raw[macAt:], macOf(secret, raw[:macAt]))
		return raw, nil
	}
	return nil, errors.New("no secret to seal challenges with")
}

// ChallengeExpires implements login.Passkeys.
func (c *Ceremonies) ChallengeExpires(challenge []byte, now time.Time) (time.Time, bool) {
	if len(challenge) != size || challenge[0] != version {
		return time.Time{}, false
	}
	genuine := false
	for _, secret := range c.seal.secrets() {
		if len(secret) > 0 && hmac.Equal(challenge[macAt:], macOf(secret, challenge[:macAt])) {
			genuine = true
		}
	}
	expires := time.Unix(int64(binary.BigEndian.Uint64(challenge[1:])), 0).UTC() // #nosec G115 -- we wrote it, or it is not genuine
	return expires, genuine && now.Before(expires)
}

func macOf(secret, head []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	mac.Write(head)
	return mac.Sum(nil)
}
