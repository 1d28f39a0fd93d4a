package login

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// A code leads from the hosted pages back to an app. It is part of a URL, which others can
// see, so it works only with the secret that only the app has (PKCE, RFC 7636).

// pkceBytes is the size of a decoded challenge of the method S256.
const pkceBytes = sha256.Size

// The lengths of a code verifier (RFC 7636, 4.1).
const (
	minVerifier = 43
	maxVerifier = 128
)

// CheckCodeChallenge refuses a text that cannot be a challenge of the method S256.
func CheckCodeChallenge(challenge string) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
	if err != nil || len(raw) != pkceBytes {
		return Invalid("codeChallenge", "must be the base64url of the SHA-256 of the code verifier, 43 characters long")
	}
	return nil
}

// handOver is the data that is stored with a code.
type handOver struct {
	SessionID     string `json:"session"`
	CodeChallenge string `json:"challenge"`
}

// anyClient marks a challenge that any client may answer if it has the secret: an app's
// server may redeem the code that a browser got.
var anyClient = Client{}

// HandOver makes a code with which an app opens its own session, with the same rights
// as the caller's. The code works once, within CodeLife.
func (s *Service) HandOver(ctx context.Context, id Identity, codeChallenge string) (code string, err error) {
	if err := CheckCodeChallenge(codeChallenge); err != nil {
		return "", err
	}
	session, ua, err := s.authorize(ctx, id)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(handOver{SessionID: session.ID, CodeChallenge: codeChallenge})
	if err != nil {
		return "", fmt.Errorf("handing a session over: %w", err)
	}
	code, err = s.challenge(ctx, ChallengeExchange, ua, anyClient, data)
	if errors.Is(err, ErrStale) {
		err = errUnauthenticated()
	}
	return code, err
}

// ExchangeInput redeems a code.
type ExchangeInput struct {
	Code         string
	CodeVerifier string
	Client       Client
}

// Exchange spends a code and opens the app's session. It fails if the session that the
// code came from has ended since. A wrong verifier spends the code, because its sender
// is not the app.
func (s *Service) Exchange(ctx context.Context, in ExchangeInput) (Grant, error) {
	const op = OpExchange
	if len(in.CodeVerifier) < minVerifier || len(in.CodeVerifier) > maxVerifier {
		return Grant{}, Invalid("codeVerifier", "must have %d to %d characters", minVerifier, maxVerifier)
	}
	reservation, err := s.reserve(ctx, Attempt{Operation: op, Client: in.Client})
	if err != nil {
		return Grant{}, err
	}
	given, from, ua, err := s.spendCode(ctx, in.Code)
	if err == nil && !given.fits(in.CodeVerifier) {
		err = ErrTokenUnknown
	}
	if errors.Is(err, ErrTokenUnknown) {
		reservation.Failed(ctx)
		return Grant{}, s.refused(ctx, op, ua.User.ID, in.Client, errCode())
	}
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	session, token, err := s.openSession(ua.User.ID, ua.Account.SessionVersion, in.Client)
	if err != nil {
		return Grant{}, err
	}
	// The new session has the proofs of the session that it comes from, and their times.
	session.Session.AuthenticatedAt, session.Session.AMR, session.Session.ElevatedAt = from.signedInAt(), from.AMR, from.ElevatedAt
	session.Session.OriginID = from.ID
	g, err := s.grant(ctx, ua, session.Session, token)
	if err != nil {
		reservation.Released(ctx)
		return Grant{}, err
	}
	if err := s.Store.CreateSession(ctx, session); err != nil {
		if errors.Is(err, ErrStale) {
			err = s.refused(ctx, op, ua.User.ID, in.Client, errCode())
		}
		return Grant{}, err
	}
	reservation.Released(ctx) // an app's server redeems the codes of many users
	s.record(ctx, EventSignedIn, op, session.Session, in.Client)
	g.DeviceToken = s.deviceToken(ua, false)
	return g, nil
}

// spendCode spends a code and returns its data, session and account. Of parallel calls
// exactly one succeeds; ErrTokenUnknown.
func (s *Service) spendCode(ctx context.Context, code string) (given handOver, from Session, ua UserAccount, err error) {
	key := s.challengeKey(ChallengeExchange, code, anyClient)
	c, ua, err := s.Credentials.TryChallenge(ctx, key)
	if err == nil {
		err = s.Credentials.EndChallenge(ctx, key.Hash)
	}
	if err == nil {
		err = json.Unmarshal(c.Data, &given)
	}
	if err != nil {
		return given, from, ua, err
	}
	from, ua, err = s.authorize(ctx, Identity{UserID: c.UserID, SessionID: given.SessionID})
	if err != nil && AsError(err).Code == CodeUnauthenticated {
		err = ErrTokenUnknown
	}
	return given, from, ua, err
}

// fits reports whether the verifier belongs to the challenge.
func (o handOver) fits(verifier string) bool {
	digest := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(digest[:])), []byte(o.CodeChallenge)) == 1
}

func errCode() *Error {
	return Errorf(CodeInvalidToken, "This code has expired, was used already or belongs to another app; begin the sign-in again")
}
