package mail_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"hasura-login/app/login"
	"hasura-login/app/mail"
	"hasura-login/app/testserver"
)

func TestSMTP_DeliversOverStartTLSAndTLS(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			server := testserver.StartMailpit(t, implicit)
			mailer := newSMTP(t, server, func(s *mail.SMTP) { s.ImplicitTLS = implicit })
			check(t, mailer.Send(t.Context(), letter()))
			mails := server.Mails(t)
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived", len(mails))
			}
			m := mails[0]
			if m.Subject != "Neues Passwort setzen · Example" || m.From.Address != "login@example.org" || m.From.Name != "Example" ||
				len(m.To) != 1 || m.To[0].Address != "ann@example.org" || m.MessageID != letter().ID+"@example.org" {
				t.Errorf("arrived as %+v", m)
			}
			if !strings.Contains(m.Text, "Hallo Ann <Ä>,") || !strings.Contains(m.Text, letter().Link) {
				t.Errorf("the text is %q", m.Text)
			}
			if !strings.Contains(m.HTML, "Hallo Ann &lt;Ä&gt;,") || !strings.Contains(m.HTML, `href="`+letter().Link+`"`) {
				t.Errorf("the HTML is %q", m.HTML)
			}
			if got := server.Header(t, m.ID, "Auto-Submitted"); len(got) != 1 || got[0] != "auto-generated" {
				t.Errorf("Auto-Submitted: %q", got)
			}
			// No mail here goes to a list that people could leave.
			if got := server.Header(t, m.ID, "List-Unsubscribe"); len(got) != 0 {
				t.Errorf("List-Unsubscribe: %q", got)
			}
		})
	}
}

// Text that looks like an address to the database can be a display name or a comment
// with another address. Each such text would be another account with its own limits,
// and all their mails would go to one mailbox.
func TestSMTP_WritesToNoMailboxByAnotherName(t *testing.T) {
	server := testserver.StartMailpit(t, false)
	mailer := newSMTP(t, server)
	for _, recipient := range []string{"x<ann@example.org>", "ann(x)@example.org", "(x)ann@example.org", "ann@example.org(x.y)", `"ann"@example.org`, "bob,ann@example.org"} {
		l := letter()
		l.Recipient = recipient
		if err := mailer.Send(t.Context(), l); !errors.Is(err, login.ErrMailRefused) {
			t.Errorf("%s: %v, want it refused for good", recipient, err)
		}
	}
	if mails := server.Mails(t); len(mails) > 0 {
		t.Errorf("%d mails arrived", len(mails))
	}
}

func TestSMTP_WhatCanBePutRightIsNotFinal(t *testing.T) {
	server := testserver.StartMailpit(t, false)
	for name, edit := range map[string]func(*mail.SMTP){
		"wrong password":       func(s *mail.SMTP) { s.Password = func() string { return "wrong" } },
		"untrusted server":     func(s *mail.SMTP) { s.TLS = nil },
		"nothing at that port": func(s *mail.SMTP) { s.Port = testserver.FreePort(t) },
	} {
		err := newSMTP(t, server, edit).Send(t.Context(), letter())
		if err == nil || errors.Is(err, login.ErrMailRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Refuse(t, 451)
	if err := newSMTP(t, server).Send(t.Context(), letter()); err == nil || errors.Is(err, login.ErrMailRefused) {
		t.Errorf("451 for the recipient: %v", err)
	}
	server.Refuse(t, 550)
	err := newSMTP(t, server).Send(t.Context(), letter())
	if !errors.Is(err, login.ErrMailRefused) {
		t.Errorf("550 for the recipient: %v", err)
	}
	if strings.Contains(err.Error(), "ann@example.org") {
		t.Errorf("the error names the recipient: %v", err)
	}
	if mails := server.Mails(t); len(mails) != 0 {
		t.Errorf("%d mails arrived", len(mails))
	}
}

// A server without STARTTLS, or a man in the middle who hides it, gets neither
// the password nor the mail.
func TestSMTP_SendsNothingWithoutTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer func() { _ = l.Close() }()
	heard := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Write([]byte("220 plain ESMTP\r\n"))
		var all strings.Builder
		for buf := make([]byte, 1024); ; {
			n, err := conn.Read(buf)
			if err != nil {
				break
			}
			all.Write(buf[:n])
			_, _ = conn.Write([]byte("250-plain\r\n250 AUTH PLAIN LOGIN\r\n"))
		}
		heard <- all.String()
	}()
	mailer, err := mail.NewSMTP(mail.SMTP{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "login",
		Password: func() string { return "hunter22" }, From: "login@example.org",
	}, templates(t))
	check(t, err)
	if err := mailer.Send(t.Context(), letter()); err == nil {
		t.Error("sent without TLS")
	}
	if said := <-heard; strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
		t.Errorf("a server without TLS was told %q", said)
	}
}

func TestNewSMTP_RefusesASenderThatIsNone(t *testing.T) {
	if _, err := mail.NewSMTP(mail.SMTP{Host: "localhost", Port: 587, From: "nobody"}, templates(t)); err == nil {
		t.Error("took it")
	}
}
