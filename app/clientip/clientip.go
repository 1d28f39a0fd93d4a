// Package clientip decides whose address a request counts for. It is the only
// place that reads forwarding headers and the edge secret, and it knows no web
// framework.
//
// The rule: an address is believed only if the edge (nginx) vouches for it by
// sending the edge secret beside it. Everything else that a client could have
// written is worth nothing:
//
//   - X-Forwarded-For is never read: any client may open it, and proxies only
//     append to it.
//   - A GraphQL call over WebSocket reaches us with the headers that the client
//     wrote into connection_init, and so without the secret, whatever address
//     it names.
//   - The TCP peer of a call through Hasura is Hasura. The peer of a direct call
//     without the secret, where one is configured, is a neighbour on the
//     internal network or a proxy that was set up wrongly. Counting such a peer
//     as one client would put everybody behind it into one small bucket.
//
// All of these are the unknown client, the zero Addr, whose limits are its own.
package clientip

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
)

// The headers by which the edge tells who called. It overwrites both, so that
// a client's own never pass.
const (
	HeaderRealIP     = "X-Real-IP"
	HeaderEdgeSecret = "X-Edge-Secret" // #nosec G101 -- a header's name
)

// Request is what a decision rests on. The strings may be reused buffers of the
// web framework: nothing of them is kept.
type Request struct {
	Peer       netip.Addr // other end of the TCP connection
	RealIP     string     // value of HeaderRealIP, "" without one
	EdgeSecret string     // value of HeaderEdgeSecret, "" without one
	ViaHasura  bool       // the request is an action call, so the peer is Hasura
}

// Resolver finds the client's address.
type Resolver struct {
	secrets func() [][]byte
}

// New makes a Resolver. secrets returns the edge secrets that are valid now,
// several during a rotation; it is asked anew for each request, so that a
// rotation needs no restart. Empty secrets are ignored.
func New(secrets func() [][]byte) *Resolver { return &Resolver{secrets: secrets} }

// Resolve returns the client's address in its one canonical form, or the zero
// Addr for a client of unknown address. Only where no edge secret is configured
// at all, which is development without a proxy, does the TCP peer of a direct
// call count.
func (r *Resolver) Resolve(req Request) netip.Addr {
	configured, vouched := r.check(req.EdgeSecret)
	switch {
	case vouched:
		return Parse(req.RealIP)
	case req.ViaHasura || configured:
		return netip.Addr{}
	default:
		return canonical(req.Peer)
	}
}

// Vouched tells whether the edge sent the request.
func (r *Resolver) Vouched(edgeSecret string) bool {
	_, vouched := r.check(edgeSecret)
	return vouched
}

// check compares with every secret, so that the time taken tells neither which
// one matched nor, as digests are compared, how long they are.
func (r *Resolver) check(presented string) (configured, vouched bool) {
	digest := sha256.Sum256([]byte(presented))
	match := 0
	for _, secret := range r.secrets() {
		if len(secret) == 0 {
			continue
		}
		configured = true
		want := sha256.Sum256(secret)
		match |= subtle.ConstantTimeCompare(digest[:], want[:])
	}
	return configured, match == 1
}

// longestAddr is an IPv4-mapped IPv6 address written in full; whatever is
// longer, zones of any length included, is not worth parsing.
const longestAddr = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")

// Parse reads one address as nginx writes it ($remote_addr: no port, no
// brackets). Garbage and addresses that no client can have are unknown.
func Parse(s string) netip.Addr {
	if len(s) > longestAddr {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return canonical(addr)
}

// canonical gives every client one address: IPv4-mapped IPv6 becomes IPv4, as a
// dual-stack listener would otherwise give each client two, and the zone goes.
func canonical(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}
	}
	return addr
}
