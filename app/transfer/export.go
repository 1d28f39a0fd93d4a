package transfer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hasura-login/app/login"
)

// ExportStore returns all accounts, page by page.
type ExportStore interface {
	ListUsers(ctx context.Context, f login.UserFilter) ([]login.UserAccount, error)
	TOTP(ctx context.Context, userID string) (login.TOTP, error)
	Identities(ctx context.Context, userID string) ([]login.ProviderIdentity, error)
	Passkeys(ctx context.Context, userID string) ([]login.Passkey, error)
	UserHandle(ctx context.Context, userID string, fresh []byte) ([]byte, error)
}

// SecretOpener decrypts the sealed secrets of authenticator apps.
type SecretOpener interface {
	OpenSecret(userID string, sealed []byte) (secret string, err error)
}

// Export writes every account for another system.
type Export struct {
	Store   ExportStore
	Secrets SecretOpener
}

// Exported counts what was written.
type Exported struct {
	Users      int
	NoPassword int // without a password, or with one that the other system does not accept
}

// exportPage is the number of accounts read at once.
const exportPage = 1000

// target is a system that can import the accounts.
type target struct {
	name                   string
	before, between, after string
	// write writes the account in the system's form, and tells whether with its password.
	write func(a Account) (value any, withPassword bool)
}

var targets = []target{
	{"ndjson", "", "\n", "\n", func(a Account) (any, bool) { return a, a.PasswordHash != "" }},
	{"supabase", "", "\n", "\n", toSupabase},
	{"keycloak", `{"ifResourceExists":"SKIP","users":[` + "\n", ",\n", "\n]}\n", toKeycloak},
}

// Targets lists the names that Write takes.
func Targets() []string {
	names := make([]string, len(targets))
	for i, t := range targets {
		names[i] = t.name
	}
	return names
}

// Write writes all accounts for the named system, in the order of their addresses.
func (e Export) Write(ctx context.Context, to string, out io.Writer) (Exported, error) {
	for _, t := range targets {
		if t.name == to {
			w := bufio.NewWriter(out)
			n, err := e.write(ctx, t, w)
			return n, errors.Join(err, w.Flush())
		}
	}
	return Exported{}, fmt.Errorf("no target %q; there are: %s", to, strings.Join(Targets(), ", "))
}

func (e Export) write(ctx context.Context, t target, out *bufio.Writer) (n Exported, err error) {
	_, _ = out.WriteString(t.before) // Flush returns the error
	err = e.each(ctx, func(a Account) error {
		value, withPassword := t.write(a)
		line, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if n.Users > 0 {
			_, _ = out.WriteString(t.between)
		}
		n.Users++
		if !withPassword {
			n.NoPassword++
		}
		_, err = out.Write(line)
		return err
	})
	if n.Users > 0 || t.before != "" {
		_, _ = out.WriteString(t.after)
	}
	return n, err
}

func (e Export) each(ctx context.Context, give func(Account) error) error {
	for after := ""; ; {
		page, err := e.Store.ListUsers(ctx, login.UserFilter{AfterEmail: after, Limit: exportPage})
		if err != nil {
			return err
		}
		for _, ua := range page {
			after = ua.User.Email
			a, err := e.account(ctx, ua)
			if err != nil {
				return fmt.Errorf("user %s: %w", ua.User.ID, err)
			}
			if err := give(a); err != nil {
				return err
			}
		}
		if len(page) < exportPage {
			return nil
		}
	}
}

func (e Export) account(ctx context.Context, ua login.UserAccount) (Account, error) {
	a := Account{
		ID: ua.User.ID, Email: ua.User.Email, Name: ua.User.Name, PasswordHash: ua.Account.Password,
		EmailVerified: !ua.Account.EmailVerifiedAt.IsZero(), EmailVerifiedAt: moment{ua.Account.EmailVerifiedAt},
		Disabled: !ua.Account.DisabledAt.IsZero(), Roles: ua.Account.Roles, DefaultRole: ua.Account.DefaultRole,
		Claims: ua.Account.Claims, CreatedAt: moment{ua.User.CreatedAt},
	}
	identities, err := e.Store.Identities(ctx, ua.User.ID)
	if err != nil {
		return a, err
	}
	for _, i := range identities {
		a.Identities = append(a.Identities, Identity{i.Provider, i.Issuer, i.Subject})
	}
	if slices.Contains(ua.Account.Factors, login.MethodPasskey) {
		if err := e.addPasskeys(ctx, &a); err != nil {
			return a, err
		}
	}
	if !slices.Contains(ua.Account.Factors, login.MethodTOTP) {
		return a, nil
	}
	t, err := e.Store.TOTP(ctx, ua.User.ID)
	switch {
	case errors.Is(err, login.ErrNotFound): // removed since the page was read
		return a, nil
	case err == nil:
		a.TOTPSecret, err = e.Secrets.OpenSecret(ua.User.ID, t.Secret)
	}
	return a, err
}

func (e Export) addPasskeys(ctx context.Context, a *Account) error {
	passkeys, err := e.Store.Passkeys(ctx, a.ID)
	if err != nil || len(passkeys) == 0 { // removed meanwhile
		return err
	}
	for _, p := range passkeys {
		a.Passkeys = append(a.Passkeys, exportedPasskey(p))
	}
	a.UserHandle, err = e.Store.UserHandle(ctx, a.ID, nil)
	return err
}

// toSupabase returns the body of a call to POST /admin/users of Supabase's auth.
func toSupabase(a Account) (any, bool) {
	hash := a.PasswordHash
	if !strings.HasPrefix(hash, "$2") && !strings.HasPrefix(hash, "$argon2") && !strings.HasPrefix(hash, "$fbscrypt$") {
		hash = ""
	}
	u := struct {
		ID           string         `json:"id"`
		Email        string         `json:"email"`
		PasswordHash string         `json:"password_hash,omitempty"`
		EmailConfirm bool           `json:"email_confirm"`
		UserMetadata map[string]any `json:"user_metadata"`
		AppMetadata  map[string]any `json:"app_metadata"`
		BanDuration  string         `json:"ban_duration,omitempty"`
	}{
		ID: a.ID, Email: a.Email, PasswordHash: hash, EmailConfirm: a.EmailVerified,
		UserMetadata: map[string]any{"full_name": a.Name},
		AppMetadata:  map[string]any{"roles": a.Roles, "default_role": a.DefaultRole},
	}
	if len(a.Claims) > 0 {
		u.AppMetadata["claims"] = a.Claims
	}
	if a.Disabled {
		u.BanDuration = "876000h" // a hundred years, which Supabase's own pages use for "forever"
	}
	return u, hash != ""
}

// toKeycloak returns a user of a partial import.
func toKeycloak(a Account) (any, bool) {
	enabled := flag(!a.Disabled)
	u := keycloakUser{
		ID: text(a.ID), Username: text(a.Email), Email: text(a.Email), EmailVerified: flag(a.EmailVerified), Enabled: &enabled, FirstName: text(a.Name),
	}
	password, ok := keycloakPassword(a.PasswordHash)
	if ok {
		u.Credentials = append(u.Credentials, password)
	}
	for _, i := range a.Identities {
		u.Identities = append(u.Identities, keycloakIdentity{Provider: text(i.Provider), UserID: text(i.Subject)})
	}
	if a.TOTPSecret != "" {
		u.Credentials = append(u.Credentials, keycloakOTP(a.TOTPSecret))
	}
	if created := a.CreatedAt.UnixMilli(); created > 0 {
		u.Created = created
	}
	return u, ok
}
