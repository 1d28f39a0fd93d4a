package login

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"crypto/rand"
)

// Actors of audit events.
const (
	ActorUser     = "user"
	ActorOperator = "operator"
)

// Operator holds the use cases of the person who runs the service. They need no session
// and have no limit: a person who can run the program on its host is trusted. They take the
// time of that host, because nothing that they write ends within seconds.
type Operator struct {
	Store         Store
	Mail          MailStore
	Emails        EmailStore        // only NormalizeEmails needs it
	Organizations OrganizationStore // only Delete needs it
	Hasher        Hasher
	Policy        PasswordPolicy
	Tokens        TokenRules
	Audit         ActAuditor
	Roles         []string      // of a user created without any
	Issuer        Issuer        // only OpenSession needs it
	Claims        []ClaimSource // of the tokens of OpenSession
	Rules         Rules         // OpenSession takes the life of sessions from them, Invite the domains of addresses
}

// Find looks a user up by id or e-mail.
func (o *Operator) Find(ctx context.Context, ref string) (UserAccount, error) {
	if isUUID(ref) {
		return found(o.Store.UserAccountByID(ctx, strings.ToLower(ref)))
	}
	if !strings.Contains(ref, "@") {
		return UserAccount{}, Errorf(CodeInvalidInput, "name the user by id or e-mail address")
	}
	if email, err := NormalizeEmail(ref); err == nil {
		ua, err := o.Store.UserAccountByEmail(ctx, email)
		if !errors.Is(err, ErrNotFound) {
			return ua, err
		}
	}
	// A row may be older than the normal form: then the operator names the address as it is
	// stored.
	return found(o.Store.UserAccountByEmail(ctx, strings.ToLower(strings.TrimSpace(ref))))
}

func found(ua UserAccount, err error) (UserAccount, error) {
	if errors.Is(err, ErrNotFound) {
		err = Errorf(CodeNotFound, "no such user")
	}
	return ua, err
}

// Sessions lists a user's live sessions.
func (o *Operator) Sessions(ctx context.Context, userID string) ([]Session, error) {
	return o.Store.LiveSessions(ctx, userID, time.Now())
}

// List pages through users in the order of their e-mail. Given a part of an address, it
// lists the users whose address contains it in any of its forms.
func (o *Operator) List(ctx context.Context, part, after string, limit int) ([]UserAccount, error) {
	f := UserFilter{AfterEmail: after, Limit: limit}
	if part != "" {
		f.EmailContains = emailParts(part)
	}
	return o.Store.ListUsers(ctx, f)
}

// Create adds a user without a session, whether or not sign-up is open.
func (o *Operator) Create(ctx context.Context, email, name, password string, roles []string) (UserAccount, error) {
	if len(roles) == 0 {
		roles = o.Roles
	}
	if err := CheckRoles(roles); err != nil {
		return UserAccount{}, err
	}
	ua, err := newUserAccount(email, name, withUserRole(roles), o.Policy, password)
	if err != nil {
		return UserAccount{}, err
	}
	if ua.Account.Password, err = o.Hasher.Hash(ctx, HashRequest{Operation: OpSignUp}, password); err != nil {
		return UserAccount{}, err
	}
	return o.add(ctx, ua)
}

// CreateWithoutPassword adds a user without a password: the stored hash is empty, which
// matches nothing. A reset link or SetPassword can set one later.
func (o *Operator) CreateWithoutPassword(ctx context.Context, email, name string, roles []string) (UserAccount, error) {
	if len(roles) == 0 {
		roles = o.Roles
	}
	if err := CheckRoles(roles); err != nil {
		return UserAccount{}, err
	}
	email, err := NormalizeEmail(email)
	if err != nil {
		return UserAccount{}, err
	}
	if name, err = normalizeName(name, MaxNameRunes); err != nil {
		return UserAccount{}, err
	}
	return o.add(ctx, userAccountOf(email, name, withUserRole(roles)))
}

func (o *Operator) add(ctx context.Context, ua UserAccount) (UserAccount, error) {
	err := o.Tokens.CheckAccount(ua.Account)
	if err != nil {
		return UserAccount{}, err
	}
	if ua.User.ID, err = newID(rand.Reader); err != nil {
		return UserAccount{}, err
	}
	now := time.Now().UTC()
	ua.User.CreatedAt, ua.User.UpdatedAt = now, now
	if err := o.Store.CreateUser(ctx, ua, nil); err != nil {
		if errors.Is(err, ErrEmailTaken) {
			err = errEmailTaken()
		}
		return UserAccount{}, err
	}
	return ua, o.record(ctx, EventUserCreated, ua.User.ID)
}

// SetDisabled closes or opens an account; closing ends its sessions.
func (o *Operator) SetDisabled(ctx context.Context, ref string, disabled bool) error {
	name := EventUserEnabled
	if disabled {
		name = EventUserDisabled
	}
	return o.change(ctx, ref, name, AccountChange{Disabled: &disabled})
}

