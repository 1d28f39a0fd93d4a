package project

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	ourTables     = "metadata/databases/default/tables"
	ourMigrations = "migrations/default"
)

// tablesAndMigrations copies the files of the tables and of the migrations.
func (p *planner) tablesAndMigrations() {
	folder := path.Dir(p.tables)
	tables, err := fs.Glob(p.ours, ourTables+"/*_*.yaml")
	if !p.note(err) {
		return
	}
	list, err := readYAML(p.theirs, p.tables)
	if !p.note(err) {
		return
	}
	if len(list.lines) == 1 && strings.TrimSpace(list.lines[0]) == "[]" {
		list.lines = nil
	}
	entries, err := list.entries(list.all())
	if !p.note(err) || !p.note(list.check()) {
		return
	}
	changed := false
	for _, file := range tables {
		name := path.Base(file)
		if has := p.included(list, entries, name); p.copyFile(file, path.Join(folder, name)) && !has {
			list.lines = append(list.lines, fmt.Sprintf("- \"!include %s\"", name))
			changed = true
		}
	}
	if changed {
		p.change(p.tables, list.bytes())
	}
	p.copyMigrations()
}

// included reports whether the list of tables has the file, and refuses a table that is
// tracked under the same name, in the list or in another file.
func (p *planner) included(list *yamlFile, entries []block, file string) bool {
	table, found := strings.TrimSuffix(strings.TrimPrefix(file, "public_"), ".yaml"), false
	for _, e := range entries {
		text := unquote(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(withoutComment(list.lines[e.first])), "-")))
		target, include := strings.CutPrefix(text, "!include ")
		if target = path.Clean(strings.TrimSpace(target)); include && target == file {
			found = true
			continue
		}
		if have, ok := p.table(list, e, include, target); ok && have == table {
			p.refuse("%s, line %d: a table %s is tracked already; Hasura Login needs the name public.%s", list.name, e.first+1, table, table)
		}
	}
	return found
}

// table is the name of the table of an entry, if it is in schema public.
func (p *planner) table(list *yamlFile, e block, include bool, target string) (name string, ok bool) {
	if !include {
		if !p.note(list.entryForm(e)) {
			return "", false
		}
		name, schema, err := list.table(block{first: e.first, end: e.end, indent: list.margin(e)})
		return name, p.note(err) && (schema == "" || schema == "public")
	}
	f, err := readYAML(p.theirs, path.Join(path.Dir(p.tables), target))
	if err != nil {
		p.refuse("%s, line %d: %w", list.name, e.first+1, err)
		return "", false
	}
	name, schema, err := f.table(f.all())
	return name, p.note(err) && (schema == "" || schema == "public")
}

const word = `("[^"\\]*"|'[^']*'|[\w$][^"'{}\[\],:#&*!|>\\]*)`

var (
	tableKey   = regexp.MustCompile(`^(?:"table"|'table'|table):(?: +(.*))?$`)
	tableWord  = regexp.MustCompile(`^` + word + ` *$`)
	tableLine  = regexp.MustCompile(`^["']?(name|schema)["']?: +` + word + ` *$`)
	tableBrace = regexp.MustCompile(`^\{ *["']?(name|schema)["']?: *` + word + ` *(?:, *["']?(name|schema)["']?: *` + word + ` *)?\} *$`)
)

