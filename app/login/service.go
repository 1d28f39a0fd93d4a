package login

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Rules are the settings that use cases follow.
type Rules struct {
	SignUp       SignUpMode
	EmailDomains EmailDomains
	DefaultRoles []string      // of a new user; the first is the default role
	RefreshTTL   time.Duration // absolute life of a session
	RefreshIdle  time.Duration // life of a session between two refreshes
	RefreshGrace time.Duration // a spent refresh token leads to the same successor this long
	MaxSessions  int           // live sessions of a user; the oldest end
	MailEnabled  bool          // queued mails are sent
	// RequireVerifiedEmail refuses a session to an account whose address is not
	// verified, except by an operator's link. It needs MailEnabled.
	RequireVerifiedEmail bool
	// MailSignIn says who may sign in by a mailed code or link. It needs MailEnabled.
	MailSignIn MailSignIn
	// SecondFactorRoles are only in the tokens of sessions that have proved a second factor.
	SecondFactorRoles []string
	// ElevationTTL is how long a session stays elevated.
	ElevationTTL time.Duration
	// RememberDevice is how long a remembered device needs no second factor; 0: it
	// always needs it.
	RememberDevice time.Duration
	Notices        []MailKind // those that are sent
}

// Deps are the ports a Service works through. All are required except Passkeys,
// Organizations, Providers, Claims and MailQueued, and except Now and Random, which default to the system's.
type Deps struct {
	Store            Store
	Mail             MailStore
	Credentials      CredentialStore
	Identities       IdentityStore
	Invitations      InvitationStore
	Organizations    OrganizationStore // nil: the service keeps none
	PasskeyStore     PasskeyStore
	Passkeys         Passkeys // nil: the service takes none
	OneTimePasswords OneTimePasswords
	Hasher           Hasher
	Policy           PasswordPolicy
	Issuer           Issuer
	Limiter          RateLimiter
	Devices          Devices
	Audit            Auditor
	Now              func() time.Time
	Random           io.Reader
	// MailSecret makes the tokens in mails; needed with Rules.MailEnabled.
	MailSecret MailSecret
	// Providers are those that people can sign in with; they are spoken to elsewhere.
	Providers []ProviderInfo
	// Claims are the sources of claims that are not stored with the account. They are
	// asked in this order for each token, and a later one replaces the claims of others.
	Claims []ClaimSource
	// MailQueued, if given, is called when a mail was queued.
	MailQueued func()
}

// Service holds the use cases. A method that does not do what was asked returns *Error
// (see AsError) or ErrCallerGone.
type Service struct {
	Deps
	rules      Rules
	background sync.WaitGroup

	// For sessions in cookies; see Gateway, touch and CookieOver.
	tokens  recent[string, keptToken]
	touched recent[string, time.Time]
	over    recent[TokenHash, time.Time]
}

// NewService wires the use cases.
func NewService(d Deps, r Rules) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Random == nil {
		d.Random = rand.Reader
	}
	return &Service{
		Deps: d, rules: r,
		tokens:  recent[string, keptToken]{limit: keptTokens},
		touched: recent[string, time.Time]{limit: keptTokens},
		over:    recent[TokenHash, time.Time]{limit: keptOver},
	}
}

// Wait returns once work that outlives its request (re-hashing) is done.
func (s *Service) Wait() { s.background.Wait() }

// Identity is the caller of an authenticated use case, as an access token or
// Hasura's session variables name it.
type Identity struct {
	UserID    string
	SessionID string
}

func newID(random io.Reader) (string, error) {
	id, err := uuid.NewRandomFromReader(random)
	return id.String(), err
}

// authorize finds the live session behind an identity. An access token outlives its
// session by minutes, and must not change the account in that time.
func (s *Service) authorize(ctx context.Context, id Identity) (Session, UserAccount, error) {
	if !isUUID(id.UserID) || !isUUID(id.SessionID) {
		return Session{}, UserAccount{}, errUnauthenticated()
	}
	session, ua, err := s.Store.SessionUserAccount(ctx, id.SessionID, s.Now())
	if errors.Is(err, ErrNotFound) || err == nil && session.UserID != id.UserID {
		return Session{}, UserAccount{}, errUnauthenticated()
	}
	return session, ua, err
}

// releaseTicket gives the ticket of a request back if it was not passed on. Callers defer
// it, so that a panic gives the ticket back too.
func (s *Service) releaseTicket(req *HashRequest) {
	if req.HasTicket {
		s.Hasher.Release(*req)
	}
}

func (s *Service) reserve(ctx context.Context, a Attempt) (Reservation, error) {
	r, err := s.Limiter.Reserve(ctx, a)
	if err != nil {
		s.Audit.Record(ctx, Event{
			Name: EventThrottled, Operation: a.Operation, Reason: string(AsError(err).Code), Scope: scopeOf(err), Account: a.Account,
			ClientPrefix: a.Client.Prefix(), Actor: ActorUser,
		})
	}
	return r, err
}

// scopeOf names the limit that refused.
func scopeOf(err error) string {
	var limited interface{ LimitScope() string }
	if errors.As(err, &limited) {
		return limited.LimitScope()
	}
	return ""
}

func (s *Service) refused(ctx context.Context, op Operation, userID string, c Client, err *Error) *Error {
	s.Audit.Record(ctx, Event{Name: EventRefused, Operation: op, Reason: string(err.Code), UserID: userID, ClientPrefix: c.Prefix(), Actor: ActorUser})
	return err
}

func (s *Service) record(ctx context.Context, name EventName, op Operation, session Session, c Client) {
	s.Audit.Record(ctx, Event{Name: name, Operation: op, UserID: session.UserID, SessionID: session.ID, ClientPrefix: c.Prefix(), Actor: ActorUser})
}

func errInvalidCredentials() *Error {
	return Errorf(CodeInvalidCredentials, "Email or password wrong")
}

func errUnauthenticated() *Error {
	return Errorf(CodeUnauthenticated, "Sign in first: the access token is missing, expired, or its session has ended")
}
