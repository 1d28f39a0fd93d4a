package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"hasura-login/app/login"
)

// strictJSON refuses what I-JSON forbids (RFC 7493, 2.1 and 2.3) and encoding/json
// lets pass: text that is not UTF-8, half of a surrogate pair, which would become
// U+FFFD so that two passwords are one, and an object with a name twice, of which
// different readers take different ones.
func strictJSON(body []byte) error {
	if !utf8.Valid(body) {
		return login.Errorf(login.CodeInvalidInput, "the body is not UTF-8")
	}
	if !json.Valid(body) {
		return login.Errorf(login.CodeInvalidInput, "the body is not JSON")
	}
	if loneSurrogate(body) {
		return login.Errorf(login.CodeInvalidInput, "the body holds half of a surrogate pair")
	}
	return uniqueNames(body)
}

// uniqueNames reads valid JSON. It keeps the names of the objects that are open;
// nil stands for an array.
func uniqueNames(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var open []map[string]bool
	isName := false
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return login.Errorf(login.CodeInvalidInput, "the body is not JSON")
		}
		switch value := token.(type) {
		case json.Delim:
			switch value {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			isName = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if isName {
				names := open[len(open)-1]
				if names[value] {
					return login.Invalid(printable(value, 40), "the name is there twice")
				}
				names[value] = true
				isName = false
				continue
			}
		}
		isName = len(open) > 0 && open[len(open)-1] != nil
	}
}

// loneSurrogate looks through the escapes of valid JSON.
func loneSurrogate(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		first, ok := escaped(body[i-1:])
		if !ok || !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escaped(body[min(i+5, len(body)):])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 10
	}
	return false
}

// escaped reads an escape of the form \u and four hexadecimal digits.
func escaped(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 32)
	return rune(n), err == nil // #nosec G115 -- of four hexadecimal digits
}
