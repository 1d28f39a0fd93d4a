// Package mail sends the mails in the outbox: by SMTP, by a webhook or, in development,
// by printing the link. The files in a folder can override its templates.
package mail

//go:generate go run github.com/valyala/quicktemplate/qtc -skipLineComments -file layout.qtpl

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"hasura-login/app/login"
)

// sender delivers a rendered letter.
type sender interface {
	send(ctx context.Context, l login.Letter, m message) error
}

// message is a rendered letter.
type message struct {
	Language string
	Subject  string
	Text     string
	HTML     string
}

// mailer renders and sends; it implements login.Mailer.
type mailer struct {
	templates *Templates
	sender    sender
}

// Send implements login.Mailer. The recipient is normalised, because the mail may be
// older than the normal form. An address without such a form is refused: mail programs
// could read it as another address, such as "x<ann@example.org>", and any number of
// accounts, each with its own limits, could make us mail one mailbox.
func (m mailer) Send(ctx context.Context, l login.Letter) error {
	to, err := login.NormalizeEmail(l.Recipient)
	if err != nil {
		return fmt.Errorf("%w: the recipient is not an address: %w", login.ErrMailRefused, err)
	}
	l.Recipient = to
	rendered, err := m.templates.render(l)
	if err != nil {
		return err
	}
	return m.sender.send(ctx, l, rendered)
}

// tokenPlace marks the place of the token in a link template.
const tokenPlace = "{token}"

// Link makes links to the app's own pages from a URL template such as
// "https://app.example.org/reset#token={token}". After the # the token stays in
// the browser: it reaches no server's log and no Referer header.
type Link struct{ template string }

// ParseLink checks a template: an http or https URL with {token} in its path,
// query or fragment, once.
func ParseLink(template string) (Link, error) {
	if strings.Count(template, tokenPlace) != 1 {
		return Link{}, fmt.Errorf("%q must hold %s once", template, tokenPlace)
	}
	u, err := url.Parse(strings.ReplaceAll(template, tokenPlace, "token"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Link{}, fmt.Errorf("%q is not a URL such as https://app.example.org/reset#token=%s", template, tokenPlace)
	}
	if authority, _, _ := strings.Cut(strings.SplitN(template, "//", 2)[1], "/"); strings.Contains(authority, tokenPlace) && !strings.ContainsAny(authority, "?#") {
		return Link{}, fmt.Errorf("%q has %s in its host", template, tokenPlace)
	}
	return Link{template}, nil
}

// With inserts a token. Tokens are base64url and need no escaping.
func (l Link) With(token string) string { return strings.ReplaceAll(l.template, tokenPlace, token) }
