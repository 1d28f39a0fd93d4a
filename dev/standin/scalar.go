package standin

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// scalar checks GraphQL's own scalars. A column's value, or one of a type of the
// database, must be of the JSON type that the engine's parser of the Postgres type
// expects; whether its text is a good one is for the database to say.
func (c coercer) scalar(in input, name, path string) (any, *graphqlError) {
	value := in.plain(c.variables)
	isEnum := !in.isJSON && in.literal.Kind == ast.EnumValue
	if c.parser == "column" && value == nil {
		return nil, invalid(path, "unexpected null value for type '%s'", name)
	}
	switch name {
	case "String":
		if c.parser == "column" {
			break
		}
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
		return c.integer(in, value, path)
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

func (c coercer) integer(in input, value any, path string) (any, *graphqlError) {
	expected := "a 32-bit integer"
	if c.parser == "count" {
		expected = "a non-negative 32-bit integer"
	}
	if text, ok := value.(string); ok && c.parser == "bigint" {
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text), nil
		}
	}
	n, ok := value.(json.Number)
	if !ok {
		return nil, mismatch(path, expected, "Int", in)
	}
	i, err := strconv.ParseInt(n.String(), 10, 32)
	switch {
	case err != nil:
		return nil, &graphqlError{Path: path, Code: "parse-failed", Message: fmt.Sprintf("The value %s lies outside the bounds or is not an integer. Maybe it is a float, or is there integer overflow?", n)}
	case i < 0 && c.parser == "count":
		return nil, mismatch(path, expected, "Int", in)
	}
	return json.Number(strconv.FormatInt(i, 10)), nil
}

// textualScalars are the types that travel as JSON strings, with the name that the
// engine's parser gives them. String is a text column's.
var textualScalars = map[string]string{
	"String": "Text", "bpchar": "Text", "citext": "Text", "uuid": "UUID", "timestamptz": "UTCTime", "timestamp": "LocalTime", "date": "Day",
}

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
