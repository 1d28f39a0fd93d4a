package mail

import (
	"context"
	"fmt"
	"io"

	"hasura-login/app/login"
)

// NewShow makes a Mailer for development: it prints code and link, but not the
// recipient.
func NewShow(w io.Writer, t *Templates) login.Mailer { return mailer{t, show{w}} }

type show struct{ w io.Writer }

func (s show) send(_ context.Context, l login.Letter, m message) error {
	_, err := fmt.Fprintf(s.w, "mail (%s, %s): %s\n", l.Kind, m.Language, m.Subject)
	if err == nil && l.Code != "" {
		_, err = fmt.Fprintf(s.w, "  %s\n", l.Code)
	}
	if err == nil && l.Link != "" {
		_, err = fmt.Fprintf(s.w, "  %s\n", l.Link)
	}
	return err
}
