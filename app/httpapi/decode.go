package httpapi

import (
	"bytes"
	"encoding/json"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"hasura-login/app/login"
)

// requireJSON refuses a body of another type, or of none.
func requireJSON(contentType string) error {
	if media, _, err := mime.ParseMediaType(contentType); err == nil && media == "application/json" {
		return nil
	}
	return login.Errorf(login.CodeUnsupportedMediaType, "Send the body as application/json")
}

// decodeObject reads one JSON object and nothing after it.
func decodeObject(body []byte) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, login.Errorf(login.CodeInvalidInput, "the body is empty; a JSON object is expected")
	}
	if err := strictJSON(body); err != nil {
		return nil, err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, login.Errorf(login.CodeInvalidInput, "the body is not a JSON object")
	}
	return object, nil
}

// arguments checks an object against an operation's fields: every required one
// there, no other, strings but for flags and objects. The first fault in the order of the fields is named.
func arguments(fields []field, object map[string]json.RawMessage) (map[string]string, error) {
	args := make(map[string]string, len(fields))
	for _, f := range fields {
		raw, present := object[f.name]
		isNull := present && string(raw) == "null"
		if f.optional && (!present || isNull) {
			continue
		}
		if !present || isNull {
			return nil, login.Invalid(f.name, "missing")
		}
		if f.flag {
			var value bool
			if err := json.Unmarshal(raw, &value); err != nil {
				return nil, login.Invalid(f.name, "must be true or false")
			}
			args[f.name] = strconv.FormatBool(value)
			continue
		}
		if f.json {
			if raw[0] != '{' {
				return nil, login.Invalid(f.name, "must be an object")
			}
			args[f.name] = string(raw)
			continue
		}
		var value string
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, login.Invalid(f.name, "must be a string")
		}
		args[f.name] = value
	}
	for name := range object {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == name }) {
			return nil, login.Invalid(printable(name, 40), "no such field")
		}
	}
	return args, nil
}

// printable makes client input fit to be shown or stored: at most limit bytes, no
// control characters.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
