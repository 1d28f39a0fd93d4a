package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// userAccountColumns are read by userAccountRow.
const userAccountColumns = `
	u.id, u.email, u.name, u.created_at, u.updated_at,
	a.password, a.roles, a.default_role, a.claims, a.session_version,
	a.session_version - a.signouts, a.unopened, a.email_verified_at, a.disabled_at,
	EXISTS (SELECT FROM auth.passkeys f WHERE f.user_id = a.user_id),
	EXISTS (SELECT FROM auth.totp f WHERE f.user_id = a.user_id),
	EXISTS (SELECT FROM auth.recovery_codes f WHERE f.user_id = a.user_id),
	` + asksForClaims

type userAccountRow struct {
	userAccount        login.UserAccount
	roles              []*string // see roleNames
	claims             []byte
	verified, disabled *time.Time
	factors            sqlvalue.Factors
}

func (r *userAccountRow) targets() []any {
	u, a := &r.userAccount.User, &r.userAccount.Account
	return []any{
		&u.ID, &u.Email, &u.Name, &u.CreatedAt, &u.UpdatedAt,
		&a.Password, &r.roles, &a.DefaultRole, &r.claims, &a.SessionVersion, &a.PasswordVersion, &a.Unopened, &r.verified, &r.disabled,
		&r.factors.Passkeys, &r.factors.TOTP, &r.factors.RecoveryCodes, &a.AsksForClaims,
	}
}

func (r *userAccountRow) value() login.UserAccount {
	ua := r.userAccount
	ua.User.CreatedAt, ua.User.UpdatedAt = ua.User.CreatedAt.UTC(), ua.User.UpdatedAt.UTC()
	ua.Account.Roles = roleNames(r.roles)
	ua.Account.Claims = sqlvalue.DecodeClaims(r.claims)
	ua.Account.Factors = r.factors.Methods()
	ua.Account.EmailVerifiedAt, ua.Account.DisabledAt = utc(r.verified), utc(r.disabled)
	return ua
}

// roleNames leaves out NULLs. Somebody at a console may have written a NULL, or a list
// of lists, which the driver flattens; neither may lock the user out.
func roleNames(list []*string) []string {
	names := make([]string, 0, len(list))
	for _, name := range list {
		if name != nil {
			names = append(names, *name)
		}
	}
	return names
}

// createUser makes a user. Foreign keys are checked at the end of a statement, so one
// statement makes all rows.
const createUser = `
	WITH u AS (
		INSERT INTO public.users (id, email, name, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5)
		RETURNING id
	), a AS (
		INSERT INTO auth.accounts (user_id, password, roles, default_role, claims, session_version, email_verified_at, disabled_at, unopened)
		SELECT id, $6, $7, $8, $9, $10, $11, $12, $28 FROM u
	)
	INSERT INTO auth.sessions (` + newSessionColumns + `)
	SELECT $13::uuid, id, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26::uuid, $27::timestamptz FROM u WHERE $13::uuid IS NOT NULL`

func newUserValues(ua login.UserAccount, first *login.NewSession) ([]any, error) {
	claims, err := sqlvalue.EncodeClaims(ua.Account.Claims)
	if err != nil {
		return nil, err
	}
	u, a := ua.User, ua.Account
	args := []any{
		u.ID, u.Email, u.Name, u.CreatedAt, u.UpdatedAt,
		a.Password, list(a.Roles), a.DefaultRole, claims, a.SessionVersion, orNull(a.EmailVerifiedAt), orNull(a.DisabledAt),
	}
	if first != nil {
		args = append(args, sessionValues(*first)...)
	} else {
		args = append(args, make([]any, newSessionValues)...)
	}
	return append(args, a.Unopened), nil
}

// orTaken names the violation of an address that is in use.
func orTaken(err error) error {
	if violates(err, uniqueViolation, "users_email_key") {
		return login.ErrEmailTaken
	}
	return err
}

// CreateUser implements login.Store.
func (s *Store) CreateUser(ctx context.Context, ua login.UserAccount, first *login.NewSession) error {
	args, err := newUserValues(ua, first)
	if err != nil {
		return err
	}
	return s.call(ctx, "creating a user", func(ctx context.Context) error {
		_, err := s.pool.Exec(ctx, createUser, args...)
		return orTaken(err)
	})
}

// UserAccountByEmail implements login.Store. For an unknown address Postgres reads and
// sends the account of the address that follows it: finding nothing would be
// quicker by a tenth, which tells known addresses from unknown ones. It looks at
// one user only, for an application may have thousands without an account.
func (s *Store) UserAccountByEmail(ctx context.Context, email string) (login.UserAccount, error) {
	const query = `SELECT ` + userAccountColumns + `
		FROM (SELECT * FROM public.users WHERE email >= $1 ORDER BY email LIMIT 1) AS u
		JOIN auth.accounts a ON a.user_id = u.id`
	if sqlvalue.Text(email) != email {
		return login.UserAccount{}, login.ErrNotFound // Postgres cannot even be asked for such a text
	}
	ua, err := s.userAccount(ctx, query, email)
	if err == nil && ua.User.Email != email {
		return login.UserAccount{}, login.ErrNotFound
	}
	return ua, err
}

