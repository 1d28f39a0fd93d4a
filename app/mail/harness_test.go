package mail_test

import (
	"context"
	"net/netip"
	"regexp"
	"sync"
	"testing"
	"time"

	"hasura-login/app/brand"
	"hasura-login/app/language"
	"hasura-login/app/login"
	"hasura-login/app/logintest"
	"hasura-login/app/mail"
	"hasura-login/app/store/sqlite"
	"hasura-login/app/testclock"
	"hasura-login/app/testserver"
)

const (
	oldPassword = logintest.Password
	newPassword = "battery of volta 1800"
)

var (
	secret = logintest.MailSecret
	home   = login.Client{Addr: netip.MustParseAddr("203.0.113.7"), Name: "test"}
)

// office is a login service whose mails a worker sends, on a real store.
type office struct {
	*login.Service
	t      *testing.T
	store  *sqlite.Store
	clock  *testclock.Clock
	seen   *recorder
	secret login.MailSecret // of the worker
	worker *mail.Worker
	stop   func()
}

// newOffice has one account, Ann's, and sends no notices unless the rules say so.
func newOffice(t *testing.T, mailer login.Mailer, edit ...func(*login.Rules)) *office {
	t.Helper()
	o := &office{t: t, store: logintest.OpenStore(t), seen: &recorder{}, secret: secret}
	service := logintest.StartOn(t, o.store, logintest.SessionIDs, func(d *login.Deps, r *login.Rules) {
		d.MailQueued = func() { o.worker.Wake() }
		for _, f := range edit {
			f(r)
		}
	})
	o.Service, o.clock = service.Service, service.Clock
	o.start(mailer)
	t.Cleanup(func() { o.stop() })
	operator := login.Operator{Store: o.store, Mail: o.store, Hasher: o.Hasher, Policy: o.Policy, Tokens: logintest.Names, Audit: service.Events, Roles: []string{"user"}}
	_, err := operator.Create(t.Context(), "ann@example.org", "Ann <Ä>", oldPassword, nil)
	check(t, err)
	return o
}

// start runs a worker with a mailer until stop.
func (o *office) start(mailer login.Mailer) {
	o.t.Helper()
	link := func(page string) mail.Link {
		l, err := mail.ParseLink("https://app.example.org/" + page + "#token={token}")
		check(o.t, err)
		return l
	}
	o.worker = mail.NewWorker(mail.Config{
		Outbox: o.store, Mailer: mailer, Secret: o.secret, Links: map[login.MailKind]mail.Link{
			login.MailResetPassword: link("reset"), login.MailVerifyEmail: link("verify"), login.MailChangeEmail: link("verify"),
		},
		Observer: o.seen, Failed: o.seen.failed, Now: o.clock.Now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { o.worker.Run(ctx); close(done) }()
	o.stop = func() { cancel(); <-done }
}

func (o *office) forgot(language string) {
	o.t.Helper()
	check(o.t, o.RequestPasswordReset(o.t.Context(), login.RequestPasswordResetInput{Email: "ann@example.org", Language: language, Client: home}))
}

// until waits for a number of attempts that ended in a way.
func (o *office) until(result string, n int) {
	o.t.Helper()
	eventually(o.t, result, func() bool { return o.seen.count(result) >= n })
}

// later moves the clock and lets the worker look again.
func (o *office) later(d time.Duration) {
	o.clock.Advance(d)
	o.worker.Wake()
}

var tokenInLink = regexp.MustCompile(`https://app\.example\.org/(?:reset|verify)#token=([A-Za-z0-9_-]{43})`)

func tokenOf(t *testing.T, text string) string {
	t.Helper()
	m := tokenInLink.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no link in %q", text)
	}
	return m[1]
}

func newSMTP(t *testing.T, server *testserver.Mailpit, edit ...func(*mail.SMTP)) login.Mailer {
	t.Helper()
	s := mail.SMTP{
		Host: "127.0.0.1", Port: server.Port, TLS: server.TLS, From: "Example <login@example.org>",
		User: server.User, Password: func() string { return server.Password },
	}
	for _, f := range edit {
		f(&s)
	}
	mailer, err := mail.NewSMTP(s, templates(t))
	check(t, err)
	return mailer
}

func templates(t *testing.T) *mail.Templates {
	t.Helper()
	all, err := mail.LoadTemplates(options(t, "", "en"))
	check(t, err)
	return all
}

// options are those of a site called Example.
func options(t *testing.T, folder, fallback string) mail.Options {
	t.Helper()
	catalogue, err := language.Load("")
	check(t, err)
	look, err := brand.Load("")
	check(t, err)
	return mail.Options{Folder: folder, Fallback: fallback, Catalogue: catalogue, Site: mail.Site{Name: "Example", Brand: look, Account: accountURL}}
}

const accountURL = "https://login.example.org/auth/pages/account"

func letter() login.Letter {
	return login.Letter{
		ID: "6f0e1a52-5a0c-4b52-9d7c-000000000001", Kind: login.MailResetPassword, Recipient: "ann@example.org",
		Payload: login.MailPayload{Name: "Ann <Ä>", Language: "de"}, Link: "https://app.example.org/reset#token=x", ValidFor: 30 * time.Minute,
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorder records the worker's notifications.
type recorder struct {
	mu      sync.Mutex
	results []string
	errors  []string
	queue   int
}

func (r *recorder) Mail(kind, result string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
}

func (r *recorder) MailQueue(length int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = length
}

func (r *recorder) failed(_ string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, err.Error())
}

func (r *recorder) count(result string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, got := range r.results {
		if got == result {
			n++
		}
	}
	return n
}

func (r *recorder) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.errors...)
}

func (*recorder) Record(context.Context, login.Event)          {}
func (*recorder) RecordAct(context.Context, login.Event) error { return nil }
func (*recorder) Throttled(string)                             {}
func (*recorder) Degraded(bool)                                {}
