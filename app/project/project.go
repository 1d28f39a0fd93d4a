// Package project adds Hasura Login to a project of the Hasura CLI that exists already:
// its actions, custom types, tables and migrations. It changes files as text, so that
// comments and order stay, and nothing before all of it is known to fit.
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

// Change is a file that is added, or changed.
type Change struct {
	Path string
	Old  []byte // nil: the file is new
	New  []byte
}

// Plan is what Add would do.
type Plan struct {
	Changes []Change
	// Kept names what the project has already in a form of its own.
	Kept []string
}

// layout is where a project keeps its parts.
type layout struct {
	metadata   string
	migrations string // of the source
	tables     string // the file that lists the tables of the source
}

// Options say what of ours a project gets.
type Options struct {
	Source    string // the name of the database that gets the tables
	NoActions bool   // only tables and migrations, for engines that serve no actions
}

// New compares a project with ours and returns the additions that it needs. If anything
// does not fit, the error lists every problem.
func New(theirs, ours fs.FS, o Options) (*Plan, error) {
	theirs = regular{theirs}
	at, err := find(theirs, o.Source)
	if err != nil {
		return nil, printable{err}
	}
	p := &planner{theirs: theirs, ours: ours, layout: at}
	if !o.NoActions {
		p.types()
		p.actions()
	}
	p.tablesAndMigrations()
	if len(p.problems) > 0 {
		return nil, printable{errors.Join(p.problems...)}
	}
	slices.SortFunc(p.plan.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return &p.plan, nil
}

type planner struct {
	theirs, ours fs.FS
	layout
	plan     Plan
	problems []error
}

func (p *planner) refuse(format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf(format, args...))
}

// note refuses an error, if there is one, and reports whether there was none.
func (p *planner) note(err error) bool {
	if err != nil {
		p.problems = append(p.problems, err)
	}
	return err == nil
}

func (p *planner) change(name string, content []byte) {
	old, err := fs.ReadFile(p.theirs, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.note(err)
		return
	}
	if err == nil && old == nil {
		old = []byte{}
	}
	if err != nil || !bytes.Equal(old, content) {
		p.plan.Changes = append(p.plan.Changes, Change{Path: name, Old: old, New: content})
	}
}

// find reads config.yaml, version.yaml and databases.yaml as far as it needs them.
func find(theirs fs.FS, source string) (layout, error) {
	config, err := readYAML(theirs, "config.yaml")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return layout{}, errors.New("config.yaml is missing: this is no project of the Hasura CLI. Name the folder that hasura init made")
		}
		return layout{}, err
	}
	if v := config.value("version"); v != "3" {
		return layout{}, fmt.Errorf("config.yaml: version is %q; only projects of version 3 can be changed. Update it first with hasura scripts update-project-v3", v)
	}
	at := layout{metadata: "metadata", migrations: "migrations"}
	for key, into := range map[string]*string{"metadata_directory": &at.metadata, "migrations_directory": &at.migrations} {
		if v := config.value(key); v != "" {
			*into = path.Clean(v)
		}
		if !fs.ValidPath(*into) {
			return layout{}, fmt.Errorf("config.yaml: %s leads out of the project: %s", key, *into)
		}
	}
	at.migrations = path.Join(at.migrations, source)
	version, err := readYAML(theirs, path.Join(at.metadata, "version.yaml"))
	if err != nil {
		return layout{}, err
	}
	if v := version.value("version"); v != "3" {
		return layout{}, fmt.Errorf("%s: version is %q; only metadata of version 3 can be changed", version.name, v)
	}
	at.tables, err = tablesFile(theirs, path.Join(at.metadata, "databases"), source)
	return at, err
}

