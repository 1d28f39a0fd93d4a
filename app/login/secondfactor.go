package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// ChallengeLife is how long a challenge waits for its answer.
const ChallengeLife = 5 * time.Minute

// CodeLife is how long an app may take to redeem a code.
const CodeLife = time.Minute

// ChallengeTries is how many answers a challenge takes.
const ChallengeTries = 5

const challengeBytes = 32

// challengeEncoding is strict, so that each challenge has exactly one spelling.
var challengeEncoding = base64.RawURLEncoding.Strict()

// ChallengePurpose says what an answered challenge leads to.
type ChallengePurpose string

// The purposes.
const (
	ChallengeSecondFactor ChallengePurpose = "second-factor"  // a session
	ChallengeTOTP         ChallengePurpose = "totp-enrolment" // a TOTP secret of the account
	ChallengePasskey      ChallengePurpose = "passkey"        // a passkey of the account
	ChallengeElevation    ChallengePurpose = "elevation"      // an elevated session
	ChallengeExchange     ChallengePurpose = "exchange"       // a session of an app
)

// Life is how long a challenge of this purpose waits.
func (p ChallengePurpose) Life() time.Duration {
	if p == ChallengeExchange {
		return CodeLife
	}
	return ChallengeLife
}

// Challenge is a row of auth.challenges: something that an account has begun, and that
// ends with a proof. It is void once the account has another version, and for any other
// client.
type Challenge struct {
	Hash           TokenHash
	UserID         string
	Purpose        ChallengePurpose
	SessionVersion int
	Client         string // as of Client.Prefix
	Data           []byte
	ExpiresAt      time.Time
	Tries          int // answers so far; a store counts them
}

// ChallengeKey finds a challenge that may be answered.
type ChallengeKey struct {
	Hash    TokenHash
	Purpose ChallengePurpose
	Client  string
	Now     time.Time
}

// challenge stores a challenge for the account and returns the text that the client must
// present with its answer.
func (s *Service) challenge(ctx context.Context, p ChallengePurpose, ua UserAccount, c Client, data []byte) (string, error) {
	var raw [challengeBytes]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return "", err
	}
	err := s.Credentials.AddChallenge(ctx, Challenge{
		Hash: sha256.Sum256(raw[:]), UserID: ua.User.ID, Purpose: p, SessionVersion: ua.Account.SessionVersion,
		Client: c.Prefix(), Data: data, ExpiresAt: s.Now().UTC().Add(p.Life()),
	})
	return challengeEncoding.EncodeToString(raw[:]), err
}

// challengeKey decodes a challenge that a client presents. A malformed one matches no
// row.
func (s *Service) challengeKey(p ChallengePurpose, presented string, c Client) ChallengeKey {
	key := ChallengeKey{Purpose: p, Client: c.Prefix(), Now: s.Now().UTC()}
	raw, err := challengeEncoding.DecodeString(presented)
	if err == nil && len(raw) == challengeBytes {
		key.Hash = sha256.Sum256(raw)
	}
	return key
}

// begun is the first half of a sign-in, as its challenge keeps it.
type begun struct {
	// Device is the id of a known device, which has its own count: a stranger who has
	// only the password cannot use up its tries.
	Device string `json:"device,omitempty"`
	// Mailbox is the address whose mail the person has read.
	Mailbox string `json:"mailbox,omitempty"`
	// Provider is true if a provider has signed the person in. Without Provider and
	// Mailbox, the first half was a password.
	Provider bool `json:"provider,omitempty"`
}

// amr is what RFC 8176 calls the first half.
func (b begun) amr() string {
	switch {
	case b.Provider:
		return amrProvider
	case b.Mailbox != "":
		return amrCode
	}
	return amrPassword
}

// secondFactorRequired ends the first half of a sign-in whose account has a second
// factor.
func (s *Service) secondFactorRequired(ctx context.Context, op Operation, ua UserAccount, b begun, c Client) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	challenge, err := s.challenge(ctx, ChallengeSecondFactor, ua, c, data)
	if errors.Is(err, ErrStale) {
		return s.refused(ctx, op, ua.User.ID, c, errInvalidCredentials())
	}
	if err != nil {
		return err
	}
	e := Errorf(CodeSecondFactorRequired, "This account also asks for a second factor: send it with the challenge")
	e.Challenge, e.Methods = challenge, ua.Account.Factors
	if ua.Account.has(MethodPasskey) && s.Passkeys != nil {
		// An authenticator signs the challenge itself.
		raw, _ := challengeEncoding.DecodeString(challenge)
		if e.PasskeyOptions, err = s.requestOptions(ctx, ua, raw); err != nil {
			return err
		}
	}
	return e
}

// SignInSecondFactorInput answers the challenge of a sign-in.
type SignInSecondFactorInput struct {
	Challenge string
	Proof     Proof
	// Remember lets this device sign in without a second factor for a while.
	Remember bool
	Client   Client
}

