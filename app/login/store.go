package login

import (
	"context"
	"time"
)

// User is a row of public.users: what Hasura shows to its owner.
type User struct {
	ID        string // UUID
	Email     string // normalised, see NormalizeEmail
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Account is a row of auth.accounts: what only this service reads.
type Account struct {
	Password       string // stored hash
	Roles          []string
	DefaultRole    string
	Claims         map[string]string // custom x-hasura-* claims
	SessionVersion int               // sessions of another version are dead
	// PasswordVersion rises with SessionVersion, except when the owner signs out
	// everywhere: device tokens and mailed links are bound to it, so that signing out
	// during an attack does not lock the owner out. A Store computes it; it is never
	// written.
	PasswordVersion int
	// Factors are the second factors that the account can prove; none: a password is
	// enough. A Store computes them; they are never written.
	Factors []Method
	// AsksForClaims is true if a ClaimsFunction may give the account more claims. A Store
	// computes it; it is never written.
	AsksForClaims   bool
	Unopened        bool      // made by a sign-up that opened no session, and none since
	EmailVerifiedAt time.Time // zero: not verified
	DisabledAt      time.Time // zero: enabled
}

// Session is a row of auth.sessions. It is alive while EndedAt is zero, its
// version is the account's, the account is not disabled, and now is before both
// IdleUntil and ExpiresAt.
type Session struct {
	ID             string // UUID
	UserID         string
	SessionVersion int
	CreatedAt      time.Time
	LastUsedAt     time.Time
	IdleUntil      time.Time
	ExpiresAt      time.Time
	EndedAt        time.Time // zero: not ended
	ClientName     string
	ClientPrefix   string
	AMR            []string  // how its owner has proved who they are (RFC 8176)
	ElevatedAt     time.Time // the last elevation, or the sign-in if it proved two factors; zero: never
	OriginID       string    // the session of the hosted pages that it comes from; empty: none
	// AuthenticatedAt is when the owner of the session's origin signed in there; zero:
	// the owner signed in at CreatedAt.
	AuthenticatedAt time.Time
}

// signedInAt is when the session's owner gave the proofs that opened it.
func (s Session) signedInAt() time.Time {
	if s.AuthenticatedAt.IsZero() {
		return s.CreatedAt
	}
	return s.AuthenticatedAt
}

// UserAccount is a user with its account.
type UserAccount struct {
	User    User
	Account Account
}

// TokenHash is the SHA-256 of a refresh token, a mailed token, a challenge, a recovery code
// or another value that is looked up by it. The value itself is not stored.
type TokenHash [32]byte

// TokenKey is the stored form of a refresh token: the hash of its family, which names
// the session, and the hash of the whole.
type TokenKey struct {
	Family TokenHash
	Token  TokenHash
}

// NewSession is a session to be created with its first refresh token.
type NewSession struct {
	Session Session
	Token   TokenKey
	MaxLive int  // live sessions a user may have; the oldest others end
	Opens   bool // the account was unopened when it was read
	// Passkey is the use that opens the session; nil: something else opens it.
	Passkey *PasskeyUse
}

// Rotation asks to exchange the presented refresh token for a child.
type Rotation struct {
	Presented TokenKey
	Child     TokenHash
	Nonce     []byte // HKDF(token, nonce) gives the child, so a loser can derive the winner's
	Now       time.Time
	Grace     time.Duration // how long a token stays good once its successor was used, by the store's own clock
	IdleUntil time.Time     // the session's new idle limit, capped by ExpiresAt
}

// Rotated is the outcome of a Rotation.
type Rotated struct {
	UserAccount UserAccount
	Session     Session
	// Nonces lead from the presented token to the newest of its session, one generation
	// each: only the nonce of this call, or those of earlier exchanges.
	Nonces [][]byte
}

// PasswordChange replaces a hash by compare-and-set and ends every session.
type PasswordChange struct {
	UserID         string
	OldHash        string
	SessionVersion int // as read with OldHash
	NewHash        string
	OtherWayIn     bool       // if NewHash is empty: people can sign in without any credential, by mail
	Session        NewSession // of version SessionVersion+1
	Now            time.Time
}

// AccountChange is an operator's change; nil fields stay. Every change raises the
// version, so that all sessions end, except an empty one, Claims and EmailVerified. An
// account that an operator has changed no longer counts as unopened.
type AccountChange struct {
	Password      *string
	Roles         []string
	DefaultRole   *string
	Claims        map[string]string // replaces all claims
	Disabled      *bool
	EndSessions   bool
	EmailVerified bool // marks the address as verified
	ResetFactors  bool // removes every second factor
}

// UserFilter pages through users by e-mail, in its order.
type UserFilter struct {
	EmailContains []string // any of these; none: every user
	AfterEmail    string   // exclusive; empty: from the start
	Limit         int
}

// Sweep says what is old enough to be deleted.
type Sweep struct {
	Now        time.Time
	NonceGrace time.Duration // nonces are erased once their token has been refused for this long
	KeepEnded  time.Duration // how long ended and expired sessions stay for the record
	Batch      int           // rows at most, of each kind
}

// Store keeps users, accounts, sessions and refresh tokens. Every method is one
// transaction. Times are stored in UTC to the microsecond. Errors are the Err…
// values of this package, ErrUnavailable if the database cannot be reached or has no
// tables yet, or anything else for a defect.
type Store interface {
	// CreateUser adds a user with its account and, unless s is nil, its first
	// session. ErrEmailTaken if the address is in use.
	CreateUser(ctx context.Context, ua UserAccount, s *NewSession) error
	// ReplaceUnopened gives the unopened account with ua's address ua's name, hash,
	// roles, time of creation and verification, and returns its id. Its identities go, its
	// links stay good, and what was begun with the old password fails. ErrEmailTaken if the account is
	// not unopened (any more), is verified or disabled, or has a session.
	ReplaceUnopened(ctx context.Context, ua UserAccount) (userID string, err error)
	// RemoveUnopened deletes accounts that ReplaceUnopened would replace and that
	// were made before the time given, at most batch, and returns their ids.
	RemoveUnopened(ctx context.Context, before time.Time, batch int) ([]string, error)
	// UserAccountByEmail and UserAccountByID find a user, or ErrNotFound.
	UserAccountByEmail(ctx context.Context, email string) (UserAccount, error)
	UserAccountByID(ctx context.Context, userID string) (UserAccount, error)
	// ListUsers returns users in the order of their e-mail.
	ListUsers(ctx context.Context, f UserFilter) ([]UserAccount, error)
	// UpdateAccount applies an operator's change; ErrNotFound.
	UpdateAccount(ctx context.Context, userID string, c AccountChange, now time.Time) error
	// RenameUser gives a user another name; ErrNotFound.
	RenameUser(ctx context.Context, userID, name string) error
	// DeleteUser removes the user with its account, sessions and credentials.
	// ErrNotFound; ErrStale if version is not the account's. A negative version matches
	// every account. ErrLastOwner if an organisation would have no owner.
	DeleteUser(ctx context.Context, userID string, version int) error

	// CreateSession adds a session if its version is still the account's and the
	// account is enabled, else ErrStale. It ends the oldest live sessions
	// above MaxLive. If a passkey opens the session, its use is noted with it, and the
	// errors of UsePasskey open none.
	CreateSession(ctx context.Context, s NewSession) error
	// SessionUserAccount returns a live session and its owner, or ErrNotFound.
	SessionUserAccount(ctx context.Context, sessionID string, now time.Time) (Session, UserAccount, error)
	// SessionByToken is SessionUserAccount for the session whose newest token this is.
	SessionByToken(ctx context.Context, token TokenKey, now time.Time) (Session, UserAccount, error)
	// TouchSession notes that a session is in use, if it has last been used before the
	// time given. It does not wait for the disk.
	TouchSession(ctx context.Context, sessionID string, before, now, idleUntil time.Time) error
	// LiveSessions lists a user's live sessions, last used first.
	LiveSessions(ctx context.Context, userID string, now time.Time) ([]Session, error)
	// EndSession ends one live session of the user, or ErrNotFound.
	EndSession(ctx context.Context, userID, sessionID string, now time.Time) error
	// EndSessionByToken ends the session that the refresh token belongs to, spent or not,
	// and returns it. ErrTokenUnknown if no live session has the token; it comes with the
	// session if one that is over does.
	EndSessionByToken(ctx context.Context, token TokenKey, now time.Time) (Session, error)
	// EndAllSessions raises the account's version and not that of its password;
	// ErrNotFound.
	EndAllSessions(ctx context.Context, userID string, now time.Time) error

	// RotateToken exchanges the newest refresh token of a session for the child. Of
	// parallel calls with the same token exactly one succeeds; the others get the nonce
	// of its child. A token stays good, and leads to the newest, until its successor
	// has been used and the grace after that has passed. ErrTokenUnknown;
	// ErrTokenReused after that, with the session ended.
	RotateToken(ctx context.Context, r Rotation) (Rotated, error)

	// ReplaceHash swaps a stored hash by compare-and-set without ending
	// sessions (same password, new cost or format); ErrStale.
	ReplaceHash(ctx context.Context, userID, oldHash, newHash string) error
	// ChangePassword swaps hash and version by compare-and-set and opens the
	// session of the new version; ErrStale. An empty hash removes the password;
	// ErrLastWayIn if nothing else signs in to the account.
	ChangePassword(ctx context.Context, c PasswordChange) error

	// Sweep deletes one batch of old rows of each kind and returns how many rows it
	// touched. Several replicas may sweep at once.
	Sweep(ctx context.Context, s Sweep) (int, error)
	// Ping checks that the store can serve: reachable, with its tables, and able to
	// write. It leaves nothing behind.
	Ping(ctx context.Context) error
	Close() error
}
