package password

import (
	"strings"
	"unicode/utf8"

	"hasura-login/app/login"
)

const (
	// DefaultMinLength is the fewest characters a new password may have
	// (OWASP ASVS 5.0, 6.2.1).
	DefaultMinLength = 8
	// MaxBytes is where bcrypt stops reading. A longer password would be cut
	// without a word and its end would not matter, so it is refused.
	MaxBytes = 72
)

// Policy says which new passwords are good enough. It asks for length and for
// not being guessable, and for nothing else: no composition rules, any
// character of Unicode, spaces too, nothing cut and no case changed (OWASP ASVS
// 5.0, 6.2.1 to 6.2.11). It looks at the form that is hashed, see prepare.
type Policy struct {
	minLength int
}

var _ login.PasswordPolicy = (*Policy)(nil)

// NewPolicy makes a policy that asks for at least minLength characters, counted
// as code points; 0 stands for DefaultMinLength.
func NewPolicy(minLength int) *Policy {
	if minLength < 1 {
		minLength = DefaultMinLength
	}
	return &Policy{minLength: minLength}
}

// Check refuses a new password with *login.Error CodeInvalidInput and a message
// that names the field and the rule, never the password. Context is what an
// attacker knows of the user: e-mail address and name.
func (p *Policy) Check(password string, context ...string) error {
	password = prepare(password)
	if err := p.checkForm(password); err != nil {
		return err
	}
	lower := strings.ToLower(password)
	if isCommon(lower) {
		return refuse("is among the most common ones, which are tried first; choose another")
	}
	if p.builtOn(lower, contextWords(context)) {
		return refuse("is built on your name, your e-mail address or the name of this product; choose another")
	}
	return nil
}

func (p *Policy) checkForm(password string) error {
	length := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		// A JSON decoder would replace such bytes, so the password set by a
		// command could never be typed into a client.
		return refuse("must be valid UTF-8")
	case strings.IndexByte(password, 0) >= 0:
		// bcrypt ends a password with NUL and repeats it: to it, "a" and
		// "a\x00a" are the same.
		return refuse("must not contain the NUL character")
	case length < p.minLength:
		return refuse("must have at least %d characters; it has %d", p.minLength, length)
	case len(password) > MaxBytes:
		return refuse("must not be longer than %d bytes (a plain letter takes 1, é takes 2, an emoji 4 or more); it has %d", MaxBytes, len(password))
	default:
		return nil
	}
}

// builtOn reports whether the password consists of context words and a trivial rest:
// without them, the rest must still be long enough and not a common password. A long
// phrase that happens to contain such a word is fine.
func (p *Policy) builtOn(lower string, words []string) bool {
	rest := lower
	for _, word := range words {
		rest = strings.ReplaceAll(rest, word, "")
	}
	if rest == lower {
		return false
	}
	return utf8.RuneCountInString(rest) < p.minLength || isCommon(rest)
}

func refuse(rule string, args ...any) error {
	return login.Invalid("password", rule, args...)
}
