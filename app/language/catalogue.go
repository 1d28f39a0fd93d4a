package language

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// English has every text; other languages take from it what they lack.
const English = "en"

//go:embed texts/*.json
var embedded embed.FS

// Catalogue holds the texts of the pages and mails in every language.
type Catalogue struct{ languages map[string]*Texts }

// Texts are the texts of one language. Placeholders are in braces: {email}.
type Texts struct {
	Tag string // in lower case
	// Missing are the texts that the language's own files do not have.
	Missing []string
	rules   language.Tag
	texts   map[string]text
}

// text is a text, or one for each plural form.
type text map[plural.Form]string

// Load reads the texts that come with the service and those of a folder, unless it is
// empty. A file LANGUAGE.json of the folder replaces single texts of a language or adds a
// language; what an added language lacks comes from the language without its region, and
// from English. A name or a placeholder that English does not have is an error: it is
// misspelt, and its text would never be seen.
func Load(folder string) (*Catalogue, error) {
	root, err := fs.Sub(embedded, "texts")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{map[string]*Texts{}}
	if err := c.read(root); err != nil {
		return nil, err
	}
	if folder != "" {
		if err := c.read(os.DirFS(folder)); err != nil {
			return nil, fmt.Errorf("the folder of texts %s: %w", folder, err)
		}
	}
	// Shorter tags first: pt is complete before pt-pt takes from it.
	for _, tag := range slices.Sorted(maps.Keys(c.languages)) {
		c.complete(c.languages[tag])
	}
	return c, nil
}

func (c *Catalogue) read(root fs.FS) error {
	names, err := fs.Glob(root, "*.json")
	if err != nil {
		return err
	}
	// English comes first, because it says which texts there are.
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, English+".json"), strings.TrimPrefix(b, English+".json"))
	})
	var problems []error
	for _, name := range names {
		content, err := fs.ReadFile(root, name)
		if err == nil {
			err = c.add(strings.ToLower(strings.TrimSuffix(name, ".json")), content)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

func (c *Catalogue) add(tag string, content []byte) error {
	rules, err := language.Parse(tag)
	if err != nil || !languageRange.MatchString(tag) {
		return errors.New("the file's name is not a language such as sv or pt-PT")
	}
	read, err := decode(content)
	if err != nil {
		return err
	}
	l := c.languages[tag]
	if l == nil {
		l = &Texts{Tag: tag, rules: rules, texts: map[string]text{}}
	}
	problems := []error{}
	for _, name := range slices.Sorted(maps.Keys(read)) {
		if tag != English || c.languages[English] != nil {
			problems = append(problems, c.check(l, name, read[name]))
		}
		l.texts[name] = read[name]
	}
	c.languages[tag] = l
	return errors.Join(problems...)
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// check compares a text with the English one.
func (c *Catalogue) check(l *Texts, name string, t text) error {
	model, known := c.languages[English].texts[name]
	if !known {
		return fmt.Errorf("%q is not the name of a text", name)
	}
	var there []string
	for _, form := range model {
		there = append(there, placeholder.FindAllString(form, -1)...)
	}
	for _, form := range t {
		for _, p := range placeholder.FindAllString(form, -1) {
			if !slices.Contains(there, p) {
				return fmt.Errorf("%q has no %s; it has %s", name, p, strings.Join(there, ", "))
			}
		}
	}
	if len(model) == 1 && len(t) > 1 {
		return fmt.Errorf("%q has no plural forms", name)
	}
	// A text that is the same for every number needs no forms.
	for _, form := range l.forms() {
		if _, ok := t[form]; !ok && len(t) > 1 {
			return fmt.Errorf("%q lacks the plural form %q", name, names[form])
		}
	}
	return nil
}

// complete fills in what a language lacks.
func (c *Catalogue) complete(l *Texts) {
	from := c.languages[English]
	for tag := cutShort(l.Tag); tag != ""; tag = cutShort(tag) {
		if c.languages[tag] != nil {
			from = c.languages[tag]
			break
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from.texts)) {
		if _, ok := l.texts[name]; !ok {
			l.Missing = append(l.Missing, name)
			l.texts[name] = from.texts[name]
		}
	}
}

// Has reports whether there is a language of this tag, in lower case.
func (c *Catalogue) Has(tag string) bool { return c.languages[tag] != nil }

// Languages lists what there is, by tag.
func (c *Catalogue) Languages() []*Texts {
	var all []*Texts
	for _, tag := range slices.Sorted(maps.Keys(c.languages)) {
		all = append(all, c.languages[tag])
	}
	return all
}

// Best returns the best of the languages in a list such as Preferred gives, or fallback,
// or English.
func (c *Catalogue) Best(preferred, fallback string) *Texts {
	tag, found := Lookup(preferred+","+fallback, c.Has)
	if !found {
		tag = English
	}
	return c.languages[tag]
}

// Text returns a text. pairs are the names of its placeholders, without braces, each
// followed by its value.
func (l *Texts) Text(name string, pairs ...string) string {
	t := l.texts[name]
	return fill(t[plural.Other], pairs)
}

// Count returns the form of a text for n things and replaces {n}.
func (l *Texts) Count(name string, n int, pairs ...string) string {
	t := l.texts[name]
	form, ok := t[plural.Cardinal.MatchPlural(l.rules, n, 0, 0, 0, 0)]
	if !ok {
		form = t[plural.Other]
	}
	return fill(form, append(pairs, "n", strconv.Itoa(n)))
}

// fill replaces placeholders. A value that looks like one stays as it is.
func fill(text string, pairs []string) string {
	if len(pairs) == 0 {
		return text
	}
	quoted := slices.Clone(pairs)
	for i := 0; i < len(quoted); i += 2 {
		quoted[i] = "{" + quoted[i] + "}"
	}
	return strings.NewReplacer(quoted...).Replace(text)
}

// Under returns the texts whose names begin with a prefix, by the rest of their names.
func (l *Texts) Under(prefix string) map[string]string {
	found := map[string]string{}
	for name, t := range l.texts {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			found[rest] = t[plural.Other]
		}
	}
	return found
}

// OwnName is the language's name in the language itself.
func (l *Texts) OwnName() string { return l.Text("language.name") }

// RightToLeft tells whether the language is written from right to left.
func (l *Texts) RightToLeft() bool { return l.Text("language.direction") == "rtl" }

// forms are the plural forms that the language has for small whole numbers.
func (l *Texts) forms() []plural.Form {
	var forms []plural.Form
	for n := range 201 {
		if form := plural.Cardinal.MatchPlural(l.rules, n, 0, 0, 0, 0); !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	if !slices.Contains(forms, plural.Other) {
		forms = append(forms, plural.Other)
	}
	return forms
}
