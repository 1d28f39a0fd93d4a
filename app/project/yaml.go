package project

import (
	"fmt"
	"strings"
)

// yamlFile is a YAML file as lines. It is edited as text, by inserting lines only, so that
// its comments, its order and its style stay. It knows the form that the Hasura CLI
// writes: keys at the start of a line, lists with one entry after the other.
type yamlFile struct {
	name  string
	lines []string
	crlf  bool
}

func parseYAML(name string, content []byte) (*yamlFile, error) {
	text := strings.TrimPrefix(string(content), "\ufeff")
	f := &yamlFile{name: name, crlf: strings.Contains(text, "\r\n")}
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text != "" {
		f.lines = strings.Split(text, "\n")
	}
	for i, line := range f.lines {
		if strings.Contains(leading(line), "\t") {
			return nil, fmt.Errorf("%s, line %d: a tab before the text is not YAML", name, i+1)
		}
		if i > 0 && strings.HasPrefix(line, "---") {
			return nil, fmt.Errorf("%s, line %d: a second document; the Hasura CLI reads only one", name, i+1)
		}
	}
	return f, nil
}

func (f *yamlFile) bytes() []byte {
	end := "\n"
	if f.crlf {
		end = "\r\n"
	}
	return []byte(strings.Join(f.lines, end) + end)
}

// block is a part of the file: the lines from first to, but not including, end. indent is
// that of its entries.
type block struct{ first, end, indent int }

// key finds "name:" among the lines of a block, at the given indent. The block of its
// value follows; inline is what stands on the line itself.
func (f *yamlFile) key(within block, name string) (value block, inline string, at int, err error) {
	at = -1
	for i := within.first; i < within.end; i++ {
		line := f.lines[i]
		if blank(line) || len(leading(line)) != within.indent {
			continue
		}
		text := line[within.indent:]
		for _, form := range []string{name, `"` + name + `"`, `'` + name + `'`} {
			rest, ok := strings.CutPrefix(text, form+":")
			if !ok || rest != "" && rest[0] != ' ' {
				continue
			}
			if at >= 0 {
				return block{}, "", -1, fmt.Errorf("%s, line %d: %s is there twice", f.name, i+1, name)
			}
			at, inline = i, strings.TrimSpace(withoutComment(rest))
		}
	}
	if at < 0 {
		return block{}, "", -1, nil
	}
	value = block{first: at + 1, end: at + 1, indent: within.indent}
	for i := at + 1; i < within.end; i++ {
		line := f.lines[i]
		if blank(line) {
			continue
		}
		// The entries of a list may stand as far to the left as the key.
		if depth := len(leading(line)); depth < within.indent || depth == within.indent && !strings.HasPrefix(line[depth:], "-") {
			break
		}
		if value.end == value.first {
			value.indent = len(leading(line))
		}
		value.end = i + 1
	}
	return value, inline, at, nil
}

func (f *yamlFile) all() block { return block{end: len(f.lines)} }

// entries are the blocks of a list's entries.
func (f *yamlFile) entries(list block) ([]block, error) {
	var found []block
	for i := list.first; i < list.end; i++ {
		line := f.lines[i]
		if blank(line) {
			continue
		}
		depth := len(leading(line))
		if depth < list.indent || depth == list.indent && line[depth:] != "-" && !strings.HasPrefix(line[depth:], "- ") {
			return nil, fmt.Errorf("%s, line %d: expected an entry of a list (\"- …\")", f.name, i+1)
		}
		if depth > list.indent && len(found) == 0 {
			return nil, f.unknown(i, "a list that is indented")
		}
		if depth == list.indent {
			found = append(found, block{first: i, end: i + 1})
		} else if len(found) > 0 {
			found[len(found)-1].end = i + 1
		}
	}
	return found, nil
}