// table reads the value of the key table among the lines of a block.
func (f *yamlFile) table(within block) (name, schema string, err error) {
	parts := map[string]string{}
	put := func(key, value string) { parts[key] = unquote(strings.TrimSpace(value)) }
	at := -1
	for i := within.first; i < within.end; i++ {
		line := f.lines[i]
		if blank(line) || len(line) < within.indent || !f.startsAt(within, i) {
			continue
		}
		m := tableKey.FindStringSubmatch(line[within.indent:])
		if m == nil {
			continue
		}
		if at >= 0 {
			return "", "", f.unknown(i, "table is there twice")
		}
		at = i
		inline := strings.TrimSpace(withoutComment(m[1]))
		if b := tableBrace.FindStringSubmatch(inline); b != nil {
			put(b[1], b[2])
			put(b[3], b[4])
		} else if tableWord.MatchString(inline) {
			put("name", inline)
		} else if inline != "" {
			return "", "", f.unknown(i, "a table in a form that is not known")
		}
	}
	if at < 0 {
		return "", "", f.unknown(within.first, "no key table")
	}
	for i := at + 1; i < within.end && (blank(f.lines[i]) || len(leading(f.lines[i])) > within.indent); i++ {
		if blank(f.lines[i]) {
			continue
		}
		m := tableLine.FindStringSubmatch(strings.TrimSpace(withoutComment(f.lines[i])))
		if m == nil || parts[m[1]] != "" {
			return "", "", f.unknown(i, "a table in a form that is not known")
		}
		put(m[1], m[2])
	}
	if parts["name"] == "" {
		return "", "", f.unknown(at, "a table without a name")
	}
	return parts["name"], parts["schema"], nil
}

// startsAt reports whether a line has its text in the column of a block, or is the first
// of an entry, which has a dash before it.
func (f *yamlFile) startsAt(within block, i int) bool {
	return len(leading(f.lines[i])) == within.indent || i == within.first && within.indent > 0
}

// copyFile plans a file of ours. It refuses another file of that name.
func (p *planner) copyFile(from, to string) bool {
	content, err := fs.ReadFile(p.ours, from)
	if !p.note(err) {
		return false
	}
	have, err := fs.ReadFile(p.theirs, to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.change(to, content)
	case err != nil:
		p.note(err)
		return false
	case same(have, content):
	case path.Ext(to) == ".yaml" && p.installed():
		p.plan.Kept = append(p.plan.Kept, to+" differs from this release's")
	default:
		p.refuse("%s is there, with another content than Hasura Login's. If it is yours, rename it", to)
		return false
	}
	return true
}

// installed reports whether the project has Hasura Login already: then its table files may
// have permissions of the project's own.
func (p *planner) installed() bool {
	const first = "1764000000000_init/up.sql"
	ours, err := fs.ReadFile(p.ours, path.Join(ourMigrations, first))
	if !p.note(err) {
		return false
	}
	theirs, err := fs.ReadFile(p.theirs, path.Join(p.migrations, first))
	return err == nil && same(ours, theirs)
}

// same compares text without regard to line ends and blanks at their end.
func same(a, b []byte) bool {
	norm := func(text []byte) string {
		lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimRight(lines[i], " \t")
		}
		return strings.TrimRight(strings.Join(lines, "\n"), "\n")
	}
	return bytes.Equal(a, b) || norm(a) == norm(b)
}

// copyMigrations copies each migration, and refuses one of the project's that has the same
// number, or makes what ours makes.
func (p *planner) copyMigrations() {
	ours, err := fs.Glob(p.ours, ourMigrations+"/*/*.sql")
	if !p.note(err) {
		return
	}
	there, err := fs.ReadDir(p.theirs, p.migrations)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.note(err)
		return
	}
	var theirs []string
	for _, entry := range there {
		theirs = append(theirs, path.Join(p.migrations, entry.Name()))
	}
	numbers := map[string]string{}
	for _, folder := range theirs {
		number, _, _ := strings.Cut(path.Base(folder), "_")
		numbers[number] = path.Base(folder)
	}
	var mine []string
	for _, file := range ours {
		folder := path.Base(path.Dir(file))
		mine = append(mine, folder)
		number, _, _ := strings.Cut(folder, "_")
		if other := numbers[number]; other != "" && other != folder {
			p.refuse("%s/%s has the number of Hasura Login's migration %s; the Hasura CLI would run only one of them", p.migrations, other, folder)
			numbers[number] = "" // said once
			continue
		}
		p.copyFile(file, path.Join(p.migrations, folder, path.Base(file)))
	}
	names := p.made(ours)
	for _, folder := range theirs {
		if !slices.Contains(mine, path.Base(folder)) {
			p.checkMigration(folder, names)
		}
	}
}
