package login

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
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

// refundChallengeTry takes an answer back that an error has ended before it was compared.
func (s *Service) refundChallengeTry(ctx context.Context, hash TokenHash, err error) error {
	return errors.Join(err, s.Credentials.RefundChallengeTry(context.WithoutCancel(ctx), hash))
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

func errChallenge() *Error {
	return Errorf(CodeInvalidToken, "This challenge has expired, was answered or took too many wrong codes; sign in again")
}
