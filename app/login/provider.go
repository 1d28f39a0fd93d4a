package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"
)

// ProviderInfo is the public part of a provider's settings.
type ProviderInfo struct {
	Name  string // in addresses
	Title string // for people
}

// Assertion is a provider's statement about a person who has signed in there. Issuer and
// Subject together name the identity; the address does not.
type Assertion struct {
	Provider      string // as the settings call it
	Issuer        string
	Subject       string
	Email         string // as the provider writes it; empty: it gave none
	EmailVerified bool   // the provider vouches that the person reads this mailbox
	Name          string
	AMR           []string // how the person has signed in there (RFC 8176)
}

// ProviderSignInInput is the result of a sign-in at a provider.
type ProviderSignInInput struct {
	Assertion Assertion
	Flow      []byte    // names this sign-in, which can end only once
	Expires   time.Time // of the flow
	// SecondFactor is true if the provider has asked for a second factor and a setting of
	// the operator's lets that count.
	SecondFactor bool
	DeviceToken  string // optional; from an earlier grant on this device
	Client       Client
}

// SignInProvider opens a session of the account that an identity belongs to. A person
// without one gets an account. If the address already has an account, the identity is
// linked to it only if both the provider and this service have verified the address:
// otherwise one of the two sides could belong to another person.
func (s *Service) SignInProvider(ctx context.Context, in ProviderSignInInput) (Grant, error) {
	const op = OpSignInProvider
	a := in.Assertion
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client, Account: a.Issuer + " " + a.Subject})
	if err != nil {
		return Grant{}, err
	}
	g := Grant{}
	if err = s.spendFlow(ctx, op, in.Flow, in.Expires, in.Client); err == nil {
		g, err = s.signInIdentity(ctx, in)
	}
	switch code := AsError(err).Code; {
	case err == nil || code == CodeSecondFactorRequired:
		reservation.Succeeded(ctx)
	case code == CodeUnavailable || code == CodeInternal:
		reservation.Released(ctx)
	default:
		reservation.Failed(ctx)
	}
	return g, err
}

// spendFlow ends a sign-in at a provider. It refuses a flow that has ended before.
func (s *Service) spendFlow(ctx context.Context, op Operation, flow []byte, expires time.Time, c Client) error {
	err := s.Identities.SpendFlow(ctx, sha256.Sum256(flow), expires)
	if errors.Is(err, ErrTokenUnknown) {
		return s.refused(ctx, op, "", c, Errorf(CodeInvalidToken, "This sign-in has ended already; begin it again"))
	}
	return err
}

func (s *Service) signInIdentity(ctx context.Context, in ProviderSignInInput) (Grant, error) {
	a := in.Assertion
	identity, ua, err := s.Identities.IdentityUserAccount(ctx, a.Issuer, a.Subject)
	if errors.Is(err, ErrNotFound) {
		return s.firstProviderSignIn(ctx, in)
	}
	if err != nil {
		return Grant{}, err
	}
	if err := s.mayEnter(ctx, OpSignInProvider, ua, in.Client); err != nil {
		return Grant{}, err
	}
	if err := s.Identities.UseIdentity(ctx, identity.ID, addressOf(a), s.Now().UTC()); err != nil && !errors.Is(err, ErrNotFound) {
		return Grant{}, err
	}
	return s.openProvider(ctx, in, ua)
}

// openProvider opens the session, unless the account asks for a second factor.
func (s *Service) openProvider(ctx context.Context, in ProviderSignInInput, ua UserAccount) (Grant, error) {
	const op = OpSignInProvider
	device := s.knownDevice(ua, ua.User.Email, in.DeviceToken)
	remembered := s.remembers(device, ua)
	if s.asksForFactor(ua, remembered) && !in.SecondFactor {
		return Grant{}, s.secondFactorRequired(ctx, op, ua, firstHalf{Device: device, Provider: true}, in.Client)
	}
	o := opening{op: op, userAccount: ua, client: in.Client, amr: []string{amrProvider}, known: device != ""}
	if in.SecondFactor { // the provider has asked for it
		o.amr = append(o.amr, amrMultiple)
	}
	if remembered {
		o.deviceToken = in.DeviceToken
	}
	return s.open(ctx, o)
}

// firstProviderSignIn signs in an identity that no account has.
func (s *Service) firstProviderSignIn(ctx context.Context, in ProviderSignInInput) (Grant, error) {
	const op = OpSignInProvider
	a := in.Assertion
	email, err := NormalizeEmail(a.Email)
	if err != nil {
		return Grant{}, s.refused(ctx, op, "", in.Client, Errorf(CodeProviderRefused, "The provider gave no e-mail address that an account could have; allow it there, or sign up another way"))
	}
	known, err := s.Store.UserAccountByEmail(ctx, email)
	switch {
	case errors.Is(err, ErrNotFound):
		return s.signUpProvider(ctx, in, email)
	case err != nil:
		return Grant{}, err
	case a.EmailVerified && s.mayGiveWay(known):
		return s.replaceUnopened(ctx, in, known)
	case !a.EmailVerified || !known.mayBeLinkedByAddress():
		return Grant{}, s.refused(ctx, op, "", in.Client, errNotLinked())
	}
	if err := s.Identities.AddIdentity(ctx, known.Account.SessionVersion, s.newIdentity(known.User.ID, a)); err != nil {
		return Grant{}, s.notAdded(ctx, op, err, in.Client)
	}
	s.linked(ctx, op, Session{UserID: known.User.ID}, known, in.Client)
	return s.openProvider(ctx, in, known)
}

