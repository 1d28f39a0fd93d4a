package transfer

import (
	"encoding/json"
	"errors"
	"time"

	"hasura-login/app/login"
)

// supabase reads a row of auth.users of Supabase, with the identities and factors that
// the query of docs/moving.md selects.
func supabase(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID                text               `json:"id"`
		Email             text               `json:"email"`
		EncryptedPassword text               `json:"encrypted_password"`
		EmailConfirmedAt  moment             `json:"email_confirmed_at"`
		CreatedAt         moment             `json:"created_at"`
		BannedUntil       moment             `json:"banned_until"`
		DeletedAt         moment             `json:"deleted_at"`
		IsAnonymous       flag               `json:"is_anonymous"`
		Metadata          map[string]any     `json:"raw_user_meta_data"`
		Phone             text               `json:"phone"`
		Identities        []supabaseIdentity `json:"identities"`
		Factors           []supabaseFactor   `json:"mfa_factors"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	switch {
	case !u.DeletedAt.IsZero():
		return login.ImportRecord{}, errors.New("the account was deleted there")
	case bool(u.IsAnonymous):
		return login.ImportRecord{}, errors.New("the account is anonymous")
	case u.Email == "":
		return login.ImportRecord{}, errNoEmail
	}
	name := func(key string) string {
		s, _ := u.Metadata[key].(string)
		return s
	}
	r := login.ImportRecord{
		ID: string(u.ID), Email: string(u.Email), Name: firstOf(name("full_name"), name("name"), name("display_name"), name("user_name")),
		PasswordHash:  storedForm(string(u.EncryptedPassword)),
		EmailVerified: !u.EmailConfirmedAt.IsZero(), EmailVerifiedAt: u.EmailConfirmedAt.Time,
		Disabled: u.BannedUntil.After(time.Now()), CreatedAt: u.CreatedAt.Time,
	}
	for _, i := range u.Identities {
		if i.Provider != "email" && i.Provider != "phone" {
			r.Identities = append(r.Identities, identityOf(string(i.Provider), firstOf(string(i.ProviderID), string(i.Data.Sub))))
		}
	}
	for _, f := range u.Factors {
		f.addTo(&r)
	}
	if u.Phone != "" {
		r.Left = append(r.Left, "the phone number")
	}
	return r, nil
}

type supabaseIdentity struct {
	Provider   text `json:"provider"`
	ProviderID text `json:"provider_id"`
	Data       struct {
		Sub text `json:"sub"`
	} `json:"identity_data"`
}

type supabaseFactor struct {
	Type   text `json:"factor_type"`
	Status text `json:"status"`
	Secret text `json:"secret"`
}

func (f supabaseFactor) addTo(r *login.ImportRecord) {
	switch {
	case f.Status != "verified":
	case f.Type != "totp":
		r.Left = append(r.Left, "a second factor of the kind "+string(f.Type))
	case r.TOTPSecret != "":
		r.Left = append(r.Left, "another authenticator app")
	case len(f.Secret) > 0 && f.Secret[0] == '{':
		r.Left = append(r.Left, "the authenticator app, whose secret is encrypted there")
	default:
		r.TOTPSecret = string(f.Secret)
	}
}
