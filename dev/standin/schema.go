package standin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"hasura-login/dev/standin/auth"
	"hasura-login/dev/standin/metadata"
)

// roleSchema is the schema of one role, without anything that the role may not do.
type roleSchema struct {
	*ast.Schema
	actions map[string]*metadata.Action
	tables  map[string]tableField
}

// tableField is a root field that a table answers.
type tableField struct {
	access
	kind fieldKind
}

type fieldKind int

const (
	selectMany fieldKind = iota
	selectByKey
	selectStream
	updateWhere
	updateByKey
	updateMany
)

const (
	queryRoot        = "query_root"
	mutationRoot     = "mutation_root"
	subscriptionRoot = "subscription_root"
)

// sdl collects the schema of a role as text.
type sdl struct {
	types   strings.Builder
	roots   map[string][]string
	scalars map[string]bool
	schema  *roleSchema
}

// buildSchema makes the schema of a role. A role that is named nowhere gets an
// empty one, as in Hasura.
func buildSchema(role string, tables []*table, actions []metadata.Action, types ast.DefinitionList) (*roleSchema, error) {
	s := &sdl{roots: map[string][]string{}, scalars: map[string]bool{}, schema: &roleSchema{
		actions: map[string]*metadata.Action{}, tables: map[string]tableField{},
	}}
	for _, t := range tables {
		s.table(t.accessOf(role))
	}
	for i, a := range actions {
		if role == auth.AdminRole || slices.Contains(a.Roles, role) {
			s.action(&actions[i])
		}
	}
	if len(s.schema.actions) > 0 {
		s.customTypes(types)
	}
	if s.roots[queryRoot] == nil {
		s.roots[queryRoot] = []string{"no_queries_available: String!"}
	}
	var err error
	s.schema.Schema, err = gqlparser.LoadSchema(&ast.Source{Name: "role " + role, Input: s.text()})
	if err != nil {
		return nil, fmt.Errorf("schema of role %s: %w", role, err)
	}
	return s.schema, nil
}

func (s *sdl) text() string {
	var b strings.Builder
	b.WriteString("schema {\n")
	for _, root := range []struct{ operation, name string }{{"query", queryRoot}, {"mutation", mutationRoot}, {"subscription", subscriptionRoot}} {
		if s.roots[root.name] != nil {
			fmt.Fprintf(&b, "  %s: %s\n", root.operation, root.name)
		}
	}
	b.WriteString("}\n")
	for _, name := range []string{queryRoot, mutationRoot, subscriptionRoot} {
		if fields := s.roots[name]; fields != nil {
			fmt.Fprintf(&b, "type %s {\n  %s\n}\n", name, strings.Join(fields, "\n  "))
		}
	}
	for name := range s.scalars {
		fmt.Fprintf(&b, "scalar %s\n", name)
		s.comparison(name)
	}
	for _, name := range builtInScalars {
		s.comparison(name)
	}
	b.WriteString(`enum order_by { asc asc_nulls_first asc_nulls_last desc desc_nulls_first desc_nulls_last }
enum cursor_ordering { ASC DESC }
`)
	b.WriteString(s.types.String())
	return b.String()
}

// builtInScalars need no declaration.
var builtInScalars = []string{"String", "Int", "Float", "Boolean", "ID"}

func (s *sdl) useScalar(name string) {
	if !slices.Contains(builtInScalars, name) {
		s.scalars[name] = true
	}
}

func (s *sdl) root(root, description, signature string) {
	s.roots[root] = append(s.roots[root], fmt.Sprintf("%q %s", description, signature))
}

func (s *sdl) table(a access) {
	readable, stem := a.readable(), a.stem()
	for _, c := range a.columns {
		if a.selects != nil || a.updates != nil {
			s.useScalar(c.typ)
		}
	}
	if len(readable) > 0 {
		s.selectFields(a, readable, stem)
	}
	if writable := a.writable(); len(writable) > 0 {
		s.updateFields(a, writable, stem)
	}
	if len(readable) > 0 || a.updates != nil {
		s.boolExp(stem, readable)
	}
}

func (s *sdl) selectFields(a access, readable []column, stem string) {
	fmt.Fprintf(&s.types, "\"columns of table %s\" type %s { %s }\n", a.name, stem, fieldsOf(readable, outputType))
	fmt.Fprintf(&s.types, "input %s_order_by { %s }\n", stem, fieldsOf(readable, func(column) string { return "order_by" }))
	fmt.Fprintf(&s.types, "input %s_stream_cursor_value_input { %s }\n", stem, fieldsOf(readable, inputType))
	fmt.Fprintf(&s.types, "input %[1]s_stream_cursor_input { initial_value: %[1]s_stream_cursor_value_input! ordering: cursor_ordering }\n", stem)
	many := fmt.Sprintf("%[1]s(limit: Int, offset: Int, order_by: [%[1]s_order_by!], where: %[1]s_bool_exp): [%[1]s!]!", stem)
	s.schema.tables[stem] = tableField{a, selectMany}
	for _, root := range []string{queryRoot, subscriptionRoot} {
		s.root(root, "fetch data from the table: "+a.name.String(), many)
	}
	if a.readsKey() {
		s.schema.tables[stem+"_by_pk"] = tableField{a, selectByKey}
		for _, root := range []string{queryRoot, subscriptionRoot} {
			s.root(root, "fetch data from the table by its primary key: "+a.name.String(), fmt.Sprintf("%s_by_pk(%s): %s", stem, keyArguments(a), stem))
		}
	}
	s.schema.tables[stem+"_stream"] = tableField{a, selectStream}
	s.root(subscriptionRoot, "fetch data from the table in a streaming manner: "+a.name.String(),
		fmt.Sprintf("%[1]s_stream(batch_size: Int!, cursor: [%[1]s_stream_cursor_input]!, where: %[1]s_bool_exp): [%[1]s!]!", stem))
}