// mayBeLinkedByAddress reports whether an identity whose provider vouches for the address
// may be linked without a sign-in here: the account's owner has shown here that the
// mailbox is theirs, and the account is enabled and has no second factor.
func (ua UserAccount) mayBeLinkedByAddress() bool {
	return !ua.Account.EmailVerifiedAt.IsZero() && ua.Account.DisabledAt.IsZero() && len(ua.Account.Factors) == 0
}

// mayGiveWay reports whether a new sign-up may replace the account: no session was ever
// opened for it, and no one has shown that the mailbox is theirs.
func (s *Service) mayGiveWay(ua UserAccount) bool {
	return s.rules.RequireVerifiedEmail && ua.Account.Unopened && ua.Account.EmailVerifiedAt.IsZero()
}

// signUpProvider makes an account without a password. Its name and address are those
// that the provider gives now; later ones change nothing.
func (s *Service) signUpProvider(ctx context.Context, in ProviderSignInInput, email string) (Grant, error) {
	const op = OpSignInProvider
	if err := s.maySignUpProvider(ctx, in.Assertion, email); err != nil {
		return Grant{}, s.refused(ctx, op, "", in.Client, AsError(err))
	}
	if _, err := s.reserve(ctx, Attempt{Operation: OpSignUp, Client: in.Client}); err != nil { // and it stays counted
		return Grant{}, err
	}
	ua, err := s.providerAccount(in.Assertion, email)
	if err != nil {
		return Grant{}, err
	}
	identity := s.newIdentity(ua.User.ID, in.Assertion)
	if s.rules.RequireVerifiedEmail && ua.Account.EmailVerifiedAt.IsZero() {
		ua.Account.Unopened = true
		if err := s.Identities.CreateUserWithIdentity(ctx, ua, identity, nil); err != nil {
			return Grant{}, s.notAdded(ctx, op, err, in.Client)
		}
		s.record(ctx, EventSignedUp, op, Session{UserID: ua.User.ID}, in.Client)
		if err := s.queueFirstLink(ctx, ua, in.Client.Language, in.Client); err != nil {
			return Grant{}, err
		}
		return Grant{}, errEmailNotVerified("The account is made; open the link in the mail that was sent to its address")
	}
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, in.Client, amrProvider)
	if err != nil {
		return Grant{}, err
	}
	if err := s.Identities.CreateUserWithIdentity(ctx, ua, identity, &session); err != nil {
		return Grant{}, s.notAdded(ctx, op, err, in.Client)
	}
	if in.Assertion.EmailVerified {
		s.spentAtSignUp(ctx, email)
	}
	return s.signedUp(ctx, newcomer{op: op, userAccount: ua, session: session.Session, token: token, language: in.Client.Language, client: in.Client})
}

// maySignUpProvider is maySignUp for a person whose provider vouches for the mailbox, or
// does not: without that, an invitation of the address is another person's.
func (s *Service) maySignUpProvider(ctx context.Context, a Assertion, email string) error {
	by := InviterNone
	if a.EmailVerified {
		var err error
		if by, err = s.invitedBy(ctx, email); err != nil {
			return err
		}
	}
	return s.maySignUp(email, by)
}

// replaceUnopened gives an account that was never opened to the person who reads its
// mailbox, as a sign-up with a password does.
func (s *Service) replaceUnopened(ctx context.Context, in ProviderSignInInput, known UserAccount) (Grant, error) {
	const op = OpSignInProvider
	if err := s.maySignUpProvider(ctx, in.Assertion, known.User.Email); err != nil {
		return Grant{}, s.refused(ctx, op, "", in.Client, AsError(err))
	}
	fresh, err := s.providerAccount(in.Assertion, known.User.Email)
	if err != nil {
		return Grant{}, err
	}
	id, err := s.Identities.ReplaceUnopenedWithIdentity(ctx, fresh, s.newIdentity("", in.Assertion))
	if err != nil {
		return Grant{}, s.notAdded(ctx, op, err, in.Client)
	}
	s.record(ctx, EventSignUpReplaced, op, Session{UserID: id}, in.Client)
	ua, err := s.Store.UserAccountByID(ctx, id) // with the version that the session is of
	if err != nil {
		return Grant{}, err
	}
	return s.openProvider(ctx, in, ua)
}

// providerAccount is an account as a provider describes its owner.
func (s *Service) providerAccount(a Assertion, email string) (UserAccount, error) {
	name, err := normalizeName(firstRunes(a.Name, MaxNameRunes), MaxNameRunes)
	if err != nil {
		name, _, _ = strings.Cut(email, "@")
	}
	ua := userAccountOf(email, name, s.rules.DefaultRoles)
	if ua.User.ID, err = newID(s.Random); err != nil {
		return UserAccount{}, err
	}
	now := s.Now().UTC()
	ua.User.CreatedAt, ua.User.UpdatedAt = now, now
	if a.EmailVerified {
		ua.Account.EmailVerifiedAt = now
	}
	return ua, nil
}

func firstRunes(text string, n int) string {
	runes := []rune(text)
	return string(runes[:min(n, len(runes))])
}

// notAdded turns the errors of a store that could not add an identity into answers: a
// parallel request has taken the address, the identity or the account's version.
func (s *Service) notAdded(ctx context.Context, op Operation, err error, c Client) error { //nolint:unparam // one operation uses it so far
	switch {
	case errors.Is(err, ErrEmailTaken):
		return s.refused(ctx, op, "", c, errNotLinked())
	case errors.Is(err, ErrCredentialExists), errors.Is(err, ErrStale):
		return s.refused(ctx, op, "", c, Errorf(CodeInvalidToken, "The account has changed meanwhile; begin the sign-in again"))
	}
	return err
}

func errNotLinked() *Error {
	return Errorf(CodeNotLinked, "This e-mail address already has an account; sign in to it, then link the provider there")
}
