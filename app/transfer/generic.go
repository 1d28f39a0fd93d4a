package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"hasura-login/app/login"
)

// Account is one line of the generic format, which users export also writes.
type Account struct {
	ID              string            `json:"id,omitempty"`
	Email           string            `json:"email"`
	Name            string            `json:"name,omitempty"`
	PasswordHash    string            `json:"passwordHash,omitempty"` // PHC string or crypt form
	EmailVerified   bool              `json:"emailVerified,omitempty"`
	EmailVerifiedAt moment            `json:"emailVerifiedAt,omitzero"`
	Disabled        bool              `json:"disabled,omitempty"`
	Roles           []string          `json:"roles,omitempty"`
	DefaultRole     string            `json:"defaultRole,omitempty"`
	Claims          map[string]string `json:"claims,omitempty"`
	CreatedAt       moment            `json:"createdAt,omitzero"`
	TOTPSecret      string            `json:"totpSecret,omitempty"`
	Identities      []Identity        `json:"identities,omitempty"`
	UserHandle      []byte            `json:"userHandle,omitempty"` // by which authenticators know the user
	Passkeys        []Passkey         `json:"passkeys,omitempty"`
}

// Identity is an account at another provider.
type Identity struct {
	Provider string `json:"provider"`
	Issuer   string `json:"issuer,omitempty"` // optional for providers that everybody knows
	Subject  string `json:"subject"`
}

// looksGeneric asks only for an address: generic itself refuses unknown fields.
var looksGeneric = hasAll("email")

// generic refuses unknown fields: otherwise a file of another format would be imported
// without its passwords.
func generic(raw json.RawMessage) (login.ImportRecord, error) {
	var a Account
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
			return login.ImportRecord{}, fmt.Errorf("unknown field %s: docs/moving.md lists the fields", name)
		}
		return login.ImportRecord{}, err
	}
	r := login.ImportRecord{
		ID: a.ID, Email: a.Email, Name: a.Name, PasswordHash: storedForm(a.PasswordHash),
		EmailVerified: a.EmailVerified || !a.EmailVerifiedAt.IsZero(), EmailVerifiedAt: a.EmailVerifiedAt.Time,
		Disabled: a.Disabled, Roles: a.Roles, DefaultRole: a.DefaultRole, Claims: a.Claims, CreatedAt: a.CreatedAt.Time, TOTPSecret: a.TOTPSecret,
	}
	for _, i := range a.Identities {
		identity := identityOf(i.Provider, i.Subject)
		if i.Issuer != "" {
			identity = login.ImportIdentity(i)
		}
		r.Identities = append(r.Identities, identity)
	}
	r.UserHandle = a.UserHandle
	for _, p := range a.Passkeys {
		if p.BackupEligible == nil {
			r.Left = append(r.Left, "a passkey without backupEligible, which authenticators must repeat at each sign-in")
			continue
		}
		r.Passkeys = append(r.Passkeys, p.passkey())
	}
	return r, nil
}

// errNoEmail is for accounts without an address, which sign in by other means.
var errNoEmail = errors.New("the account has no e-mail address")
