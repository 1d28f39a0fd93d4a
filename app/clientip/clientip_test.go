package clientip_test

import (
	"net/netip"
	"strings"
	"testing"

	"hasura-login/app/clientip"
)

const (
	edge = "edge-secret-of-today"
	old  = "edge-secret-of-yesterday"
)

func resolver(secrets ...string) *clientip.Resolver {
	return clientip.New(func() []string { return secrets }, netip.MustParsePrefix("2001:db8:64:0:0:1::/96"))
}

// parse reads an address that the edge vouches for.
func parse(realIP string) netip.Addr {
	return resolver(edge).Resolve(clientip.Request{RealIP: realIP, EdgeSecret: edge})
}

func TestResolve_BelievesOnlyTheEdge(t *testing.T) {
	peer := netip.MustParseAddr("10.0.0.7")
	cases := []struct {
		name    string
		secrets []string
		req     clientip.Request
		want    string // "" is unknown
	}{
		{"REST through the edge", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: edge}, "198.51.100.4"},
		{"GraphQL through the edge", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: edge, ViaHasura: true}, "198.51.100.4"},
		{"old secret during a rotation", []string{edge, old}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: old}, "198.51.100.4"},
		{"old secret after the rotation", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: old}, ""},
		{"WebSocket: address without secret", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", ViaHasura: true}, ""},
		{"forged address beside a guessed secret", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: "guess"}, ""},
		{"prefix of the secret", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", EdgeSecret: edge[:5]}, ""},
		{"past the edge", []string{edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4"}, ""},
		{"an empty secret opens nothing", []string{""}, clientip.Request{Peer: peer, RealIP: "198.51.100.4", ViaHasura: true}, ""},
		{"an empty secret beside a real one", []string{"", edge}, clientip.Request{Peer: peer, RealIP: "198.51.100.4"}, ""},
		{"development, direct: the peer, not the header", nil, clientip.Request{Peer: peer, RealIP: "198.51.100.4"}, "10.0.0.7"},
		{"development, direct, dual-stack listener", nil, clientip.Request{Peer: netip.MustParseAddr("::ffff:10.0.0.7")}, "10.0.0.7"},
		{"development, direct, peer unknown", nil, clientip.Request{}, ""},
		{"development, through Hasura", nil, clientip.Request{Peer: peer, RealIP: "198.51.100.4", ViaHasura: true}, ""},
		{"edge sends garbage", []string{edge}, clientip.Request{Peer: peer, RealIP: "unix:", EdgeSecret: edge}, ""},
		{"edge sends nothing", []string{edge}, clientip.Request{Peer: peer, EdgeSecret: edge}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := resolver(c.secrets...).Resolve(c.req)
			if want := addr(c.want); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestResolve_RereadsTheSecrets(t *testing.T) {
	secret := old
	r := clientip.New(func() []string { return []string{secret} }, netip.Prefix{})
	req := clientip.Request{RealIP: "198.51.100.4", EdgeSecret: edge}
	if got := r.Resolve(req); got.IsValid() {
		t.Fatalf("believed a secret that is not valid yet: %v", got)
	}
	secret = edge
	if got := r.Resolve(req); got != addr("198.51.100.4") {
		t.Fatalf("the new secret is not taken: %v", got)
	}
}

func TestResolve_GivesEachClientOneAddress(t *testing.T) {
	cases := []struct{ in, want string }{
		{"198.51.100.4", "198.51.100.4"},
		{"::ffff:198.51.100.4", "198.51.100.4"},
		{"::FFFF:c633:6404", "198.51.100.4"},
		{"0000:0000:0000:0000:0000:ffff:198.051.100.4", ""}, // leading zeros are octal to some
		{"0000:0000:0000:0000:0000:ffff:198.151.100.104", "198.151.100.104"},
		{"2001:DB8::1", "2001:db8::1"},
		{"64:ff9b::c633:6404", "198.51.100.4"},
		{"64:ff9b::198.51.100.4", "198.51.100.4"},
		{"64:ff9b::102", "0.0.1.2"},
		{"64:ff9b::", ""},
		{"64:ff9b::224.0.0.1", ""},
		{"64:ff9b:0:0:0:1:c633:6404", "64:ff9b::1:c633:6404"}, // outside the /96
		{"64:ff9b:1::c633:6404", "64:ff9b:1::c633:6404"},      // RFC 8215: local use, of a prefix that only its operator knows
		{"2001:db8:64::1:c633:6404", "198.51.100.4"},
		{"2001:db8:64::2:c633:6404", "2001:db8:64::2:c633:6404"},
		{"2002:c633:6404::1", "198.51.100.4"},
		{"2002:c633:6404:7:8:9:a:b", "198.51.100.4"},
		{"2002::1", ""},
		{"2001:0:c633:6404::1", "2001:0:c633:6404::1"}, // Teredo
		{"::198.51.100.4", "::c633:6404"},              // no client has such an address today
		{"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"fe80::1%" + strings.Repeat("z", 100), ""},
		{"[2001:db8::1]", ""},
		{"198.51.100.4:443", ""},
		{" 198.51.100.4", ""},
		{"198.51.100.4, 203.0.113.9", ""},
		{"0.0.0.0", ""},
		{"::", ""},
		{"ff02::1", ""},
		{"224.0.0.1", ""},
		{"", ""},
	}
	for _, c := range cases {
		if got, want := parse(c.in), addr(c.want); got != want {
			t.Errorf("%q is %v, want %v", c.in, got, want)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{"198.51.100.4", "::ffff:1.2.3.4", "fe80::1%eth0", "1.2.3.4, 5.6.7.8", "", "\x00", "::"} {
		f.Add(s, edge, true)
		f.Add(s, "", false)
		f.Add(s, "x"+edge, true)
	}
	r := resolver(edge, old)
	f.Fuzz(func(t *testing.T, realIP, secret string, viaHasura bool) {
		got := r.Resolve(clientip.Request{Peer: netip.MustParseAddr("10.0.0.7"), RealIP: realIP, EdgeSecret: secret, ViaHasura: viaHasura})
		if secret != edge && secret != old && got.IsValid() {
			t.Fatalf("believed %v without the secret", got)
		}
		if got.Is4In6() || got.Zone() != "" || got.IsUnspecified() {
			t.Fatalf("%q gave %v, which is not canonical", realIP, got)
		}
		if got.IsValid() && parse(got.String()) != got {
			t.Fatalf("%v does not stay itself", got)
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	r := resolver(edge)
	req := clientip.Request{Peer: netip.MustParseAddr("10.0.0.7"), RealIP: "198.51.100.4", EdgeSecret: edge}
	b.ReportAllocs()
	for b.Loop() {
		r.Resolve(req)
	}
}

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func TestParseNAT64_TakesOnlyA96AndNamesTheSetting(t *testing.T) {
	for value, says := range map[string]string{
		"":                       "",
		"2001:db8:64::/96":       "",
		" 64:ff9b::/96 ":         "",
		"2001:db8:64::/64":       "/96",
		"2001:db8:64::/48":       "/96",
		"2001:db8:64::":          "2001:db8:64::/96",
		"2001:db8:64::1/96":      "did you mean 2001:db8:64::/96",
		"2001:db8:64::/97":       "/96",
		"192.0.2.0/24":           "IPv6",
		"::ffff:0:0/96":          "IPv6",
		"2001:db8::/96,64::/96":  "not a prefix",
		"2001:db8:64::%eth0/96":  "not a prefix",
		"https://nat64.example/": "not a prefix",
	} {
		p, err := clientip.ParseNAT64("LOGIN_NAT64_PREFIX", value)
		switch {
		case says == "" && err != nil:
			t.Errorf("%q: %v", value, err)
		case says == "" && strings.TrimSpace(value) != "" && p.Bits() != 96:
			t.Errorf("%q is %v", value, p)
		case says != "" && (err == nil || !strings.HasPrefix(err.Error(), "LOGIN_NAT64_PREFIX: ") || !strings.Contains(err.Error(), says)):
			t.Errorf("%q: %v, want it to say %q", value, err, says)
		}
	}
}
