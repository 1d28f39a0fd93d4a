package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
	local, domain, _ := strings.Cut(from.Address, "@")
	if !isASCII(local) {
		return nil, fmt.Errorf("%q: what stands before the @ of a sender must be ASCII; few mail servers take more", s.From)
	}
	if !isASCII(domain) {
		sender, err := login.NormalizeEmail(from.Address)
		if err != nil {
			return nil, fmt.Errorf("%q is not a sender: %w", s.From, err)
		}
		_, domain, _ = strings.Cut(sender, "@")
		from.Address = local + "@" + domain
	}
	if s.TLS == nil {
		s.TLS = &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	}
	smtp := &smtpSender{server: s, from: from, domain: domain}
	if _, err := smtp.client(&connection{}, false); err != nil {
		return nil, err
	}
	return mailer{t, smtp}, nil
}

type smtpSender struct {
	server SMTP
	from   *mail.Address
	domain string
}

// connection is the one that a delivery uses. The library leaves it open where a
// conversation fails before the mail is sent, and bounds each step of it but not
// the whole; both are seen to here.
type connection struct {
	mu   sync.Mutex
	conn net.Conn
}

func (c *connection) dial(ctx context.Context, network, address string, implicit *tls.Config) (net.Conn, error) {
	var dialer interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	} = &net.Dialer{}
	if implicit != nil {
		dialer = &tls.Dialer{Config: implicit}
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	return conn, nil
}

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// client speaks to the server; if international, it says that a mail needs SMTPUTF8
// (RFC 6531). Others must not say so: a relay would refuse to hand them on to a
// server that lacks it.
func (s *smtpSender) client(c *connection, international bool) (*gomail.Client, error) {
	// Within TLS from the first byte no STARTTLS is offered; "opportunistic" makes
	// the library look at the connection and find that it is encrypted.
	policy, implicit := gomail.TLSMandatory, (*tls.Config)(nil)
	if s.server.ImplicitTLS {
		policy, implicit = gomail.TLSOpportunistic, s.server.TLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.server.Port), gomail.WithTimeout(sendTimeout),
		gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.server.TLS), gomail.WithHELO(s.domain),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return c.dial(ctx, network, address, implicit)
		}),
		// A check before MAIL FROM would only add a round trip to a fresh connection.
		gomail.WithoutNoop(),
	}
	if !international {
		options = append(options, gomail.WithoutSMTPUTF8())
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

// send delivers over a new connection. After the server has accepted the mail, later
// errors do not count: otherwise it would be sent twice.
func (s *smtpSender) send(ctx context.Context, l login.Letter, m message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	msg, err := s.message(l, m)
	if err != nil {
		return err
	}
	var c connection
	international := !isASCII(l.Recipient) // its domain is ASCII always
	client, err := s.client(&c, international)
	if err != nil {
		return err
	}
	defer c.close()
	defer context.AfterFunc(ctx, c.close)()
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the mail server: %w", withoutAddress(err, l.Recipient))
	}
	defer func() { _ = client.CloseWithSMTPClient(server) }()
	if offered, _ := server.Extension("SMTPUTF8"); international && !offered {
		return errNoSMTPUTF8
	}
	err = client.SendWithSMTPClient(server, msg)
	if err == nil || msg.IsDelivered() {
		return nil
	}
	failed := fmt.Errorf("sending: %w", withoutAddress(err, l.Recipient))
	// Only errors about this recipient or this text are final. A refused sender is a
	// wrong setting, which can be corrected.
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && refusal.ErrorCode() >= 500 &&
		(refusal.Reason == gomail.ErrSMTPRcptTo || refusal.Reason == gomail.ErrSMTPData || refusal.Reason == gomail.ErrSMTPDataClose) {
		return fmt.Errorf("%w: %w", login.ErrMailRefused, failed)
	}
	return failed
}

// errNoSMTPUTF8: the mail server does not accept such an address.
var errNoSMTPUTF8 = fmt.Errorf("%w: the recipient's mailbox is named outside ASCII, and the mail server does not offer SMTPUTF8", login.ErrMailRefused)

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// withoutAddress keeps the recipient, which servers often quote, out of logs.
func withoutAddress(err error, address string) error {
	return errors.New(strings.ReplaceAll(err.Error(), address, "(recipient)"))
}
