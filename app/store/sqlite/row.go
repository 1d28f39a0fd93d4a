package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// textTime is how Postgres prints a timestamptz in UTC, always with microseconds.
const textTime = "2006-01-02T15:04:05.000000-07:00"

func text(t time.Time) string { return t.UTC().Format(textTime) }

func micros(t time.Time) int64 { return t.UnixMicro() }

func microsOrNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

type scanner interface{ Scan(targets ...any) error }

const userAccountColumns = `
	u.id, u.email, u.name, u.created_at, u.updated_at,
	a.password, a.roles, a.default_role, a.claims, a.session_version,
	a.session_version - a.signouts, a.unopened, a.email_verified_at, a.disabled_at,
	EXISTS (SELECT 1 FROM auth_passkeys f WHERE f.user_id = a.user_id),
	EXISTS (SELECT 1 FROM auth_totp f WHERE f.user_id = a.user_id),
	EXISTS (SELECT 1 FROM auth_recovery_codes f WHERE f.user_id = a.user_id)`

type userAccountRow struct {
	userAccount        login.UserAccount
	created, updated   string
	roles, claims      string
	verified, disabled sql.NullInt64
	factors            sqlvalue.Factors
}

func (r *userAccountRow) targets() []any {
	u, a := &r.userAccount.User, &r.userAccount.Account
	return []any{
		&u.ID, &u.Email, &u.Name, &r.created, &r.updated,
		&a.Password, &r.roles, &a.DefaultRole, &r.claims, &a.SessionVersion, &a.PasswordVersion, &a.Unopened, &r.verified, &r.disabled,
		&r.factors.Passkeys, &r.factors.TOTP, &r.factors.RecoveryCodes,
	}
}

func (r *userAccountRow) value() (login.UserAccount, error) {
	ua := r.userAccount
	var err1, err2 error
	ua.User.CreatedAt, err1 = time.Parse(time.RFC3339, r.created)
	ua.User.UpdatedAt, err2 = time.Parse(time.RFC3339, r.updated)
	if err := errors.Join(err1, err2); err != nil {
		return login.UserAccount{}, fmt.Errorf("reading the times of user %s: %w", ua.User.ID, err)
	}
	ua.User.CreatedAt, ua.User.UpdatedAt = ua.User.CreatedAt.UTC(), ua.User.UpdatedAt.UTC()
	ua.Account.Roles = decodeRoles(r.roles)
	ua.Account.Claims = sqlvalue.DecodeClaims([]byte(r.claims))
	ua.Account.Factors = r.factors.Methods()
	ua.Account.EmailVerifiedAt, ua.Account.DisabledAt = timeOf(r.verified), timeOf(r.disabled)
	return ua, nil
}

func scanUserAccount(row scanner) (login.UserAccount, error) {
	var r userAccountRow
	if err := row.Scan(r.targets()...); err != nil {
		return login.UserAccount{}, orOutcome(err, login.ErrNotFound)
	}
	return r.value()
}

const sessionColumns = `
	s.id, s.user_id, s.version, s.created_at, s.last_used_at, s.idle_until, s.expires_at, s.ended_at, s.client_name, s.client_prefix, s.amr, s.elevated_at, COALESCE(s.origin_id, ''), s.authenticated_at`

type sessionRow struct {
	session                       login.Session
	created, used, idle, exp, end sql.NullInt64
	amr                           string
	elevated, authenticated       sql.NullInt64
}

func (r *sessionRow) targets() []any {
	s := &r.session
	return []any{
		&s.ID, &s.UserID, &s.SessionVersion, &r.created, &r.used, &r.idle, &r.exp, &r.end, &s.ClientName, &s.ClientPrefix, &r.amr, &r.elevated, &s.OriginID, &r.authenticated,
	}
}

func (r *sessionRow) value() login.Session {
	s := r.session
	s.CreatedAt, s.LastUsedAt, s.IdleUntil = timeOf(r.created), timeOf(r.used), timeOf(r.idle)
	s.AMR, s.ElevatedAt = strings.Fields(r.amr), timeOf(r.elevated)
	s.ExpiresAt, s.EndedAt, s.AuthenticatedAt = timeOf(r.exp), timeOf(r.end), timeOf(r.authenticated)
	return s
}

// orOutcome answers none where there was no row.
func orOutcome(err, none error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return none
	}
	return err
}

func encodeStrings(list []string) (string, error) {
	if list == nil {
		return "[]", nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encoding a list: %w", err)
	}
	return string(b), nil
}

// decodeRoles leaves out values that are not strings, which somebody may have written
// by hand.
func decodeRoles(stored string) []string {
	var raw []any
	_ = json.Unmarshal([]byte(stored), &raw)
	roles := make([]string, 0, len(raw))
	for _, value := range raw {
		if role, ok := value.(string); ok {
			roles = append(roles, role)
		}
	}
	return roles
}