func (s *sdl) updateFields(a access, writable []column, stem string) {
	returning := ""
	if a.selects != nil {
		returning = fmt.Sprintf("returning: [%s!]!", stem)
	}
	fmt.Fprintf(&s.types, "type %s_mutation_response { affected_rows: Int! %s }\n", stem, returning)
	fmt.Fprintf(&s.types, "input %s_set_input { %s }\n", stem, fieldsOf(writable, inputType))
	fmt.Fprintf(&s.types, "input %[1]s_updates { _set: %[1]s_set_input where: %[1]s_bool_exp! }\n", stem)
	s.schema.tables["update_"+stem] = tableField{a, updateWhere}
	s.root(mutationRoot, "update data of the table: "+a.name.String(),
		fmt.Sprintf("update_%[1]s(_set: %[1]s_set_input, where: %[1]s_bool_exp!): %[1]s_mutation_response", stem))
	s.schema.tables["update_"+stem+"_many"] = tableField{a, updateMany}
	s.root(mutationRoot, "update multiples rows of table: "+a.name.String(),
		fmt.Sprintf("update_%[1]s_many(updates: [%[1]s_updates!]!): [%[1]s_mutation_response]", stem))
	if !a.readsKey() {
		return
	}
	fmt.Fprintf(&s.types, "input %s_pk_columns_input { %s }\n", stem, keyArguments(a))
	s.schema.tables["update_"+stem+"_by_pk"] = tableField{a, updateByKey}
	s.root(mutationRoot, "update single row of the table: "+a.name.String(),
		fmt.Sprintf("update_%[1]s_by_pk(_set: %[1]s_set_input, pk_columns: %[1]s_pk_columns_input!): %[1]s", stem))
}

// boolExp filters by the columns that the role reads.
func (s *sdl) boolExp(stem string, readable []column) {
	fmt.Fprintf(&s.types, "input %[1]s_bool_exp { _and: [%[1]s_bool_exp!] _not: %[1]s_bool_exp _or: [%[1]s_bool_exp!]", stem)
	for _, c := range readable {
		if !c.list {
			fmt.Fprintf(&s.types, " %s: %s_comparison_exp", c.name, c.typ)
		}
	}
	s.types.WriteString(" }\n")
}

func (s *sdl) comparison(typ string) {
	fmt.Fprintf(&s.types, "input %s_comparison_exp {", typ)
	operators := plainOperators
	if typ == "String" || typ == "citext" {
		operators = slices.Concat(plainOperators, textOperators)
	}
	for _, operator := range operators {
		operand := typ
		if operatorTakesList[operator] {
			operand = "[" + typ + "!]"
		} else if operator == "_is_null" {
			operand = "Boolean"
		}
		fmt.Fprintf(&s.types, " %s: %s", operator, operand)
	}
	s.types.WriteString(" }\n")
}

func keyArguments(a access) string {
	return fieldsOf(a.keyColumns(), func(c column) string { return inputType(c) + "!" })
}

func fieldsOf(columns []column, typ func(column) string) string {
	var fields []string
	for _, c := range columns {
		fields = append(fields, c.name+": "+typ(c))
	}
	return strings.Join(fields, " ")
}

func inputType(c column) string {
	if c.list {
		return "[" + c.typ + "!]"
	}
	return c.typ
}

func outputType(c column) string {
	if c.nullable {
		return inputType(c)
	}
	return inputType(c) + "!"
}

func (s *sdl) action(a *metadata.Action) {
	s.schema.actions[a.Name] = a
	var args []string
	for _, arg := range a.Arguments {
		text := arg.Name + ": " + arg.Type.String()
		if arg.DefaultValue != nil {
			text += " = " + arg.DefaultValue.String()
		}
		args = append(args, text)
	}
	signature := a.Name
	if args != nil {
		signature += "(" + strings.Join(args, ", ") + ")"
	}
	root := queryRoot
	if a.Operation == ast.Mutation {
		root = mutationRoot
	}
	s.root(root, a.Comment, signature+": "+a.Output.String())
}

// customTypes writes the types of actions.graphql; introspection leaves out those
// that no action of the role leads to. A name that is defined nowhere is a type
// of the database.
func (s *sdl) customTypes(types ast.DefinitionList) {
	var used []*ast.Type
	for _, a := range s.schema.actions {
		used = append(used, a.Output)
		for _, arg := range a.Arguments {
			used = append(used, arg.Type)
		}
	}
	for _, t := range types {
		for _, f := range t.Fields {
			used = append(used, f.Type)
		}
	}
	for _, u := range used {
		if types.ForName(u.Name()) == nil {
			s.useScalar(u.Name())
		}
	}
	for _, t := range types {
		switch t.Kind {
		case ast.Scalar:
			s.useScalar(t.Name)
		case ast.Enum:
			fmt.Fprintf(&s.types, "enum %s {", t.Name)
			for _, v := range t.EnumValues {
				fmt.Fprintf(&s.types, " %s", v.Name)
			}
			s.types.WriteString(" }\n")
		default:
			keyword := map[ast.DefinitionKind]string{ast.Object: "type", ast.InputObject: "input"}[t.Kind]
			fmt.Fprintf(&s.types, "%s %s {", keyword, t.Name)
			for _, f := range t.Fields {
				fmt.Fprintf(&s.types, " %s: %s", f.Name, f.Type)
			}
			s.types.WriteString(" }\n")
		}
	}
}
