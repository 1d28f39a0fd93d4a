package project

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The forms of YAML that a merge understands. Everything else is refused: lines that are
// appended to a form which was only guessed can give a file that no longer parses, or a
// second entry of a name.
var (
	keyLine = regexp.MustCompile(`^(?:"\w+"|'\w+'|\w+):(?: |$)`)
	anyKey  = regexp.MustCompile("^(?:\"[^\"\\\\]*\"|'[^']*'|[^\\s\"'{}\\[\\],&*!|>%@`#?:-][^\"'{}\\[\\]#:]*):(?: +(.*))?$")
	nameKey = regexp.MustCompile(`^(?:"name"|'name'|name):`)
	aName   = regexp.MustCompile(`^(?:"name"|'name'|name): +(?:"\w+"|'\w+'|\w+) *(?: #.*)?$`)
	double  = regexp.MustCompile(`^"(?:[^"\\]|\\.)*" *(?: #.*)?$`)
	single  = regexp.MustCompile(`^'(?:[^']|'')*' *(?: #.*)?$`)
	folded  = regexp.MustCompile(`^[|>](?:-?[1-9]?|[1-9]-) *(?: #.*)?$`)
)

// unknown is the error for a line in a form that the merge does not know.
func (f *yamlFile) unknown(i int, what string) error {
	return fmt.Errorf("%s, line %d: %s; write it as a block list that begins in the first column, as hasura metadata export does", f.name, i+1, what)
}

// check refuses a file in which a line does not stand for itself: a text, a list in
// brackets or a map in braces that goes on in the next line, an anchor, the end of a
// document.
func (f *yamlFile) check() error {
	text := -1 // the column of the key that has a block of text (| or >), while it lasts
	for i, line := range f.lines {
		if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool {
			return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' || r == '\ufeff'
		}) {
			return f.unknown(i, "a control character, or no UTF-8")
		}
		trimmed := strings.TrimSpace(line)
		if text >= 0 && trimmed != "" {
			if len(leading(line)) > text {
				if blank(line) {
					return f.unknown(i, "a text whose line looks like a comment")
				}
				continue
			}
			text = -1
		}
		if blank(line) {
			continue
		}
		value, column, ok := lineValue(line)
		switch {
		case !ok:
			return f.unknown(i, "neither \"key: …\" nor \"- …\"")
		case folded.MatchString(value):
			text = column
		case !whole(value):
			return f.unknown(i, "a value that is not whole on its line, or an anchor, an alias or a tag")
		}
	}
	return nil
}

// lineValue is what stands behind the dashes and the key of a line, and the column of
// the key, or of the last dash if there is none.
func lineValue(line string) (value string, column int, ok bool) {
	at := len(leading(line))
	rest, entry := line[at:], false
	for rest == "-" || strings.HasPrefix(rest, "- ") {
		entry, column = true, at
		next := strings.TrimLeft(rest[1:], " ")
		at += len(rest) - len(next)
		rest = next
	}
	if m := anyKey.FindStringSubmatch(rest); m != nil {
		return m[1], at, true
	}
	return rest, column, entry
}

// whole reports whether a value ends on its line.
func whole(value string) bool {
	if value == "" {
		return true
	}
	switch value[0] {
	case '"':
		return double.MatchString(value)
	case '\'':
		return single.MatchString(value)
	case '{', '[':
		return closed(value)
	case '!':
		return strings.HasPrefix(value, "!include ")
	}
	return !strings.ContainsRune("&*|>%@`?", rune(value[0]))
}

// closed reports whether brackets and braces end with the line.
func closed(value string) bool {
	depth, before := 0, byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case (c == '"' || c == '\'') && strings.IndexByte("{[,:", before) >= 0:
			length := quotedLength(value[i:])
			if length == 0 {
				return false
			}
			i += length - 1
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == '#' && i > 0 && value[i-1] == ' ':
			return false // the rest is a comment, and the brackets are open
		}
		if depth == 0 {
			rest := value[i+1:]
			return strings.TrimSpace(rest) == "" || strings.HasPrefix(rest, " ") && strings.HasPrefix(strings.TrimSpace(rest), "#")
		}
		if c != ' ' {
			before = c
		}
	}
	return false
}

// quotedLength is the length of the quoted text at the beginning; 0: it does not end.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[0] == '\'' && text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return 0
}

// mapping refuses a block that is no map of plain keys, one below the other.
func (f *yamlFile) mapping(within block) error {
	began := false
	for i := within.first; i < within.end; i++ {
		line := f.lines[i]
		if blank(line) {
			continue
		}
		depth := len(leading(line))
		isKey := depth == within.indent && keyLine.MatchString(line[depth:])
		if depth < within.indent || !began && !isKey || depth == within.indent && !isKey && !dashed(line[depth:]) {
			return f.unknown(i, "expected a key (\"name:\")")
		}
		began = true
	}
	return nil
}

// entryForm refuses an entry that is no map of plain keys.
func (f *yamlFile) entryForm(e block) error {
	margin := f.margin(e)
	for i := e.first; i < e.end; i++ {
		line := f.lines[i]
		if blank(line) || i == e.first && strings.TrimSpace(line) == "-" {
			continue
		}
		depth := margin
		if i > e.first {
			depth = len(leading(line))
		}
		if depth < margin || depth == margin && !keyLine.MatchString(line[margin:]) && (i == e.first || !dashed(line[margin:])) {
			return f.unknown(i, "an entry that is no map with a key on each line")
		}
	}
	return nil
}

// oneName refuses an entry without exactly one name, as a plain word.
func (f *yamlFile) oneName(e block) error {
	margin, found := f.margin(e), 0
	for i := e.first; i < e.end; i++ {
		line := f.lines[i]
		if len(line) < margin || i > e.first && len(leading(line)) != margin || !nameKey.MatchString(line[margin:]) {
			continue
		}
		if found++; !aName.MatchString(line[margin:]) {
			return f.unknown(i, "a name that is not one word")
		}
	}
	if found != 1 {
		return f.unknown(e.first, "an entry without exactly one name")
	}
	return nil
}

func dashed(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }
