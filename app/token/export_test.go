package token

import (
	"testing"
	"time"
)

// NewPublishedSet is the key set of one fresh key, without a folder.
func NewPublishedSet(t testing.TB, a Algorithm) []byte {
	t.Helper()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	k, err := newKey(a, 1, now, now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	set, err := encodeJWKS([]*key{k})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// ParseKeyFile reports whether the ring would use a file, and under which kid.
func ParseKeyFile(name string, data []byte) (kid string, err error) {
	k, err := parseKeyFile(name, data)
	if err != nil {
		return "", err
	}
	return k.kid, nil
}

// HoldLock takes the folder's lock, as another process would.
func (f Folder) HoldLock() (release func(), err error) { return f.lock() }
