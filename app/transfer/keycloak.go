package transfer

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hasura-login/app/login"
)

// keycloakUser is a user of a realm export, and the form that a realm import takes.
type keycloakUser struct {
	ID            text                 `json:"id,omitempty"`
	Username      text                 `json:"username"`
	Email         text                 `json:"email,omitempty"`
	EmailVerified flag                 `json:"emailVerified"`
	FirstName     text                 `json:"firstName,omitempty"`
	LastName      text                 `json:"lastName,omitempty"`
	Enabled       *flag                `json:"enabled,omitempty"`
	Created       int64                `json:"createdTimestamp,omitempty"` // milliseconds since 1970
	Service       text                 `json:"serviceAccountClientId,omitempty"`
	Identities    []keycloakIdentity   `json:"federatedIdentities,omitempty"`
	Credentials   []keycloakCredential `json:"credentials,omitempty"`
}

type keycloakIdentity struct {
	Provider text `json:"identityProvider"`
	UserID   text `json:"userId"`
}

// keycloakCredential has strings that contain JSON.
type keycloakCredential struct {
	Type           string `json:"type"`
	SecretData     string `json:"secretData,omitempty"`
	CredentialData string `json:"credentialData,omitempty"`
	Value          string `json:"value,omitempty"` // a password in plain text
}

type keycloakSecret struct {
	Value string `json:"value"`
	Salt  string `json:"salt,omitempty"`
}

type keycloakData struct {
	Iterations int                 `json:"hashIterations,omitempty"`
	Algorithm  string              `json:"algorithm"`
	More       map[string][]string `json:"additionalParameters,omitempty"`
	SubType    string              `json:"subType,omitempty"`
	Digits     int                 `json:"digits,omitempty"`
	Period     int                 `json:"period,omitempty"`
	Encoding   string              `json:"secretEncoding,omitempty"`
}

// keycloak reads a user of a realm export.
func keycloak(raw json.RawMessage) (login.ImportRecord, error) {
	var u keycloakUser
	if err := json.Unmarshal(raw, &u); err != nil {
		return login.ImportRecord{}, err
	}
	if u.Service != "" {
		return login.ImportRecord{}, errors.New("the account is a client's service account")
	}
	email, name, err := fromUsername(string(u.Email), string(u.Username))
	if err != nil {
		return login.ImportRecord{}, err
	}
	r := login.ImportRecord{
		ID: string(u.ID), Email: email, EmailVerified: bool(u.EmailVerified), Disabled: u.Enabled != nil && !bool(*u.Enabled),
		Name: firstOf(fullName(string(u.FirstName), string(u.LastName)), name),
	}
	if u.Created > 0 {
		r.CreatedAt = time.UnixMilli(u.Created).UTC()
	}
	for _, i := range u.Identities {
		r.Identities = append(r.Identities, identityOf(string(i.Provider), string(i.UserID)))
	}
	for _, c := range u.Credentials {
		if err := c.addTo(&r); err != nil {
			return login.ImportRecord{}, err
		}
	}
	return r, nil
}

func (c keycloakCredential) addTo(r *login.ImportRecord) error {
	var secret keycloakSecret
	var data keycloakData
	if c.Value == "" {
		if json.Unmarshal([]byte(c.SecretData), &secret) != nil || json.Unmarshal([]byte(c.CredentialData), &data) != nil {
			return fmt.Errorf("the credential of type %q is broken", c.Type)
		}
	}
	switch {
	case c.Type == "password" && c.Value != "":
		r.Left = append(r.Left, "the password, which is in plain text")
	case c.Type == "password":
		r.PasswordHash = keycloakHash(secret, data)
	case c.Type == "otp" && data.SubType == "totp" && r.TOTPSecret == "":
		if data.Digits > 6 || data.Period > 0 && data.Period != 30 || data.Algorithm != "" && !strings.EqualFold(data.Algorithm, "HmacSHA1") {
			r.Left = append(r.Left, "the authenticator app, whose codes are not of six digits, 30 seconds and SHA-1")
			return nil
		}
		if r.TOTPSecret = secret.Value; !strings.EqualFold(data.Encoding, "BASE32") {
			r.TOTPSecret = base32.StdEncoding.EncodeToString([]byte(secret.Value))
		}
	default:
		r.Left = append(r.Left, "a credential of the type "+c.Type)
	}
	return nil
}

