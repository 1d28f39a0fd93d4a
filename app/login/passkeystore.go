package login

import "context"

// PasskeyStore keeps passkeys. Methods answer ErrUnavailable as those of Store do.
type PasskeyStore interface {
	// UserHandle returns the random name by which authenticators know the user. A user
	// without one gets fresh as the name, for good; ErrNotFound if fresh is empty then, or
	// there is no such user.
	UserHandle(ctx context.Context, userID string, fresh []byte) ([]byte, error)
	// AddPasskey adds a passkey. ErrCredentialExists if its credential is known, of
	// any account, or the account has MaxPasskeys; ErrStale if version is not the
	// account's.
	AddPasskey(ctx context.Context, version int, p Passkey) error
	// Passkeys lists an account's passkeys, the oldest first.
	Passkeys(ctx context.Context, userID string) ([]Passkey, error)
	// PasskeyOwner finds a passkey by its credential, with its owner and the owner's
	// handle; ErrNotFound.
	PasskeyOwner(ctx context.Context, credentialID []byte) (Passkey, []byte, UserAccount, error)
	// UsePasskey notes that a passkey was used. Of calls with one challenge exactly one
	// succeeds, the others get ErrTokenUnknown. ErrCounterRegressed unless the counter
	// rises or was and is zero; ErrNotFound.
	UsePasskey(ctx context.Context, u PasskeyUse) error
	// RenamePasskey renames one of the user's passkeys, or ErrNotFound.
	RenamePasskey(ctx context.Context, userID, id, name string) error
	// RemovePasskey removes one of the user's passkeys, and the recovery codes with the
	// last second factor. ErrStale; ErrNotFound; ErrLastWayIn if nothing else signs in to
	// the account, unless the caller knows another way in that is no credential.
	RemovePasskey(ctx context.Context, userID, id string, version int, otherWayIn bool) error
}
