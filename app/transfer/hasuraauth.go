package transfer

import (
	"encoding/json"
	"errors"
	"fmt"

	"hasura-login/app/login"
)

// hasuraAuth reads a row of auth.users of hasura-auth (nhost), with the roles,
// providers and security keys that the query of docs/moving.md selects.
func hasuraAuth(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID            text   `json:"id"`
		CreatedAt     moment `json:"created_at"`
		Disabled      flag   `json:"disabled"`
		DisplayName   text   `json:"display_name"`
		Email         text   `json:"email"`
		PasswordHash  text   `json:"password_hash"`
		EmailVerified flag   `json:"email_verified"`
		DefaultRole   text   `json:"default_role"`
		IsAnonymous   flag   `json:"is_anonymous"`
		TOTPSecret    text   `json:"totp_secret"`
		ActiveMFAType text   `json:"active_mfa_type"`
		Phone         text   `json:"phone_number"`
		Roles         []string
		Providers     []struct {
			ID      text `json:"provider_id"`
			Subject text `json:"provider_user_id"`
		}
		SecurityKeys []json.RawMessage `json:"security_keys"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.IsAnonymous {
		return login.ImportRecord{}, errors.New("the account is anonymous")
	}
	if u.Email == "" {
		return login.ImportRecord{}, errNoEmail
	}
	r := login.ImportRecord{
		ID: string(u.ID), Email: string(u.Email), Name: string(u.DisplayName), PasswordHash: storedForm(string(u.PasswordHash)),
		EmailVerified: bool(u.EmailVerified), Disabled: bool(u.Disabled), Roles: u.Roles, DefaultRole: string(u.DefaultRole), CreatedAt: u.CreatedAt.Time,
	}
	switch u.ActiveMFAType {
	case "totp":
		r.TOTPSecret = string(u.TOTPSecret)
	case "sms":
		r.Left = append(r.Left, "the second factor by SMS")
	}
	for _, p := range u.Providers {
		r.Identities = append(r.Identities, identityOf(string(p.ID), string(p.Subject)))
	}
	if n := len(u.SecurityKeys); n > 0 {
		r.Left = append(r.Left, fmt.Sprintf("security keys (%d)", n))
	}
	if u.Phone != "" {
		r.Left = append(r.Left, "the phone number")
	}
	return r, nil
}
