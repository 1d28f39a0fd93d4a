package cmd

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ownAddress replaces a host name by the address of it that is this machine's. In a
// container a name may belong to one network only, and so binds a listener to that
// network; while a container is replaced, the name has its successor's address too.
func ownAddress(ctx context.Context, listen string) (string, error) {
	return ownAddressOf(ctx, listen, net.DefaultResolver.LookupNetIP, net.InterfaceAddrs)
}

func ownAddressOf(ctx context.Context, listen string, lookup func(ctx context.Context, network, host string) ([]netip.Addr, error), interfaces func() ([]net.Addr, error)) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || host == "" {
		return listen, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return listen, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := lookup(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	own, err := interfaces()
	if err != nil {
		return "", err
	}
	for _, a := range found {
		if slices.ContainsFunc(own, func(i net.Addr) bool { return addressOf(i) == a.Unmap() }) {
			return net.JoinHostPort(a.Unmap().String(), port), nil
		}
	}
	names := make([]string, len(found))
	for i, a := range found {
		names[i] = a.Unmap().String()
	}
	return "", fmt.Errorf("%q has the addresses %s, and none of them is this machine's", host, strings.Join(names, ", "))
}

func addressOf(a net.Addr) netip.Addr {
	prefix, err := netip.ParsePrefix(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return prefix.Addr().Unmap()
}
