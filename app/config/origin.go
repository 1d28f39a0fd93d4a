package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// browserNames maps a host name as the URL standard has browsers do it: to lower case
// and A-labels (UTS 46, not transitional), hyphens and underscores wherever they are.
var browserNames = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.CheckHyphens(false), idna.StrictDomainName(false))

// anyLabel begins the host of a pattern: one label of any name in its place, as in
// Hasura's own setting.
const anyLabel = "*."

// ParseOrigin gives an origin, or a pattern such as https://*.example.org, in the form
// that browsers send: scheme and host in lower case, A-labels, no default port.
func ParseOrigin(text string) (string, error) {
	wrong := fmt.Errorf("%q is not an origin such as https://app.example.org or https://*.example.org; a browser would never send it", text)
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return "", wrong
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Opaque != "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		if err == nil && u.User != nil {
			return "", errors.New("an origin names a user before the host; leave that out")
		}
		return "", wrong
	}
	port, ok := browserPort(u)
	if !ok {
		return "", wrong
	}
	name, isPattern := strings.CutPrefix(u.Hostname(), anyLabel)
	host, ok := browserHost(name, strings.HasPrefix(u.Host, "["), isPattern)
	if !ok {
		return "", wrong
	}
	if isPattern {
		host = anyLabel + host
	}
	return u.Scheme + "://" + host + port, nil
}

// browserPort is the port in a browser's form: with its colon, or empty for the default
// port.
func browserPort(u *url.URL) (port string, ok bool) {
	defaults := map[string]int{"http": 80, "https": 443}
	standard, known := defaults[u.Scheme]
	if !known || strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	if u.Port() == "" {
		return "", true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || n == 0 {
		return "", false
	}
	if int(n) == standard {
		return "", true
	}
	return ":" + strconv.FormatUint(n, 10), true
}

func browserHost(name string, brackets, isPattern bool) (host string, ok bool) {
	if ip, err := netip.ParseAddr(name); brackets || err == nil {
		switch {
		case err != nil || isPattern || ip.Zone() != "" || brackets != ip.Is6():
			return "", false
		case ip.Is4In6():
			b := ip.As16()
			return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), true
		case ip.Is6():
			return "[" + ip.String() + "]", true
		}
		return ip.String(), true
	}
	host, err := browserNames.ToASCII(name)
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	// A name that ends in a number is an IPv4 address to browsers.
	if _, numeric := strconv.ParseUint(last, 0, 64); err != nil || numeric == nil || slices.Contains(labels, "") || strings.ContainsAny(host, `*%"<>^|{}[]`+"`") {
		return "", false
	}
	return host, true
}

// AllowOrigin reports whether an entry of the list, in the form of ParseOrigin, matches
// an origin that a browser sends.
func AllowOrigin(list []string) func(origin string) bool {
	return func(origin string) bool {
		return slices.Contains(list, origin) || slices.Contains(list, patternOf(origin))
	}
}

// patternOf is the pattern that an origin falls under, or nothing.
func patternOf(origin string) string {
	scheme, host, _ := strings.Cut(origin, "://")
	label, rest, found := strings.Cut(host, ".")
	if !found || label == "" || strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}) {
		return ""
	}
	return scheme + "://" + anyLabel + rest
}

// canonical gives the origins of a list in the form of ParseOrigin; check complains
// about those that have none.
func canonical(origins []string) []string {
	var list []string
	for _, text := range origins {
		text = strings.TrimSpace(text)
		if origin, err := ParseOrigin(text); err == nil {
			text = origin
		}
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}
