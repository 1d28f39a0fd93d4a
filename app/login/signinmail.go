package login

import (
	"context"
	"errors"
	"strings"
	"time"
)

// MailSignIn says who may sign in by a mailed code or link.
type MailSignIn string

// The settings.
const (
	MailSignInOff    MailSignIn = "off"
	MailSignInKnown  MailSignIn = "signin" // anyone with an account
	MailSignInSignUp MailSignIn = "signup" // a new address gets an account, too
)

func (m MailSignIn) on() bool { return m == MailSignInKnown || m == MailSignInSignUp }

// RequestMailSignInInput names the address of the person who wants to sign in.
type RequestMailSignInInput struct {
	Email       string
	Language    string // optional; of the mail, such as "de"
	DeviceToken string // optional; from an earlier grant on this device
	Client      Client
}

// MailChallenge is what a client gets while the mail is on its way. The mailed code
// works only together with it, so a code that is guessed, or passed on by its reader,
// opens nothing elsewhere.
type MailChallenge struct {
	Challenge string
	ExpiresAt time.Time
}

// RequestMailSignIn queues a mail with a code and, to a verified address, a link. It
// does the same work and gives the same answer whether or not the address has an
// account, and waits for no mail server.
func (s *Service) RequestMailSignIn(ctx context.Context, in RequestMailSignInInput) (MailChallenge, error) {
	const op = OpRequestMailSignIn
	if !s.rules.MailEnabled || !s.rules.MailSignIn.on() {
		return MailChallenge{}, Errorf(CodeMailDisabled, "This service does not sign users in by mail")
	}
	email, err := NormalizeEmail(in.Email)
	if err != nil {
		return MailChallenge{}, err
	}
	language, err := mailLanguage(in.Language, in.Client)
	if err != nil {
		return MailChallenge{}, err
	}
	if _, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: email}); err != nil {
		return MailChallenge{}, err
	}
	ua, err := s.Store.UserAccountByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return MailChallenge{}, err
	}
	code := MailCode{Purpose: MailCodeSignIn, Email: email, Device: s.knownDevice(ua, email, in.DeviceToken)}
	m := mailing{kind: MailSignInLink, recipient: email, language: language, client: in.Client}
	known := err == nil
	send := known && ua.Account.DisabledAt.IsZero()
	if s.rules.MailSignIn == MailSignInSignUp {
		by, err := s.invitedBy(ctx, email) // also for an address that has an account: it is the same work
		if err != nil {
			return MailChallenge{}, err
		}
		if !known && s.maySignUp(email, by) == nil {
			send, code.NewAccount = true, true
		}
	}
	if send && ua.Account.EmailVerifiedAt.IsZero() { // the mailbox may be a stranger's
		m.kind = MailSignInCode
	}
	limit := Attempt{Client: in.Client, Recipient: email, Unsolicited: m.kind, DeviceID: code.Device}
	if !s.mayMail(ctx, limit) {
		send = false
	}
	if known {
		m.userAccount = &ua
	}
	challenge, err := s.mailCode(ctx, code, m, send)
	if err != nil {
		return MailChallenge{}, err
	}
	s.Audit.Record(ctx, Event{Name: EventMailSignInRequested, Operation: op, UserID: userIDIf(send, ua), ClientPrefix: in.Client.Prefix(), Actor: ActorUser})
	return challenge, nil
}

func userIDIf(sent bool, ua UserAccount) string {
	if sent {
		return ua.User.ID
	}
	return ""
}

// MailSignInCodeInput answers a MailChallenge.
type MailSignInCodeInput struct {
	Challenge string
	Code      string
	Name      string // optional; of a new account
	Client    Client
}

