package login

import (
	"context"
	"crypto/rand"
	"strings"
	"time"
)

// Invitations asks to mail links to set a password.
type Invitations struct {
	// Wanted reports whether to invite an account. Disabled accounts never are.
	Wanted func(Account) bool
	// PerMinute is how many mails leave in a minute, and PerDomain how many of them go to
	// one domain: a mail provider may block an unknown sender of more. Both are above 0.
	PerMinute, PerDomain int
	Secret               MailSecret
	DryRun               bool
}

// Invited is what InviteReset has planned.
type Invited struct {
	Mails   int
	Already int       // accounts that were invited a short while ago
	Last    time.Time // when the last mail is due
}

// InviteStore is what InviteReset needs of a store.
type InviteStore interface {
	Store
	MailStore
	Outbox
	IdentityStore
}

const invitePage = 1000

// InviteReset queues a mail for each account that is wanted, each with its own time,
// so that they leave at an even pace whatever happens to this process. An account that
// has a live invitation gets no other, so InviteReset can run again.
func (o *Operator) InviteReset(ctx context.Context, store InviteStore, in Invitations) (Invited, error) {
	var done Invited
	p := newPace(time.Now().UTC(), in.PerMinute, in.PerDomain)
	for after := ""; ; {
		page, err := store.ListUsers(ctx, UserFilter{AfterEmail: after, Limit: invitePage})
		if err != nil {
			return done, err
		}
		for _, ua := range page {
			after = ua.User.Email
			if !ua.Account.DisabledAt.IsZero() || !in.Wanted(ua.Account) {
				continue
			}
			if err := o.invite(ctx, store, in, p, ua, &done); err != nil {
				return done, err
			}
		}
		if len(page) < invitePage {
			return done, nil
		}
	}
}

func (o *Operator) invite(ctx context.Context, store InviteStore, in Invitations, p *pace, ua UserAccount, done *Invited) error {
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
		if m.Kind == MailInvitation && m.FailedAt.IsZero() && m.CreatedAt.After(p.begun.Add(-InvitationLife)) {
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
	id, err := newID(rand.Reader)
	if err != nil {
		return err
	}
	tokens, err := in.Secret.Tokens(id)
	if err != nil {
		return err
	}
	token := newToken(PurposeResetPassword, ua, ua.User.Email, tokens[0], at)
	token.ExpiresAt = at.Add(InvitationLife)
	return store.QueueMail(ctx, QueuedMail{
		ID: id, UserID: ua.User.ID, Kind: MailInvitation, Recipient: ua.User.Email,
		Payload: MailPayload{Name: salutation(ua, ua.User.Email), At: ua.User.CreatedAt.UTC()}, CreatedAt: at,
	}, token)
}

// signsInOtherwise reports whether a user without a password signs in by a provider or a
// passkey, and needs none.
func signsInOtherwise(ctx context.Context, store InviteStore, ua UserAccount) (bool, error) {
	if ua.Account.has(MethodPasskey) {
		return true, nil
	}
	identities, err := store.Identities(ctx, ua.User.ID)
	return len(identities) > 0, err
}

// RecordInvited records that links to set a password are being mailed.
func (o *Operator) RecordInvited(ctx context.Context, whom string) error {
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
