package password

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// productWord belongs to the context of every password.
const productWord = "hasura"

// minContextWord is the length in characters from which a word of the context
// counts: shorter ones are in too many good passwords by chance.
const minContextWord = 4

// contextWords returns the words in the given strings, in lower case, longest first, so
// that "annamaria" comes before "anna". The words of an e-mail address are each of its
// pieces ("anna", "lang85", "lang" and "example" for anna.lang85@example.org) and its
// local part without separators ("annalang85").
func contextWords(context []string) []string {
	words := []string{productWord}
	for _, text := range context {
		text = norm.NFC.String(strings.ToLower(text)) // as prepare leaves a password
		local, _, _ := strings.Cut(text, "@")
		words = append(words, strings.FieldsFunc(text, notOfWord)...)
		words = append(words, strings.FieldsFunc(text, notLetter)...)
		words = append(words, strings.Join(strings.FieldsFunc(local, notOfWord), ""))
	}
	words = slices.DeleteFunc(words, func(word string) bool {
		return utf8.RuneCountInString(word) < minContextWord
	})
	slices.SortFunc(words, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return slices.Compact(words)
}

// notLetter counts marks as letters: several scripts write vowels with them.
func notLetter(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }

func notOfWord(r rune) bool { return notLetter(r) && !unicode.IsDigit(r) }
