package project

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
)

// regular is a project of which only regular files are read: a pipe would never end, and
// what a symbolic link leads to is not the project's to change.
type regular struct{ files fs.FS }

func (r regular) Open(name string) (fs.File, error) {
	info, err := fs.Lstat(r.files, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if err := mustBeRegular(name, info); err != nil {
			return nil, err
		}
	}
	return r.files.Open(name)
}

func mustBeRegular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	kind := "not a regular file"
	if info.Mode()&fs.ModeSymlink != 0 {
		kind = "a symbolic link"
	}
	return fmt.Errorf("%s is %s; put a regular file in its place", name, kind)
}

// printable is an error whose text a terminal can show.
type printable struct{ error }

func (p printable) Error() string { return visible(p.error.Error()) }
func (p printable) Unwrap() error { return p.error }

// visible writes control characters, and those that turn the direction of text, as
// escapes: a file must not steer the terminal that shows it.
func visible(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == unicode.ReplacementChar && text[i] != "\ufffd"[0]:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