// SignInMailCode signs in with a mailed code. A wrong one spends one of the
// challenge's tries; after MailCodeTries the code is void.
func (s *Service) SignInMailCode(ctx context.Context, in MailSignInCodeInput) (Grant, error) {
	const op = OpMailSignInCode
	if strings.TrimSpace(in.Code) == "" {
		return Grant{}, Invalid("code", "must not be empty")
	}
	key := s.challengeKey("", in.Challenge, in.Client)
	code, err := MailCode{}, ErrTokenUnknown
	if s.rules.MailSignIn.on() {
		code, err = s.Mail.TryMailCode(ctx, key.Hash, MailCodeSignIn, key.Now)
	}
	if errors.Is(err, ErrTokenUnknown) {
		return Grant{}, s.challengeRefused(ctx, op, in.Client)
	}
	if err != nil {
		return Grant{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: code.Email, DeviceID: code.Device, Method: MethodMail})
	if err != nil {
		return Grant{}, s.refundMailCodeTry(ctx, key.Hash, err)
	}
	// A wrong code is looked up, too: it takes as long, and its refusal names the user.
	right, err := s.MailSecret.isCode(code.MailID, in.Code)
	token, ua, live, err2 := s.signInToken(ctx, code.MailID)
	if err := errors.Join(err, err2); err != nil {
		reservation.Released(ctx)
		return Grant{}, s.refundMailCodeTry(ctx, key.Hash, err)
	}
	if !right {
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, op, ua.User.ID, in.Client, wrong(MethodMail))
	}
	reservation.Succeeded(ctx)
	switch {
	case live:
		return s.signInByMail(ctx, mailProof{op: op, token: token, userAccount: ua, device: code.Device, client: in.Client})
	case code.NewAccount && s.rules.MailSignIn == MailSignInSignUp:
		return s.signUpByMail(ctx, code, in)
	}
	return Grant{}, s.refused(ctx, op, "", in.Client, errMailCode())
}

// refundMailCodeTry takes a try back that an error has ended before the code was compared.
func (s *Service) refundMailCodeTry(ctx context.Context, hash TokenHash, err error) error {
	return errors.Join(err, s.Mail.RefundMailCodeTry(context.WithoutCancel(ctx), hash))
}

// signInToken finds the token of the mail's link. A sign-in by code spends it, too.
func (s *Service) signInToken(ctx context.Context, mailID string) (TokenHash, UserAccount, bool, error) {
	tokens, err := s.MailSecret.Tokens(mailID)
	if err != nil {
		return TokenHash{}, UserAccount{}, false, err
	}
	for _, token := range tokens {
		hash, _ := HashMailToken(token)
		ua, err := s.signInUserAccount(ctx, hash)
		if !errors.Is(err, ErrTokenUnknown) {
			return hash, ua, err == nil, err
		}
	}
	return TokenHash{}, UserAccount{}, false, nil
}

// signInUserAccount returns the account that a live token signs in; ErrTokenUnknown.
func (s *Service) signInUserAccount(ctx context.Context, hash TokenHash) (UserAccount, error) {
	stored, ua, err := s.Mail.MailTokenUserAccount(ctx, hash, s.Now())
	if err == nil && (stored.Purpose != PurposeSignIn || !stored.SpentAt.IsZero()) {
		return UserAccount{}, ErrTokenUnknown
	}
	return ua, err
}

// MailSignInLinkInput presents the token of a mailed link.
type MailSignInLinkInput struct {
	Token       string
	DeviceToken string // optional; from an earlier grant on this device
	Client      Client
}

// SignInMailLink signs in with a mailed link, on any device: the mailbox's reader could
// ask for a code there as well. It signs in the person who opens the link, so a
// stranger who asked for the mail gains nothing from a click.
func (s *Service) SignInMailLink(ctx context.Context, in MailSignInLinkInput) (Grant, error) {
	const op = OpMailSignInLink
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	hash, wellFormed := HashMailToken(in.Token)
	ua, err := UserAccount{}, ErrTokenUnknown
	if wellFormed && s.rules.MailSignIn.on() {
		ua, err = s.signInUserAccount(ctx, hash)
	}
	if err != nil {
		return Grant{}, s.linkRefused(ctx, op, reservation, "", in.Client, err)
	}
	return s.signInByMail(ctx, mailProof{op: op, token: hash, userAccount: ua, device: s.knownDevice(ua, ua.User.Email, in.DeviceToken), client: in.Client})
}

// mailProof shows that the person reads the account's mailbox.
type mailProof struct {
	op          Operation
	token       TokenHash
	userAccount UserAccount
	device      string // the id of a known device, or empty
	client      Client
}