// UserAccountByID implements login.Store.
func (s *Store) UserAccountByID(ctx context.Context, userID string) (login.UserAccount, error) {
	const query = `SELECT ` + userAccountColumns + `
		FROM public.users u JOIN auth.accounts a ON a.user_id = u.id
		WHERE u.id = $1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.UserAccount{}, login.ErrNotFound
	}
	return s.userAccount(ctx, query, id)
}

func (s *Store) userAccount(ctx context.Context, query string, key any) (login.UserAccount, error) {
	var row userAccountRow
	err := s.queryRow(ctx, "reading a user", login.ErrNotFound, query, []any{key}, func() []any {
		row = userAccountRow{}
		return row.targets()
	})
	if err != nil {
		return login.UserAccount{}, err
	}
	return row.value(), nil
}

// likeEscape makes a text a pattern of LIKE that matches nothing else.
var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// likePart is a pattern of LIKE for addresses that may contain part, for the index of
// threes of characters. It leaves out a domain after three characters: many addresses
// have the same, and the index would read all of them.
func likePart(part string) string {
	if at := strings.IndexByte(part, '@'); at >= 3 {
		part = part[:at+1]
	}
	return "%" + likeEscape.Replace(part) + "%"
}

// ListUsers implements login.Store. The order is the database's own for text. The index
// finds parts of an address that have three characters or more.
func (s *Store) ListUsers(ctx context.Context, f login.UserFilter) ([]login.UserAccount, error) {
	const query = `SELECT ` + userAccountColumns + `
		FROM public.users u JOIN auth.accounts a ON a.user_id = u.id
		WHERE (cardinality($1::text[]) = 0
			OR u.email LIKE ANY ($2::text[]) AND EXISTS (SELECT FROM unnest($1::text[]) AS part WHERE position(part IN u.email) > 0))
			AND u.email > $3
		ORDER BY u.email
		LIMIT $4`
	contains, patterns, after := []string{}, []string{}, sqlvalue.Text(f.AfterEmail)
	for _, part := range f.EmailContains {
		if sqlvalue.Text(part) == part { // else no address has it
			contains, patterns = append(contains, part), append(patterns, likePart(part))
		}
	}
	if len(contains) < len(f.EmailContains) && len(contains) == 0 {
		return nil, nil
	}
	var holders []login.UserAccount
	read := func(r pgx.CollectableRow) (login.UserAccount, error) {
		var row userAccountRow
		err := r.Scan(row.targets()...)
		return row.value(), err
	}
	err := s.call(ctx, "listing users", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			// Planned for its very values: a plan made for any filter reads every address.
			holders, err = collectIn(ctx, tx, read, query, pgx.QueryExecModeExec, contains, patterns, after, max(f.Limit, 0))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return holders, nil
}

// RenameUser implements login.Store.
func (s *Store) RenameUser(ctx context.Context, userID, name string) error {
	const query = `UPDATE public.users SET name = $2 WHERE id = $1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "renaming a user", login.ErrNotFound, query, id, name)
}

// DeleteUser implements login.Store. The account is locked before its version is
// compared, as everything that moves a version does.
func (s *Store) DeleteUser(ctx context.Context, userID string, version int) error {
	const query = `
		WITH account AS (
			SELECT user_id, session_version FROM auth.accounts WHERE user_id = $1 FOR UPDATE
		), gone AS (
			DELETE FROM public.users u USING account a
			WHERE u.id = a.user_id AND ($2::int < 0 OR a.session_version = $2)
			RETURNING u.id
		)
		SELECT EXISTS (SELECT FROM gone) FROM account`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.call(ctx, "deleting a user", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			if s.organizations {
				if _, err := tx.Exec(ctx, lockOrganizationsOf, id); err != nil {
					return err
				}
			}
			var deleted bool
			err := tx.QueryRow(ctx, query, id, version).Scan(&deleted)
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				return login.ErrNotFound
			case err == nil && !deleted:
				return login.ErrStale
			}
			return orLastOwner(err)
		})
	})
}

// queryRow reads one row into targets, which it calls again at each try, and returns
// none if there is no row.
func (s *Store) queryRow(ctx context.Context, doing string, none error, query string, args []any, targets func() []any) error {
	return s.call(ctx, doing, func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, query, args...).Scan(targets()...)
		if errors.Is(err, pgx.ErrNoRows) {
			return none
		}
		return err
	})
}

// list keeps an empty list of roles from becoming NULL.
func list(roles []string) []string {
	if roles == nil {
		return []string{}
	}
	return roles
}
