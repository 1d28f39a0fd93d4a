package standin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// input is a value on its way in: a literal of the query or JSON of a variable.
type input struct {
	literal *ast.Value
	json    any
	isJSON  bool
}

func (in input) isNull() bool {
	if in.isJSON {
		return in.json == nil
	}
	return in.literal.Kind == ast.NullValue
}

// resolvesToNull is isNull through a variable. In a filter null would drop the
// condition, so Hasura refuses it there.
func (in input) resolvesToNull(variables map[string]*variable) bool {
	if !in.isJSON && in.literal.Kind == ast.Variable {
		bound := variables[in.literal.Raw].value
		return bound != nil && bound.isNull()
	}
	return in.isNull()
}

// describe names the value that was found, in Hasura's words.
func (in input) describe() string {
	if in.isJSON {
		switch in.json.(type) {
		case nil:
			return "null"
		case bool:
			return "a boolean"
		case string:
			return "a string"
		case json.Number:
			return "a number"
		case []any:
			return "a list"
		default:
			return "an object"
		}
	}
	return map[ast.ValueKind]string{
		ast.IntValue: "an integer", ast.FloatValue: "a float", ast.StringValue: "a string", ast.BlockValue: "a string",
		ast.BooleanValue: "a boolean", ast.NullValue: "null", ast.EnumValue: "an enum value", ast.ListValue: "a list",
		ast.ObjectValue: "an object",
	}[in.literal.Kind]
}

// plain is the value as JSON, its inner variables replaced.
func (in input) plain(variables map[string]*variable) any {
	if in.isJSON {
		return in.json
	}
	v := in.literal
	switch v.Kind {
	case ast.Variable:
		if bound := variables[v.Raw]; bound.value != nil {
			return bound.value.plain(variables)
		}
		return nil
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.NullValue:
		return nil
	case ast.ListValue:
		list := make([]any, len(v.Children))
		for i, child := range v.Children {
			list[i] = input{literal: child.Value}.plain(variables)
		}
		return list
	case ast.ObjectValue:
		object := make(map[string]any, len(v.Children))
		for _, child := range v.Children {
			object[child.Name] = input{literal: child.Value}.plain(variables)
		}
		return object
	default:
		return v.Raw
	}
}

// coercer turns inputs into plain values: string, bool, json.Number, nil,
// []any and map[string]any, checked against the schema's types.
type coercer struct {
	schema    *ast.Schema
	variables map[string]*variable
	parser    string // column, count or bigint: see the directives of the schema's text
}

// as reads the next value as a directive of its definition says.
func (c coercer) as(directives ast.DirectiveList) coercer {
	c.parser = ""
	if len(directives) > 0 {
		c.parser = directives[0].Name
	}
	return c
}

// coerce checks one value. present is false for a variable that has no value.
func (c coercer) coerce(in input, t *ast.Type, path string) (value any, present bool, refused *graphqlError) {
	if !in.isJSON && in.literal.Kind == ast.Variable {
		name := in.literal.Raw
		bound := c.variables[name]
		if !usableAs(bound, t) {
			return nil, false, invalid(path, "variable '%s' is declared as '%s', but used where '%s' is expected", name, bound.declared, t)
		}
		if bound.value == nil {
			return nil, false, nil
		}
		in = *bound.value
	}
	if in.isNull() && !t.NonNull {
		return nil, true, nil
	}
	if t.Elem != nil {
		value, refused = c.list(in, t.Elem, path)
	} else {
		value, refused = c.named(in, c.schema.Types[t.NamedType], path)
	}
	return value, true, refused
}

// usableAs follows the specification's rule for variables in positions: a
// nullable variable may stand where null is refused only if it has a value.
func usableAs(v *variable, t *ast.Type) bool {
	declared := *v.declared
	if t.NonNull && !declared.NonNull && v.value != nil && !v.value.isNull() {
		declared.NonNull = true
	}
	return compatible(&declared, t)
}

