package cmd

import (
	"context"
	"time"

	"hasura-login/app/login"
)

// shownIdentity is an account at a provider as operators and its owner see it. Login
// stores none of the provider's tokens.
type shownIdentity struct {
	ID         string    `json:"id"`
	Provider   string    `json:"provider"`
	Issuer     string    `json:"issuer"`
	Subject    string    `json:"subject"`
	Email      string    `json:"email,omitempty"` // as the provider last wrote it; it does not identify the user
	LinkedAt   time.Time `json:"linkedAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
}

func identitiesOf(ctx context.Context, store login.IdentityStore, userID string) ([]shownIdentity, error) {
	list, err := store.Identities(ctx, userID)
	var shown []shownIdentity
	for _, i := range list {
		shown = append(shown, shownIdentity{i.ID, i.Provider, i.Issuer, i.Subject, i.Email, i.CreatedAt.UTC(), i.LastUsedAt.UTC()})
	}
	return shown, err
}
