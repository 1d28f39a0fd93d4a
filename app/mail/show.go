package mail

import (
	"context"
	"fmt"
	"io"
	"time"

	"hasura-login/app/login"
)

// Shown is a mail as development shows it instead of sending it.
type Shown struct {
	At        time.Time
	Kind      login.MailKind
	Recipient string
	Language  string
	Subject   string
	Text      string
	HTML      string
}

// NewShow makes a Mailer for development: it prints code and link, but not the
// recipient, and hands the whole mail to keep (nil: to no one).
func NewShow(w io.Writer, keep func(Shown), t *Templates) login.Mailer {
	return mailer{t, show{w, keep}}
}

type show struct {
	w    io.Writer
	keep func(Shown)
}

func (s show) send(_ context.Context, l login.Letter, m message) error {
	if s.keep != nil {
		s.keep(Shown{At: time.Now(), Kind: l.Kind, Recipient: l.Recipient, Language: m.Language, Subject: m.Subject, Text: m.Text, HTML: m.HTML})
	}
	_, err := fmt.Fprintf(s.w, "mail (%s, %s): %s\n", l.Kind, m.Language, m.Subject)
	if err == nil && l.Code != "" {
		_, err = fmt.Fprintf(s.w, "  %s\n", l.Code)
	}
	if err == nil && l.Link != "" {
		_, err = fmt.Fprintf(s.w, "  %s\n", l.Link)
	}
	return err
}
