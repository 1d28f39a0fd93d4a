package ratelimit

import "net/netip"

// tier is a range of addresses that counts together.
type tier struct {
	bits     int
	kind     kind
	multiple int64 // of the limit for one client
}

// The tiers of a client's address. The narrowest is what one customer has: an IPv4
// address, or an IPv6 /64, of which the customer may use any address. The wider ones
// catch senders who have more: providers delegate a /56 or /48 to a household or a
// site, a /24 is the smallest routed block, and a /16 or IPv6 /32 belongs to a whole
// provider. They allow more because innocent clients share them, and they still count
// when a flood of addresses has evicted the narrow counters from memory.
var (
	tiersIPv4 = []tier{
		{32, kindClient, 1},
		{24, kindSite, 8},
		{16, kindNetwork, 64},
	}
	tiersIPv6 = []tier{
		{64, kindClient, 1},
		{56, kindSite, 4},
		{48, kindSite, 8},
		{32, kindNetwork, 64},
	}
	// All clients of unknown address share one counter: everyone who speaks
	// GraphQL over WebSocket. It allows as much as a neighbourhood, so that an
	// office does not lock itself out, and yet not so much that the WebSocket
	// is the better way for guessing.
	tiersUnknown = []tier{{0, kindUnknown, 8}}
)

func tiersOf(addr netip.Addr) []tier {
	switch {
	case !addr.IsValid():
		return tiersUnknown
	case addr.Is4():
		return tiersIPv4
	default:
		return tiersIPv6
	}
}

// rangeOf is the range of a tier around an address, the zero Prefix for the
// unknown client.
func rangeOf(addr netip.Addr, c tier) netip.Prefix {
	p, _ := addr.Prefix(c.bits) // fails only for the zero Addr
	return p
}