func compatible(have, want *ast.Type) bool {
	if want.NonNull && !have.NonNull || (have.Elem == nil) != (want.Elem == nil) {
		return false
	}
	if want.Elem != nil {
		return compatible(have.Elem, want.Elem)
	}
	return have.NamedType == want.NamedType
}

// list takes a single value for a list of one, as GraphQL says.
func (c coercer) list(in input, elem *ast.Type, path string) (any, *graphqlError) {
	if in.isNull() {
		return nil, mismatch(path, "a list", elem.Name(), in)
	}
	elements := []input{in}
	if values, ok := in.json.([]any); in.isJSON && ok {
		elements = elements[:0]
		for _, v := range values {
			elements = append(elements, input{json: v, isJSON: true})
		}
	} else if !in.isJSON && in.literal.Kind == ast.ListValue {
		elements = elements[:0]
		for _, child := range in.literal.Children {
			elements = append(elements, input{literal: child.Value})
		}
	}
	list := make([]any, 0, len(elements))
	for i, e := range elements {
		value, _, refused := c.coerce(e, elem, fmt.Sprintf("%s[%d]", path, i))
		if refused != nil {
			return nil, refused
		}
		list = append(list, value)
	}
	return list, nil
}

func (c coercer) named(in input, def *ast.Definition, path string) (any, *graphqlError) {
	switch def.Kind {
	case ast.InputObject:
		return c.object(in, def, path)
	case ast.Enum:
		return enum(in, def, path)
	default:
		return c.scalar(in, def.Name, path)
	}
}

func (c coercer) object(in input, def *ast.Definition, path string) (any, *graphqlError) {
	members := map[string]input{}
	var order []string
	switch object, ok := in.json.(map[string]any); {
	case in.isJSON && ok:
		for _, name := range slices.Sorted(maps.Keys(object)) {
			members[name] = input{json: object[name], isJSON: true}
			order = append(order, name)
		}
	case !in.isJSON && in.literal.Kind == ast.ObjectValue:
		for _, child := range in.literal.Children {
			members[child.Name] = input{literal: child.Value}
			order = append(order, child.Name)
		}
	default:
		return nil, mismatch(path, "an object", def.Name, in)
	}
	for _, name := range order {
		if def.Fields.ForName(name) == nil {
			return nil, invalid(path+"."+name, "field '%s' not found in type: '%s'", name, def.Name)
		}
	}
	values := map[string]any{}
	for _, f := range def.Fields {
		member, given := members[f.Name]
		wanted := f.Type
		if given && strings.HasSuffix(def.Name, "_exp") && member.resolvesToNull(c.variables) {
			required := *f.Type // null would drop the condition, so the engine refuses it
			required.NonNull = true
			wanted = &required
			member = input{isJSON: true}
		}
		value, present, refused := c.as(f.Directives).member(member, given, wanted, f.Name, path+"."+f.Name)
		if refused != nil {
			return nil, refused
		}
		if present {
			values[f.Name] = value
		}
	}
	return values, nil
}

// member coerces an argument or a field of an input object.
func (c coercer) member(in input, given bool, t *ast.Type, name, path string) (value any, present bool, refused *graphqlError) {
	if given {
		value, present, refused = c.coerce(in, t, path)
	}
	if refused == nil && !present && t.NonNull {
		refused = invalid(path, "missing required field '%s'", name)
	}
	return value, present, refused
}

func mismatch(path, expected, typeName string, in input) *graphqlError {
	return invalid(path, "expected %s for type '%s', but found %s", expected, typeName, in.describe())
}

func enum(in input, def *ast.Definition, path string) (any, *graphqlError) {
	var name string
	if in.isJSON {
		name, _ = in.json.(string)
	} else if in.literal.Kind == ast.EnumValue {
		name = in.literal.Raw
	}
	if def.EnumValues.ForName(name) != nil {
		return name, nil
	}
	var known []string
	for _, v := range def.EnumValues {
		known = append(known, "'"+v.Name+"'")
	}
	if name != "" {
		return nil, invalid(path, "expected one of the values [%s] for type '%s', but found '%s'", strings.Join(known, ", "), def.Name, name)
	}
	return nil, mismatch(path, "an enum value", def.Name, in)
}
