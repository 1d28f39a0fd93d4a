package login

import (
	"context"
	"time"

	"net/netip"
)

// Client is the sender of a request, as far as the edge can vouch for it. The zero Addr
// means that its address is unknown (a call through Hasura without the edge secret);
// all such clients share one limit.
type Client struct {
	Addr netip.Addr
	Name string // shortened User-Agent, shown in the list of sessions
	// Language lists the languages that the client prefers, best first, such as
	// "de-CH,fr", for mails whose request names no language; malformed entries are
	// ignored.
	Language string
	// KeepsCookie is true for a browser that keeps its session in a cookie.
	KeepsCookie bool
}

// Prefix is the address range that counts as one client: IPv4 /32, IPv6 /64,
// or "unknown". It is what logs, audit and sessions record.
func (c Client) Prefix() string {
	if !c.Addr.IsValid() {
		return "unknown"
	}
	bits := 32
	if c.Addr.Is6() {
		bits = 64
	}
	p, err := c.Addr.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// HashRequest says on whose behalf the hash limiter is asked.
type HashRequest struct {
	Operation   Operation
	Addr        netip.Addr // of the client; its network takes turns with others
	KnownDevice bool       // a valid device token goes first
	HasTicket   bool       // a place in the queue; set by Hasher.Admit
}

// passOn returns the request with its ticket, which then is no longer req's to give back.
func (req *HashRequest) passOn() HashRequest {
	passed := *req
	req.HasTicket = false
	return passed
}

// Hasher hashes and verifies passwords, in the form that is the same on every system
// where they are typed (RFC 8265). Each method costs exactly one hash at the live cost
// (Verify two for a password that comes in another form), or is refused before it costs
// anything:
//   - *Error CodeOverloaded with RetryAfter when the expected wait is too long, or
//     the client has its share of the places already;
//   - ErrCallerGone when ctx.Err() is not nil just before the hash would begin
//     (ctx.Err may poll the client's socket, so it is asked once, at that moment).
type Hasher interface {
	// Admit refuses, as Hash and Verify would, before anything else is spent on
	// the request: under a flood most requests end here, and a look into the
	// database for each would cost more than the refusal. Otherwise it gives a
	// ticket, a place in the queue: one call of Hash, Verify or Release with the
	// request it returns must follow, and is not refused for want of room.
	Admit(req HashRequest) (HashRequest, error)
	// Release gives the ticket of an admitted request back.
	Release(req HashRequest)
	// Hash returns the stored form of a password, which PasswordPolicy passed.
	Hash(ctx context.Context, req HashRequest, password string) (string, error)
	// Verify compares. An empty hash stands for "no such account": the same work is
	// done against a dummy and ok is false. A password over 72 bytes costs as much and
	// is false. stale means that a matching hash is of another cost or format, or of
	// the password as it came, and should be replaced. A hash of another system has its
	// own cost; while such hashes are stored, the answer to a wrong password takes
	// equally long for every account.
	Verify(ctx context.Context, req HashRequest, hash, password string) (ok, stale bool, err error)
}

// PasswordPolicy refuses weak new passwords with *Error CodeInvalidInput.
type PasswordPolicy interface {
	// Check refuses by length, 72 bytes, the common list, and context words
	// (name, e-mail, product) of four letters and more.
	Check(password string, context ...string) error
}

// Subject is the user and session that an access token is for.
type Subject struct {
	User      User
	Account   Account
	SessionID string
	AMR       []string  // how the session's owner has proved who they are (RFC 8176)
	AuthTime  time.Time // when they did so last
	Elevated  bool      // AuthTime is that of an elevation within ElevationTTL
}

// ClaimSource gives accounts claims that are not stored with them: FunctionClaims those of
// the project's own function, OrganizationClaims those of memberships.
type ClaimSource interface {
	// Claims returns session variables by their names in lower case. An account that was
	// read from the store has what the store computed with it; a new one has only its id.
	Claims(ctx context.Context, ua UserAccount) (map[string]string, error)
}

// Issuer signs access tokens.
type Issuer interface {
	// Issue returns a signed token and when it expires. It puts only strings
	// and the roles list under Hasura's claims namespace; role admin and
	// reserved claims never come out, whatever the account says. A token that clients and
	// servers would not carry is refused with *Error CodeTokenTooLarge.
	Issue(s Subject, now time.Time) (token string, expiresAt time.Time, err error)
	// Key names the key that signs now. A token of another key may be refused.
	Key(now time.Time) string
}

// TokenRules says what access tokens can carry.
type TokenRules interface {
	// CheckAccount refuses custom claims that would not come out of a token as they
	// went in, and roles and claims for which it could become too large, with *Error
	// CodeInvalidInput.
	CheckAccount(a Account) error
	// CheckClaims is the part of CheckAccount that checks each claim by itself.
	CheckClaims(claims map[string]string) error
}

// Attempt is one call that a limit may refuse.
type Attempt struct {
	Operation   Operation
	Client      Client
	Account     string   // normalised e-mail, or issuer and subject of an identity; empty: the call names none
	Family      string   // refresh-token family, for the limit per session
	Method      Method   // of the proof; empty: a password
	DeviceID    string   // non-empty: a known device, with its own count
	Recipient   string   // the address of a mail, if it is not the account's
	Unsolicited MailKind // the kind of an unsolicited mail; only the recipient's limit applies
}

// The names that LimitScope has for the limits of an account and of its known devices.
// Only attempts that name the account reach them.
const (
	LimitScopeAccount = "account"
	LimitScopeDevice  = "device"
)

// RateLimiter limits attempts per client prefix, account, session and device.
type RateLimiter interface {
	// Reserve counts the attempt before any work is done, or refuses it with
	// *Error CodeRateLimited and RetryAfter; a method LimitScope() string of the
	// refusal names the limit. It never fails for its own trouble: a lost Redis
	// falls back to memory.
	Reserve(ctx context.Context, a Attempt) (Reservation, error)
}

// Reservation settles an attempt. One that is never settled stays counted as an
// attempt, not as a failure.
type Reservation interface {
	// KnownDevice reports whether the attempt counts for a known device. Above the
	// limit of its client for known devices, it does not.
	KnownDevice() bool
	// Succeeded gives back this attempt and the failures of the same client
	// for the same account.
	Succeeded(ctx context.Context)
	// Failed counts the attempt as a wrong guess.
	Failed(ctx context.Context)
	// Released gives the attempt back: no guess was made (overload, caller gone).
	Released(ctx context.Context)
}

// DeviceLifetime is how long a device stays known after a sign-in.
const DeviceLifetime = 90 * 24 * time.Hour

// Devices makes and checks device tokens. A token is an HMAC bound to the account and its
// version; it is no credential. A version ends with the account's password, or by an
// operator's act.
type Devices interface {
	Issue(account, version string, expires time.Time) string
	// Check returns the device's id, or "" if the token is not valid for the account.
	Check(account, token string, now time.Time) (deviceID string)
	// IssuedFor reports whether the token of a device that Check named was issued for
	// this version of its account.
	IssuedFor(deviceID, version string) bool
}

// Auditor records security-relevant acts.
type Auditor interface {
	Record(ctx context.Context, e Event)
}

// ActAuditor records acts of operators and returns an error if it could not.
type ActAuditor interface {
	RecordAct(ctx context.Context, e Event) error
}
