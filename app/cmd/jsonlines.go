package cmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
)

// linesFile is a file of JSON lines. One without a line is removed at the end. Until it
// begins, a file of an earlier run stays as it is.
type linesFile struct {
	path  string
	file  *os.File // nil: none is written, or stderr is
	fresh bool     // there was no file before
	begun bool
	out   *bufio.Writer
}

// newLines opens a file, so that a place where nothing can be written shows before
// anything else is done.
func newLines(env Environment, path string) (*linesFile, error) {
	l := &linesFile{path: path}
	switch path {
	case "":
		return l, nil
	case "-":
		l.path, l.out = "stderr", bufio.NewWriter(env.Stderr)
		return l, nil
	}
	_, err := os.Stat(path)
	l.fresh = errors.Is(err, os.ErrNotExist)
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600); err != nil { // #nosec G304 -- the operator's own path
		return nil, err
	}
	l.out = bufio.NewWriter(l.file)
	return l, nil
}

// begin removes the lines of an earlier run.
func (l *linesFile) begin() error {
	l.begun = true
	if !l.isRegular() {
		return nil
	}
	return l.file.Truncate(0)
}

func (l *linesFile) isRegular() bool {
	if l.file == nil {
		return false
	}
	info, err := l.file.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (l *linesFile) write(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = l.out.Write(append(line, '\n'))
	return err
}

func (l *linesFile) flush() error {
	if l.out == nil {
		return nil
	}
	return l.out.Flush()
}

// close leaves no empty file behind, except one of before that no line was meant for.
func (l *linesFile) close() {
	if l.file == nil {
		return
	}
	_ = l.out.Flush()
	info, err := l.file.Stat()
	_ = l.file.Close()
	if err == nil && info.Mode().IsRegular() && info.Size() == 0 && (l.begun || l.fresh) {
		_ = os.Remove(l.path)
	}
}