// SetRoles replaces a user's roles; the first is the default role. Role user is
// always among them, so that no role loses the actions. All sessions end.
func (o *Operator) SetRoles(ctx context.Context, ref string, roles []string) error {
	if err := CheckRoles(roles); err != nil {
		return err
	}
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	ua.Account.Roles, ua.Account.DefaultRole = withUserRole(roles), roles[0]
	if err := o.Tokens.CheckAccount(ua.Account); err != nil {
		return err
	}
	return o.change(ctx, ua.User.ID, EventRolesChanged, AccountChange{Roles: ua.Account.Roles, DefaultRole: &ua.Account.DefaultRole})
}

// SetClaims changes a user's custom claims: those of set are added or replaced,
// those of remove go. Sessions live on; their next tokens have the new claims.
func (o *Operator) SetClaims(ctx context.Context, ref string, set map[string]string, remove []string) (map[string]string, error) {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	claims := map[string]string{}
	for name, value := range ua.Account.Claims {
		lower := strings.ToLower(name) // as a token has it
		if _, taken := claims[lower]; !taken || name == lower {
			claims[lower] = value
		}
	}
	for _, name := range remove {
		if _, ok := claims[strings.ToLower(name)]; !ok {
			return nil, Invalid("claims", "the user has no %s", name)
		}
		delete(claims, strings.ToLower(name))
	}
	for name, value := range set {
		claims[strings.ToLower(name)] = value
	}
	ua.Account.Claims = claims
	if err := o.Tokens.CheckAccount(ua.Account); err != nil {
		return nil, err
	}
	return claims, o.change(ctx, ua.User.ID, EventClaimsChanged, AccountChange{Claims: claims})
}

// SetPassword replaces a user's password; all sessions end.
func (o *Operator) SetPassword(ctx context.Context, ref, password string) error {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	if err := o.Policy.Check(password, passwordContext(ua.User.Email, ua.User.Name)...); err != nil {
		return err
	}
	hash, err := o.Hasher.Hash(ctx, HashRequest{Operation: OpChangePassword}, password)
	if err != nil {
		return err
	}
	return o.change(ctx, ua.User.ID, EventPasswordSet, AccountChange{Password: &hash})
}

// SignOut ends all sessions of a user.
func (o *Operator) SignOut(ctx context.Context, ref string) error {
	return o.change(ctx, ref, EventSignedOutAll, AccountChange{EndSessions: true})
}

// RecordUnlocked records that an account's limits were cleared.
func (o *Operator) RecordUnlocked(ctx context.Context, userID string) error {
	return o.record(ctx, EventLimitsCleared, userID)
}

// RecordExported records that an operator exported the data of a user.
func (o *Operator) RecordExported(ctx context.Context, userID string) error {
	return o.record(ctx, EventUserExported, userID)
}

// Delete removes a user with its account, sessions and credentials. If the user is the
// only owner of organisations, they go too, or the user stays.
func (o *Operator) Delete(ctx context.Context, ref string, withOrganizations bool) error {
	return o.remove(ctx, ref, func(userID string) (Bequest, error) {
		if withOrganizations {
			return o.Organizations.DeleteUserAndOrganizations(ctx, userID, false)
		}
		return Bequest{}, o.Store.DeleteUser(ctx, userID, -1)
	})
}

// DeleteAgain deletes a user whom a restored backup has brought back. Since the backup,
// the user may have handed organisations over, so other members keep them.
func (o *Operator) DeleteAgain(ctx context.Context, userID string) error {
	return o.remove(ctx, userID, func(userID string) (Bequest, error) {
		return o.Organizations.DeleteUserAndOrganizations(ctx, userID, true)
	})
}

func (o *Operator) remove(ctx context.Context, ref string, remove func(userID string) (Bequest, error)) error {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	left, err := remove(ua.User.ID)
	if errors.Is(err, ErrLastOwner) {
		return Errorf(CodeLastOwner, "the user is the only owner of an organization: have the user make another member owner, or delete the organization too with --with-organizations")
	}
	if err != nil {
		return err
	}
	err = o.record(ctx, EventUserDeleted, ua.User.ID)
	for _, id := range left.Deleted {
		err = errors.Join(err, o.recordEvent(ctx, Event{Name: EventOrganizationDeleted, UserID: ua.User.ID, Organization: id}))
	}
	for _, h := range left.Heirs {
		err = errors.Join(err, o.recordEvent(ctx, Event{
			Name: EventMemberRoleChanged, UserID: ua.User.ID, Organization: h.OrganizationID, Member: h.UserID, Role: RoleOwner, RoleBefore: h.Before,
		}))
	}
	return err
}

func (o *Operator) change(ctx context.Context, ref string, name EventName, c AccountChange) error {
	ua, err := o.Find(ctx, ref)
	if err != nil {
		return err
	}
	if err := o.Store.UpdateAccount(ctx, ua.User.ID, c, time.Now().UTC()); err != nil {
		return err
	}
	return o.record(ctx, name, ua.User.ID)
}

func (o *Operator) record(ctx context.Context, name EventName, userID string) error {
	return o.recordEvent(ctx, Event{Name: name, UserID: userID})
}

func (o *Operator) recordEvent(ctx context.Context, e Event) error {
	e.Actor = ActorOperator
	if err := o.Audit.RecordAct(ctx, e); err != nil {
		return fmt.Errorf("it is done, but not in the audit trail: %w", err)
	}
	return nil
}
