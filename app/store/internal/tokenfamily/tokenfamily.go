// Package tokenfamily decides whether a presented refresh token is the newest of its
// session, still good, or reused. Both stores keep the same state of a family in the
// session's row.
package tokenfamily

import (
	"bytes"
	"encoding/binary"
	"time"
)

// State is what a session remembers of its family, however often it was refreshed.
type State struct {
	Token  []byte // hash of the newest token
	Nonce  []byte // leads from its parent to it; nil for the first token
	Parent []byte // hash of the parent; nil for the first token
	// Recent holds the generations before the parent whose grace may not be over,
	// the latest first. Each is its hash, the nonce that leads to its successor,
	// and when that successor was first used, in microseconds since 1970.
	Recent []byte
}

// The form of Recent.
const (
	hashBytes  = 32
	nonceBytes = 32
	EntryBytes = hashBytes + nonceBytes + 8
	// MaxRecent bounds a row: a session exchanged more often within one grace
	// forgets the oldest.
	MaxRecent = 16
)

// Verdict is the decision about a presented token.
type Verdict int

// The verdicts.
const (
	Newest  Verdict = iota // to be exchanged
	Good                   // leads to the newest by the nonces
	Refused                // spent, or never of this family
)

// Judge looks a token up. The nonces lead from it to the newest.
func (s State) Judge(token []byte, now time.Time, grace time.Duration) (Verdict, [][]byte) {
	if bytes.Equal(token, s.Token) {
		return Newest, nil
	}
	nonces := [][]byte{s.Nonce}
	if bytes.Equal(token, s.Parent) {
		return Good, nonces
	}
	for rest := s.Recent; len(rest) >= EntryBytes; rest = rest[EntryBytes:] {
		nonces = append([][]byte{rest[hashBytes : hashBytes+nonceBytes]}, nonces...)
		if !bytes.Equal(token, rest[:hashBytes]) {
			continue
		}
		used := int64(binary.BigEndian.Uint64(rest[hashBytes+nonceBytes : EntryBytes])) // #nosec G115 -- written by Exchange
		if now.UnixMicro()-used > grace.Microseconds() {
			break
		}
		return Good, nonces
	}
	return Refused, nil
}

// Exchange is the state after the newest token was exchanged for child. exchanged
// is when that last happened.
func (s State) Exchange(child, nonce []byte, now, exchanged time.Time, grace time.Duration) State {
	next := State{Token: child, Nonce: nonce, Parent: s.Token}
	if s.Parent == nil {
		return next
	}
	next.Recent = append(append(next.Recent, s.Parent...), s.Nonce...)
	next.Recent = binary.BigEndian.AppendUint64(next.Recent, uint64(now.UnixMicro())) // #nosec G115 -- after 1970
	if now.Sub(exchanged) <= grace {
		next.Recent = append(next.Recent, s.Recent[:min(len(s.Recent), (MaxRecent-1)*EntryBytes)]...)
	}
	return next
}