// signInByMail spends the mail's token and opens a session, or asks for the second factor.
//
// A person who reads the mailbox of an account with an unverified address takes the
// account over: its password and sessions may belong to a stranger who signed up with
// somebody else's address. If the account has a second factor, the reader must prove that
// first, and nothing is taken over.
func (s *Service) signInByMail(ctx context.Context, p mailProof) (Grant, error) {
	ua := p.userAccount
	takeOver := ua.Account.EmailVerifiedAt.IsZero() && len(ua.Account.Factors) == 0
	now := s.Now().UTC()
	err := s.Mail.SpendSignIn(ctx, p.token, takeOver, now)
	if errors.Is(err, ErrTokenUnknown) {
		return Grant{}, s.refused(ctx, p.op, ua.User.ID, p.client, errMailCode())
	}
	if err != nil {
		return Grant{}, err
	}
	if takeOver {
		ua.Account.Password, ua.Account.EmailVerifiedAt, ua.Account.Unopened = "", now, false
		ua.Account.SessionVersion++
		ua.Account.PasswordVersion++
		s.record(ctx, EventEmailVerified, p.op, Session{UserID: ua.User.ID}, p.client)
		s.record(ctx, EventCredentialsRemoved, p.op, Session{UserID: ua.User.ID}, p.client)
	}
	remembered := s.remembers(p.device, ua)
	if s.asksForFactor(ua, remembered) {
		return Grant{}, s.secondFactorRequired(ctx, p.op, ua, firstHalf{Device: p.device, Mailbox: ua.User.Email}, p.client)
	}
	// The device stands in for the second factor, so the mailbox counts as after the factor.
	if ua, err = s.verifyMailbox(ctx, p.op, ua, ua.User.Email, p.client); err != nil {
		return Grant{}, err
	}
	return s.open(ctx, opening{op: p.op, userAccount: ua, client: p.client, amr: []string{amrCode}, known: p.device != "" && !takeOver, keepsToken: remembered})
}

// signUpByMail makes the account of an address that had none when the code was
// mailed there. It has no password.
func (s *Service) signUpByMail(ctx context.Context, code MailCode, in MailSignInCodeInput) (Grant, error) {
	const op = OpMailSignInCode
	by, err := s.invitedBy(ctx, code.Email)
	if err != nil {
		return Grant{}, err
	}
	if err := s.maySignUp(code.Email, by); err != nil { // the rules have changed since the code was mailed
		return Grant{}, s.refused(ctx, op, "", in.Client, AsError(err))
	}
	name := in.Name
	if name == "" {
		name, _, _ = strings.Cut(code.Email, "@")
	}
	name, err = normalizeName(name, MaxNameRunes)
	if err != nil {
		return Grant{}, err
	}
	err = s.Mail.EndMailCode(ctx, code.Hash)
	if errors.Is(err, ErrTokenUnknown) {
		return Grant{}, s.refused(ctx, op, "", in.Client, errMailCode())
	}
	if err != nil {
		return Grant{}, err
	}
	ua := userAccountOf(code.Email, name, s.rules.DefaultRoles)
	if ua.User.ID, err = newID(s.Random); err != nil {
		return Grant{}, err
	}
	now := s.Now().UTC()
	ua.User.CreatedAt, ua.User.UpdatedAt, ua.Account.EmailVerifiedAt = now, now, now
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, in.Client, amrCode)
	if err != nil {
		return Grant{}, err
	}
	err = s.Store.CreateUser(ctx, ua, &session)
	if errors.Is(err, ErrEmailTaken) { // somebody signed up meanwhile; the next mail is for that account
		return Grant{}, s.refused(ctx, op, "", in.Client, errMailCode())
	}
	if err != nil {
		return Grant{}, err
	}
	s.spentAtSignUp(ctx, code.Email)
	return s.signedUp(ctx, newcomer{op: op, userAccount: ua, session: session.Session, token: token, client: in.Client})
}

func errMailCode() *Error {
	return Errorf(CodeInvalidToken, "This mail has expired or was used already; ask for a new one")
}
