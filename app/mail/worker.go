package mail

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"hasura-login/app/login"
)

// Results of an attempt to send; they label a metric.
const (
	ResultSent      = "sent"
	ResultPostponed = "postponed" // it failed and will be tried again
	ResultAbandoned = "abandoned" // refused for good, or too old
	// ResultNoSMTPUTF8: abandoned because the mail server does not accept the address.
	ResultNoSMTPUTF8 = "no-smtputf8"
	ResultVoid       = "void" // no longer needed: its link was replaced or voided
)

const (
	// lease is how long a claimed mail is kept from other replicas. It is longer
	// than any delivery, so none is sent by two at once.
	lease = sendTimeout + 30*time.Second
	// pollEvery is how long a mail waits that this replica was not told of.
	pollEvery = 2 * time.Second
	// senders are mails under way at once: a slow server holds up but one.
	senders = 2
	// firstDelay doubles with each failure up to maxDelay.
	firstDelay = 10 * time.Second
	maxDelay   = 30 * time.Minute
	// giveUpAfter is the age at which a mail is given up.
	giveUpAfter = 24 * time.Hour
	// keepDone keeps finished mails for a while, for questions about a missing one.
	keepDone   = 7 * 24 * time.Hour
	sweepEvery = time.Hour
	sweepBatch = 500
	countEvery = 15 * time.Second
)

// Observer gets the results, for metrics.
type Observer interface {
	Mail(kind, result string)
	MailQueue(length int)
}

// Config is the configuration of a Worker.
type Config struct {
	Outbox   login.Outbox
	Mailer   login.Mailer
	Secret   login.MailSecret
	Links    map[login.MailKind]Link
	Observer Observer
	Failed   func(mailID string, err error) // for the log; the error names no recipient
	Now      func() time.Time
}

// Worker sends the mails in the outbox. Several replicas may run one each.
type Worker struct {
	Config
	wake chan struct{}
	down atomic.Bool // the outbox: told once, not at every try
}

// NewWorker makes a Worker; nothing runs yet.
func NewWorker(c Config) *Worker { return &Worker{Config: c, wake: make(chan struct{}, senders)} }

// Wake tells that there is something to send. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. A delivery under way is brought to its end, so that
// its outcome is known and written down.
func (w *Worker) Run(ctx context.Context) {
	var running sync.WaitGroup
	for range senders {
		running.Go(func() {
			w.every(ctx, pollEvery, w.wake, func() {
				for ctx.Err() == nil && w.sendOne(context.WithoutCancel(ctx)) {
				}
			})
		})
	}
	running.Go(func() { w.every(ctx, countEvery, nil, func() { w.count(ctx) }) })
	running.Go(func() { w.every(ctx, sweepEvery, nil, func() { w.sweep(ctx) }) })
	running.Wait()
}

// every calls f now and then until ctx ends. Jitter spreads replicas that
// started together.
func (w *Worker) every(ctx context.Context, d time.Duration, wake <-chan struct{}, f func()) {
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-time.After(d/2 + rand.N(d)): // #nosec G404 -- only spreads load
		}
	}
}

// sendOne sends the mail that has been due longest and reports whether to go on.
func (w *Worker) sendOne(ctx context.Context) bool {
	m, err := w.Outbox.ClaimMail(ctx, w.Now().UTC(), lease)
	if err != nil && !errors.Is(err, login.ErrNotFound) {
		if !w.down.Swap(true) {
			w.Failed("", err)
		}
		return false
	}
	w.down.Store(false)
	if err != nil {
		return false
	}
	letter, err := w.letter(ctx, m)
	if err == nil {
		err = w.Mailer.Send(ctx, letter)
	}
	w.settle(ctx, m, err)
	return true
}

