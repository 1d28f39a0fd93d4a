// Package clientip decides which client's address a request counts for. Only this
// package reads forwarding headers and the edge secret, and it knows no web framework.
//
// The rule: an address is believed only if the edge (nginx) vouches for it by sending
// the edge secret with it. Nothing else that a client could have written is believed:
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
// All of these are the unknown client, the zero Addr, which has its own limits.
package clientip

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"hasura-login/app/secretfile"
)

// The headers by which the edge tells who called. It overwrites both, so that
// a client's own never pass.
const (
	HeaderRealIP     = "X-Real-IP"
	HeaderEdgeSecret = "X-Edge-Secret" // #nosec G101 -- a header's name
)

// Request is the input of a decision. The strings may be reused buffers of the web
// framework, so nothing keeps them.
type Request struct {
	Peer       netip.Addr // other end of the TCP connection
	RealIP     string     // value of HeaderRealIP, "" without one
	EdgeSecret string     // value of HeaderEdgeSecret, "" without one
	ViaHasura  bool       // the request is an action call, so the peer is Hasura
}

// Resolver finds the client's address.
type Resolver struct {
	secrets func() []string
	nat64   netip.Prefix
}

// New makes a Resolver. nat64 is the operator's prefix, or the zero Prefix. secrets
// returns the edge secrets that are valid now, several during a rotation; each
// request asks it again, so that a rotation needs no restart. Empty secrets are
// ignored.
func New(secrets func() []string, nat64 netip.Prefix) *Resolver {
	return &Resolver{secrets: secrets, nat64: nat64}
}

// Resolve returns the client's address in its canonical form, or the zero Addr if it is
// unknown. The TCP peer of a direct call counts only if no edge secret is configured at
// all (development without a proxy).
func (r *Resolver) Resolve(req Request) netip.Addr {
	configured, vouched := r.check(req.EdgeSecret)
	switch {
	case vouched:
		return r.parse(req.RealIP)
	case req.ViaHasura || configured:
		return netip.Addr{}
	default:
		return r.canonical(req.Peer)
	}
}

// Vouched reports whether the edge sent the request.
func (r *Resolver) Vouched(edgeSecret string) bool {
	_, vouched := r.check(edgeSecret)
	return vouched
}

// FromEdge reports whether the edge sent the request, or no edge secret is configured
// (development without a proxy).
func (r *Resolver) FromEdge(edgeSecret string) bool {
	configured, vouched := r.check(edgeSecret)
	return vouched || !configured
}

func (r *Resolver) check(presented string) (configured, vouched bool) {
	secrets := r.secrets()
	configured = slices.ContainsFunc(secrets, func(s string) bool { return s != "" })
	return configured, secretfile.Matches(presented, secrets)
}

// longestAddr is an IPv4-mapped IPv6 address written in full; whatever is
// longer, zones of any length included, is not worth parsing.
const longestAddr = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")

// parse reads one address as nginx writes it ($remote_addr: no port, no
// brackets). Garbage and addresses that no client can have are unknown.
func (r *Resolver) parse(s string) netip.Addr {
	if len(s) > longestAddr {
		return netip.Addr{}
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return r.canonical(addr)
}

// canonical gives every client one address. An IPv4 address inside an IPv6 one becomes
// that IPv4 address. Otherwise each client of a dual-stack listener would have two
// addresses, all IPv4 clients behind NAT64 would be one client, and a user of 6to4
// would be 65,536 clients. The zone is removed.
func (r *Resolver) canonical(addr netip.Addr) netip.Addr {
	addr = r.unwrap(addr.Unmap().WithZone(""))
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}
	}
	return addr
}

// NAT64's well-known prefix (RFC 6052, section 2.1) and the prefix of 6to4
// (RFC 3056, section 2). Teredo's address has the IPv4 address too, but of a client
// that its own network may share with others, so there each /64 counts as elsewhere.
var (
	wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour      = netip.MustParsePrefix("2002::/16")
)

func (r *Resolver) unwrap(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case wellKnownNAT64.Contains(addr), r.nat64.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

// ParseNAT64 parses the operator's NAT64 prefix, a /96: only with this length the IPv4
// address is the last 32 bits. "" means none. Errors name the setting.
func ParseNAT64(setting, value string) (netip.Prefix, error) {
	if value = strings.TrimSpace(value); value == "" {
		return netip.Prefix{}, nil
	}
	const example = "such as 2001:db8:64::/96"
	p, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s: %q is not a prefix %s", setting, value, example)
	case !p.Addr().Is6() || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%s: %q is not an IPv6 prefix %s", setting, value, example)
	case p.Bits() != 96:
		return netip.Prefix{}, fmt.Errorf("%s: %q is a /%d; only a /96 %s will do", setting, value, p.Bits(), example)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s: %q has bits after the prefix; did you mean %s?", setting, value, p.Masked())
	}
	return p, nil
}
