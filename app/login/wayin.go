package login

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// removal is a credential that an account is about to lose.
type removal struct {
	password          bool
	passkey, identity string // ids; empty: none
}

// keepWayIn answers ErrLastWayIn if nothing that this service takes would sign in to the
// account after a removal. The stores decide between parallel removals, but they cannot
// tell which passkeys and identities a service no longer takes.
func (s *Service) keepWayIn(ctx context.Context, ua UserAccount, gone removal) error {
	if s.otherWayIn() || ua.Account.Password != "" && !gone.password {
		return nil
	}
	if s.Passkeys != nil {
		passkeys, err := s.PasskeyStore.Passkeys(ctx, ua.User.ID)
		if err != nil || slices.ContainsFunc(passkeys, func(p Passkey) bool { return !sameID(p.ID, gone.passkey) }) {
			return err
		}
	}
	identities, err := s.Identities.Identities(ctx, ua.User.ID)
	if err != nil || slices.ContainsFunc(identities, func(i ProviderIdentity) bool { return !sameID(i.ID, gone.identity) && s.takesProvider(i.Provider) }) {
		return err
	}
	return ErrLastWayIn
}

// sameID compares ids in whichever spelling a client sends them.
func sameID(a, b string) bool {
	x, err := uuid.Parse(a)
	y, err2 := uuid.Parse(b)
	return err == nil && err2 == nil && x == y
}

func (s *Service) takesProvider(name string) bool {
	return slices.ContainsFunc(s.Providers, func(p ProviderInfo) bool { return p.Name == name })
}
