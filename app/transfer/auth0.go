package transfer

import (
	"encoding/json"
	"strings"

	"hasura-login/app/login"
)

// auth0 reads a line of the export with password hashes that Auth0's support makes, or
// such a line joined with the profiles of a users-exports job (docs/moving.md).
func auth0(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID struct {
			OID text `json:"$oid"`
		} `json:"_id"`
		UserID        text   `json:"user_id"`
		Email         text   `json:"email"`
		EmailVerified flag   `json:"email_verified"`
		PasswordHash  text   `json:"passwordHash"`
		Hash          text   `json:"password_hash"`
		Name          text   `json:"name"`
		GivenName     text   `json:"given_name"`
		FamilyName    text   `json:"family_name"`
		Nickname      text   `json:"nickname"`
		CreatedAt     moment `json:"created_at"`
		Blocked       flag   `json:"blocked"`
		Identities    []struct {
			Provider text `json:"provider"`
			UserID   text `json:"user_id"`
		} `json:"identities"`
		MFA []json.RawMessage `json:"multifactor"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.Email == "" {
		return login.ImportRecord{}, errNoEmail
	}
	name := string(u.Name)
	if strings.Contains(name, "@") { // Auth0 sets the address if it knows no name
		name = ""
	}
	r := login.ImportRecord{
		ID: string(u.UserID), Email: string(u.Email), EmailVerified: bool(u.EmailVerified), Disabled: bool(u.Blocked), CreatedAt: u.CreatedAt.Time,
		Name:         firstOf(name, fullName(string(u.GivenName), string(u.FamilyName)), string(u.Nickname)),
		PasswordHash: storedForm(firstOf(string(u.PasswordHash), string(u.Hash))),
	}
	if r.ID == "" {
		r.ID = "auth0|" + string(u.ID.OID)
	}
	for _, i := range u.Identities {
		if i.Provider != "auth0" {
			r.Identities = append(r.Identities, identityOf(string(i.Provider), string(i.UserID)))
		}
	}
	if len(u.MFA) > 0 {
		r.Left = append(r.Left, "second factors, which Auth0 does not export")
	}
	return r, nil
}
