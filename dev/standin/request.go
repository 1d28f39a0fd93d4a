package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	failed := func(path, format string, args ...any) *graphqlError {
		return &graphqlError{Path: path, Message: fmt.Sprintf(format, args...), Code: "parse-failed"}
	}
	const parser = "parsing Hasura.GraphQL.Transport.HTTP.Protocol.GQLReq(GQLReq) failed, "
	members, ok := firstMembers(body)
	if !ok {
		return nil, failed("$", parser+"expected Object, but encountered %s", jsonTypeName(decodeJSON(body)))
	}
	var persisted map[string]json.RawMessage
	if json.Unmarshal(members["extensions"], &persisted) == nil && persisted["persistedQuery"] != nil {
		return nil, persistedQueryNotSupported()
	}
	raw, ok := members["query"]
	if !ok {
		return nil, failed("$", parser+`key "query" not found`)
	}
	req := &graphQLRequest{}
	if json.Unmarshal(raw, &req.Query) != nil || string(raw) == "null" {
		return nil, failed("$.query", "parsing Text failed, expected String, but encountered %s", jsonTypeName(decodeJSON(raw)))
	}
	if raw := members["operationName"]; raw != nil && string(raw) != "null" {
		if json.Unmarshal(raw, &req.OperationName) != nil {
			return nil, failed("$.operationName", "parsing Text failed, expected String, but encountered %s", jsonTypeName(decodeJSON(raw)))
		}
		if !isName(req.OperationName) {
			return nil, failed("$.operationName", "%s is not valid GraphQL name", req.OperationName)
		}
	}
	if raw := members["variables"]; raw != nil && json.Unmarshal(raw, &req.Variables) != nil {
		return nil, failed("$.variables", "parsing HashMap failed, expected Object, but encountered %s", jsonTypeName(decodeJSON(raw)))
	}
	return req, nil
}

// firstMembers reads an object's members. If a name comes twice, the first one counts.
func firstMembers(body json.RawMessage) (map[string]json.RawMessage, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	members := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		var value json.RawMessage
		if err != nil || dec.Decode(&value) != nil {
			return nil, false
		}
		if _, twice := members[fmt.Sprint(name)]; !twice {
			members[fmt.Sprint(name)] = value
		}
	}
	return members, true
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
	if err != nil || len(doc.Operations)+len(doc.Fragments) == 0 || namesTwice(doc) {
		return nil, invalid("$.query", "not a valid graphql query")
	}
	def, refused := chooseOperation(doc, r.OperationName)
	if refused != nil {
		return nil, refused
	}
	if len(def.Directives) > 0 {
		name := def.Directives[0].Name
		if name == "skip" || name == "include" {
			return nil, invalid("$", "directive '%s' is not allowed on a %s", name, def.Operation)
		}
		return nil, invalid("$", "directive '%s' is not defined in the schema", name)
	}
	op := &operation{text: r.Query, kind: def.Operation, selection: def.SelectionSet, fragments: doc.Fragments, variables: map[string]*variable{}}
	for _, d := range def.VariableDefinitions {
		if op.variables[d.Variable] != nil {
			return nil, &graphqlError{Message: fmt.Sprintf("multiple definitions for variable %q", d.Variable), Code: "parse-failed"}
		}
		v, refused := bind(d, r.Variables)
		if refused != nil {
			return nil, refused
		}
		op.variables[d.Variable] = v
	}
	if refused := op.checkCycles(); refused != nil {
		return nil, refused
	}
	used := op.used()
	for _, name := range used {
		if op.variables[name] == nil {
			return nil, invalid("$", "unbound variable %q", name)
		}
	}
	var extra []string
	for _, name := range slices.Sorted(maps.Keys(r.Variables)) {
		if !slices.Contains(used, name) {
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

// arguments are those of a selection and its directives.
func arguments(s ast.Selection) []ast.ArgumentList {
	var lists []ast.ArgumentList
	var directives ast.DirectiveList
	switch s := s.(type) {
	case *ast.Field:
		directives = s.Directives
		lists = append(lists, s.Arguments)
	case *ast.InlineFragment:
		directives = s.Directives
	case *ast.FragmentSpread:
		directives = s.Directives
	}
	for _, d := range directives {
		lists = append(lists, d.Arguments)
	}
	return lists
}

// namesTwice reports whether an argument or a key of an object comes twice, which the
// engine's parser refuses.
func namesTwice(doc *ast.QueryDocument) bool {
	twice := false
	var inValue func(v *ast.Value)
	inValue = func(v *ast.Value) {
		seen := map[string]bool{}
		for _, child := range v.Children {
			twice = twice || v.Kind == ast.ObjectValue && seen[child.Name]
			seen[child.Name] = true
			inValue(child.Value)
		}
	}
	visit := func(s ast.Selection) {
		for _, list := range arguments(s) {
			seen := map[string]bool{}
			for _, a := range list {
				twice = twice || seen[a.Name]
				seen[a.Name] = true
				inValue(a.Value)
			}
		}
	}
	for _, op := range doc.Operations {
		walk(op.SelectionSet, visit)
	}
	for _, f := range doc.Fragments {
		walk(f.SelectionSet, visit)
	}
	return twice
}

// used are the variables that the operation and its fragments use, in order of their
// first use.
func (op *operation) used() []string {
	var used []string
	var inValue func(v *ast.Value)
	inValue = func(v *ast.Value) {
		if v.Kind == ast.Variable && !slices.Contains(used, v.Raw) {
			used = append(used, v.Raw)
		}
		for _, child := range v.Children {
			inValue(child.Value)
		}
	}
	reached := map[string]bool{}
	var visit func(s ast.Selection)
	visit = func(s ast.Selection) {
		for _, list := range arguments(s) {
			for _, a := range list {
				inValue(a.Value)
			}
		}
		if spread, ok := s.(*ast.FragmentSpread); ok && !reached[spread.Name] {
			reached[spread.Name] = true
			if f := op.fragments.ForName(spread.Name); f != nil {
				walk(f.SelectionSet, visit)
			}
		}
	}
	walk(op.selection, visit)
	return used
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
