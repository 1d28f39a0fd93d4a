package login

import (
	"context"
	"errors"
)

// linkRequest asks to send a link to an address that may have no account.
type linkRequest struct {
	op       Operation
	kind     MailKind
	event    EventName
	email    string
	language string
	client   Client
	wanted   func(UserAccount) bool // reports whether the account gets the link
}

// requestLink does the same work and gives the same answer whether or not the
// address has an account that gets the link, and waits for no mail server.
func (s *Service) requestLink(ctx context.Context, r linkRequest) error {
	email, err := NormalizeEmail(r.email)
	if err != nil {
		return err
	}
	language, err := mailLanguage(r.language, r.client)
	if err != nil {
		return err
	}
	if _, err := s.reserve(ctx, Attempt{Operation: r.op, Client: r.client, Account: email}); err != nil {
		return err
	}
	ua, err := s.Store.UserAccountByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	send := err == nil && r.wanted(ua)
	if err := s.queueLink(ctx, linkMail{kind: r.kind, owner: ua, recipient: email, language: language, client: r.client}, send); err != nil {
		return err
	}
	userID := ""
	if send {
		userID = ua.User.ID
	}
	s.Audit.Record(ctx, Event{Name: r.event, Operation: r.op, UserID: userID, ClientPrefix: r.client.Prefix(), Actor: ActorUser})
	return nil
}

// linkMail is a mail with a link for its owner's account.
type linkMail struct {
	kind                MailKind
	owner               UserAccount
	recipient, language string
	client              Client // who asked for it
}

// queueLink queues a mail with a link. If send is false, it does the same work but sends
// nothing.
func (s *Service) queueLink(ctx context.Context, m linkMail, send bool) error {
	ua := m.owner
	made, err := s.MailSecret.draw(s.Random)
	if err != nil {
		return err
	}
	now := s.Now().UTC()
	mail := QueuedMail{
		ID: made.id, UserID: ua.User.ID, Kind: m.kind, Recipient: m.recipient,
		Payload: MailPayload{Name: salutation(ua, m.recipient), Language: m.language, At: now, MadeWith: made.mark}.by(m.client), CreatedAt: now,
	}
	switch m.kind {
	case MailVerifyEmail:
		mail.Payload.At = ua.User.CreatedAt.UTC()
	case MailChangeEmail:
		mail.Payload.Account = Masked(ua.User.Email)
	}
	token := newToken(m.kind.Purpose(), ua, m.recipient, made.token, now)
	if !send {
		mail, token = mail.decoy(), nil
	}
	// A user deleted meanwhile is an address without an account.
	if err := s.Mail.QueueMail(ctx, mail, token); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.mailQueued()
	return nil
}

func (s *Service) mailQueued() {
	if s.MailQueued != nil {
		s.MailQueued()
	}
}

// linkRefused settles an attempt with an invalid token; it returns other errors
// unchanged.
func (s *Service) linkRefused(ctx context.Context, op Operation, r Reservation, userID string, c Client, err error) error {
	if !errors.Is(err, ErrTokenUnknown) {
		r.Released(ctx)
		return err
	}
	r.Failed(ctx)
	return s.refused(ctx, op, userID, c, errInvalidToken())
}

func errInvalidToken() *Error {
	return Errorf(CodeInvalidToken, "This link has expired or was used already; ask for a new one")
}
