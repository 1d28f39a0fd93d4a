package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// ImportBatch is how many accounts are added in one transaction.
const ImportBatch = 5000

// ImportRecord is an account as another system keeps it.
type ImportRecord struct {
	ID              string // a UUID stays the user's id; any other id gets a new UUID
	Email           string
	Name            string // empty: made of the address
	PasswordHash    string // as CheckHash takes it; empty: a new one must be set
	EmailVerified   bool
	EmailVerifiedAt time.Time // zero: when it was imported
	Disabled        bool
	Roles           []string // none: the default roles
	DefaultRole     string
	Claims          map[string]string
	CreatedAt       time.Time
	TOTPSecret      string // base32
	Identities      []ImportIdentity
	// Passkeys verify their user and are discoverable; UserHandle is the name by which
	// their authenticators know the user.
	Passkeys   []Passkey
	UserHandle []byte
	// Left lists the parts of the account that are not imported, and why.
	Left []string
}

// ImportIdentity is an account at another provider by which a user signed in.
type ImportIdentity struct {
	Provider string // as the other system calls it
	Issuer   string // empty: not known, so the identity cannot be imported
	Subject  string // the provider's id of the user
}

// ErrHashLeft is for a hash that cannot be imported: login cannot verify its kind, or it
// would also match other passwords.
var ErrHashLeft = errors.New("a new password must be set")

// NewAccount is an account that is ready to be added.
type NewAccount struct {
	UserAccount
	NamesID bool   // the id is the one of the record, not a new one
	TOTP    []byte // sealed; nil: none
	// Identities are linked unless another account has them.
	Identities []ProviderIdentity
	// Passkeys are added unless their credentials are known.
	Passkeys   []Passkey
	UserHandle []byte // nil: none yet
}

// ImportFate is what became of one account.
type ImportFate uint8

// The fates.
const (
	ImportAdded     ImportFate = iota
	ImportThere                // the address has an account
	ImportIDTaken              // a user with another address has the id
	ImportOtherUser            // a user with another id has the address, and the record names an id
)

// Imported is what became of one account, and whose id it has now.
type Imported struct {
	Fate   ImportFate
	UserID string
	Linked int // how many of its identities
	// Passkeys is how many of its passkeys were added.
	Passkeys int
}

// ErrRefusedByStore is for rows that break a rule of the database's own.
var ErrRefusedByStore = errors.New("the database refuses it")

// maxSubjectBytes is the longest subject (OpenID Connect Core, 2: 255 characters).
const maxSubjectBytes = 255

// ImportStore takes accounts in bulk.
type ImportStore interface {
	ImportedHashes
	// ImportUsers adds a batch of accounts and returns the fate of each. If it fails,
	// it adds none. It leaves an address that has an account as it is. With dryRun it
	// rolls everything back. ErrRefusedByStore if a row breaks a constraint of the
	// database.
	ImportUsers(ctx context.Context, accounts []NewAccount, dryRun bool) ([]Imported, error)
}

// TOTPSealer takes over secrets that another system drew.
type TOTPSealer interface {
	// SealSecret encrypts the secret of an authenticator app (base32) for storing, and
	// refuses text that is not base32.
	SealSecret(userID, secret string) ([]byte, error)
}

// Importer checks the accounts of another system and adds them.
type Importer struct {
	Store ImportStore
	// CheckHash refuses a stored hash that is malformed or would cost too much, and with
	// ErrHashLeft one that cannot be imported.
	CheckHash func(stored string) error
	// CheckPasskey refuses a passkey that would not sign in here. nil: the operator has
	// not confirmed that their domain stays the same, so none comes along.
	CheckPasskey func(p *Passkey) error
	TOTP         TOTPSealer
	Tokens       TokenRules
	Roles        []string // of an account that brings none
	Now          func() time.Time
}

