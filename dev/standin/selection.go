package standin

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// field is a selected field, checked against the role's schema.
type field struct {
	key       string // alias or name: where the answer goes
	name      string
	path      string               // of names, not aliases
	def       *ast.FieldDefinition // nil for __typename
	args      map[string]any
	selection []*field
	parent    *ast.Definition
}

// selector checks selections as Hasura does: in document order, up to the
// first error. Paths hold names, not aliases.
type selector struct {
	coercer
	fragments ast.FragmentDefinitionList
}

// pending is a field with the selections of all its occurrences.
type pending struct {
	*ast.Field
	selection ast.SelectionSet
}

func (c selector) selection(set ast.SelectionSet, parent *ast.Definition, path string) ([]*field, *graphqlError) {
	path += ".selectionSet"
	var merged []*pending
	if refused := c.flatten(set, parent, path, &merged); refused != nil {
		return nil, refused
	}
	fields := make([]*field, 0, len(merged))
	for _, p := range merged {
		f, refused := c.field(p, parent, path+"."+p.Name)
		if refused != nil {
			return nil, refused
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (c selector) field(p *pending, parent *ast.Definition, path string) (*field, *graphqlError) {
	f := &field{key: p.Alias, name: p.Name, path: path, parent: parent, args: map[string]any{}}
	if p.Name == "__typename" {
		return f, nil
	}
	f.def = parent.Fields.ForName(p.Name)
	if f.def == nil {
		return nil, invalid(path, "field '%s' not found in type: '%s'", p.Name, parent.Name)
	}
	for _, a := range p.Arguments {
		if f.def.Arguments.ForName(a.Name) == nil {
			return nil, invalid(path, "'%s' has no argument named '%s'", p.Name, a.Name)
		}
	}
	for _, a := range f.def.Arguments {
		var in input
		given := p.Arguments.ForName(a.Name)
		if given != nil {
			in.literal = given.Value
		} else if a.DefaultValue != nil {
			in.literal = a.DefaultValue
		}
		value, present, refused := c.as(a.Directives).member(in, in.literal != nil, a.Type, a.Name, path+".args."+a.Name)
		if refused != nil {
			return nil, refused
		}
		if present {
			f.args[a.Name] = value
		}
	}
	def := c.schema.Types[f.def.Type.Name()]
	if !def.IsCompositeType() {
		if len(p.selection) > 0 {
			return nil, invalid(path, "unexpected subselection set for non-object field")
		}
		return f, nil
	}
	if len(p.selection) == 0 {
		return nil, invalid(path+".selectionSet", "missing selection set for '%s'", def.Name)
	}
	var refused *graphqlError
	f.selection, refused = c.selection(p.selection, def, path)
	return f, refused
}

// flatten inlines fragments, applies @skip and @include, and merges fields of
// one key.
func (c selector) flatten(set ast.SelectionSet, parent *ast.Definition, path string, merged *[]*pending) *graphqlError {
	for _, s := range set {
		var refused *graphqlError
		switch s := s.(type) {
		case *ast.Field:
			refused = c.addField(s, path, merged)
		case *ast.InlineFragment:
			refused = c.spread(s.Directives, s.TypeCondition, s.SelectionSet, parent, path, merged)
		case *ast.FragmentSpread:
			def := c.fragments.ForName(s.Name)
			if def == nil {
				refused = invalid(path, "reference to undefined fragment %q", s.Name)
			} else {
				refused = c.spread(s.Directives, def.TypeCondition, def.SelectionSet, parent, path, merged)
			}
		}
		if refused != nil {
			return refused
		}
	}
	return nil
}

func (c selector) spread(d ast.DirectiveList, on string, set ast.SelectionSet, parent *ast.Definition, path string, merged *[]*pending) *graphqlError {
	keep, refused := c.included(d, path)
	if refused != nil || !keep || on != "" && on != parent.Name {
		return refused
	}
	return c.flatten(set, parent, path, merged)
}

func (c selector) addField(f *ast.Field, path string, merged *[]*pending) *graphqlError {
	keep, refused := c.included(f.Directives, path)
	if refused != nil || !keep {
		return refused
	}
	for _, p := range *merged {
		if p.Alias != f.Alias {
			continue
		}
		if p.Name != f.Name {
			return invalid(path, "selection of both '%s' and '%s' specify the same response name, '%s'", p.Name, f.Name, f.Alias)
		}
		if !sameArguments(p.Arguments, f.Arguments) {
			return invalid(path, "inconsistent arguments between multiple selections of field '%s'", f.Name)
		}
		p.selection = append(slices.Clone(p.selection), f.SelectionSet...)
		return nil
	}
	*merged = append(*merged, &pending{f, f.SelectionSet})
	return nil
}

func sameArguments(a, b ast.ArgumentList) bool {
	if len(a) != len(b) {
		return false
	}
	for _, arg := range a {
		other := b.ForName(arg.Name)
		if other == nil || other.Value.String() != arg.Value.String() {
			return false
		}
	}
	return true
}

// included evaluates @skip and @include; other directives are unknown.
func (c selector) included(list ast.DirectiveList, path string) (bool, *graphqlError) {
	for _, d := range list {
		if d.Name != "skip" && d.Name != "include" {
			return false, invalid(path, "directive '%s' is not defined in the schema", d.Name)
		}
		var in input
		if a := d.Arguments.ForName("if"); a != nil {
			in.literal = a.Value
		}
		value, _, refused := c.member(in, in.literal != nil, ast.NonNullNamedType("Boolean", nil), "if", path+"."+d.Name+".args.if")
		if refused != nil {
			return false, refused
		}
		if value == (d.Name == "skip") {
			return false, nil
		}
	}
	return true, nil
}
