package login

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

const (
	maxEmailBytes = 254 // RFC 5321, 4.5.3.1.3, less the angle brackets
	maxLocalBytes = 64  // RFC 5321, 4.5.3.1.1
	maxLabelBytes = 63  // RFC 1035, 2.3.4
)

// NormalizeEmail returns the one form in which an address is stored, looked up and
// counted: trimmed, NFC, lower case, the domain as A-labels (RFC 5891). If the text is
// not an address, the error says what is wrong with it. Only a mail can show whether
// the mailbox exists.
func NormalizeEmail(raw string) (string, error) {
	email := strings.TrimSpace(raw)
	switch {
	case email == "":
		return "", errEmail("must not be empty")
	case !utf8.ValidString(email):
		return "", errEmail("must be valid UTF-8")
	case strings.ContainsFunc(email, unicode.IsSpace):
		return "", errEmail("must not hold a space or a line break")
	}
	if err := refuseHidden("email", email); err != nil {
		return "", err
	}
	local, domain, found := strings.Cut(email, "@")
	if !found || strings.Contains(domain, "@") {
		return "", errEmail("not an e-mail address: it needs one @")
	}
	local, err := normalizeLocal(local)
	if err != nil {
		return "", err
	}
	if domain, err = normalizeDomain(domain); err != nil {
		return "", err
	}
	if email = local + "@" + domain; len(email) > maxEmailBytes {
		return "", errEmail("longer than %d bytes", maxEmailBytes)
	}
	return email, nil
}

func errEmail(problem string, args ...any) *Error {
	return Invalid("email", problem, args...)
}

// normalizeLocal takes a dot-atom (RFC 5321, 4.1.2; RFC 6531, 3.3). The quoted form
// is not taken: it writes one mailbox in many ways.
func normalizeLocal(local string) (string, error) {
	local = norm.NFC.String(strings.ToLower(norm.NFC.String(local)))
	switch {
	case local == "":
		return "", errEmail("nothing stands before the @")
	case len(local) > maxLocalBytes:
		return "", errEmail("what stands before the @ is longer than %d bytes", maxLocalBytes)
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "", errEmail("a dot before the @ must stand between two other characters")
	}
	if i := strings.IndexAny(local, "\"(),:;<>[\\]"); i >= 0 {
		return "", errEmail("%c must not stand before the @", local[i])
	}
	return local, nil
}

// lookup maps a domain name for a DNS lookup (RFC 5891, 5; UTS 46). This package checks
// hyphens and lengths itself, to give each its own error.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(false))

// identifier allows the characters of IDNA 2008 under its context rules (RFC 5892, 2;
// RFC 8264, 9). UTS 46 alone would let symbols such as ☕ pass.
var identifier = precis.NewIdentifier()

// dots are the characters that stand for a dot in a domain name (UTS 46, 2.3).
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

func normalizeDomain(domain string) (string, error) {
	domain = strings.ToLower(dots.Replace(domain))
	switch {
	case domain == "":
		return "", errEmail("nothing stands after the @")
	case strings.HasPrefix(domain, "["):
		return "", errEmail("a domain name must stand after the @, not an IP address")
	case domain[0] == '.' || domain[len(domain)-1] == '.' || strings.Contains(domain, ".."):
		return "", errEmail("a dot after the @ must stand between two other characters")
	case !strings.Contains(domain, "."):
		return "", errEmail("the domain name after the @ needs a dot")
	case len(domain) > utf8.UTFMax*maxEmailBytes: // mapping takes time
		return "", errEmail("longer than %d bytes", maxEmailBytes)
	}
	if !isASCII(domain) || strings.Contains(domain, acePrefix) {
		mapped, err := lookup.ToASCII(domain)
		if err != nil {
			return "", errNoDomain()
		}
		domain = mapped
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	if isNumber(labels[len(labels)-1]) {
		return "", errEmail("a domain name must stand after the @, not an IP address or a number")
	}
	return domain, nil
}

const acePrefix = "xn--"

// checkLabel checks one part of a domain name, as it is shown: an A-label must be
// the name of something that could have been written.
func checkLabel(label string) error {
	if len(label) > maxLabelBytes {
		return errEmail("a part of the domain name is longer than %d bytes", maxLabelBytes)
	}
	if strings.HasPrefix(label, acePrefix) {
		shown, err := lookup.ToUnicode(label)
		if err != nil || len(shown) > 3 && shown[2:4] == "--" {
			return errNoDomain()
		}
		if err := refuseHidden("email", shown); err != nil {
			return err
		}
		if _, err := identifier.String(shown); err != nil {
			return errNoDomain()
		}
		label = shown
	} else if strings.ContainsFunc(label, func(r rune) bool { return !isLetterDigitHyphen(r) }) {
		return errNoDomain()
	}
	if label == "" {
		return errNoDomain()
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return errEmail("a part of the domain name begins or ends with a hyphen")
	}
	return nil
}

func errNoDomain() *Error {
	return errEmail("what stands after the @ is not a domain name: letters, digits, hyphens and dots")
}

// isNumber reports whether a label can only be the end of an IP address: no domain name
// ends with a number.
func isNumber(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	return !strings.ContainsFunc(digits, func(r rune) bool {
		return (r < '0' || r > '9') && (!hex || r < 'a' || r > 'f')
	})
}

func isLetterDigitHyphen(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-'
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// emailParts returns every form that a part of an address can have in stored addresses,
// for a search. A domain outside ASCII, or a whole label of one, is also looked for as
// A-labels.
func emailParts(part string) []string {
	lower := norm.NFC.String(strings.ToLower(norm.NFC.String(part)))
	if isASCII(lower) {
		return []string{lower}
	}
	forms := []string{lower}
	local, domain, found := strings.Cut(lower, "@")
	if !found {
		local, domain = "", lower
	}
	mapped, err := lookup.ToASCII(dots.Replace(domain))
	if err == nil {
		if found {
			mapped = local + "@" + mapped
		}
		forms = append(forms, mapped)
	}
	return forms
}
