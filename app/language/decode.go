package language

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/feature/plural"
)

// names are the plural forms of CLDR, as a file names them.
var names = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// decode reads a file of texts: a JSON object from names to texts, or to an object of
// plural forms. It reads token by token, because encoding/json would take the last of
// two texts of one name without a word.
func decode(content []byte) (map[string]text, error) {
	d := json.NewDecoder(bytes.NewReader(content))
	read := map[string]text{}
	err := object(d, func(name string) error {
		if _, twice := read[name]; twice {
			return fmt.Errorf("%q is there twice", name)
		}
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch value := token.(type) {
		case string:
			read[name] = text{plural.Other: value}
		case json.Delim:
			if read[name], err = forms(d); err != nil {
				return fmt.Errorf("%q: %w", name, err)
			}
		default:
			return fmt.Errorf("%q is neither a text nor an object of plural forms", name)
		}
		for _, form := range read[name] {
			if strings.TrimSpace(form) == "" {
				return fmt.Errorf("%q is empty", name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the closing brace")
	}
	return read, nil
}

// forms reads an object of plural forms, after its opening brace.
func forms(d *json.Decoder) (text, error) {
	t := text{}
	err := members(d, func(name string) error {
		token, err := d.Token()
		if err != nil {
			return err
		}
		value, ok := token.(string)
		for form, known := range names {
			if ok && known == name {
				t[form] = value
				return nil
			}
		}
		return fmt.Errorf("%q is not one of the plural forms zero, one, two, few, many and other with its text", name)
	})
	if err == nil && t[plural.Other] == "" {
		err = errors.New(`the plural form "other" is missing`)
	}
	return t, err
}

// object reads an object and calls member after each name.
func object(d *json.Decoder, member func(name string) error) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if token != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	return members(d, member)
}

func members(d *json.Decoder, member func(name string) error) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		name, ok := token.(string)
		if !ok {
			return errors.New("not a JSON object")
		}
		if err := member(name); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return nil
}
