package project

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// typeLists are the lists of custom types in actions.yaml.
var typeLists = []string{"enums", "input_objects", "objects", "scalars"}

// actions adds the actions and the names of the custom types to actions.yaml.
func (p *planner) actions() {
	name := path.Join(p.metadata, "actions.yaml")
	their, err := readYAML(p.theirs, name)
	if errors.Is(err, fs.ErrNotExist) {
		their, err = &yamlFile{name: name}, nil
	}
	if !p.note(err) {
		return
	}
	our, err := readYAML(p.ours, "metadata/actions.yaml")
	if !p.note(err) {
		return
	}
	if !p.note(their.check()) {
		return
	}
	known, err := their.named("actions")
	if !p.note(err) {
		return
	}
	mine, err := our.named("actions")
	if !p.note(err) {
		return
	}
	var missing []string
	for _, action := range mine.order {
		entry := mine.by[action]
		have, there := known.by[action]
		switch {
		case !there:
			missing = append(missing, our.dedented(entry)...)
		case their.scalar(have, "handler") != our.scalar(entry, "handler"):
			p.refuse("%s: an action %s is there, with the handler %s; Hasura Login needs the name. Rename yours", name, action, their.scalar(have, "handler"))
		case their.text(have) != our.text(entry):
			p.plan.Kept = append(p.plan.Kept, fmt.Sprintf("%s: the action %s differs from this release's", name, action))
		}
	}
	if len(missing) > 0 {
		p.note(their.appendTo([]string{"actions"}, missing))
	}
	for _, list := range typeLists {
		p.addNames(their, our, list)
	}
	if len(p.problems) == 0 {
		p.change(name, their.bytes())
	}
}

// addNames adds the names of custom types of one list.
func (p *planner) addNames(their, our *yamlFile, list string) {
	known, err := their.named("custom_types", list)
	if !p.note(err) {
		return
	}
	mine, err := our.named("custom_types", list)
	if !p.note(err) {
		return
	}
	var missing []string
	for _, name := range mine.order {
		if _, there := known.by[name]; !there {
			missing = append(missing, our.dedented(mine.by[name])...)
		}
	}
	if len(missing) > 0 {
		p.note(their.appendTo([]string{"custom_types", list}, missing))
	}
}

// names are the entries of a list by their name.
type names struct {
	order []string
	by    map[string]block
}

// named reads the list under a chain of keys; a missing one is empty.
func (f *yamlFile) named(keys ...string) (names, error) {
	found := names{by: map[string]block{}}
	within := f.all()
	for _, key := range keys {
		if err := f.mapping(within); err != nil {
			return found, err
		}
		value, inline, at, err := f.key(within, key)
		if err != nil || at < 0 {
			return found, err
		}
		if inline != "" && value.first < value.end {
			return found, f.unknown(at, key+" has a value on its line and below it")
		}
		within = value
	}
	entries, err := f.entries(within)
	for _, e := range entries {
		if err := errors.Join(f.entryForm(e), f.oneName(e)); err != nil {
			return found, err
		}
		name := f.own(e, "name")
		found.order = append(found.order, name)
		found.by[name] = e
	}
	return found, err
}

// dedented are the lines of an entry, at the left margin.
func (f *yamlFile) dedented(entry block) []string {
	return strings.Split(strings.TrimSuffix(f.text(entry), "\n"), "\n")
}
