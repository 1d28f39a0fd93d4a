// Package totp makes and checks the secrets of authenticator apps (RFC 6238), and
// encrypts them for storing. It implements login.OneTimePasswords.
package totp

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"hasura-login/app/login"
	"hasura-login/app/seal"
)

const (
	period      = 30 * time.Second
	digits      = otp.DigitsSix
	secretBytes = 20 // what HMAC-SHA-1 takes (RFC 4226, 4)
	// drift is how many steps a device's clock may be ahead or behind.
	drift = 1
)

// Secrets makes and checks secrets.
type Secrets struct {
	issuer string
	box    seal.Box
}

var _ interface {
	login.OneTimePasswords
	login.TOTPSealer
} = (*Secrets)(nil)

// New makes Secrets. Apps show issuer above the codes. keys returns the keys that
// are valid now, asked for each secret: the first encrypts, all decrypt, so that a
// rotation makes no secret unreadable.
func New(issuer string, keys func() []string) *Secrets {
	// A colon ends the issuer in the label of an otpauth URI.
	return &Secrets{issuer: strings.ReplaceAll(issuer, ":", " "), box: seal.New("totp", keys)}
}

// New implements login.OneTimePasswords.
func (s *Secrets) New(user login.User) (secret, uri string, sealed []byte, err error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: s.issuer, AccountName: user.Email, Period: uint(period / time.Second), SecretSize: secretBytes,
		Digits: digits, Algorithm: otp.AlgorithmSHA1, Rand: rand.Reader,
	})
	if err != nil {
		return "", "", nil, fmt.Errorf("drawing a TOTP secret: %w", err)
	}
	sealed, err = s.seal(user.ID, key.Secret())
	return key.Secret(), key.URL(), sealed, err
}

// Check implements login.OneTimePasswords. A code may have blanks in it, as apps
// show it.
func (s *Secrets) Check(userID string, sealed []byte, code string, now time.Time) (step int64, err error) {
	secret, err := s.open(userID, sealed)
	if err != nil {
		return 0, err
	}
	code = strings.ReplaceAll(code, " ", "")
	current := now.Unix() / int64(period/time.Second)
	for candidate := current - drift; candidate <= current+drift; candidate++ {
		right, err := hotp.GenerateCodeCustom(secret, uint64(candidate), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- after 1970
		if err != nil {
			return 0, fmt.Errorf("working out a TOTP code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 {
			step = candidate
		}
	}
	return step, nil
}

// SealSecret implements login.TOTPSealer. Blanks, small letters and padding are as
// people and other systems write them.
func (s *Secrets) SealSecret(userID, secret string) ([]byte, error) {
	secret = strings.TrimRight(strings.ToUpper(strings.ReplaceAll(secret, " ", "")), "=")
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil || len(raw) < leastBytes || len(raw) > mostBytes {
		return nil, fmt.Errorf("the TOTP secret must be %d to %d bytes in base32", leastBytes, mostBytes)
	}
	return s.seal(userID, secret)
}

// OpenSecret gives a secret back as people type it (base32).
func (s *Secrets) OpenSecret(userID string, sealed []byte) (string, error) {
	return s.open(userID, sealed)
}

// The sizes of secrets that other systems draw. RFC 4226 asks for 16 bytes; ten are
// what Google's first app made.
const (
	leastBytes = 10
	mostBytes  = 128
)

// Reseal encrypts a secret with the first key. It reports whether another key had been
// used.
func (s *Secrets) Reseal(userID string, sealed []byte) (renewed []byte, changed bool, err error) {
	renewed, changed, err = s.box.Reseal(userID, sealed)
	return renewed, changed, explain(err)
}

var errNoKey = errors.New("no key of LOGIN_TOTP_SECRET opens a stored TOTP secret")

func (s *Secrets) seal(userID, secret string) ([]byte, error) {
	sealed, err := s.box.Seal(userID, []byte(secret))
	return sealed, explain(err)
}

func (s *Secrets) open(userID string, sealed []byte) (string, error) {
	secret, err := s.box.Open(userID, sealed)
	return string(secret), explain(err)
}

func explain(err error) error {
	if errors.Is(err, seal.ErrNoKey) {
		return errNoKey
	}
	return err
}
