package login

import (
	"context"
	"errors"
	"strings"
)

// SignUpInput describes a new user.
type SignUpInput struct {
	Email      string
	Name       string
	Password   string
	Invitation string // optional; the token of an invitation of the address
	Language   string // optional; of the mail that verifies the address
	Client     Client
}

// SignUp creates a user, queues a mail that verifies the address if mail is enabled,
// and signs the user in. If only verified addresses may sign in, it opens no session
// and returns CodeEmailNotVerified, although the user exists now. CodeEmailTaken
// reveals that an address has an account, which is why attempts are limited per client
// whether or not they succeed. With an invitation, the address is verified.
func (s *Service) SignUp(ctx context.Context, in SignUpInput) (Grant, error) {
	email, err := NormalizeEmail(in.Email)
	if err != nil {
		return Grant{}, err
	}
	if in.Invitation == "" {
		if err := s.maySignUp(email, InviterNone); err != nil {
			return Grant{}, err
		}
	}
	ua, err := newUserAccount(email, in.Name, s.rules.DefaultRoles, s.Policy, in.Password)
	if err != nil {
		return Grant{}, err
	}
	language, err := mailLanguage(in.Language, in.Client)
	if err != nil {
		return Grant{}, err
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: OpSignUp, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	invitation, err := s.invitationOf(ctx, email, in, reservation)
	if err != nil {
		return Grant{}, err
	}
	hashing, err := s.Hasher.Admit(HashRequest{Operation: OpSignUp, Addr: in.Client.Addr})
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	defer s.releaseTicket(&hashing)
	// A taken address is refused before it costs a hash; the insert decides races.
	replaces, err := s.addressIsFree(ctx, email, reservation, in.Client)
	if err != nil {
		return Grant{}, err
	}
	ua.Account.Password, err = s.Hasher.Hash(ctx, hashing.passOn(), in.Password)
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	if ua.User.ID, err = newID(s.Random); err != nil {
		return Grant{}, err
	}
	now := s.Now().UTC()
	ua.User.CreatedAt, ua.User.UpdatedAt = now, now
	if in.Invitation != "" {
		return s.signUpInvited(ctx, ua, invitation, in.Client)
	}
	if s.rules.RequireVerifiedEmail {
		return Grant{}, s.signUpUnverified(ctx, ua, replaces, language, in.Client)
	}
	return s.signUpSignedIn(ctx, ua, language, in.Client)
}

// addressIsFree refuses an address that has an account, unless that account gives way;
// then replaces is true. It settles the reservation if it refuses.
func (s *Service) addressIsFree(ctx context.Context, email string, r Reservation, c Client) (replaces bool, err error) {
	known, err := s.Store.UserAccountByEmail(ctx, email)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		r.Released(ctx)
		return false, err
	case s.mayGiveWay(known):
		return true, nil
	}
	r.Failed(ctx)
	return false, s.refused(ctx, OpSignUp, "", c, errEmailTaken())
}

// signUpSignedIn makes a user with a first session.
func (s *Service) signUpSignedIn(ctx context.Context, ua UserAccount, language string, c Client) (Grant, error) {
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, c, amrPassword)
	if err != nil {
		return Grant{}, err
	}
	if err := s.createUser(ctx, ua, &session, c); err != nil {
		return Grant{}, err
	}
	return s.signedUp(ctx, newcomer{op: OpSignUp, userAccount: ua, session: session.Session, token: token, language: language, client: c})
}

// newcomer is a person whose account has just been made, with a first session.
type newcomer struct {
	op          Operation
	userAccount UserAccount
	session     Session
	token       refreshToken
	language    string // of the mail that verifies the address, if that is still to be done
	client      Client
}

// signedUp ends every sign-up that opens a session.
func (s *Service) signedUp(ctx context.Context, n newcomer) (Grant, error) {
	ua := n.userAccount
	s.record(ctx, EventSignedUp, n.op, n.session, n.client)
	if s.rules.MailEnabled && ua.Account.EmailVerifiedAt.IsZero() {
		// A signed-in user can ask for the mail again.
		_ = s.queueFirstLink(ctx, ua, n.language, n.client)
	}
	g, err := s.grant(ctx, ua, n.session, n.token)
	if err != nil {
		return Grant{}, err
	}
	g.DeviceToken = s.deviceToken(ua, false)
	return g, nil
}

// signUpUnverified makes a user who may sign in once the address is verified. An
// account that was never opened gives way to a new sign-up, so that a stranger cannot
// keep an address from its owner. The reader of the mailbox decides, because the links
// sent there work for either sign-up.
func (s *Service) signUpUnverified(ctx context.Context, ua UserAccount, replaces bool, language string, c Client) error {
	ua.Account.Unopened = true
	if replaces {
		id, err := s.Store.ReplaceUnopened(ctx, ua)
		if errors.Is(err, ErrEmailTaken) {
			return s.refused(ctx, OpSignUp, "", c, errEmailTaken())
		}
		if err != nil {
			return err
		}
		s.record(ctx, EventSignUpReplaced, OpSignUp, Session{UserID: id}, c)
		if ua, err = s.Store.UserAccountByID(ctx, id); err != nil { // with the version that links are bound to
			return err
		}
	} else {
		if err := s.createUser(ctx, ua, nil, c); err != nil {
			return err
		}
		s.record(ctx, EventSignedUp, OpSignUp, Session{UserID: ua.User.ID}, c)
	}
	if err := s.queueFirstLink(ctx, ua, language, c); err != nil {
		return err
	}
	return errEmailNotVerified("The account is made; open the link in the mail that was sent to its address, then sign in")
}

// queueFirstLink queues the mail that verifies a new account's address. It queues none
// if the mailbox got too many of them; the person can ask for one later.
func (s *Service) queueFirstLink(ctx context.Context, ua UserAccount, language string, c Client) error {
	if !s.mayTell(ctx, MailVerifyEmail, ua, c) {
		return nil
	}
	return s.queueLink(ctx, linkMail{kind: MailVerifyEmail, owner: ua, recipient: ua.User.Email, language: language, client: c}, true)
}

func (s *Service) createUser(ctx context.Context, ua UserAccount, first *NewSession, c Client) error {
	err := s.Store.CreateUser(ctx, ua, first)
	if errors.Is(err, ErrEmailTaken) {
		return s.refused(ctx, OpSignUp, "", c, errEmailTaken())
	}
	return err
}

// newUserAccount checks the input of a new user. Id, hash and times are still missing.
func newUserAccount(email, name string, roles []string, policy PasswordPolicy, password string) (UserAccount, error) {
	email, err := NormalizeEmail(email)
	if err != nil {
		return UserAccount{}, err
	}
	if name, err = normalizeName(name, MaxNameRunes); err != nil {
		return UserAccount{}, err
	}
	if err := policy.Check(password, passwordContext(email, name)...); err != nil {
		return UserAccount{}, err
	}
	return userAccountOf(email, name, roles), nil
}

func userAccountOf(email, name string, roles []string) UserAccount {
	return UserAccount{
		User:    User{Email: email, Name: name},
		Account: Account{Roles: roles, DefaultRole: roles[0], SessionVersion: 1, PasswordVersion: 1, AsksForClaims: true},
	}
}

// passwordContext names the words a password must not be built on.
func passwordContext(email, name string) []string {
	local, _, _ := strings.Cut(email, "@")
	return []string{local, name}
}

func errEmailTaken() *Error {
	return Errorf(CodeEmailTaken, "This e-mail address already has an account")
}
