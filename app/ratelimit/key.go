package ratelimit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
	"sync/atomic"
)

// counterID names a counter. It is an HMAC, so that Redis and its backups hold no
// address or e-mail and no value that guessing could turn into one, and so that an
// attacker cannot choose addresses that collide in a table.
type counterID [16]byte

// limitName tells apart the counters of the limits that share a kind.
type limitName byte

const (
	limitSignIn      limitName = 'i'
	limitDevice      limitName = 'd'
	limitSignUp      limitName = 'u'
	limitRefresh     limitName = 'r'
	limitReset       limitName = 'p'
	limitSpend       limitName = 's'
	limitUnsolicited limitName = 'm'
	limitCalls       limitName = 'c'
	limitCode        limitName = '2'
	limitMailSignIn  limitName = 'e'
	limitStrangers   limitName = 'n'
	limitPasskey     limitName = 'k'
	limitInvite      limitName = 'v'
	limitOther       limitName = 'o'
)

// keyer makes counter ids with its present key.
type keyer struct{ states atomic.Pointer[sync.Pool] }

type keyState struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

func (k *keyer) use(key []byte) {
	k.states.Store(&sync.Pool{New: func() any {
		return &keyState{mac: hmac.New(sha256.New, key), buf: make([]byte, 0, 512)}
	}})
}

// id derives the counter of a kind and limit for an address range, an account
// and a device or session, each of which may be empty. The parts' lengths are
// part of the name, so no two sets of parts have one.
func (k *keyer) id(kd kind, limit limitName, client netip.Prefix, subject, part string) counterID {
	states := k.states.Load()
	s := states.Get().(*keyState)
	defer states.Put(s)
	b := append(s.buf[:0], byte(kd), byte(limit))
	if client.IsValid() {
		addr := client.Addr().As16()
		b = append(b, byte(client.Bits()), byte(client.Addr().BitLen())) // #nosec G115 -- at most 128
		b = append(b, addr[:]...)
	} else {
		b = append(b, 0, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(subject)))
	b = append(b, subject...)
	b = append(b, part...)
	s.buf = b
	s.mac.Reset()
	s.mac.Write(b)
	var id counterID
	copy(id[:], s.mac.Sum(s.sum[:0]))
	return id
}