// SignInSecondFactor proves a second factor and opens the session that a sign-in
// has begun. A wrong code spends one of the challenge's tries and nothing else.
func (s *Service) SignInSecondFactor(ctx context.Context, in SignInSecondFactorInput) (Grant, error) {
	const op = OpSignInSecondFactor
	if err := in.Proof.check(secondFactors()); err != nil {
		return Grant{}, err
	}
	key := s.challengeKey(ChallengeSecondFactor, in.Challenge, in.Client)
	asked, ua, err := s.Credentials.TryChallenge(ctx, key)
	if errors.Is(err, ErrTokenUnknown) {
		return Grant{}, s.challengeRefused(ctx, op, in.Client)
	}
	var first begun
	if err == nil {
		err = json.Unmarshal(asked.Data, &first)
	}
	if err != nil {
		return Grant{}, err
	}
	attempt := Attempt{Operation: op, Client: in.Client, Account: ua.User.Email, Method: in.Proof.Method, DeviceID: first.Device}
	in.Proof.asked = askedToSignIn(asked, in.Challenge)
	amr, err := s.prove(ctx, attempt, ua, in.Proof, wrong(in.Proof.Method))
	if err != nil {
		s.tellOfWrongCodes(ctx, asked, ua, in.Client, err)
		return Grant{}, err
	}
	// Of two right answers to the same challenge, one opens a session.
	if err := s.Credentials.EndChallenge(ctx, key.Hash); err != nil {
		if errors.Is(err, ErrTokenUnknown) {
			err = s.refused(ctx, op, ua.User.ID, in.Client, errChallenge())
		}
		return Grant{}, err
	}
	if ua, err = s.verifyMailbox(ctx, ua, first.Mailbox); err != nil {
		return Grant{}, err
	}
	g, err := s.open(ctx, opening{op: op, userAccount: ua, client: in.Client, amr: withProof([]string{first.amr()}, in.Proof.Method, amr...), known: first.Device != "", remember: in.Remember})
	if err != nil {
		return g, err
	}
	s.tellOfRecoveryCode(ctx, op, in.Proof.Method, ua, in.Client)
	return g, nil
}

// tellOfWrongCodes tells the owner that somebody has the first factor and guesses the
// second. It does so once a challenge is used up, or a limit of the account or of its
// device refuses. An attacker who stays below both has at most 30 guesses a day.
func (s *Service) tellOfWrongCodes(ctx context.Context, c Challenge, ua UserAccount, client Client, err error) {
	usedUp := AsError(err).Code == CodeInvalidCode && c.Tries >= ChallengeTries
	if scope := scopeOf(err); usedUp || scope == "account" || scope == "device" {
		s.notify(ctx, MailWrongCodes, ua, client)
	}
}

// verifyMailbox notes that a sign-in has proved the account's address. It does nothing if
// the account has another address by now.
func (s *Service) verifyMailbox(ctx context.Context, ua UserAccount, mailbox string) (UserAccount, error) {
	if mailbox == "" || mailbox != ua.User.Email || !ua.Account.EmailVerifiedAt.IsZero() {
		return ua, nil
	}
	ua.Account.EmailVerifiedAt = s.Now().UTC()
	return ua, s.Mail.VerifyMailbox(ctx, ua.User.ID, mailbox, ua.Account.EmailVerifiedAt)
}

// challengeRefused counts an answer that belongs to no live challenge as a guess of its
// client.
func (s *Service) challengeRefused(ctx context.Context, op Operation, c Client) error {
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: c})
	if err != nil {
		return err
	}
	reservation.Failed(ctx)
	return s.refused(ctx, op, "", c, errChallenge())
}

func secondFactors() []Method { return []Method{MethodPasskey, MethodTOTP, MethodRecoveryCode} }

func errChallenge() *Error {
	return Errorf(CodeInvalidToken, "This challenge has expired, was answered or took too many wrong codes; sign in again")
}

// opening is a sign-in that has given every proof.
type opening struct {
	op          Operation
	userAccount UserAccount
	client      Client
	amr         []string
	known       bool // the device has signed in before
	remember    bool // the device needs no second factor for a while
	// deviceToken goes back to the client unchanged. If it is empty, the client gets a
	// new one, unless keepsToken says that it keeps its own.
	deviceToken string
	keepsToken  bool
}

// open opens the session of a sign-in and tells the owner of a new device.
func (s *Service) open(ctx context.Context, o opening) (Grant, error) {
	ua := o.userAccount
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, o.client, o.amr...)
	if err != nil {
		return Grant{}, err
	}
	session.Opens = ua.Account.Unopened
	if err := s.Store.CreateSession(ctx, session); err != nil {
		if errors.Is(err, ErrStale) { // the credential was removed since the check
			err = s.refused(ctx, o.op, ua.User.ID, o.client, errInvalidCredentials())
		}
		return Grant{}, err
	}
	s.record(ctx, EventSignedIn, o.op, session.Session, o.client)
	if !o.known {
		s.notify(ctx, MailNewDevice, ua, o.client)
	}
	g, err := s.grant(ua, session.Session, token)
	if g.DeviceToken = o.deviceToken; g.DeviceToken == "" && !o.keepsToken {
		g.DeviceToken = s.deviceToken(ua, o.remember)
	}
	return g, err
}

// deviceToken makes the token of a known device. A remembered device needs no second
// factor until its token expires.
func (s *Service) deviceToken(ua UserAccount, remember bool) string {
	if remember && s.rules.RememberDevice > 0 {
		return s.Devices.Issue(ua.User.Email, rememberedVersionOf(ua), s.Now().Add(s.rules.RememberDevice))
	}
	return s.Devices.Issue(ua.User.Email, accountVersion(ua.User.ID, ua.Account.PasswordVersion), s.Now().Add(DeviceLifetime))
}

func rememberedVersionOf(ua UserAccount) string {
	return accountVersion(ua.User.ID, ua.Account.PasswordVersion) + "/second-factor"
}
