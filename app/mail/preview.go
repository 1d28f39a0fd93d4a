package mail

import (
	"fmt"
	"slices"

	"hasura-login/app/login"
)

// Preview is a mail with invented content.
type Preview struct{ Subject, Text, HTML string }

// Preview renders a mail in a language with invented content.
func (t *Templates) Preview(kind login.MailKind, tag string) (Preview, error) {
	if !slices.Contains(login.MailKinds(), kind) {
		return Preview{}, fmt.Errorf("there is no mail %q", kind)
	}
	l := trial(kind)
	l.Payload.Language = tag
	m, err := t.render(l)
	return Preview{m.Subject, m.Text, m.HTML}, err
}
