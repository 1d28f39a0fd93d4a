package login

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxSalutation is the longest name, in characters, that a mail repeats.
const maxSalutation = 60

// languageTag and languageTags check only the form of a language and of a list of them.
// The mailer knows which languages have templates.
var (
	languageTag  = regexp.MustCompile(`^` + tagForm + `$`)
	languageTags = regexp.MustCompile(`^` + tagForm + `(,` + tagForm + `){0,8}$`)
)

const tagForm = `[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,2}`

// mailLanguage returns the language that the request names, which must have the form of
// one. Without one, it returns the languages that the client prefers.
func mailLanguage(asked string, c Client) (string, error) {
	if asked != "" && !languageTag.MatchString(asked) {
		return "", Invalid("language", "not a language such as en or de")
	}
	if asked == "" && languageTags.MatchString(c.Language) {
		return c.Language, nil
	}
	return asked, nil
}

// linkCharacters matches a text that mail programs may show as a link.
var linkCharacters = regexp.MustCompile(`[/:@]|[.。]\S`)

// isLinkLike reports whether mail programs may show a text as a link. Domain names may
// also have full-width characters (UTS 46, 2.3).
func isLinkLike(text string) bool { return linkCharacters.MatchString(norm.NFKC.String(text)) }

// salutation is the owner's name as a mail may repeat it, or nothing. Only a mail
// to the account's verified address has it: anyone can sign up with somebody else's
// address, or ask to change to it, under a name that is a message.
func salutation(ua UserAccount, recipient string) string {
	name := ua.User.Name
	if recipient != ua.User.Email || ua.Account.EmailVerifiedAt.IsZero() ||
		utf8.RuneCountInString(name) > maxSalutation || isLinkLike(name) {
		return ""
	}
	return name
}

// Masked names an account to a person who may not be its owner: it shows enough of the
// address for the owner to recognise it, and too little to carry a message.
func Masked(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	return initial(local) + "•••@" + initial(domain) + "•••"
}

func initial(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		return ""
	}
	return string(r)
}
