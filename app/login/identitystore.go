package login

import (
	"context"
	"time"
)

// ProviderIdentity is a row of auth.identities: an account at a provider that signs in
// to an account here. Issuer and Subject name it; the address is only what the
// provider last wrote.
type ProviderIdentity struct {
	ID         string // UUID
	UserID     string
	Provider   string
	Issuer     string
	Subject    string
	Email      string
	CreatedAt  time.Time
	LastUsedAt time.Time
}

// IdentityStore keeps the identities of accounts. Methods answer ErrUnavailable as
// those of Store do.
type IdentityStore interface {
	// IdentityUserAccount returns an identity and the account that it signs in to, or
	// ErrNotFound.
	IdentityUserAccount(ctx context.Context, issuer, subject string) (ProviderIdentity, UserAccount, error)
	// Identities lists those of a user, in the order in which they were linked.
	Identities(ctx context.Context, userID string) ([]ProviderIdentity, error)
	// CreateUserWithIdentity adds a user as Store.CreateUser does, with an identity.
	// ErrEmailTaken; ErrCredentialExists if the identity is linked already.
	CreateUserWithIdentity(ctx context.Context, ua UserAccount, i ProviderIdentity, first *NewSession) error
	// ReplaceUnopenedWithIdentity does what Store.ReplaceUnopened does, and links an
	// identity to the account. ErrEmailTaken; ErrCredentialExists as above.
	ReplaceUnopenedWithIdentity(ctx context.Context, ua UserAccount, i ProviderIdentity) (userID string, err error)
	// AddIdentity links an identity to its user. ErrStale if version is not the
	// account's; ErrCredentialExists if it is linked to any account already.
	AddIdentity(ctx context.Context, version int, i ProviderIdentity) error
	// UseIdentity notes a sign-in, and the address that the provider gave.
	UseIdentity(ctx context.Context, id, email string, now time.Time) error
	// RemoveIdentity removes an identity of the user and returns what it was. ErrStale;
	// ErrNotFound; ErrLastWayIn if the account has nothing else to sign in with.
	RemoveIdentity(ctx context.Context, userID string, version int, id string) (ProviderIdentity, error)
	// SpendFlow notes that a sign-in at a provider has ended: of parallel calls with
	// one hash exactly one succeeds; ErrTokenUnknown.
	SpendFlow(ctx context.Context, flow TokenHash, expires time.Time) error
}
