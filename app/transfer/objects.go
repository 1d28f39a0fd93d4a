package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"hasura-login/app/login"
)

// maxLine is the longest record in a file with one record per line.
const maxLine = 1 << 20

// ofJSON reads users that are JSON objects: one per line, in an array, or, if container
// is not empty, in an array of that name in an object. looks tells whether an object is
// a user of the format.
func ofJSON(container string, looks func(map[string]json.RawMessage) bool, convert func(json.RawMessage) (login.ImportRecord, error)) func(*bufio.Reader, Options) (Reader, error) {
	return func(in *bufio.Reader, _ Options) (Reader, error) {
		return openJSON(in, container, looks, convert)
	}
}

func openJSON(in *bufio.Reader, container string, looks func(map[string]json.RawMessage) bool, convert func(json.RawMessage) (login.ImportRecord, error)) (Reader, error) {
	first, skipped, err := firstByte(in)
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty")
	}
	if err != nil {
		return nil, err
	}
	var source objects
	switch {
	case first == '[' || container != "" && first == '{':
		source, err = newArray(in, container, skipped)
	case first == '{':
		source = &lines{in: in, line: skipped}
	default:
		err = errors.New("the file is not JSON, or not of this format")
	}
	if err != nil {
		return nil, err
	}
	return &jsonReader{source: source, looks: looks, convert: convert}, nil
}

// firstByte returns the first byte that is not white space, and the number of lines
// before it.
func firstByte(in *bufio.Reader) (b byte, lines int, err error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, 0, err
		}
		switch b {
		case '\n':
			lines++
		case ' ', '\t', '\r':
		default:
			return b, lines, in.UnreadByte()
		}
	}
}

// objects returns one JSON value after the other, each with its line.
type objects interface {
	next() (raw json.RawMessage, line int, err error)
}

// errLine is for an unusable value; the next one can still be read.
type errLine struct{ error }

type jsonReader struct {
	source  objects
	looks   func(map[string]json.RawMessage) bool
	convert func(json.RawMessage) (login.ImportRecord, error)
	begun   bool
}

func (r *jsonReader) Next() (Row, error) {
	raw, line, err := r.source.next()
	var bad errLine
	if errors.As(err, &bad) {
		return Row{Line: line, Err: bad.error}, nil
	}
	if err != nil {
		return Row{}, err
	}
	if !r.begun {
		var keys map[string]json.RawMessage
		if json.Unmarshal(raw, &keys) != nil || !r.looks(keys) {
			return Row{}, errors.New("the file is not of this format: its first record does not have the fields of one; see docs/moving.md")
		}
		r.begun = true
	}
	record, err := r.convert(raw)
	return Row{Line: line, Record: record, Err: plain(err)}, nil
}

// plain describes an error in a record without repeating the record's content.
func plain(err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return fmt.Errorf("the field %s has the wrong type: %s", kind.Field, kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %s", syntax.Error())
	}
	return err
}

// lines reads one object per line.
type lines struct {
	in   *bufio.Reader
	line int
}

func (l *lines) next() (json.RawMessage, int, error) {
	for {
		text, tooLong, err := readLine(l.in)
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0 && !tooLong) {
			return nil, 0, err
		}
		l.line++
		text = bytes.TrimSpace(text)
		switch {
		case tooLong:
			return nil, l.line, errLine{fmt.Errorf("the line is longer than %d bytes", maxLine)}
		case len(text) == 0:
			continue
		case !json.Valid(text) && err != nil:
			return nil, l.line, errLine{errors.New("the file ends in the middle of this record: is it whole?")}
		case !json.Valid(text):
			return nil, l.line, errLine{errors.New("the line is not a JSON object")}
		}
		return text, l.line, nil
	}
}

// readLine reads to the end of a line. It discards a line that is too long.
func readLine(in *bufio.Reader) (text []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			text, tooLong = nil, true
		}
		if !tooLong {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, tooLong, err
		}
	}
}

// array reads the elements of an array.
type array struct {
	decoder *json.Decoder
	counted *lineCounter
}

func newArray(in io.Reader, container string, skipped int) (*array, error) {
	counted := &lineCounter{in: in, line: skipped + 1}
	a := &array{decoder: json.NewDecoder(counted), counted: counted}
	start, err := a.decoder.Token()
	if err != nil {
		return nil, a.broken(err)
	}
	if start == json.Delim('[') {
		return a, nil
	}
	for a.decoder.More() {
		name, err := a.decoder.Token()
		if err != nil {
			return nil, a.broken(err)
		}
		if name == container {
			if start, err = a.decoder.Token(); err != nil {
				return nil, a.broken(err)
			}
			if start != json.Delim('[') {
				break
			}
			return a, nil
		}
		var passed json.RawMessage
		if err := a.decoder.Decode(&passed); err != nil {
			return nil, a.broken(err)
		}
	}
	return nil, fmt.Errorf("the file is not of this format: it has no list %q", container)
}

func (a *array) next() (json.RawMessage, int, error) {
	if !a.decoder.More() {
		if _, err := a.decoder.Token(); err != nil {
			return nil, 0, a.broken(err)
		}
		return nil, 0, io.EOF
	}
	var raw json.RawMessage
	if err := a.decoder.Decode(&raw); err != nil {
		return nil, 0, a.broken(err)
	}
	// The element ends at the decoder's position, and contains the line breaks up to
	// there.
	return raw, a.counted.lineAt(a.decoder.InputOffset()) - bytes.Count(raw, []byte{'\n'}), nil
}

func (a *array) broken(err error) error {
	line := a.counted.lineAt(a.decoder.InputOffset())
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends in the middle of a record, after line %d: is it whole?", line)
	}
	if text := plain(err); strings.HasPrefix(text.Error(), "not JSON") {
		return fmt.Errorf("the file is broken after line %d: %w", line, text)
	}
	return err
}

// lineCounter finds the line of each byte read, from the last requested offset on.
type lineCounter struct {
	in     io.Reader
	offset int64
	breaks []int64 // offsets just after line breaks
	line   int
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.offset+int64(i)+1)
		}
	}
	c.offset += int64(n)
	return n, err
}

// lineAt needs growing offsets.
func (c *lineCounter) lineAt(offset int64) int {
	passed := 0
	for passed < len(c.breaks) && c.breaks[passed] <= offset {
		passed++
	}
	c.line += passed
	c.breaks = c.breaks[passed:]
	return c.line
}

func hasAll(names ...string) func(map[string]json.RawMessage) bool {
	return func(object map[string]json.RawMessage) bool {
		for _, name := range names {
			if _, ok := object[name]; !ok {
				return false
			}
		}
		return true
	}
}

func hasAny(names ...string) func(map[string]json.RawMessage) bool {
	return func(object map[string]json.RawMessage) bool {
		for _, name := range names {
			if _, ok := object[name]; ok {
				return true
			}
		}
		return false
	}
}
