package login

import (
	"context"
	"errors"
)

// RequestEmailVerificationInput names an address whose owner wants to verify it.
type RequestEmailVerificationInput struct {
	Email    string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// RequestEmailVerification queues a mail with a link that verifies its address.
// It does the same work and gives the same answer whether or not the address has
// an account, and whether or not it is verified already.
func (s *Service) RequestEmailVerification(ctx context.Context, in RequestEmailVerificationInput) error {
	if !s.rules.MailEnabled {
		return errMailDisabled()
	}
	return s.requestLink(ctx, linkRequest{
		op: OpRequestEmailVerification, kind: MailVerifyEmail, event: EventVerificationRequested,
		email: in.Email, language: in.Language, client: in.Client,
		wanted: func(ua UserAccount) bool {
			return ua.Account.DisabledAt.IsZero() && ua.Account.EmailVerifiedAt.IsZero()
		},
	})
}

// RequestEmailChangeInput names the new address of the account.
type RequestEmailChangeInput struct {
	NewEmail string
	Password string
	Language string // optional; of the mail, such as "de"
	Client   Client
}

// RequestEmailChange proves the caller's password and queues a mail to the new
// address with a link that makes it the account's. If another user has the address, it
// gives the same answer and sends nothing.
func (s *Service) RequestEmailChange(ctx context.Context, id Identity, in RequestEmailChangeInput) error {
	if !s.rules.MailEnabled {
		return errMailDisabled()
	}
	email, err := NormalizeEmail(in.NewEmail)
	if err != nil {
		return ofField("newEmail", err)
	}
	if err := s.mayHave(email); err != nil {
		return err
	}
	language, err := mailLanguage(in.Language, in.Client)
	if err != nil {
		return err
	}
	session, ua, err := s.confirm(ctx, OpRequestEmailChange, id, in.Password, in.Client, func(ua UserAccount) error {
		if ua.User.Email == email {
			return Invalid("newEmail", "the account has this address already")
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Otherwise any user could make us mail arbitrary addresses.
	if _, err := s.reserve(ctx, Attempt{Operation: OpRequestEmailChange, Client: in.Client, Account: ua.User.Email, Recipient: email}); err != nil {
		return err
	}
	_, err = s.Store.UserAccountByEmail(ctx, email)
	free := errors.Is(err, ErrNotFound)
	if err != nil && !free {
		return err
	}
	allowed := s.mayMail(ctx, Attempt{Client: in.Client, Recipient: email, Unsolicited: MailChangeEmail})
	if err := s.queueLink(ctx, linkMail{kind: MailChangeEmail, owner: ua, recipient: email, language: language, client: in.Client}, free && allowed); err != nil {
		return err
	}
	s.record(ctx, EventEmailChangeRequested, OpRequestEmailChange, session, in.Client)
	return nil
}

// VerifyEmailInput proves access to a mailbox, and that the mailbox's reader uses the
// account.
type VerifyEmailInput struct {
	Token    string
	Identity Identity // of the caller, if signed in
	Password string   // of the account; a link to a new account's address takes it instead
	Client   Client
}

// VerifyEmail spends a token from a mail: the account's address is verified, or the
// address that the mail went to becomes the account's. The mail alone is not enough,
// because the person who made the account may have tricked the mailbox's reader into
// confirming: a change needs a session of the account, a new account a session or its
// password. A reader who has neither can take the account over with ResetPassword.
// Confirming again succeeds: mail programs and impatient people follow a link twice.
func (s *Service) VerifyEmail(ctx context.Context, in VerifyEmailInput) error {
	reservation, err := s.reserve(ctx, Attempt{Operation: OpVerifyEmail, Client: in.Client})
	if err != nil {
		return err
	}
	stored, ua, err := s.mailToken(ctx, in.Token)
	if err == nil && stored.Purpose != PurposeVerifyEmail && stored.Purpose != PurposeChangeEmail {
		err = ErrTokenUnknown
	}
	if err != nil {
		return s.linkRefused(ctx, OpVerifyEmail, reservation, ua.User.ID, in.Client, err)
	}
	if stored.Confirmed(ua) {
		return nil
	}
	if err := s.mayConfirm(ctx, stored, ua, in); err != nil {
		return err
	}
	event := EventEmailVerified
	if stored.Purpose == PurposeChangeEmail {
		if err := s.mayHave(stored.Email); err != nil { // the rules have changed since the mail was sent
			reservation.Released(ctx)
			return s.refused(ctx, OpVerifyEmail, ua.User.ID, in.Client, AsError(err))
		}
		event = EventEmailChanged
		err = s.changeEmail(ctx, stored.Hash, ua, in.Client)
	} else {
		_, err = s.Mail.VerifyEmail(ctx, stored.Hash, s.Now().UTC())
	}
	if errors.Is(err, ErrTokenUnknown) { // perhaps another tab was first
		stored, ua, again := s.mailToken(ctx, in.Token)
		if again == nil && stored.Confirmed(ua) {
			return nil
		}
	}
	if errors.Is(err, ErrEmailTaken) {
		reservation.Released(ctx)
		return s.refused(ctx, OpVerifyEmail, ua.User.ID, in.Client, errEmailTaken())
	}
	if err != nil {
		return s.linkRefused(ctx, OpVerifyEmail, reservation, ua.User.ID, in.Client, err)
	}
	s.record(ctx, event, OpVerifyEmail, Session{UserID: ua.User.ID, ID: in.Identity.SessionID}, in.Client)
	return nil
}

// mayConfirm refuses a person who presents a link without showing that they use its
// account: by a session of it or, except for a change of address, by its password.
func (s *Service) mayConfirm(ctx context.Context, t MailToken, ua UserAccount, in VerifyEmailInput) error {
	if in.Identity.UserID == ua.User.ID {
		_, _, err := s.authorize(ctx, in.Identity)
		if err == nil || AsError(err).Code != CodeUnauthenticated {
			return err
		}
	}
	if t.Purpose == PurposeChangeEmail {
		return s.refused(ctx, OpVerifyEmail, ua.User.ID, in.Client,
			Errorf(CodeUnauthenticated, "Sign in to the account that asked for this change, then open the link again"))
	}
	if in.Password == "" {
		return s.refused(ctx, OpVerifyEmail, ua.User.ID, in.Client,
			Errorf(CodeUnauthenticated, "Sign in to this account, or send its password with the token; if you do not know it, set a new one with this token"))
	}
	// The link is from the account's mailbox: strangers who guess at the account do
	// not use up its bearer's tries.
	attempt := Attempt{Operation: OpVerifyEmail, Client: in.Client, Account: ua.User.Email, DeviceID: string(t.Hash[:])}
	_, err := s.prove(ctx, attempt, ua, Proof{Method: MethodPassword, Password: in.Password},
		Errorf(CodeInvalidCredentials, "This is not the account's password"))
	return err
}

// Link describes a mailed token, for the page that asks before it is spent.
type Link struct {
	Purpose     MailPurpose
	Email       string // the address that the mail went to
	UserAccount UserAccount
	Confirmed   bool // nothing is left to do
}

// Link describes a token and spends nothing. It shows an address and a name to the
// bearer of the token, so a wrong one counts as a guess. A right one does not count: the use case
// that spends it does.
func (s *Service) Link(ctx context.Context, token string, c Client) (Link, error) {
	const op = OpMailLink
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: c})
	if err != nil {
		return Link{}, err
	}
	t, ua, err := s.mailToken(ctx, token)
	if err != nil {
		return Link{}, s.linkRefused(ctx, op, reservation, "", c, err)
	}
	reservation.Released(ctx)
	return Link{Purpose: t.Purpose, Email: t.Email, UserAccount: ua, Confirmed: t.Confirmed(ua)}, nil
}

// mailToken finds a live token and its owner; ErrTokenUnknown.
func (s *Service) mailToken(ctx context.Context, token string) (MailToken, UserAccount, error) {
	hash, wellFormed := HashMailToken(token)
	if !wellFormed {
		return MailToken{}, UserAccount{}, ErrTokenUnknown
	}
	return s.Mail.MailTokenUserAccount(ctx, hash, s.Now())
}

// changeEmail gives an account the address that a token was sent to, and queues a notice
// to the old address.
func (s *Service) changeEmail(ctx context.Context, token TokenHash, ua UserAccount, c Client) error {
	change := EmailChange{Token: token, Now: s.Now().UTC()}
	if s.sends(MailEmailChanged) && s.mayTell(ctx, MailEmailChanged, ua, c) {
		notice, err := s.notice(MailEmailChanged, ua, c)
		if err != nil {
			return err
		}
		change.Notice = &notice
	}
	if err := s.Mail.ChangeEmail(ctx, change); err != nil {
		return err
	}
	s.mailQueued()
	return nil
}

// SetEmailVerified marks a user's address as verified on an operator's word.
func (o *Operator) SetEmailVerified(ctx context.Context, ref string) error {
	return o.change(ctx, ref, EventEmailMarkedVerified, AccountChange{EmailVerified: true})
}

func errMailDisabled() *Error { return Errorf(CodeMailDisabled, "This service sends no mail") }

func errEmailNotVerified(message string) *Error { return Errorf(CodeEmailNotVerified, "%s", message) }
