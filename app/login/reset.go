package login

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"time"
	"unicode/utf8"
)

// RequestPasswordResetInput names an account whose password is forgotten.
type RequestPasswordResetInput struct {
	Email    string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// maxSalutation is the longest name, in characters, that a mail repeats.
const maxSalutation = 60

// languageTag is the shape of a language, not a list of those there are: which
// have templates is for the mailer to know.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,2}$`)

// RequestPasswordReset queues a mail with a link to set a new password. It does
// the same work and gives the same answer whether or not the address has an
// account, and waits for no mail server.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestPasswordResetInput) error {
	if !s.rules.MailEnabled {
		return Errorf(CodeMailDisabled, "This service sends no mail; ask whoever runs it for a link to reset the password")
	}
	email, err := NormalizeEmail(in.Email)
	if err != nil {
		return err
	}
	if in.Language != "" && !languageTag.MatchString(in.Language) {
		return Errorf(CodeInvalidInput, "language: not a language such as en or de")
	}
	if _, err := s.reserve(ctx, Attempt{Operation: OpRequestPasswordReset, Client: in.Client, Account: email}); err != nil {
		return err
	}
	h, err := s.Store.HolderByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	known := err == nil && h.Account.DisabledAt.IsZero()
	mail, token, err := s.resetMail(h, email, in.Language)
	if err != nil {
		return err
	}
	if !known {
		mail.UserID, mail.Kind, mail.Recipient, mail.Payload.Name, mail.SentAt = "", mailDecoy, "", "", mail.CreatedAt
		token = nil
	}
	// A user deleted meanwhile is an address without an account.
	if err := s.Mail.QueueMail(ctx, mail, token); err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.Audit.Record(ctx, Event{
		Name: EventPasswordResetRequested, Operation: OpRequestPasswordReset,
		UserID: mail.UserID, ClientPrefix: in.Client.Prefix(), Actor: ActorUser,
	})
	if s.MailQueued != nil {
		s.MailQueued()
	}
	return nil
}

func (s *Service) resetMail(h Holder, email, language string) (QueuedMail, *MailToken, error) {
	id, err := newID(s.Random)
	if err != nil {
		return QueuedMail{}, nil, err
	}
	tokens, err := s.MailSecret.Tokens(id)
	if err != nil {
		return QueuedMail{}, nil, err
	}
	now := s.Now().UTC()
	return QueuedMail{
		ID: id, UserID: h.User.ID, Kind: MailResetPassword, Recipient: email,
		Payload: MailPayload{Name: salutation(h.User.Name), Language: language}, CreatedAt: now,
	}, newResetToken(h, tokens[0], now), nil
}

// link is what mail programs may show as one.
var link = regexp.MustCompile(`[/:@]|\.\S`)

// salutation is a name as a mail may repeat it, or nothing: anyone can sign up
// with somebody else's address and a name that advertises, and have us send it.
func salutation(name string) string {
	if utf8.RuneCountInString(name) > maxSalutation || link.MatchString(name) {
		return ""
	}
	return name
}

// ResetPasswordInput proves access to the mailbox and names a new password.
type ResetPasswordInput struct {
	Token       string
	NewPassword string
	Client      Client
}

// ResetPassword spends a token from a mail, replaces the password, ends every
// session and opens a new one for the caller.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (Grant, error) {
	reservation, err := s.reserve(ctx, Attempt{Operation: OpResetPassword, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	token, wellFormed := HashMailToken(in.Token)
	h, err := Holder{}, ErrTokenUnknown
	if wellFormed {
		h, err = s.Mail.MailTokenHolder(ctx, PurposeResetPassword, token, s.Now())
	}
	if err != nil {
		return Grant{}, s.resetRefused(ctx, reservation, "", in.Client, err)
	}
	// A password that is refused spends nothing: the person tries another.
	if err := s.Policy.Check(in.NewPassword, passwordContext(h.User.Email, h.User.Name)...); err != nil {
		return Grant{}, err
	}
	hash, err := s.Hasher.Hash(ctx, Work{Operation: OpResetPassword, KnownDevice: true}, in.NewPassword)
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	opened, refresh, err := s.openSession(h.User.ID, h.Account.Epoch+1, in.Client)
	if err != nil {
		return Grant{}, err
	}
	err = s.Mail.ResetPassword(ctx, PasswordReset{
		Token: token, UserID: h.User.ID, Epoch: h.Account.Epoch, NewHash: hash, Session: opened, Now: s.Now().UTC(),
	})
	if err != nil {
		return Grant{}, s.resetRefused(ctx, reservation, h.User.ID, in.Client, err)
	}
	s.record(ctx, EventPasswordReset, OpResetPassword, opened.Session, in.Client)
	g, err := s.grant(h, opened.Session, refresh)
	g.DeviceToken = s.Devices.Issue(h.User.Email, s.Now())
	return g, err
}

// resetRefused settles an attempt whose token is no good; other errors pass.
func (s *Service) resetRefused(ctx context.Context, r Reservation, userID string, c Client, err error) error {
	if !errors.Is(err, ErrTokenUnknown) {
		r.Released(ctx)
		return err
	}
	r.Failed(ctx)
	return s.refused(ctx, OpResetPassword, userID, c, Errorf(CodeInvalidToken, "This link has expired or was used already; ask for a new one"))
}

// ResetToken makes a token with which a user who gets no mail can set a new
// password, for an operator to hand over.
func (o *Operator) ResetToken(ctx context.Context, ref string) (token string, stored MailToken, err error) {
	h, err := o.Find(ctx, ref)
	if err != nil {
		return "", MailToken{}, err
	}
	if !h.Account.DisabledAt.IsZero() {
		return "", MailToken{}, Errorf(CodeAccountDisabled, "the account is disabled; enable it first")
	}
	if token, err = newMailToken(rand.Reader); err != nil {
		return "", MailToken{}, err
	}
	stored = *newResetToken(h, token, time.Now().UTC())
	if err := o.Mail.AddMailToken(ctx, stored); err != nil {
		return "", MailToken{}, err
	}
	o.record(ctx, EventPasswordResetLink, h.User.ID)
	return token, stored, nil
}
