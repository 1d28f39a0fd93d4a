package project

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

const identifier = `(?:u&)?"[^"]*"|[\w$]+`

var (
	// created finds what a migration makes: everything that shares its names with tables.
	created = regexp.MustCompile(`(?i)\bcreate\s+(?:(?:or\s+replace|global|local|temp|temporary|unlogged|foreign|recursive|materialized|unique)\s+)*` +
		`(table|view|schema|sequence|type|domain|index)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?(?:authorization\s+)?((?:(` + identifier + `)\s*\.\s*)?(` + identifier + `))`)
	renamed = regexp.MustCompile(`(?i)\balter\s+(\w+)\s+[^;]*?\brename\s+to\s+(` + identifier + `)`)
	moved   = regexp.MustCompile(`(?i)\balter\s+\w+\s+[^;]*?(` + identifier + `)\s+set\s+schema\s+(` + identifier + `)`)
	comment = regexp.MustCompile(`--[^\n]*|/\*[\s\S]*?\*/`)
)

// withoutComments blanks comments out and keeps the lines. What looks like a comment may
// stand in a text; it then has the end of that text behind it, a quote or a dollar, and
// stays. So a comment can be taken for a statement, but no statement for a comment.
func withoutComments(sql string) string {
	return comment.ReplaceAllStringFunc(sql, func(c string) string {
		if strings.ContainsAny(c, "'$") || strings.Count(c, `"`)%2 == 1 {
			return c
		}
		return " " + strings.Repeat("\n", strings.Count(c, "\n"))
	})
}

// made are the tables in schema public that our migrations make.
func (p *planner) made(migrations []string) []string {
	var names []string
	for _, file := range migrations {
		content, err := fs.ReadFile(p.ours, file)
		p.note(err)
		for _, m := range created.FindAllStringSubmatch(withoutComments(string(content)), -1) {
			if strings.EqualFold(m[1], "table") && strings.EqualFold(m[3], "public") {
				names = append(names, plain(m[4]))
			}
		}
	}
	return names
}

// checkMigration refuses a migration that makes what one of ours makes, or anything in
// the schema auth. Ours say IF NOT EXISTS, so they would pass over a table of that name
// and fail, or worse, later. A migration is a folder with up.sql or up.yaml, or a file.
func (p *planner) checkMigration(entry string, names []string) {
	files := []string{entry}
	switch info, err := fs.Stat(p.theirs, entry); {
	case !p.note(err):
		return
	case info.IsDir():
		files = []string{path.Join(entry, "up.sql"), path.Join(entry, "up.yaml")}
	case strings.Contains(path.Base(entry), ".down."):
		return
	}
	for _, file := range files {
		content, err := fs.ReadFile(p.theirs, file)
		if errors.Is(err, fs.ErrNotExist) || !p.note(err) {
			continue
		}
		if what, line := clash(withoutComments(string(content)), names); what != "" {
			p.refuse("%s makes %s (line %d); Hasura Login needs the schema auth and the tables %s for itself. Rename yours (ALTER … RENAME), and squash your migrations if a later one has done so already", file, what, line, strings.Join(names, ", "))
		}
	}
}

// clash finds the first statement that makes a name of ours, and its line.
func clash(sql string, names []string) (what string, line int) {
	taken := func(schema, name string) bool {
		return schema == "auth" || (schema == "" || schema == "public") && slices.Contains(names, name) || strings.HasPrefix(name, "u&")
	}
	at := func(m []int, part int) string {
		if m[2*part] < 0 {
			return ""
		}
		return sql[m[2*part]:m[2*part+1]]
	}
	found := func(m []int, text string) (string, int) {
		return text, 1 + strings.Count(sql[:m[0]], "\n")
	}
	for _, m := range created.FindAllStringSubmatchIndex(sql, -1) {
		isSchema, name := strings.EqualFold(at(m, 1), "schema"), plain(at(m, 4))
		if isSchema && (name == "auth" || strings.HasPrefix(name, "u&")) || !isSchema && taken(plain(at(m, 3)), name) {
			return found(m, at(m, 2))
		}
	}
	for _, m := range renamed.FindAllStringSubmatchIndex(sql, -1) {
		isSchema, name := strings.EqualFold(at(m, 1), "schema"), plain(at(m, 2))
		if isSchema && name == "auth" || !isSchema && taken("", name) {
			return found(m, at(m, 2))
		}
	}
	for _, m := range moved.FindAllStringSubmatchIndex(sql, -1) {
		if schema := plain(at(m, 2)); taken(schema, plain(at(m, 1))) {
			return found(m, fmt.Sprintf("%s.%s", at(m, 2), at(m, 1)))
		}
	}
	return "", 0
}

// plain is a name without its quotes, in lower case.
func plain(name string) string { return strings.ToLower(strings.Trim(name, `"`)) }
