package standin

import (
	"fmt"
	"maps"
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
	selectAggregate
	insertMany
	insertOne
	deleteWhere
	deleteByKey
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

// Directives of the schema's text tell the coercer how the engine parses a value where
// its type does not say it. Introspection does not show them.
const (
	asColumn = " @column" // a column's value, by the parser of its Postgres type
	asCount  = " @count"  // an Int that is not negative
	asBigInt = " @bigint" // an Int that may be text
)

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
	b.WriteString("directive @column on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION\ndirective @count on ARGUMENT_DEFINITION\ndirective @bigint on ARGUMENT_DEFINITION\n")
	b.WriteString("\"column ordering options\" enum order_by {")
	for _, name := range slices.Sorted(maps.Keys(orderings)) {
		fmt.Fprintf(&b, " %q %s", orderDescription(name), name)
	}
	b.WriteString(" }\nenum cursor_ordering { ASC DESC }\n")
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

// orderDescription puts in words where an ordering has nulls.
func orderDescription(name string) string {
	words := strings.NewReplacer("ASC", "in ascending order,", "DESC", "in descending order,", "NULLS", "nulls", "FIRST", "first", "LAST", "last")
	return words.Replace(orderings[name])
}

func (s *sdl) root(root, description, signature string) {
	s.roots[root] = append(s.roots[root], fmt.Sprintf("%q %s", description, signature))
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
