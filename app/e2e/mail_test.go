package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/testserver"
)

// mailOffice is a stack whose mails pass a slow proxy on their way to a real
// mail server.
type mailOffice struct {
	*stack
	server *testserver.Mailpit
	proxy  *slowProxy
	env    map[string]string
	asked  int
}

func startMailOffice(t *testing.T) *mailOffice {
	t.Helper()
	server := testserver.StartMailpit(t, false)
	o := &mailOffice{server: server, proxy: newSlowProxy(t, testserver.Addr(server.Port))}
	o.env = map[string]string{
		"SSL_CERT_FILE":        server.CertFile,
		"LOGIN_MAIL_SMTP_HOST": "127.0.0.1", "LOGIN_MAIL_SMTP_PORT": strconv.Itoa(o.proxy.port()),
		"LOGIN_MAIL_SMTP_USER": server.User, "LOGIN_MAIL_SMTP_PASSWORD": server.Password,
		"LOGIN_MAIL_FROM":       "Example <login@example.org>",
		"LOGIN_MAIL_RESET_LINK": "https://app.example.org/reset#token={token}", "LOGIN_MAIL_VERIFY_LINK": "https://app.example.org/verify#token={token}",
		"LOGIN_MAIL_NOTICES": "off", "LOGIN_LIMIT_RESET_CLIENT": "off", "LOGIN_LIMIT_SIGNUP_CLIENT": "off",
	}
	o.stack = start(t, options{env: o.env})
	return o
}

// ask signs a user up and so promises a mail, and returns its address.
func (o *mailOffice) ask() string {
	o.t.Helper()
	o.asked++
	email := fmt.Sprintf("user%d@example.org", o.asked)
	r, err := o.direct("203.0.113.7").send("POST", "/auth/signup", map[string]any{"email": email, "name": "Ann", "password": goodPassword})
	if err != nil || r.status != 201 {
		o.t.Fatalf("signing up: %d %s %v", r.status, r.body, err)
	}
	return email
}

// killAndRestart ends the process as a crash does and starts it again once its
// claims are over: that time is moved in the database and not waited for.
func (o *mailOffice) killAndRestart() {
	o.t.Helper()
	o.login.Kill()
	o.proxy.let()
	o.postgres.Exec(o.t, o.database, `UPDATE auth.outbox SET locked_until = locked_until - interval '10 minutes', next_attempt_at = least(next_attempt_at, now())`)
	o.login = o.startLoginAt(o.login.api, o.login.ops, o.env)
}

// unsent counts queued mails that are not marked as sent.
func (o *mailOffice) unsent() (n int) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, o.postgres.URL(o.database))
	check(o.t, err)
	defer c.Close(ctx)
	check(o.t, c.QueryRow(ctx, "SELECT count(*) FROM auth.outbox WHERE sent_at IS NULL").Scan(&n))
	return n
}

func (o *mailOffice) awaitSent() {
	o.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); o.unsent() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("%d mails are not sent\n%s", o.unsent(), o.login.Output())
		}
	}
}

// arrived maps each recipient to the Message-IDs of what came.
func (o *mailOffice) arrived() map[string][]string {
	o.t.Helper()
	got := map[string][]string{}
	for _, m := range o.server.Mails(o.t) {
		got[m.To[0].Address] = append(got[m.To[0].Address], m.MessageID)
	}
	return got
}

func TestMail_Killed(t *testing.T) {
	o := startMailOffice(t)
	t.Run("AtEveryStageOfADelivery", func(t *testing.T) { killedAtStages(t, o) })
	t.Run("AtAnyMomentWithManyUnderWay", func(t *testing.T) { killedAnytime(t, o) })
}

// Every queued mail arrives, and a mail that the server has acknowledged is never sent
// again.
func killedAtStages(t *testing.T, o *mailOffice) {
	o.proxy.hold(beforeGreeting)
	waiting := o.ask()
	o.proxy.awaitHeld(t)
	o.killAndRestart()
	o.awaitSent()

	o.proxy.hold(beforeText)
	halfway := o.ask()
	o.proxy.awaitHeld(t)
	o.killAndRestart()
	o.awaitSent()

	o.proxy.hold(afterText) // the server has the mail; that it has, does not come back
	unheard := o.ask()
	o.proxy.awaitHeld(t)
	o.killAndRestart()
	o.awaitSent()

	taken := o.ask()
	o.awaitSent()
	o.killAndRestart() // and what is left of the conversation with it
	o.ask()
	o.awaitSent()

	got := o.arrived()
	for name, email := range map[string]string{"before the greeting": waiting, "halfway": halfway, "once it was taken": taken} {
		if n := len(got[email]); n != 1 {
			t.Errorf("killed %s: the mail came %d times", name, n)
		}
	}
	// Nobody could know; the receiver's server can, by the Message-ID.
	if ids := got[unheard]; len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("killed before the answer was heard: %v", ids)
	}
}