func tablesFile(theirs fs.FS, folder, source string) (string, error) {
	databases, err := readYAML(theirs, path.Join(folder, "databases.yaml"))
	if err != nil {
		return "", err
	}
	sources, err := databases.entries(databases.all())
	if err != nil {
		return "", err
	}
	var names []string
	for _, s := range sources {
		name := databases.own(s, "name")
		names = append(names, name)
		if name != source {
			continue
		}
		if kind := databases.own(s, "kind"); kind != "postgres" {
			return "", fmt.Errorf("%s: the database %s is of kind %s; Hasura Login needs Postgres", databases.name, source, kind)
		}
		target, ok := strings.CutPrefix(databases.own(s, "tables"), "!include ")
		if !ok {
			return "", fmt.Errorf("%s: the tables of %s stand in this file; give them a file of their own, as hasura metadata export does", databases.name, source)
		}
		return path.Join(folder, strings.TrimSpace(target)), nil
	}
	return "", fmt.Errorf("%s has no database %s; choose one with --source: %s", databases.name, source, strings.Join(names, ", "))
}

func readYAML(files fs.FS, name string) (*yamlFile, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	return parseYAML(name, content)
}

// value is that of a key at the left margin.
func (f *yamlFile) value(key string) string {
	_, inline, _, err := f.key(f.all(), key)
	if err != nil {
		return ""
	}
	return unquote(inline)
}

// types adds the custom types and the actions' signatures to actions.graphql.
func (p *planner) types() {
	name := path.Join(p.metadata, "actions.graphql")
	content, err := fs.ReadFile(p.theirs, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.note(err)
		return
	}
	source, err := fs.ReadFile(p.ours, "metadata/actions.graphql")
	if !p.note(err) {
		return
	}
	their, err := definitions(name, string(content))
	if !p.note(err) {
		return
	}
	our, err := definitions("actions.graphql", string(source))
	if !p.note(err) {
		return
	}
	known := map[string]definition{}
	for _, d := range their {
		known[d.name] = d
	}
	missing := map[string]bool{}
	for _, d := range our {
		what := "type"
		if d.action {
			what = "action"
		}
		switch have, ok := known[d.name]; {
		case !ok:
			missing[d.name] = true
		case have.action != d.action:
			p.refuse("%s: %s is the name of something else; Hasura Login needs it for its %s", name, d.name, what)
		case have.text == d.text:
		case !d.action && !p.installed():
			p.refuse("%s: a type %s is there, with other fields than Hasura Login's. Rename yours, or bring it to:\n  %s", name, d.name, tidy(d.text))
		default:
			p.plan.Kept = append(p.plan.Kept, fmt.Sprintf("%s: the %s %s differs from this release's: %s", name, what, d.name, tidy(d.text)))
		}
	}
	if added := only(string(source), our, missing); added != "" {
		text := strings.TrimRight(string(content), "\r\n")
		end := "\n"
		if strings.Contains(text, "\r\n") {
			end, added = "\r\n", strings.ReplaceAll(added, "\n", "\r\n")
		}
		if text != "" {
			text += end + end
		}
		p.change(name, []byte(text+added))
	}
}

// only writes the definitions that are missing, in the order and form of the source. The
// Hasura CLI takes several blocks of Query and Mutation.
func only(source string, all []definition, missing map[string]bool) string {
	if !slices.ContainsFunc(all, func(d definition) bool { return missing[d.name] }) {
		return ""
	}
	if !slices.ContainsFunc(all, func(d definition) bool { return !missing[d.name] }) {
		return source
	}
	var b strings.Builder
	for _, d := range all {
		switch root, field, _ := strings.Cut(d.text, " "); {
		case !missing[d.name]:
		case d.action:
			fmt.Fprintf(&b, "type %s {\n  %s\n}\n\n", root, tidy(field))
		default:
			fmt.Fprintf(&b, "%s\n\n", tidy(d.text))
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// tidy sets normalised text as a person would.
func tidy(text string) string {
	text = strings.NewReplacer(" ( ", "(", " )", ")", " : ", ": ", " !", "!", "[ ", "[", " ]", "]").Replace(text)
	return argument.ReplaceAllString(text, "$1, $2")
}

// argument is the place between two arguments.
var argument = regexp.MustCompile(`([\w!\]]) (\w+: )`)
