package throttle

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// The token is base64url without padding of
//
//	version (1 byte) | expiry (Unix seconds, 8 bytes) | device id (16 bytes) | HMAC-SHA-256 (32 bytes)
//
// where the HMAC also covers the account, which the token does not contain. The
// second half of the id is a digest of the account's life. Version 1 had none: its
// devices are of every life.
const (
	deviceVersion   = 2
	deviceUnbound   = 1
	deviceIDSize    = 16
	deviceLifeAt    = 8
	deviceLifeBytes = deviceIDSize - deviceLifeAt
	deviceIDAt      = 1 + 8
	deviceMACAt     = deviceIDAt + deviceIDSize
	deviceSize      = deviceMACAt + sha256.Size
	devicePurpose   = "hasura-login device token\x00" // nothing else signed with the secret can be taken for one
	deviceEncLen    = (deviceSize*8 + 5) / 6
)

// strict, so that each token has exactly one spelling.
var deviceEncoding = base64.RawURLEncoding.Strict()

// DeviceTokens makes and checks the tokens by which a device that signed in
// once is told from strangers. A token is no credential: it only gives the
// device a count of its own. It implements login.Devices.
type DeviceTokens struct {
	secrets func() [][]byte
}

// NewDeviceTokens makes DeviceTokens. secrets returns the secrets valid now,
// asked anew for each token: the first signs, all verify, so that a rotation
// forgets no device. Empty secrets are ignored; without any there are no tokens.
func NewDeviceTokens(secrets func() [][]byte) *DeviceTokens {
	return &DeviceTokens{secrets: secrets}
}

// Issue returns a token for a new device id of the account (its normalised
// e-mail address) in its present life, or "" where no secret is configured. Every sign-in
// gives a new id; nothing is lost with the old one, as its count was cleared by
// the same sign-in.
func (d *DeviceTokens) Issue(account, life string, expires time.Time) string {
	for _, secret := range d.secrets() {
		if len(secret) == 0 {
			continue
		}
		var raw [deviceSize]byte
		raw[0] = deviceVersion
		binary.BigEndian.PutUint64(raw[1:], uint64(expires.Unix())) // #nosec G115 -- after 1970
		_, _ = rand.Read(raw[deviceIDAt : deviceIDAt+deviceLifeAt]) // never fails: it ends the process instead
		copy(raw[deviceIDAt+deviceLifeAt:deviceMACAt], lifeDigest(life))
		copy(raw[deviceMACAt:], deviceMAC(secret, raw[:deviceMACAt], account))
		return deviceEncoding.EncodeToString(raw[:])
	}
	return ""
}

// Check returns the device's id, or "" where the token is not valid for the
// account: forged, expired, of another account, or signed with a secret that is
// no longer valid.
func (d *DeviceTokens) Check(account, token string, now time.Time) string {
	if len(token) != deviceEncLen {
		return ""
	}
	var raw [deviceSize]byte
	if n, err := deviceEncoding.Decode(raw[:], []byte(token)); err != nil || n != deviceSize {
		return ""
	}
	genuine := false
	for _, secret := range d.secrets() {
		if len(secret) > 0 && hmac.Equal(raw[deviceMACAt:], deviceMAC(secret, raw[:deviceMACAt], account)) {
			genuine = true
		}
	}
	expiry := binary.BigEndian.Uint64(raw[1:])
	if !genuine || raw[0] != deviceVersion && raw[0] != deviceUnbound || uint64(max(0, now.Unix())) >= expiry { // #nosec G115 -- not negative
		return ""
	}
	id := deviceEncoding.EncodeToString(raw[deviceIDAt:deviceMACAt])
	if raw[0] == deviceUnbound {
		return unboundMark + id
	}
	return id
}

// unboundMark begins the id of a device of every life; no encoded id has it.
const unboundMark = "1."

// IssuedIn tells whether a device id of Check is of this life of its account.
func (d *DeviceTokens) IssuedIn(deviceID, life string) bool {
	if strings.HasPrefix(deviceID, unboundMark) {
		return true
	}
	raw, err := deviceEncoding.DecodeString(deviceID)
	return err == nil && len(raw) == deviceIDSize && bytes.Equal(raw[deviceLifeAt:], lifeDigest(life))
}

func lifeDigest(life string) []byte {
	digest := sha256.Sum256([]byte(life))
	return digest[:deviceLifeBytes]
}

func deviceMAC(secret, head []byte, account string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(devicePurpose))
	mac.Write(head) // of fixed length, so where the account begins is never in doubt
	mac.Write([]byte(account))
	return mac.Sum(nil)
}
