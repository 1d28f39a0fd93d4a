package project

import (
	"fmt"
	"strings"
)

// definition is a type of actions.graphql, or one field of Query or Mutation, which is an
// action.
type definition struct {
	name   string
	action bool
	text   string // normalised: one space between the words
}

// definitions reads a file of GraphQL types. It knows as much of the language as is needed
// to tell names and blocks from comments and descriptions.
func definitions(file, source string) ([]definition, error) {
	tokens, err := sdlTokens(file, source)
	if err != nil {
		return nil, err
	}
	var found []definition
	for i := 0; i < len(tokens); {
		if strings.HasPrefix(tokens[i], `"`) { // a description
			i++
			continue
		}
		if tokens[i] == "extend" {
			i++
		}
		if i+1 >= len(tokens) {
			return nil, fmt.Errorf("%s: the last definition is not complete", file)
		}
		kind, name, start := tokens[i], tokens[i+1], i
		switch kind {
		case "scalar", "type", "input", "enum", "interface", "union", "directive", "schema":
		default:
			return nil, fmt.Errorf("%s: %q is not the beginning of a type", file, kind)
		}
		body := i + 2
		for body < len(tokens) && tokens[body] != "{" && !keyword(tokens[body]) {
			body++
		}
		if body >= len(tokens) || tokens[body] != "{" {
			found = append(found, definition{name: name, text: strings.Join(tokens[start:body], " ")})
			i = body
			continue
		}
		end, err := closing(file, tokens, body)
		if err != nil {
			return nil, err
		}
		if kind == "type" && (name == "Query" || name == "Mutation") {
			found = append(found, fields(name, tokens[body+1:end])...)
		} else {
			found = append(found, definition{name: name, text: strings.Join(tokens[start:end+1], " ")})
		}
		i = end + 1
	}
	return found, nil
}

func keyword(token string) bool {
	switch token {
	case "scalar", "type", "input", "enum", "interface", "union", "extend", "directive", "schema":
		return true
	}
	return strings.HasPrefix(token, `"`)
}

// closing finds the brace that closes the one at a place.
func closing(file string, tokens []string, open int) (int, error) {
	depth := 0
	for i := open; i < len(tokens); i++ {
		switch tokens[i] {
		case "{":
			depth++
		case "}":
			depth--
			if depth == 0 {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("%s: a brace is not closed", file)
}

// fields are the actions in the body of Query or Mutation: a name before ( or : that is
// within no parentheses.
func fields(root string, tokens []string) []definition {
	var found []definition
	depth, last := 0, -1
	flush := func(end int) {
		if last >= 0 {
			found = append(found, definition{name: tokens[last], action: true, text: root + " " + strings.Join(tokens[last:end], " ")})
		}
	}
	for i, token := range tokens {
		switch token {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		}
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		begins := depth == 0 && (next == "(" || next == ":") && token != ")" && token != "]" && token != "!"
		if begins {
			end := i
			for end > 0 && strings.HasPrefix(tokens[end-1], `"`) {
				end--
			}
			flush(end)
			last = i
		}
	}
	flush(len(tokens))
	return found
}

// sdlTokens splits a source into names, punctuation and descriptions; comments and commas
// are left out.
func sdlTokens(file, source string) ([]string, error) {
	var tokens []string
	for i := 0; i < len(source); {
		c := source[i]
		switch {
		case c == '#':
			for i < len(source) && source[i] != '\n' {
				i++
			}
		case strings.ContainsRune(" \t\r\n,", rune(c)) || strings.HasPrefix(source[i:], "\ufeff"):
			i++
			if c == 0xef {
				i += 2
			}
		case c == '"':
			length, ok := quoted(source[i:])
			if !ok {
				return nil, fmt.Errorf("%s: a description is not closed", file)
			}
			tokens = append(tokens, source[i:i+length])
			i += length
		case nameByte(c):
			start := i
			for i < len(source) && nameByte(source[i]) {
				i++
			}
			tokens = append(tokens, source[start:i])
		default:
			tokens = append(tokens, string(c))
			i++
		}
	}
	return tokens, nil
}

// quoted is the length of the string that a text begins with.
func quoted(text string) (length int, ok bool) {
	if strings.HasPrefix(text, `"""`) {
		for i := 3; i < len(text); i++ {
			if strings.HasPrefix(text[i:], `"""`) && text[i-1] != '\\' {
				return i + 3, true
			}
		}
		return 0, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1, true
		case '\n':
			return 0, false
		}
	}
	return 0, false
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
