// Package seal encrypts small values for storing, with keys that can rotate: the first
// key encrypts, all decrypt.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
)

// A sealed value is the id of its key, and AES-256-GCM's random nonce and ciphertext.
const keyIDBytes = 4

// ErrNoKey means that no key opens a value.
var ErrNoKey = errors.New("no key opens the stored value")

// Box seals and opens the values of one purpose.
type Box struct {
	purpose string
	keys    func() []string
}

// New makes a Box. What one purpose seals, another does not open, even with the same
// keys. keys is asked for each value.
func New(purpose string, keys func() []string) Box { return Box{purpose, keys} }

// Seal encrypts a value and binds it to its owner, without whose name it does not open.
func (b Box) Seal(owner string, value []byte) ([]byte, error) {
	keys := b.keys()
	if len(keys) == 0 {
		return nil, ErrNoKey
	}
	aead, err := b.aead(keys[0])
	if err != nil {
		return nil, err
	}
	return append(b.keyID(keys[0]), aead.Seal(nil, nil, value, []byte(owner))...), nil
}

// Open decrypts a value; ErrNoKey.
func (b Box) Open(owner string, sealed []byte) ([]byte, error) {
	for _, key := range b.keys() {
		if !b.isOf(key, sealed) {
			continue
		}
		aead, err := b.aead(key)
		if err != nil {
			return nil, err
		}
		if value, err := aead.Open(nil, nil, sealed[keyIDBytes:], []byte(owner)); err == nil {
			return value, nil
		}
	}
	return nil, ErrNoKey
}

// Reseal encrypts a value with the first key. It reports whether another key had been
// used.
func (b Box) Reseal(owner string, sealed []byte) (renewed []byte, changed bool, err error) {
	if keys := b.keys(); len(keys) > 0 && b.isOf(keys[0], sealed) {
		return sealed, false, nil
	}
	value, err := b.Open(owner, sealed)
	if err != nil {
		return nil, false, err
	}
	renewed, err = b.Seal(owner, value)
	return renewed, err == nil, err
}

func (b Box) aead(key string) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, []byte(key), nil, "hasura-login "+b.purpose+" encryption", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving a key: %w", err)
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keyID tells keys apart and nothing about them.
func (b Box) keyID(key string) []byte {
	digest := sha256.Sum256([]byte("hasura-login " + b.purpose + " key id\x00" + key))
	return digest[:keyIDBytes:keyIDBytes]
}

func (b Box) isOf(key string, sealed []byte) bool {
	return len(sealed) >= keyIDBytes && subtle.ConstantTimeCompare(sealed[:keyIDBytes], b.keyID(key)) == 1
}
