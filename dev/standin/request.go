package standin

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// graphQLRequest is one operation as a client sends it.
type graphQLRequest struct {
	Query         string
	OperationName string
	Variables     map[string]json.RawMessage
}

// parseRequest reads the body's JSON object in Hasura's way of failing.
func parseRequest(body json.RawMessage) (*graphQLRequest, *graphqlError) {
	parseFailed := func(message string) *graphqlError {
		return &graphqlError{Message: "parsing Hasura.GraphQL.Transport.HTTP.Protocol.GQLReq(GQLReq) failed, " + message, Code: "parse-failed"}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, parseFailed("expected Object")
	}
	var persisted map[string]json.RawMessage
	if json.Unmarshal(members["extensions"], &persisted) == nil && persisted["persistedQuery"] != nil {
		return nil, persistedQueryNotSupported()
	}
	req := &graphQLRequest{}
	if _, ok := members["query"]; !ok {
		return nil, parseFailed(`key "query" not found`)
	}
	for key, into := range map[string]any{"query": &req.Query, "operationName": &req.OperationName, "variables": &req.Variables} {
		if raw, ok := members[key]; ok && json.Unmarshal(raw, into) != nil {
			f := parseFailed(key + " has another type than expected")
			f.Path = "$." + key
			return nil, f
		}
	}
	return req, nil
}

func persistedQueryNotSupported() *graphqlError {
	return &graphqlError{Message: "PersistedQueryNotSupported", Code: "not-supported"}
}

// operation is a request whose one operation is chosen and whose variables are
// bound, but not yet checked against a schema.
type operation struct {
	text      string
	kind      ast.Operation
	selection ast.SelectionSet
	fragments ast.FragmentDefinitionList
	variables map[string]*variable
}

// variable is a declared variable. value is nil where neither the client nor a
// default gave one.
type variable struct {
	declared *ast.Type
	value    *input
}

func (r *graphQLRequest) operation() (*operation, *graphqlError) {
	doc, err := parser.ParseQuery(&ast.Source{Input: r.Query})
	if err != nil {
		return nil, invalid("$.query", "not a valid graphql query")
	}
	def, refused := chooseOperation(doc, r.OperationName)
	if refused != nil {
		return nil, refused
	}
	op := &operation{text: r.Query, kind: def.Operation, selection: def.SelectionSet, fragments: doc.Fragments, variables: map[string]*variable{}}
	for _, d := range def.VariableDefinitions {
		v, refused := bind(d, r.Variables)
		if refused != nil {
			return nil, refused
		}
		op.variables[d.Variable] = v
	}
	if refused := op.checkBound(); refused != nil {
		return nil, refused
	}
	if refused := op.checkCycles(); refused != nil {
		return nil, refused
	}
	var extra []string
	for _, name := range slices.Sorted(maps.Keys(r.Variables)) {
		if op.variables[name] == nil {
			extra = append(extra, name)
		}
	}
	if extra != nil {
		return nil, invalid("$", "unexpected variables in variableValues: %s", strings.Join(extra, ", "))
	}
	return op, nil
}

func chooseOperation(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, *graphqlError) {
	if name == "" {
		if len(doc.Operations) != 1 {
			return nil, invalid("$", "exactly one operation has to be present in the document when operationName is not specified")
		}
		return doc.Operations[0], nil
	}
	for _, def := range doc.Operations {
		if def.Name == "" {
			return nil, invalid("$", "operationName cannot be used when an anonymous operation exists in the document")
		}
	}
	for _, def := range doc.Operations {
		if def.Name == name {
			return def, nil
		}
	}
	return nil, invalid("$", "no such operation found in the document: %q", name)
}

func bind(d *ast.VariableDefinition, values map[string]json.RawMessage) (*variable, *graphqlError) {
	v := &variable{declared: d.Type}
	raw, given := values[d.Variable]
	switch {
	case given && d.Type.NonNull && bytes.Equal(bytes.TrimSpace(raw), jsonNull):
		return nil, invalid("$", "null value found for non-nullable type: %q", d.Type.String())
	case given:
		v.value = &input{json: decodeJSON(raw), isJSON: true}
	case d.DefaultValue != nil:
		v.value = &input{literal: d.DefaultValue}
	case d.Type.NonNull:
		return nil, invalid("$", "expecting a value for non-nullable variable: %q", d.Variable)
	}
	return v, nil
}

// decodeJSON keeps numbers as they were written.
func decodeJSON(raw []byte) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	_ = dec.Decode(&v) // raw is valid: it was cut out of a decoded document
	return v
}

// walk calls visit for each selection of the set and of those within it.
func walk(set ast.SelectionSet, visit func(ast.Selection)) {
	for _, s := range set {
		visit(s)
		switch s := s.(type) {
		case *ast.Field:
			walk(s.SelectionSet, visit)
		case *ast.InlineFragment:
			walk(s.SelectionSet, visit)
		}
	}
}

// checkBound refuses the use of a variable that the operation does not declare.
func (op *operation) checkBound() *graphqlError {
	unbound := ""
	var inValue func(v *ast.Value)
	inValue = func(v *ast.Value) {
		if v.Kind == ast.Variable && op.variables[v.Raw] == nil && unbound == "" {
			unbound = v.Raw
		}
		for _, child := range v.Children {
			inValue(child.Value)
		}
	}
	inArguments := func(args ast.ArgumentList) {
		for _, a := range args {
			inValue(a.Value)
		}
	}
	visit := func(s ast.Selection) {
		var directives ast.DirectiveList
		switch s := s.(type) {
		case *ast.Field:
			directives = s.Directives
			inArguments(s.Arguments)
		case *ast.InlineFragment:
			directives = s.Directives
		case *ast.FragmentSpread:
			directives = s.Directives
		}
		for _, d := range directives {
			inArguments(d.Arguments)
		}
	}
	walk(op.selection, visit)
	for _, f := range op.fragments {
		walk(f.SelectionSet, visit)
	}
	if unbound != "" {
		return invalid("$", "unbound variable %q", unbound)
	}
	return nil
}

// checkCycles refuses fragments that contain themselves.
func (op *operation) checkCycles() *graphqlError {
	const open, done = 1, 2
	state := map[string]int{}
	var cyclic func(f *ast.FragmentDefinition) bool
	cyclic = func(f *ast.FragmentDefinition) bool {
		if state[f.Name] != 0 {
			return state[f.Name] == open
		}
		state[f.Name] = open
		found := false
		walk(f.SelectionSet, func(s ast.Selection) {
			if spread, ok := s.(*ast.FragmentSpread); ok {
				if inner := op.fragments.ForName(spread.Name); inner != nil && cyclic(inner) {
					found = true
				}
			}
		})
		state[f.Name] = done
		return found
	}
	for _, f := range op.fragments {
		if cyclic(f) {
			return invalid("$", "the fragment definition(s) '%s' form a cycle", f.Name)
		}
	}
	return nil
}