// Prepare checks a record. The error says why it is rejected. If the account can be
// added but parts of it cannot, Prepare lists those in the record's Left.
func (i *Importer) Prepare(r *ImportRecord) (NewAccount, error) {
	email, err := NormalizeEmail(r.Email)
	if err != nil {
		return NewAccount{}, err
	}
	if r.PasswordHash != "" {
		err := i.CheckHash(r.PasswordHash)
		if errors.Is(err, ErrHashLeft) {
			r.Left = append(r.Left, "the password: "+err.Error())
			r.PasswordHash, err = "", nil
		}
		if err != nil {
			return NewAccount{}, err
		}
	}
	a := NewAccount{UserAccount: userAccountOf(email, i.nameOf(r, email), i.Roles)}
	if err := i.addRoles(&a.Account, r); err != nil {
		return NewAccount{}, err
	}
	ua := &a.UserAccount
	ua.User.ID = strings.ToLower(r.ID)
	if a.NamesID = isUUID(ua.User.ID); !a.NamesID {
		if ua.User.ID, err = newID(rand.Reader); err != nil {
			return NewAccount{}, err
		}
	}
	now := i.Now().UTC()
	ua.User.CreatedAt, ua.User.UpdatedAt = r.CreatedAt.UTC(), now
	if ua.User.CreatedAt.Year() < 1970 || ua.User.CreatedAt.After(now) {
		ua.User.CreatedAt = now
	}
	ua.Account.Password = r.PasswordHash
	if r.Disabled {
		ua.Account.DisabledAt = now
	}
	if r.EmailVerified {
		if ua.Account.EmailVerifiedAt = r.EmailVerifiedAt.UTC(); ua.Account.EmailVerifiedAt.Year() < 1970 {
			ua.Account.EmailVerifiedAt = now
		}
	}
	for _, identity := range r.Identities {
		if identity.Issuer == "" || identity.Subject == "" || len(identity.Subject) > maxSubjectBytes {
			r.Left = append(r.Left, fmt.Sprintf("sign-in by %q, whose issuer or subject is not known", label(identity.Provider)))
			continue
		}
		a.Identities = append(a.Identities, ProviderIdentity{
			ID: uuid.NewString(), UserID: ua.User.ID, Provider: identity.Provider, Issuer: identity.Issuer, Subject: identity.Subject, CreatedAt: now, LastUsedAt: now,
		})
	}
	i.addPasskeys(&a, r, now)
	if r.TOTPSecret != "" {
		if a.TOTP, err = i.TOTP.SealSecret(ua.User.ID, r.TOTPSecret); err != nil {
			return NewAccount{}, err
		}
	}
	return a, nil
}

// nameOf returns the record's name, or one made of its address: an unusable name must
// not keep an account from being imported.
func (i *Importer) nameOf(r *ImportRecord, email string) string {
	local, _, _ := strings.Cut(email, "@")
	if strings.TrimSpace(r.Name) == "" {
		return local
	}
	name, err := normalizeName(r.Name, MaxNameRunes)
	if err != nil {
		r.Left = append(r.Left, "the name, which has more than 200 characters or hidden ones")
		return local
	}
	return name
}

func (i *Importer) addRoles(a *Account, r *ImportRecord) error {
	if len(r.Roles) == 0 && len(r.Claims) == 0 && r.DefaultRole == "" {
		a.Roles = withUserRole(a.Roles)
		return nil
	}
	if len(r.Roles) > 0 {
		a.Roles, a.DefaultRole = r.Roles, r.Roles[0]
	}
	if r.DefaultRole != "" {
		a.DefaultRole = r.DefaultRole
		if len(r.Roles) == 0 {
			a.Roles = []string{r.DefaultRole}
		}
	}
	if err := CheckRoles(a.Roles); err != nil {
		return err
	}
	a.Roles, a.Claims = withUserRole(a.Roles), r.Claims
	if !slices.Contains(a.Roles, a.DefaultRole) {
		return Invalid("defaultRole", "%q is none of the user's roles", a.DefaultRole)
	}
	return i.Tokens.CheckAccount(*a)
}

// Add adds accounts and returns the fate of each. If the database refuses a row, Add
// calls refused with its index in accounts and adds the others.
func (i *Importer) Add(ctx context.Context, accounts []NewAccount, dryRun bool, refused func(place int, err error)) ([]Imported, error) {
	fates, err := i.Store.ImportUsers(ctx, accounts, dryRun)
	if !errors.Is(err, ErrRefusedByStore) {
		return fates, err
	}
	if len(accounts) == 1 {
		refused(0, err)
		return make([]Imported, 1), nil
	}
	half := len(accounts) / 2
	first, err := i.Add(ctx, accounts[:half], dryRun, refused)
	if err != nil {
		return nil, err
	}
	second, err := i.Add(ctx, accounts[half:], dryRun, func(place int, err error) { refused(half+place, err) })
	return append(first, second...), err
}
