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
	if !p.note(err) {
		return
	}
	changed := false
	for _, file := range tables {
		name := path.Base(file)
		if p.copyFile(file, path.Join(folder, name)) && !p.included(list, entries, name) {
			list.lines = append(list.lines, fmt.Sprintf("- \"!include %s\"", name))
			changed = true
		}
	}
	if changed {
		p.change(p.tables, list.bytes())
	}
	p.copyMigrations()
}

// included reports whether the list of tables has the file, and refuses a table that it
// defines by itself under the same name.
func (p *planner) included(list *yamlFile, entries []block, file string) bool {
	table := strings.TrimSuffix(strings.TrimPrefix(file, "public_"), ".yaml")
	for _, e := range entries {
		text := unquote(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(withoutComment(list.lines[e.first])), "-")))
		if target, ok := strings.CutPrefix(text, "!include "); ok && strings.TrimSpace(target) == file {
			return true
		}
		if tracked(list.lines[e.first:e.end], table) {
			p.refuse("%s, line %d: a table %s is tracked already; Hasura Login needs the name public.%s", list.name, e.first+1, table, table)
		}
	}
	return false
}

// tracked reports whether an entry defines a table of a name: the one that its key table
// has, in either style, not one that a relationship or a permission has.
func tracked(lines []string, table string) bool {
	name := regexp.MustCompile(`(^|[\s{,])name:\s*["']?` + regexp.QuoteMeta(table) + `["']?\s*([,}#]|$)`)
	for i, line := range lines {
		if i > 0 && (strings.Contains(line, "_relationships:") || strings.Contains(line, "_permissions:")) {
			return false
		}
		if name.MatchString(line) {
			return true
		}
	}
	return false
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
	theirs, err := fs.Glob(p.theirs, p.migrations+"/*")
	if !p.note(err) {
		return
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

// created finds the tables and schemas that a migration makes.
var created = regexp.MustCompile(`(?im)^\s*create\s+(table|schema|view|materialized\s+view)\s+(?:if\s+not\s+exists\s+)?((?:"?(\w+)"?\s*\.\s*)?"?(\w+)"?)`)

// made are the tables in schema public that our migrations make.
func (p *planner) made(migrations []string) []string {
	var names []string
	for _, file := range migrations {
		content, err := fs.ReadFile(p.ours, file)
		p.note(err)
		for _, m := range created.FindAllStringSubmatch(string(content), -1) {
			if strings.EqualFold(m[3], "public") {
				names = append(names, m[4])
			}
		}
	}
	return names
}

// checkMigration refuses a migration that makes what one of ours makes, or anything in
// the schema auth. Ours say IF NOT EXISTS, so they would pass over a table of that name
// and fail, or worse, later.
func (p *planner) checkMigration(folder string, names []string) {
	content, err := fs.ReadFile(p.theirs, path.Join(folder, "up.sql"))
	if err != nil {
		return // a file, or a migration without SQL
	}
	for _, m := range created.FindAllStringSubmatch(string(content), -1) {
		schema, name := strings.ToLower(m[3]), strings.ToLower(m[4])
		isSchema := strings.EqualFold(m[1], "schema")
		if schema == "auth" || isSchema && name == "auth" || !isSchema && (schema == "" || schema == "public") && slices.Contains(names, name) {
			p.refuse("%s/up.sql makes %s; Hasura Login needs the schema auth and the tables %s for itself. Rename yours (ALTER … RENAME), and squash your migrations if a later one has done so already", folder, m[2], strings.Join(names, ", "))
			return
		}
	}
}
