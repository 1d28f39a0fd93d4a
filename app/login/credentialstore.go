package login

import (
	"context"
	"time"
)

// CredentialStore keeps the credentials of accounts other than passwords, and the
// challenges that wait for an answer. Its methods return ErrUnavailable as those of
// Store do.
type CredentialStore interface {
	// AddTOTP gives an account a TOTP secret. ErrCredentialExists if it has one,
	// ErrStale if version is not the account's.
	AddTOTP(ctx context.Context, userID string, version int, t TOTP) error
	// TOTP returns the account's secret, or ErrNotFound.
	TOTP(ctx context.Context, userID string) (TOTP, error)
	// UseTOTP spends the codes of a time step and of all earlier ones: of calls with the
	// same step exactly one succeeds, the others get ErrTokenUnknown.
	UseTOTP(ctx context.Context, userID string, step int64) error
	// RemoveTOTP removes the secret and every recovery code; ErrStale.
	RemoveTOTP(ctx context.Context, userID string, version int) error
	// ListTOTP returns the sealed secrets of users after one, in the order of their
	// ids, and ReplaceTOTPSecret swaps one by compare-and-set; ErrStale. A rotation
	// of the key that seals them needs both.
	ListTOTP(ctx context.Context, afterUserID string, limit int) ([]SealedTOTP, error)
	ReplaceTOTPSecret(ctx context.Context, userID string, old, sealed []byte) error

	// ReplaceRecoveryCodes replaces all recovery codes of the account; ErrStale.
	ReplaceRecoveryCodes(ctx context.Context, userID string, version int, codes []TokenHash, now time.Time) error
	// UseRecoveryCode spends a code: of parallel calls exactly one succeeds;
	// ErrTokenUnknown.
	UseRecoveryCode(ctx context.Context, userID string, code TokenHash) error

	// AddChallenge stores a challenge; ErrStale if its version is not the account's.
	AddChallenge(ctx context.Context, c Challenge) error
	// TryChallenge counts an answer and returns the challenge with its account.
	// ErrTokenUnknown if none that is live has the key: unknown, expired, of another
	// purpose, client or version, of a disabled account, or tried ChallengeTries times.
	TryChallenge(ctx context.Context, k ChallengeKey) (Challenge, UserAccount, error)
	// RefundChallengeTry takes back an answer that was never compared with the right one. A
	// missing challenge is not an error.
	RefundChallengeTry(ctx context.Context, hash TokenHash) error
	// EndChallenge removes a challenge: of parallel calls exactly one succeeds;
	// ErrTokenUnknown.
	EndChallenge(ctx context.Context, hash TokenHash) error

	// Elevate notes when and how a session's owner has proved who they are; ErrNotFound if
	// the session has ended.
	Elevate(ctx context.Context, sessionID string, amr []string, now time.Time) error
}

// SealedTOTP is a TOTP secret with its owner.
type SealedTOTP struct {
	UserID string
	Secret []byte
}
