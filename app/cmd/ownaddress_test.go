package cmd_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"hasura-login/app/cmd"
)

func TestOwnAddress_BindsToTheNetworkThatTheNameBelongsTo(t *testing.T) {
	names := map[string]string{
		"login-metrics": "172.20.0.9 172.20.0.5", // the successor's, and this container's
		"mapped":        "::ffff:172.20.0.5",
		"elsewhere":     "172.20.0.9",
	}
	lookup := func(_ context.Context, _, host string) ([]netip.Addr, error) {
		var found []netip.Addr
		for text := range strings.FieldsSeq(names[host]) {
			found = append(found, netip.MustParseAddr(text))
		}
		if found == nil {
			return nil, errors.New("no such host")
		}
		return found, nil
	}
	interfaces := func() ([]net.Addr, error) {
		return []net.Addr{
			&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)},
			&net.IPNet{IP: net.IPv4(172, 20, 0, 5), Mask: net.CIDRMask(16, 32)},
			&net.IPNet{IP: net.IPv4(172, 21, 0, 5), Mask: net.CIDRMask(16, 32)},
		}, nil
	}
	for _, c := range []struct{ listen, want, complaint string }{
		{":9100", ":9100", ""},
		{"127.0.0.1:9100", "127.0.0.1:9100", ""},
		{"[::]:9100", "[::]:9100", ""},
		{"login-metrics:9100", "172.20.0.5:9100", ""},
		{"mapped:9100", "172.20.0.5:9100", ""},
		{"elsewhere:9100", "", "172.20.0.9, and none of them is this machine's"},
		{"nowhere:9100", "", "no such host"},
	} {
		got, err := cmd.OwnAddressOf(t.Context(), c.listen, lookup, interfaces)
		if got != c.want || (err != nil) != (c.complaint != "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: %q, %v", c.listen, got, err)
		}
	}
}
