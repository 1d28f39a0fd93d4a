package standin

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// scalar checks GraphQL's own scalars. A scalar of the database takes a JSON
// string (for uuid and the like) or, where the type is made of JSON, anything;
// whether the string is a good one is for the database to say.
func scalar(in input, name, path string, variables map[string]*variable) (any, *graphqlError) {
	value := in.plain(variables)
	isEnum := !in.isJSON && in.literal.Kind == ast.EnumValue
	switch name {
	case "String":
		if s, ok := value.(string); ok && !isEnum {
			return s, nil
		}
		return nil, mismatch(path, "a string", name, in)
	case "Boolean":
		if b, ok := value.(bool); ok {
			return b, nil
		}
		return nil, mismatch(path, "a boolean", name, in)
	case "Int":
		n, ok := value.(json.Number)
		if !ok {
			return nil, mismatch(path, "a 32-bit integer", name, in)
		}
		if i, err := strconv.ParseInt(n.String(), 10, 32); err == nil {
			return json.Number(strconv.FormatInt(i, 10)), nil
		}
		return nil, &graphqlError{Path: path, Code: "parse-failed", Message: fmt.Sprintf("The value %s lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?", n)}
	case "Float":
		if n, ok := value.(json.Number); ok {
			return n, nil
		}
		return nil, mismatch(path, "a float", name, in)
	case "ID":
		switch v := value.(type) {
		case string:
			return v, nil
		case json.Number:
			return v.String(), nil
		}
		return nil, mismatch(path, "a String or a 32-bit integer", name, in)
	}
	if parsed, textual := textualScalars[name]; textual {
		if _, ok := value.(string); !ok {
			return nil, &graphqlError{Path: path, Code: "parse-failed", Message: fmt.Sprintf("parsing %s failed, expected String, but encountered %s", parsed, jsonTypeName(value))}
		}
	}
	return value, nil
}

// textualScalars are the database's types that travel as JSON strings, with the
// name that Hasura's parser gives them.
var textualScalars = map[string]string{"uuid": "UUID", "timestamptz": "Text", "timestamp": "Text", "date": "Text", "citext": "Text"}

func jsonTypeName(v any) string {
	switch v.(type) {
	case nil:
		return "Null"
	case bool:
		return "Boolean"
	case string:
		return "String"
	case json.Number:
		return "Number"
	case []any:
		return "Array"
	default:
		return "Object"
	}
}
