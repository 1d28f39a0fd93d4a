package cmd_test

import (
	"strings"
	"testing"
)

// check refuses values that a browser would refuse or that an operator would regret.
func TestCheck_PasskeyDomainAndOrigins(t *testing.T) {
	for name, c := range map[string]struct {
		vars []string
		want string // a part of the problem; empty: none
	}{
		"from the public URL":     {[]string{"LOGIN_PUBLIC_URL=https://login.example.org"}, ""},
		"from the issuer":         {[]string{"LOGIN_ISSUER=https://login.example.org"}, ""},
		"the domain above":        {[]string{"LOGIN_PUBLIC_URL=https://login.example.org", "LOGIN_PASSKEY_DOMAIN=example.org", "LOGIN_PASSKEY_ORIGINS=https://login.example.org,https://app.example.org"}, ""},
		"localhost":               {[]string{"LOGIN_PUBLIC_URL=http://localhost:3000"}, ""},
		"an address has none":     {[]string{"LOGIN_PUBLIC_URL=http://127.0.0.1:3000"}, ""},
		"nowhere":                 {nil, ""},
		"another domain":          {[]string{"LOGIN_PUBLIC_URL=https://login.example.org", "LOGIN_PASSKEY_DOMAIN=example.com"}, "is not the host of origin"},
		"half a label":            {[]string{"LOGIN_PUBLIC_URL=https://login.example.org", "LOGIN_PASSKEY_DOMAIN=ample.org"}, "is not the host of origin"},
		"an address as domain":    {[]string{"LOGIN_PUBLIC_URL=https://192.0.2.1", "LOGIN_PASSKEY_DOMAIN=192.0.2.1"}, "not an IP address"},
		"plain http":              {[]string{"LOGIN_PASSKEY_DOMAIN=example.org", "LOGIN_PASSKEY_ORIGINS=http://app.example.org"}, "needs https"},
		"a domain without origin": {[]string{"LOGIN_PASSKEY_DOMAIN=example.org"}, "an origin are needed"},
		"one origin elsewhere":    {[]string{"LOGIN_PASSKEY_DOMAIN=example.org", "LOGIN_PASSKEY_ORIGINS=https://app.example.org,https://example.net"}, "is not the host of origin"},
		"an origin with a path":   {[]string{"LOGIN_PASSKEY_DOMAIN=example.org", "LOGIN_PASSKEY_ORIGINS=https://app.example.org/x"}, "is not an origin"},
		"any label":               {[]string{"LOGIN_PASSKEY_DOMAIN=example.org", "LOGIN_PASSKEY_ORIGINS=https://*.example.org"}, "is not an origin"},
	} {
		_, _, stderr := run(t, "", c.vars, "check")
		about := ""
		for line := range strings.Lines(stderr) {
			if strings.Contains(line, "PASSKEY") {
				about += line
			}
		}
		if (c.want == "") != (about == "") || !strings.Contains(about, c.want) {
			t.Errorf("%s: %q, want %q", name, about, c.want)
		}
	}
}