// letter makes the link, if the mail carries one. The link's lifetime starts again with
// each attempt; otherwise a link that was sent late could arrive expired.
func (w *Worker) letter(ctx context.Context, m login.QueuedMail) (login.Letter, error) {
	letter := login.Letter{ID: m.ID, Kind: m.Kind, Recipient: m.Recipient, Payload: m.Payload}
	secret, err := w.Secret.Only(m.Payload.MadeWith)
	if err != nil {
		return letter, err
	}
	if m.Kind.HasCode() {
		if letter.Code, letter.ValidFor, err = w.code(m, secret); err != nil {
			return letter, err
		}
	}
	purpose := m.Kind.Purpose()
	if purpose == "" {
		return letter, nil
	}
	link, ok := w.Links[m.Kind]
	if !ok {
		return login.Letter{}, fmt.Errorf("there is no link for mails of kind %q", m.Kind)
	}
	tokens, err := secret.Tokens(m.ID)
	if err != nil {
		return login.Letter{}, err
	}
	for _, token := range tokens {
		hash, _ := login.HashMailToken(token)
		err = w.Outbox.RenewMailToken(ctx, purpose, hash, w.Now().UTC().Add(m.Kind.LinkLife()))
		if err == nil {
			letter.Link, letter.ValidFor = link.With(token), m.Kind.LinkLife()
			return letter, nil
		}
		if !errors.Is(err, login.ErrTokenUnknown) {
			break
		}
	}
	return login.Letter{}, err
}

// code makes the code of a mail and says how long it works. A code that works no more
// is worth a mail only if a link comes with it.
func (w *Worker) code(m login.QueuedMail, secret login.MailSecret) (string, time.Duration, error) {
	left := m.CreatedAt.Add(login.MailCodeLife).Sub(w.Now())
	if left < time.Minute && m.Kind.Purpose() == "" {
		return "", 0, login.ErrTokenUnknown
	}
	codes, err := secret.Codes(m.ID)
	if err != nil {
		return "", 0, err
	}
	return codes[0], left.Round(time.Minute), nil
}

// settle writes the outcome of an attempt down.
func (w *Worker) settle(ctx context.Context, m login.QueuedMail, err error) {
	now := w.Now().UTC()
	result := ResultSent
	switch {
	case err == nil:
		err = w.persist(func() error { return w.Outbox.MailSent(ctx, m.ID, now) })
	case errors.Is(err, login.ErrTokenUnknown):
		result = ResultVoid
		err = w.Outbox.AbandonMail(ctx, m.ID, m.Attempts, now)
	case errors.Is(err, login.ErrMailRefused), now.Sub(m.CreatedAt) >= giveUpAfter:
		result = ResultAbandoned
		if errors.Is(err, errNoSMTPUTF8) {
			result = ResultNoSMTPUTF8
		}
		err = errors.Join(err, w.Outbox.AbandonMail(ctx, m.ID, m.Attempts, now))
	default:
		result = ResultPostponed
		err = errors.Join(err, w.Outbox.PostponeMail(ctx, m.ID, m.Attempts, now.Add(delay(m.Attempts))))
	}
	w.Observer.Mail(string(m.Kind), result)
	if err != nil {
		w.Failed(m.ID, err)
	}
}

// persist tries what must not be lost a few times over: a mail that was taken
// and is not marked would be sent again.
func (w *Worker) persist(f func() error) error {
	err := f()
	for deadline := time.Now().Add(lease / 3); err != nil && errors.Is(err, login.ErrUnavailable) && time.Now().Before(deadline); err = f() {
		time.Sleep(time.Second)
	}
	return err
}

// delay is how long to wait after so many failures, give or take a fifth.
func delay(attempts int) time.Duration {
	d := maxDelay
	if shift := attempts - 1; shift < 16 {
		d = min(firstDelay<<shift, maxDelay)
	}
	return d*4/5 + rand.N(d*2/5) // #nosec G404 -- only spreads load
}

func (w *Worker) count(ctx context.Context) {
	n, err := w.Outbox.QueuedMails(ctx, w.Now().UTC())
	if err == nil {
		w.Observer.MailQueue(n)
	}
}

func (w *Worker) sweep(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := w.Outbox.SweepMail(ctx, w.Now().UTC().Add(-keepDone), sweepBatch)
		if err != nil && ctx.Err() == nil {
			w.Failed("", err)
		}
		if err != nil || n < sweepBatch {
			return
		}
	}
}