func killedAnytime(t *testing.T, o *mailOffice) {
	const kills = 4
	o.proxy.delay.Store(int64(10 * time.Millisecond))
	promised := map[string]bool{}
	for range kills {
		for range 3 {
			promised[o.ask()] = true
		}
		time.Sleep(rand.N(600 * time.Millisecond)) // #nosec G404 -- any moment
		o.killAndRestart()
	}
	o.awaitSent()
	got := o.arrived()
	twice := 0
	for email := range promised {
		ids := got[email]
		if len(ids) == 0 {
			t.Errorf("nothing came to %s", email)
		}
		for _, id := range ids {
			if id != ids[0] {
				t.Errorf("%s got different mails: %v", email, ids)
			}
		}
		if len(ids) > 1 {
			twice++
		}
	}
	// At most the two under way at each kill may have been taken unheard.
	t.Logf("%d mails promised, %d came more than once", len(promised), twice)
	if twice > 2*kills {
		t.Errorf("%d of %d mails came more than once", twice, len(promised))
	}
}

// stage is where a proxy holds a conversation.
type stage int32

const (
	nowhere        stage = iota
	beforeGreeting       // the server's first word
	beforeText           // the client's mail
	afterText            // the server's answer to it
)

// slowProxy stands between the service and its mail server. The conversation is
// encrypted, but the size of a message shows which one is the mail: after the greeting,
// no other message of the client has more than textSize bytes.
type slowProxy struct {
	net.Listener
	to    string
	delay atomic.Int64 // of everything, in nanoseconds
	at    atomic.Int32 // a stage
	held  chan struct{}

	mu   sync.Mutex
	open chan struct{} // closed: nothing is held any more
}

const textSize = 1800

func newSlowProxy(t *testing.T, to string) *slowProxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &slowProxy{Listener: ln, to: to, held: make(chan struct{}, 100), open: make(chan struct{})}
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			go p.relay(client)
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); p.let() })
	return p
}

func (p *slowProxy) port() int { return p.Addr().(*net.TCPAddr).Port }

func (p *slowProxy) hold(at stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
	p.at.Store(int32(at))
}

// let releases every held conversation and holds no further one.
func (p *slowProxy) let() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if stage(p.at.Swap(int32(nowhere))) != nowhere {
		close(p.open)
	}
}

func (p *slowProxy) awaitHeld(t *testing.T) {
	t.Helper()
	select {
	case <-p.held:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was held")
	}
}

// pause holds a conversation that has come to a stage; false: it is over.
func (p *slowProxy) pause(at stage) bool {
	time.Sleep(time.Duration(p.delay.Load()))
	p.mu.Lock()
	released := p.open
	p.mu.Unlock()
	if stage(p.at.Load()) != at {
		return true
	}
	p.held <- struct{}{}
	<-released
	return false
}

var errHeld = errors.New("the conversation was held and has ended")

func (p *slowProxy) relay(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var said atomic.Bool // the mail's text has passed
	go func() {
		defer func() { _ = server.Close() }()
		total := 0
		_ = p.pass(server, client, func(n int) bool {
			total += n
			if n < textSize || total == n {
				return p.pause(-1)
			}
			said.Store(true)
			return p.pause(beforeText)
		})
	}()
	first := true
	_ = p.pass(client, server, func(int) bool {
		at := stage(-1)
		switch {
		case first:
			at = beforeGreeting
		case said.Load():
			at = afterText
		}
		first = false
		return p.pause(at)
	})
}

// pass copies one direction until goOn returns false.
func (p *slowProxy) pass(to, from net.Conn, goOn func(n int) bool) error {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return err
		}
		if !goOn(n) {
			return errHeld
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// The same header gives the same language on a page, over REST and through Hasura, which
// forwards no Accept-Language.
func TestMail_LanguageIsTheBestThatTheBrowserAsksFor(t *testing.T) {
	server := testserver.StartMailpit(t, false)
	s := start(t, options{env: map[string]string{
		"SSL_CERT_FILE":        server.CertFile,
		"LOGIN_MAIL_SMTP_HOST": "127.0.0.1", "LOGIN_MAIL_SMTP_PORT": strconv.Itoa(server.Port),
		"LOGIN_MAIL_SMTP_USER": server.User, "LOGIN_MAIL_SMTP_PASSWORD": server.Password,
		"LOGIN_MAIL_FROM":    "Example <login@example.org>",
		"LOGIN_HOSTED_PAGES": "true", "LOGIN_PUBLIC_URL": "https://login.example.org", "LOGIN_MAIL_NOTICES": "off",
	}})
	c := s.client().with("Accept-Language", "sv, en;q=0.3, de-CH;q=0.8, *;q=0.1")
	if r := c.rest("GET", "/auth/pages/signin", nil); !strings.Contains(string(r.body), `<html lang="de">`) {
		t.Errorf("the page: %.200s", r.body)
	}
	c.signUp("graphql@example.org")
	c.restGrant("POST", "/auth/signup", map[string]any{"email": "rest@example.org", "name": "Ann", "password": goodPassword})
	testserver.Eventually(t, "both mails", func() bool { return len(server.Mails(t)) == 2 })
	for _, m := range server.Mails(t) {
		if !strings.Contains(m.Subject, "bestätigen") {
			t.Errorf("the mail to %s is about %q", m.To[0].Address, m.Subject)
		}
	}
}
