package storetest

import (
	"context"
	"hasura-login/app/login"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// claim takes a mail, which must be m at the given attempt, or none.
func (k *kit) claim(m *login.QueuedMail, attempt int) {
	k.Helper()
	got, err := k.mail().ClaimMail(k.ctx, k.now, lease)
	if m == nil {
		k.is(err, login.ErrNotFound)
		return
	}
	k.ok(err)
	want := *m
	want.Attempts, want.CreatedAt = attempt, stored(m.CreatedAt)
	k.equal("claimed", want, got)
}

func (k *kit) queued(want int) {
	k.Helper()
	n, err := k.mail().QueuedMails(k.ctx, k.now)
	k.ok(err)
	k.equal("mails in the queue", want, n)
}

func claimLease(k *kit) {
	ua := k.user("ann@example.org")
	k.claim(nil, 0)
	_, m := k.mailToken(ua)
	k.later(-time.Second)
	k.claim(nil, 0) // not due yet
	k.later(time.Second)
	k.claim(&m, 1)
	k.claim(nil, 0)
	k.later(lease)
	k.claim(&m, 2)
	k.queued(1)
	k.ok(k.mail().MailSent(k.ctx, m.ID, k.now))
	k.queued(0)
	k.later(lease)
	k.claim(nil, 0)
	k.is(k.mail().MailSent(k.ctx, uuid.NewString(), k.now), login.ErrNotFound)
}

func claimRace(k *kit) {
	const mails = 6
	for i := range mails {
		k.mailToken(k.user(email(i)))
	}
	type claimed struct {
		id  string
		err error
	}
	seen := map[string]bool{}
	for _, c := range parallel(2*mails, func(int) claimed {
		m, err := k.mail().ClaimMail(k.ctx, k.now, lease)
		return claimed{m.ID, err}
	}) {
		switch {
		case c.err != nil:
			k.is(c.err, login.ErrNotFound)
		case seen[c.id]:
			k.Fatalf("two callers have mail %s", c.id)
		default:
			seen[c.id] = true
		}
	}
	// A caller may find the row it was about to take gone and answer "none".
	for {
		m, err := k.mail().ClaimMail(k.ctx, k.now, lease)
		if err != nil {
			k.is(err, login.ErrNotFound)
			break
		}
		if seen[m.ID] {
			k.Fatalf("two callers have mail %s", m.ID)
		}
		seen[m.ID] = true
	}
	k.equal("mails claimed", mails, len(seen))
}

func claimFence(k *kit) {
	ua := k.user("ann@example.org")
	_, m := k.mailToken(ua)
	k.claim(&m, 1)
	k.later(lease)
	k.claim(&m, 2)
	k.is(k.mail().PostponeMail(k.ctx, m.ID, 1, k.now), login.ErrStale)
	k.is(k.mail().AbandonMail(k.ctx, m.ID, 1, k.now), login.ErrStale)
	k.ok(k.mail().PostponeMail(k.ctx, m.ID, 2, k.now.Add(time.Hour)))
	k.claim(nil, 0)
	k.later(time.Hour)
	k.claim(&m, 3)
	k.ok(k.mail().AbandonMail(k.ctx, m.ID, 3, k.now))
	k.later(lease)
	k.claim(nil, 0)
	k.queued(0)
	k.is(k.mail().PostponeMail(k.ctx, m.ID, 3, k.now), login.ErrStale)
}

func decoyMail(k *kit) {
	k.ok(k.mail().QueueMail(k.ctx, login.QueuedMail{ID: uuid.NewString(), Kind: "decoy", CreatedAt: k.now, SentAt: k.now}, nil))
	k.queued(0)
	k.claim(nil, 0)
}

func mailsOf(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	_, sent := k.mailToken(ua)
	k.claim(&sent, 1)
	k.ok(k.mail().MailSent(k.ctx, sent.ID, k.now))
	k.later(time.Minute)
	_, abandoned := k.mailToken(ua)
	k.claim(&abandoned, 1)
	k.ok(k.mail().AbandonMail(k.ctx, abandoned.ID, 1, k.now))
	k.later(time.Minute)
	_, waiting := k.mailToken(ua)
	k.mailToken(other)
	k.ok(k.mail().QueueMail(k.ctx, login.QueuedMail{ID: uuid.NewString(), UserID: ua.User.ID, Kind: login.MailDecoy, CreatedAt: k.now, SentAt: k.now}, nil))
	mails, err := k.mail().MailsOf(k.ctx, ua.User.ID)
	k.ok(err)
	at := func(m login.QueuedMail) time.Time { return m.CreatedAt.UTC().Truncate(time.Microsecond) }
	want := []login.MailFate{
		{Kind: waiting.Kind, CreatedAt: at(waiting)},
		{Kind: abandoned.Kind, CreatedAt: at(abandoned), Attempts: 1, FailedAt: at(abandoned)},
		{Kind: sent.Kind, CreatedAt: at(sent), Attempts: 1, SentAt: at(sent)},
	}
	if diff := cmp.Diff(want, mails); diff != "" {
		k.T.Errorf("mails of a user: %s", diff)
	}
}

func sweepMail(k *kit) {
	ua, other := k.user("ann@example.org"), k.user("bob@example.org")
	_, sent := k.mailToken(ua)
	k.claim(&sent, 1)
	k.ok(k.mail().MailSent(k.ctx, sent.ID, k.now))
	k.later(time.Hour)
	live, open := k.mailToken(other)
	n, err := k.mail().SweepMail(k.ctx, k.now, 100)
	k.ok(err)
	k.equal("rows swept: a token and a mail", 2, n)
	k.tokenIs(live, nil)
	k.claim(&open, 1)
	n, err = k.mail().SweepMail(context.WithoutCancel(k.ctx), k.now, 100)
	k.ok(err)
	k.equal("rows swept", 0, n)
}
