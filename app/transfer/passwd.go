package transfer

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"hasura-login/app/login"
)

// passwd reads lines of address:hash, as in Dovecot's passwd-file or a shadow file; it
// ignores further fields.
type passwd struct {
	in    *bufio.Reader
	line  int
	begun bool
}

func openPasswd(in *bufio.Reader, _ Options) (Reader, error) {
	if _, _, err := firstByte(in); err != nil {
		return nil, errors.New("the file is empty")
	}
	return &passwd{in: in}, nil
}

func (p *passwd) Next() (Row, error) {
	for {
		text, tooLong, err := readLine(p.in)
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0 && !tooLong) {
			return Row{}, err
		}
		p.line++
		line := strings.TrimSpace(string(text))
		if line == "" && !tooLong || strings.HasPrefix(line, "#") {
			continue
		}
		email, rest, found := strings.Cut(line, ":")
		switch {
		case tooLong || !found || !utf8.ValidString(line):
			if !p.begun {
				return Row{}, errors.New("the file is not of this format: its lines must be address:hash")
			}
			return Row{Line: p.line, Err: errors.New("the line is not address:hash")}, nil
		case !p.begun && !strings.Contains(email, "@") && !strings.Contains(rest, "$"):
			return Row{}, errors.New("the file is not of this format: its lines must be address:hash")
		}
		p.begun = true
		hash, _, _ := strings.Cut(rest, ":")
		return Row{Line: p.line, Record: login.ImportRecord{Email: email, PasswordHash: storedForm(hash)}}, nil
	}
}