// margin is the column of an entry's keys.
func (f *yamlFile) margin(entry block) int {
	first := f.lines[entry.first]
	for i := entry.first + 1; strings.TrimSpace(first) == "-" && i < entry.end; i++ {
		if !blank(f.lines[i]) { // the dash stands alone
			return len(leading(f.lines[i]))
		}
	}
	return len(first) - len(strings.TrimLeft(strings.TrimLeft(first, " ")[1:], " ")) // behind the dash
}

// own is the value of a key of the entry itself, such as name in "- name: signin".
func (f *yamlFile) own(entry block, key string) string {
	margin := f.margin(entry)
	for i := entry.first; i < entry.end; i++ {
		line := f.lines[i]
		if i > entry.first && (blank(line) || len(leading(line)) != margin) || len(line) < margin {
			continue
		}
		for _, form := range []string{key, `"` + key + `"`, `'` + key + `'`} {
			if rest, ok := strings.CutPrefix(line[margin:], form+":"); ok && (rest == "" || rest[0] == ' ') {
				return unquote(strings.TrimSpace(withoutComment(rest)))
			}
		}
	}
	return ""
}

// scalar is the first value of a key anywhere in an entry.
func (f *yamlFile) scalar(entry block, key string) string {
	for i := entry.first; i < entry.end; i++ {
		text := strings.TrimLeft(f.lines[i], " ")
		text = strings.TrimLeft(strings.TrimPrefix(text, "-"), " ")
		if rest, ok := strings.CutPrefix(text, key+":"); ok && (rest == "" || rest[0] == ' ') {
			return unquote(strings.TrimSpace(withoutComment(rest)))
		}
	}
	return ""
}

// text is an entry without its indent, to compare it with another file's.
func (f *yamlFile) text(entry block) string {
	if entry.first >= entry.end {
		return ""
	}
	depth := len(leading(f.lines[entry.first]))
	var b strings.Builder
	for _, line := range f.lines[entry.first:entry.end] {
		if !blank(line) {
			b.WriteString(strings.TrimRight(line[min(depth, len(leading(line))):], " ") + "\n")
		}
	}
	return b.String()
}

// appendTo adds lines to the end of the list under a chain of keys. Keys that are missing
// are added. lines are indented as entries at the left margin.
func (f *yamlFile) appendTo(keys []string, lines []string) error {
	within := f.all()
	for n, name := range keys {
		value, inline, at, err := f.key(within, name)
		if err != nil {
			return err
		}
		last := n == len(keys)-1
		empty := inline == "" || inline == "[]" && last || inline == "{}" && !last || inline == "null" || inline == "~"
		switch {
		case at < 0:
			indent := within.indent
			f.insert(within.end, []string{strings.Repeat(" ", indent) + name + ":"})
			value = block{first: within.end + 1, end: within.end + 1, indent: indent + 2}
		case !empty:
			return fmt.Errorf("%s, line %d: %s stands on one line (%s); write it as the Hasura CLI does, one entry after the other (hasura metadata export)", f.name, at+1, name, inline)
		case inline != "":
			f.lines[at] = strings.TrimRight(strings.Replace(f.lines[at], inline, "", 1), " ")
			fallthrough
		case value.first == value.end:
			value.indent = within.indent + 2
		}
		if last {
			indented := make([]string, len(lines))
			for i, line := range lines {
				indented[i] = strings.TrimRight(strings.Repeat(" ", value.indent)+line, " ")
			}
			f.insert(value.end, indented)
			return nil
		}
		within = value
	}
	return nil
}

func (f *yamlFile) insert(at int, lines []string) {
	f.lines = append(f.lines[:at:at], append(append([]string{}, lines...), f.lines[at:]...)...)
}

func blank(line string) bool {
	text := strings.TrimSpace(line)
	return text == "" || text[0] == '#' || strings.TrimRight(line, " ") == "---"
}

func leading(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// withoutComment cuts a comment after a value.
func withoutComment(text string) string {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && (i == 0 || text[i-1] == ' '):
			return text[:i]
		}
	}
	return text
}

func unquote(text string) string {
	if len(text) >= 2 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0] {
		return text[1 : len(text)-1]
	}
	return text
}
