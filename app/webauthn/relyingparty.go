package webauthn

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
)

// check refuses what no browser accepts: an RP ID that is not a domain or that is not a
// suffix of each origin's host, and origins that browsers do not treat as secure.
func (rp RelyingParty) check() error {
	if rp.ID == "" || len(rp.Origins) == 0 {
		return errors.New("an RP id and an origin are needed")
	}
	if err := protocol.ValidateRPID(rp.ID); err != nil {
		return fmt.Errorf("RP id %q: %w; browsers take a domain such as example.org", rp.ID, err)
	}
	if rp.ID != strings.ToLower(rp.ID) || !strings.Contains(rp.ID, ".") && rp.ID != localhost {
		return fmt.Errorf("RP id %q is not a domain in lower case such as example.org", rp.ID)
	}
	for _, origin := range rp.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || strings.Contains(u.Host, "*") || origin != u.Scheme+"://"+u.Host {
			return fmt.Errorf("%q is not an origin such as https://login.example.org", origin)
		}
		host := u.Hostname()
		if host != rp.ID && !strings.HasSuffix(host, "."+rp.ID) {
			return fmt.Errorf("RP id %q is not the host of origin %s, and no domain above it; a browser would refuse it", rp.ID, origin)
		}
		if u.Scheme != "https" && !(u.Scheme == "http" && isLocal(host)) {
			return fmt.Errorf("origin %s needs https; browsers have passkeys over http on localhost only", origin)
		}
	}
	return nil
}

const localhost = "localhost"

func isLocal(host string) bool { return host == localhost || strings.HasSuffix(host, "."+localhost) }
