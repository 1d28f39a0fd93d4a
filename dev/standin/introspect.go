package standin

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// introspector answers __schema and __type from the role's own schema, so that a client
// only sees what it may do. Hasura CE cannot disable introspection.
type introspector struct{ *roleSchema }

// members are an introspection object's fields by name.
type members map[string]func(f *field) json.RawMessage

func (m members) render(selection []*field) json.RawMessage {
	var o object
	for _, f := range selection {
		switch value, ok := m[f.name]; {
		case f.name == "__typename":
			o.add(f.key, mustJSON(f.parent.Name))
		case ok:
			o.add(f.key, value(f))
		default:
			o.add(f.key, jsonNull)
		}
	}
	return o.json()
}

func constant(v any) func(*field) json.RawMessage {
	return func(*field) json.RawMessage { return mustJSON(v) }
}

// text is a string that is null when empty.
func text(s string) func(*field) json.RawMessage {
	if s == "" {
		return constant(nil)
	}
	return constant(s)
}

func listOf[T any](values []T, each func(T, []*field) json.RawMessage) func(*field) json.RawMessage {
	return func(f *field) json.RawMessage {
		list := make([]json.RawMessage, 0, len(values))
		for _, v := range values {
			list = append(list, each(v, f.selection))
		}
		return array(list)
	}
}

// byName sorts a copy, as the engine sorts all that it lists.
func byName[T any](values []T, name func(T) string) []T {
	return slices.SortedFunc(slices.Values(values), func(a, b T) int { return strings.Compare(name(a), name(b)) })
}

func (i introspector) answer(f *field) json.RawMessage {
	if f.name == "__type" {
		name, _ := f.args["name"].(string)
		if def := i.Types[name]; def != nil && slices.Contains(i.reachable(), def) {
			return i.named(def, f.selection)
		}
		return jsonNull
	}
	return members{
		"queryType":        i.root(i.Query),
		"mutationType":     i.root(i.Mutation),
		"subscriptionType": i.root(i.Subscription),
		"types":            listOf(i.reachable(), i.named),
		"directives":       listOf([]*ast.DirectiveDefinition{i.Directives["include"], i.Directives["skip"]}, i.directive),
	}.render(f.selection)
}

func (i introspector) root(def *ast.Definition) func(*field) json.RawMessage {
	if def == nil {
		return constant(nil)
	}
	return func(f *field) json.RawMessage { return i.named(def, f.selection) }
}

// reachable are the types that the roots and the directives lead to, by name.
func (i introspector) reachable() []*ast.Definition {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, f := range i.Types[name].Fields {
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
			}
		}
	}
	for _, def := range []*ast.Definition{i.Query, i.Mutation, i.Subscription} {
		if def != nil {
			visit(def.Name)
		}
	}
	visit("__Schema")
	visit("String")
	visit("Boolean")
	var defs []*ast.Definition
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		defs = append(defs, i.Types[name])
	}
	return defs
}

func (i introspector) named(def *ast.Definition, selection []*field) json.RawMessage {
	m := members{"kind": constant(string(def.Kind)), "name": constant(def.Name), "description": text(def.Description)}
	switch def.Kind {
	case ast.Object:
		shown := slices.DeleteFunc(slices.Clone(def.Fields), func(f *ast.FieldDefinition) bool {
			return strings.HasPrefix(f.Name, "__")
		})
		m["fields"] = listOf(byName(shown, func(f *ast.FieldDefinition) string { return f.Name }), i.field)
		m["interfaces"] = constant([]any{})
	case ast.InputObject:
		m["inputFields"] = listOf(byName(def.Fields, func(f *ast.FieldDefinition) string { return f.Name }), i.inputField)
	case ast.Enum:
		m["enumValues"] = listOf(byName(def.EnumValues, func(v *ast.EnumValueDefinition) string { return v.Name }), enumValue)
	}
	return m.render(selection)
}

func (i introspector) typ(t *ast.Type, selection []*field) json.RawMessage {
	wrapper := func(kind string, inner *ast.Type) json.RawMessage {
		return members{
			"kind":   constant(kind),
			"ofType": func(f *field) json.RawMessage { return i.typ(inner, f.selection) },
		}.render(selection)
	}
	switch {
	case t.NonNull:
		nullable := *t
		nullable.NonNull = false
		return wrapper("NON_NULL", &nullable)
	case t.Elem != nil:
		return wrapper("LIST", t.Elem)
	default:
		return i.named(i.Types[t.NamedType], selection)
	}
}

func (i introspector) field(f *ast.FieldDefinition, selection []*field) json.RawMessage {
	return members{
		"name": constant(f.Name), "description": text(f.Description), "isDeprecated": constant(false),
		"type": func(s *field) json.RawMessage { return i.typ(f.Type, s.selection) },
		"args": listOf(byName(f.Arguments, func(a *ast.ArgumentDefinition) string { return a.Name }), i.argument),
	}.render(selection)
}

func (i introspector) argument(a *ast.ArgumentDefinition, selection []*field) json.RawMessage {
	return i.inputValue(a.Name, a.Description, a.Type, a.DefaultValue).render(selection)
}

func (i introspector) inputField(f *ast.FieldDefinition, selection []*field) json.RawMessage {
	return i.inputValue(f.Name, f.Description, f.Type, f.DefaultValue).render(selection)
}

func (i introspector) inputValue(name, description string, t *ast.Type, value *ast.Value) members {
	m := members{
		"name": constant(name), "description": text(description), "isDeprecated": constant(false),
		"type": func(s *field) json.RawMessage { return i.typ(t, s.selection) },
	}
	if value != nil {
		m["defaultValue"] = constant(value.String())
	}
	return m
}

func enumValue(v *ast.EnumValueDefinition, selection []*field) json.RawMessage {
	return members{"name": constant(v.Name), "description": text(v.Description), "isDeprecated": constant(false)}.render(selection)
}

func (i introspector) directive(d *ast.DirectiveDefinition, selection []*field) json.RawMessage {
	return members{
		"name": constant(d.Name), "description": text(d.Description), "isRepeatable": constant(d.IsRepeatable),
		"locations": constant(d.Locations), "args": listOf(d.Arguments, i.argument),
	}.render(selection)
}
