package login

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// SetPasswordMails asks to mail links to set a password.
type SetPasswordMails struct {
	// Wanted reports whether to mail an account. Disabled accounts never are.
	Wanted func(Account) bool
	// PerMinute is how many mails leave in a minute, and PerDomain how many of them go to
	// one domain: a mail provider may block an unknown sender of more. Both are above 0.
	PerMinute, PerDomain int
	Secret               MailSecret
	DryRun               bool
}

// SetPasswordPlan is what MailSetPasswordLinks has planned.
type SetPasswordPlan struct {
	Mails   int
	Already int       // accounts that have a live link
	Last    time.Time // when the last mail is due
}

// SetPasswordStore is what MailSetPasswordLinks needs of a store.
type SetPasswordStore interface {
	Store
	MailStore
	Outbox
	IdentityStore
}

const setPasswordPage = 1000

// MailSetPasswordLinks queues a mail for each account that is wanted, each with its own time,
// so that they leave at an even pace whatever happens to this process. An account that
// has a live link gets no other, so MailSetPasswordLinks can run again.
func (o *Operator) MailSetPasswordLinks(ctx context.Context, store SetPasswordStore, in SetPasswordMails) (SetPasswordPlan, error) {
	var done SetPasswordPlan
	p := newPace(time.Now().UTC(), in.PerMinute, in.PerDomain)
	for after := ""; ; {
		page, err := store.ListUsers(ctx, UserFilter{AfterEmail: after, Limit: setPasswordPage})
		if err != nil {
			return done, err
		}
		for _, ua := range page {
			after = ua.User.Email
			if !ua.Account.DisabledAt.IsZero() || !in.Wanted(ua.Account) {
				continue
			}
			if err := o.mailSetPassword(ctx, store, in, p, ua, &done); err != nil {
				return done, err
			}
		}
		if len(page) < setPasswordPage {
			return done, nil
		}
	}
}

func (o *Operator) mailSetPassword(ctx context.Context, store SetPasswordStore, in SetPasswordMails, p *pace, ua UserAccount, done *SetPasswordPlan) error {
	if ua.Account.Password == "" {
		if in, err := signsInOtherwise(ctx, store, ua); err != nil || in {
			return err
		}
	}
	mails, err := store.MailsOf(ctx, ua.User.ID)
	if err != nil {
		return err
	}
	for _, m := range mails {
		if m.Kind == MailSetPassword && m.FailedAt.IsZero() && m.CreatedAt.After(p.begun.Add(-InvitationLife)) {
			done.Already++
			return nil
		}
	}
	at := p.next(ua.User.Email)
	done.Mails++
	if at.After(done.Last) {
		done.Last = at
	}
	if in.DryRun {
		return nil
	}
	made, err := in.Secret.draw(rand.Reader)
	if err != nil {
		return err
	}
	token := newToken(PurposeResetPassword, ua, ua.User.Email, made.token, at)
	token.ExpiresAt = at.Add(InvitationLife)
	return store.QueueMail(ctx, QueuedMail{
		ID: made.id, UserID: ua.User.ID, Kind: MailSetPassword, Recipient: ua.User.Email,
		Payload: MailPayload{Name: salutation(ua, ua.User.Email), At: ua.User.CreatedAt.UTC(), MadeWith: made.mark}, CreatedAt: at,
	}, token)
}

// signsInOtherwise reports whether a user without a password signs in by a provider or a
// passkey, and needs none.
func signsInOtherwise(ctx context.Context, store SetPasswordStore, ua UserAccount) (bool, error) {
	if ua.Account.has(MethodPasskey) {
		return true, nil
	}
	identities, err := store.Identities(ctx, ua.User.ID)
	return len(identities) > 0, err
}

// RecordSetPasswordMailed records that links to set a password are being mailed.
func (o *Operator) RecordSetPasswordMailed(ctx context.Context, whom string) error {
	return o.recordEvent(ctx, Event{Name: EventResetInvited, Reason: whom})
}

// pace spreads mails over time.
type pace struct {
	begun              time.Time
	between, perDomain time.Duration
	count              int
	domains            map[string]time.Time // when the next mail to it is due
}

func newPace(begun time.Time, perMinute, perDomain int) *pace {
	return &pace{
		begun: begun, between: time.Minute / time.Duration(perMinute), perDomain: time.Minute / time.Duration(perDomain),
		domains: map[string]time.Time{},
	}
}

// next returns when the next mail, to this address, may leave.
func (p *pace) next(email string) time.Time {
	_, domain, _ := strings.Cut(email, "@")
	at := p.begun.Add(time.Duration(p.count) * p.between)
	p.count++
	if due := p.domains[domain]; due.After(at) {
		at = due
	}
	p.domains[domain] = at.Add(p.perDomain)
	return at
}
