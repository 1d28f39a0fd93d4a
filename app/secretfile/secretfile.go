// Package secretfile reads secrets from files and notices when they are
// replaced, so that a rotation needs no restart.
package secretfile

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// recheckAfter bounds how long a replaced file goes unnoticed.
const recheckAfter = time.Second

// Secret is a value that may change while the program runs. The zero Secret is
// unset and empty.
type Secret struct{ state *state }

type state struct {
	path    string // empty: a fixed value
	value   atomic.Pointer[string]
	checked atomic.Int64 // Unix nanoseconds of the last look at the file
	reading sync.Mutex
}

// Fixed is a secret that came by value.
func Fixed(value string) Secret {
	s := &state{}
	s.value.Store(&value)
	return Secret{s}
}

// Open reads a secret from a file. An empty or unreadable file is an error.
func Open(path string) (Secret, error) {
	value, err := read(path)
	if err != nil {
		return Secret{}, err
	}
	s := &state{path: path}
	s.value.Store(&value)
	s.checked.Store(time.Now().UnixNano())
	return Secret{s}, nil
}

// IsSet reports whether the secret was configured at all.
func (s Secret) IsSet() bool { return s.state != nil }

// Path is the file the secret comes from, or empty.
func (s Secret) Path() string {
	if s.state == nil {
		return ""
	}
	return s.state.path
}

// Value returns the current value, looking at the file again when the last look
// is over a second old. A file that is missing or empty for the moment leaves
// the value it had.
func (s Secret) Value() string {
	if s.state == nil {
		return ""
	}
	s.state.reread()
	return *s.state.value.Load()
}

// Values returns the current values of a secret that may hold several during a
// rotation: one a line, or separated by commas; blanks around them do not count.
func (s Secret) Values() []string {
	return Split(s.Value())
}

// Split separates several values as Values does.
func Split(text string) []string {
	var values []string
	for _, v := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == ',' }) {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

// Matches reports whether a presented value is one of the secrets. It compares with
// every one, and compares digests, so that the time reveals neither which one matched
// nor how long they are. An empty secret matches nothing.
func Matches(presented string, secrets []string) bool {
	digest := sha256.Sum256([]byte(presented))
	match := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		want := sha256.Sum256([]byte(secret))
		match |= subtle.ConstantTimeCompare(digest[:], want[:])
	}
	return match == 1
}

func (s *state) reread() {
	if s.path == "" || time.Now().UnixNano()-s.checked.Load() < int64(recheckAfter) || !s.reading.TryLock() {
		return
	}
	defer s.reading.Unlock()
	if value, err := read(s.path); err == nil && value != *s.value.Load() {
		s.value.Store(&value)
	}
	s.checked.Store(time.Now().UnixNano())
}

func read(path string) (string, error) {
	b, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return "", err
	}
	// Editors put a byte order mark before and a newline behind.
	b = bytes.TrimRight(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), "\r\n\t ")
	if bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")) || bytes.IndexByte(b, 0) >= 0 {
		return "", fmt.Errorf("%s is not UTF-8 text but UTF-16 or binary; save it as UTF-8", path)
	}
	if len(b) == 0 {
		return "", fmt.Errorf("%s is empty", path)
	}
	return string(b), nil
}
