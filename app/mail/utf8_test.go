package mail_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/mail"
)

// relay is a mail server that offers the given extensions and takes every mail.
type relay struct {
	net.Listener
	client *tls.Config

	mu    sync.Mutex
	lines []string
}

func startRelay(t *testing.T, offers ...string) *relay {
	t.Helper()
	keys := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	t.Cleanup(keys.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: keys.TLS.Certificates, MinVersion: tls.VersionTLS12})
	check(t, err)
	t.Cleanup(func() { _ = l.Close() })
	r := &relay{Listener: l, client: keys.Client().Transport.(*http.Transport).TLSClientConfig.Clone()}
	r.client.ServerName = "example.com"
	greeting := "250-relay\r\n"
	for _, name := range offers {
		greeting += "250-" + name + "\r\n"
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go r.talk(conn, greeting+"250 HELP\r\n")
		}
	}()
	return r
}

func (r *relay) talk(conn net.Conn, greeting string) {
	defer func() { _ = conn.Close() }()
	say := func(s string) { _, _ = conn.Write([]byte(s)) }
	say("220 relay ESMTP\r\n")
	inData := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		r.mu.Lock()
		r.lines = append(r.lines, line)
		r.mu.Unlock()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case inData:
			if line == "." {
				inData = false
				say("250 taken\r\n")
			}
		case verb == "EHLO":
			say(greeting)
		case verb == "DATA":
			inData = true
			say("354 go on\r\n")
		case verb == "QUIT":
			say("221 bye\r\n")
			return
		default:
			say("250 ok\r\n")
		}
	}
}

// told are the lines that begin so.
func (r *relay) told(prefix string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for _, line := range r.lines {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	return found
}

func (r *relay) mailer(t *testing.T, from string) login.Mailer {
	t.Helper()
	mailer, err := mail.NewSMTP(mail.SMTP{
		Host: "127.0.0.1", Port: r.Addr().(*net.TCPAddr).Port, ImplicitTLS: true, TLS: r.client, From: from,
	}, templates(t))
	check(t, err)
	return mailer
}

// Public reports: a relay refused mail to a domain outside ASCII because it was sent as
// typed (bitwarden/server#1512, docker-mailserver#794), or with SMTPUTF8, which it did
// not need (iredmail/iRedMail#220).
func TestSMTP_ADomainOutsideASCIINeedsNoSMTPUTF8(t *testing.T) {
	for _, offers := range [][]string{{"8BITMIME"}, {"8BITMIME", "SMTPUTF8"}} {
		r := startRelay(t, offers...)
		l := letter()
		l.Recipient = "idn@bücher.example" // queued before addresses had one form
		check(t, r.mailer(t, "Bücher <login@bücher.example>").Send(t.Context(), l))
		if got := r.told("RCPT"); len(got) != 1 || got[0] != "RCPT TO:<idn@xn--bcher-kva.example>" {
			t.Errorf("offered %q: %q", offers, got)
		}
		if got := r.told("MAIL"); len(got) != 1 || !strings.HasPrefix(got[0], "MAIL FROM:<login@xn--bcher-kva.example>") || strings.Contains(got[0], "SMTPUTF8") {
			t.Errorf("offered %q: %q", offers, got)
		}
		for _, line := range append(r.told("EHLO"), append(r.told("To:"), r.told("Message-ID:")...)...) {
			if strings.ContainsFunc(line, func(c rune) bool { return c > '~' }) {
				t.Errorf("offered %q: %q", offers, line)
			}
		}
	}
}

// The public report: a local part outside ASCII was sent to a server that had not
// said it takes one (anonaddy/anonaddy#600).
func TestSMTP_AMailboxOutsideASCIINeedsAServerThatOffersSMTPUTF8(t *testing.T) {
	l := letter()
	l.Recipient = "büro@xn--bcher-kva.example"
	able := startRelay(t, "8BITMIME", "SMTPUTF8")
	check(t, able.mailer(t, "login@example.org").Send(t.Context(), l))
	if got := able.told("RCPT"); len(got) != 1 || got[0] != "RCPT TO:<büro@xn--bcher-kva.example>" {
		t.Errorf("%q", got)
	}
	if got := able.told("MAIL"); len(got) != 1 || !strings.Contains(got[0], " SMTPUTF8") {
		t.Errorf("%q", got)
	}

	unable := startRelay(t, "8BITMIME")
	err := unable.mailer(t, "login@example.org").Send(t.Context(), l)
	if !errors.Is(err, login.ErrMailRefused) || !strings.Contains(err.Error(), "SMTPUTF8") || strings.Contains(err.Error(), "büro") {
		t.Errorf("%v, want it refused for good, with the reason and without the address", err)
	}
	if got := unable.told("MAIL"); len(got) > 0 {
		t.Errorf("it was told %q", got)
	}
}

func TestWorker_AMailboxThatTheServerCannotNameIsCountedAsThat(t *testing.T) {
	o := newOffice(t, startRelay(t, "8BITMIME").mailer(t, "login@example.org"))
	_, err := o.SignUp(t.Context(), login.SignUpInput{Email: "büro@example.org", Name: "Ann", Password: oldPassword, Client: home})
	check(t, err)
	o.until(mail.ResultNoSMTPUTF8, 1)
	if n := o.seen.count(mail.ResultAbandoned); n != 0 {
		t.Errorf("%d counted as abandoned too", n)
	}
}

func TestNewSMTP_RefusesASenderOutsideASCII(t *testing.T) {
	if _, err := mail.NewSMTP(mail.SMTP{Host: "localhost", Port: 587, From: "büro@example.org"}, templates(t)); err == nil {
		t.Error("took it")
	}
}
