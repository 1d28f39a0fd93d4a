package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"hasura-login/app/login"
)

// sendTimeout bounds one delivery, from the look-up of the server's name to its
// answer.
const sendTimeout = 30 * time.Second

// SMTP names a mail server.
type SMTP struct {
	Host string
	Port int
	// ImplicitTLS speaks TLS from the first byte (port 465). Otherwise STARTTLS
	// is demanded. There is no way to send without TLS: the mail holds a link
	// that opens an account.
	ImplicitTLS bool
	User        string        // empty: no authentication
	Password    func() string // asked for each delivery, so that it may be replaced while we run
	From        string        // such as "Example <login@example.org>"
	TLS         *tls.Config   // nil: the system's authorities
}

// NewSMTP makes a Mailer that delivers to a mail server.
func NewSMTP(s SMTP, t *Templates) (login.Mailer, error) {
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("%q is not a sender such as Example <login@example.org>", s.From)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	smtp := &smtpSender{server: s, from: from, domain: domain}
	if _, err := smtp.client(); err != nil {
		return nil, err
	}
	return mailer{t, smtp}, nil
}

type smtpSender struct {
	server SMTP
	from   *mail.Address
	domain string
}

func (s *smtpSender) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.server.Port), gomail.WithTimeout(sendTimeout),
		gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithHELO(s.domain),
		// A check before MAIL FROM would only add a round trip to a fresh connection.
		gomail.WithoutNoop(),
	}
	if s.server.TLS != nil {
		options = append(options, gomail.WithTLSConfig(s.server.TLS))
	}
	if s.server.ImplicitTLS {
		options = append(options, gomail.WithSSL())
	}
	if s.server.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(s.server.User), gomail.WithPassword(s.server.Password()))
	}
	client, err := gomail.NewClient(s.server.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("the mail server's settings: %w", err)
	}
	return client, nil
}

func (s *smtpSender) message(l login.Letter, m message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(l.Recipient); err != nil {
		return nil, fmt.Errorf("%w: the recipient is not an address that SMTP knows", login.ErrMailRefused)
	}
	msg.SetMessageIDWithValue(l.ID + "@" + s.domain)
	msg.SetDate()
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	msg.SetGenHeader("Content-Language", m.Language)
	msg.Subject(m.Subject)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// send delivers over a connection of its own. Once the server has taken the
// mail, nothing that goes wrong afterwards counts: it would be sent twice.
func (s *smtpSender) send(ctx context.Context, l login.Letter, m message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	msg, err := s.message(l, m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("connecting to the mail server: %w", withoutAddress(err, l.Recipient))
	}
	defer func() { _ = client.Close() }()
	err = client.Send(msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	failed := fmt.Errorf("sending: %w", withoutAddress(err, l.Recipient))
	// Only what it says of this recipient or this text is final. A refused sender
	// is a matter of settings, which can be put right.
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.ErrorCode() >= 500 &&
		(refusal.Reason == gomail.ErrSMTPRcptTo || refusal.Reason == gomail.ErrSMTPData || refusal.Reason == gomail.ErrSMTPDataClose) {
		return fmt.Errorf("%w: %w", login.ErrMailRefused, failed)
	}
	return failed
}

// withoutAddress keeps the recipient, whom servers like to quote, out of logs.
func withoutAddress(err error, address string) error {
	return errors.New(strings.ReplaceAll(err.Error(), address, "(recipient)"))
}