// keycloakHash writes a password credential as a PHC string. It keeps the kinds of
// extensions unchanged.
func keycloakHash(s keycloakSecret, d keycloakData) string {
	more := func(key string) string {
		if values := d.More[key]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	switch {
	case d.Algorithm == "pbkdf2" || strings.HasPrefix(d.Algorithm, "pbkdf2-"):
		return fmt.Sprintf("$%s$i=%d$%s$%s", d.Algorithm, d.Iterations, s.Salt, s.Value)
	case d.Algorithm == "argon2":
		version := more("version")
		if version == "1.3" {
			version = "19"
		}
		return fmt.Sprintf("$argon2%s$v=%s$m=%s,t=%d,p=%s$%s$%s", more("type"), version, more("memory"), d.Iterations, more("parallelism"), s.Salt, s.Value)
	}
	return storedForm(s.Value)
}

// keycloakOTP converts an authenticator app for a Keycloak import.
func keycloakOTP(secret string) keycloakCredential {
	value, _ := json.Marshal(keycloakSecret{Value: secret}) // strings and numbers
	data, _ := json.Marshal(keycloakData{SubType: "totp", Digits: 6, Period: 30, Algorithm: "HmacSHA1", Encoding: "BASE32"})
	return keycloakCredential{Type: "otp", SecretData: string(value), CredentialData: string(data)}
}

// keycloakPassword converts a password to a credential that Keycloak imports. bcrypt
// needs an extension there.
func keycloakPassword(stored string) (keycloakCredential, bool) {
	part := strings.Split(stored, "$")
	padded := func(b64 string) string {
		raw, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.ReplaceAll(b64, ".", "+"), "="))
		return base64.StdEncoding.EncodeToString(raw)
	}
	var s keycloakSecret
	var d keycloakData
	switch {
	case len(part) == 5 && strings.HasPrefix(part[1], "pbkdf2"):
		rounds, _, _ := strings.Cut(strings.TrimPrefix(part[2], "i="), ",")
		if _, err := fmt.Sscan(rounds, &d.Iterations); err != nil {
			return keycloakCredential{}, false
		}
		d.Algorithm = strings.Replace(part[1], "pbkdf2-sha1", "pbkdf2", 1)
		s = keycloakSecret{Value: padded(part[4]), Salt: padded(part[3])}
	case len(part) == 6 && strings.HasPrefix(part[1], "argon2"):
		var memory, lanes int
		if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &memory, &d.Iterations, &lanes); err != nil {
			return keycloakCredential{}, false
		}
		d.Algorithm = "argon2"
		d.More = map[string][]string{
			"type": {strings.TrimPrefix(part[1], "argon2")}, "version": {"1.3"}, "memory": {fmt.Sprint(memory)}, "parallelism": {fmt.Sprint(lanes)},
			"hashLength": {fmt.Sprint(base64.RawStdEncoding.DecodedLen(len(strings.TrimRight(part[5], "="))))},
		}
		s = keycloakSecret{Value: padded(part[5]), Salt: padded(part[4])}
	case len(part) == 4 && strings.HasPrefix(stored, "$2"):
		if _, err := fmt.Sscan(part[2], &d.Iterations); err != nil {
			return keycloakCredential{}, false
		}
		d.Algorithm, s.Value = "bcrypt", stored
	default:
		return keycloakCredential{}, false
	}
	secret, _ := json.Marshal(s) // strings and numbers
	data, _ := json.Marshal(d)
	return keycloakCredential{Type: "password", SecretData: string(secret), CredentialData: string(data)}, true
}
