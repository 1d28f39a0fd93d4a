package transfer

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"hasura-login/app/login"
)

// kratos reads an identity of Ory Kratos, with its credentials.
func kratos(raw json.RawMessage) (login.ImportRecord, error) {
	var u struct {
		ID        text            `json:"id"`
		State     text            `json:"state"`
		Traits    json.RawMessage `json:"traits"`
		CreatedAt moment          `json:"created_at"`
		Verified  []struct {
			Value      text   `json:"value"`
			Verified   flag   `json:"verified"`
			Via        text   `json:"via"`
			VerifiedAt moment `json:"verified_at"`
		} `json:"verifiable_addresses"`
		Credentials map[string]kratosCredential `json:"credentials"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	email, name := kratosTraits(u.Traits)
	if email == "" {
		return login.ImportRecord{}, errNoEmail
	}
	r := login.ImportRecord{ID: string(u.ID), Email: email, Name: name, Disabled: u.State == "inactive", CreatedAt: u.CreatedAt.Time}
	for _, a := range u.Verified {
		if strings.EqualFold(string(a.Value), email) && bool(a.Verified) {
			r.EmailVerified, r.EmailVerifiedAt = true, a.VerifiedAt.Time
		}
	}
	for kind, c := range u.Credentials {
		if err := c.add(kind, &r); err != nil {
			return login.ImportRecord{}, err
		}
	}
	return r, nil
}

// kratosCredential is what an identity has of one kind of credential.
type kratosCredential struct {
	Identifiers []string `json:"identifiers"`
	Config      struct {
		HashedPassword text `json:"hashed_password"`
		TOTPURL        text `json:"totp_url"`
		Providers      []struct {
			Provider text `json:"provider"`
			Subject  text `json:"subject"`
		} `json:"providers"`
		UserHandle  []byte          `json:"user_handle"`
		Credentials json.RawMessage `json:"credentials"`
	} `json:"config"`
}

func (c kratosCredential) add(kind string, r *login.ImportRecord) error {
	switch kind {
	case "password":
		r.PasswordHash = storedForm(string(c.Config.HashedPassword))
	case "totp":
		if at, err := url.Parse(string(c.Config.TOTPURL)); err == nil {
			r.TOTPSecret = at.Query().Get("secret")
		}
	case "oidc":
		for _, p := range c.Config.Providers {
			r.Identities = append(r.Identities, identityOf(string(p.Provider), string(p.Subject)))
		}
	case "passkey":
		r.UserHandle = c.Config.UserHandle
		certain := len(c.Identifiers) == 1 && c.Identifiers[0] == string(r.UserHandle)
		return kratosPasskeys(r, c.Config.Credentials, certain)
	case "code", "code_recovery", "link_recovery":
	default:
		r.Left = append(r.Left, "credentials of the kind "+kind)
	}
	return nil
}

// kratosPasskeys takes the passkeys that verified their user when they were registered.
// Those of the kind webauthn may not be discoverable, so they stay behind. Kratos draws
// another user handle for each passkey that is added later, and does not store which
// handle belongs to which passkey.
func kratosPasskeys(r *login.ImportRecord, raw json.RawMessage, certain bool) error {
	var list []kratosPasskey
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
	}
	if n := len(list); n > 0 && !certain {
		r.Left = append(r.Left, fmt.Sprintf("passkeys (%d), because the record does not tell which user handle belongs to which", n))
		return nil
	}
	for _, one := range list {
		p, ok := one.passkey()
		if !ok {
			r.Left = append(r.Left, "a passkey whose record does not tell that it verified its user")
			continue
		}
		r.Passkeys = append(r.Passkeys, p)
	}
	return nil
}

// kratosTraits finds address and name among the traits. Each project writes its own
// schema for them, so this looks for the names that Ory's examples use.
func kratosTraits(raw json.RawMessage) (email, name string) {
	var traits map[string]any
	if json.Unmarshal(raw, &traits) != nil {
		return "", ""
	}
	get := func(key string) string {
		s, _ := traits[key].(string)
		return s
	}
	if parts, ok := traits["name"].(map[string]any); ok {
		first, _ := parts["first"].(string)
		last, _ := parts["last"].(string)
		name = fullName(first, last)
	}
	name = firstOf(name, get("name"), fullName(get("first_name"), get("last_name")), get("username"))
	return firstOf(get("email"), get("email_address")), name
}
