package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.ImportStore = (*Store)(nil)

// importTimeout bounds a batch: thousands of rows take longer than a call of a user.
const importTimeout = time.Minute

// importTable is where a batch waits; it goes with its transaction, so that a pooler
// can hand the connection on.
const importTable = `
	CREATE TEMP TABLE import_batch (
		place int, id uuid, email text, name text, created_at timestamptz, updated_at timestamptz,
		password text, roles text[], default_role text, claims text, verified_at timestamptz, disabled_at timestamptz, totp bytea, identities text, handle bytea, passkeys text
	) ON COMMIT DROP`

var importColumns = []string{
	"place", "id", "email", "name", "created_at", "updated_at",
	"password", "roles", "default_role", "claims", "verified_at", "disabled_at", "totp", "identities", "handle", "passkeys",
}

// importUsers adds the new rows. Id and address together identify a row of the batch:
// another row may have the id, or the address, of one that was added.
const importUsers = `
	WITH added AS (
		INSERT INTO public.users (id, email, name, created_at, updated_at)
		SELECT id, email, name, created_at, updated_at FROM import_batch ORDER BY place
		ON CONFLICT DO NOTHING RETURNING id, email
	), rows AS (
		SELECT DISTINCT ON (id) b.* FROM import_batch b JOIN added USING (id, email) ORDER BY id, place
	), accounts AS (
		INSERT INTO auth.accounts (user_id, password, roles, default_role, claims, email_verified_at, disabled_at)
		SELECT id, password, roles, default_role, claims::jsonb, verified_at, disabled_at FROM rows
	), secrets AS (
		INSERT INTO auth.totp (user_id, secret, last_step, created_at)
		SELECT id, totp, 0, updated_at FROM rows WHERE totp IS NOT NULL
	), linked AS (
		INSERT INTO auth.identities (id, user_id, provider, issuer, subject, created_at, last_used_at)
		SELECT i.id, rows.id, i.provider, i.issuer, i.subject, rows.updated_at, rows.updated_at
		FROM rows CROSS JOIN LATERAL jsonb_to_recordset(rows.identities::jsonb) AS i (id uuid, provider text, issuer text, subject text)
		ORDER BY rows.place
		ON CONFLICT DO NOTHING RETURNING user_id
	), handles AS (
		INSERT INTO auth.user_handles (user_id, handle)
		SELECT id, handle FROM rows WHERE handle IS NOT NULL
	), keys AS (
		INSERT INTO auth.passkeys (id, user_id, credential_id, public_key, aaguid, sign_count, backup_eligible, backed_up, transports, name, created_at)
		SELECT p.id, rows.id, decode(p.credential_id, 'base64'), decode(p.public_key, 'base64'), p.aaguid, p.sign_count,
			p.backup_eligible, p.backed_up, p.transports, p.name, p.created_at
		FROM rows CROSS JOIN LATERAL jsonb_to_recordset(rows.passkeys::jsonb) AS p (
			id uuid, credential_id text, public_key text, aaguid uuid, sign_count bigint,
			backup_eligible boolean, backed_up boolean, transports text, name text, created_at timestamptz)
		ORDER BY rows.place
		ON CONFLICT (credential_id) DO NOTHING RETURNING user_id
	)
	SELECT rows.place, COALESCE(n.identities, 0), COALESCE(k.passkeys, 0)
	FROM rows
	LEFT JOIN (SELECT user_id, count(*) AS identities FROM linked GROUP BY user_id) AS n ON n.user_id = rows.id
	LEFT JOIN (SELECT user_id, count(*) AS passkeys FROM keys GROUP BY user_id) AS k ON k.user_id = rows.id`

// importRest tells why the rest was not added, as the database is now.
const importRest = `
	SELECT b.place, COALESCE(same.id::text, ''), EXISTS (SELECT FROM public.users u WHERE u.id = b.id)
	FROM import_batch b LEFT JOIN public.users same ON same.email = b.email
	WHERE b.place <> ALL ($1::int[])`

// errDryRun rolls a batch back that was only tried.
var errDryRun = errors.New("dry run")

// ImportUsers implements login.ImportStore.
func (s *Store) ImportUsers(caller context.Context, accounts []login.NewAccount, dryRun bool) ([]login.Imported, error) {
	var fates []login.Imported
	err := s.callWithin(caller, importTimeout, "importing users", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) (err error) {
			if _, err = tx.Exec(ctx, setLimit, fmt.Sprint(importTimeout.Milliseconds()), true); err != nil {
				return err
			}
			if fates, err = importBatch(ctx, tx, accounts); err == nil && dryRun {
				err = errDryRun
			}
			return err
		})
	})
	var refused *pgconn.PgError
	switch {
	case err == nil || errors.Is(err, errDryRun):
		return fates, nil
	case errors.As(err, &refused) && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "23")):
		return nil, fmt.Errorf("%w: %s", login.ErrRefusedByStore, refused.Message)
	}
	return nil, err
}

func importBatch(ctx context.Context, tx pgx.Tx, accounts []login.NewAccount) ([]login.Imported, error) {
	if _, err := tx.Exec(ctx, importTable); err != nil {
		return nil, err
	}
	rows := pgx.CopyFromSlice(len(accounts), func(i int) ([]any, error) {
		u, a := accounts[i].User, accounts[i].Account
		id, err := uuid.Parse(u.ID)
		if err != nil {
			return nil, err
		}
		claims, err := sqlvalue.EncodeClaims(a.Claims)
		if err != nil {
			return nil, err
		}
		identities, err := importIdentities(accounts[i].Identities)
		if err != nil {
			return nil, err
		}
		passkeys, err := importPasskeys(accounts[i].Passkeys)
		return []any{
			i, id, u.Email, u.Name, u.CreatedAt, u.UpdatedAt,
			a.Password, list(a.Roles), a.DefaultRole, claims, orNull(a.EmailVerifiedAt), orNull(a.DisabledAt), accounts[i].TOTP, identities, accounts[i].UserHandle, passkeys,
		}, err
	})
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"import_batch"}, importColumns, rows); err != nil {
		return nil, err
	}
	found, err := tx.Query(ctx, importUsers)
	if err != nil {
		return nil, err
	}
	fates := make([]login.Imported, len(accounts))
	for i, a := range accounts {
		fates[i].UserID = a.User.ID
	}
	added := []int32{} // not NULL for importRest
	var place int32
	var linked, passkeys int
	_, err = pgx.ForEachRow(found, []any{&place, &linked, &passkeys}, func() error {
		added = append(added, place)
		fates[place].Linked, fates[place].Passkeys = linked, passkeys
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(added) == len(accounts) {
		return fates, nil
	}
	return fates, importFates(ctx, tx, accounts, added, fates)
}

// importIdentities is NULL where there are none.
func importIdentities(all []login.ProviderIdentity) (*string, error) {
	if len(all) == 0 {
		return nil, nil
	}
	type row struct {
		ID       string `json:"id"`
		Provider string `json:"provider"`
		Issuer   string `json:"issuer"`
		Subject  string `json:"subject"`
	}
	rows := make([]row, len(all))
	for i, one := range all {
		rows[i] = row{one.ID, sqlvalue.Text(one.Provider), sqlvalue.Text(one.Issuer), sqlvalue.Text(one.Subject)}
	}
	b, err := json.Marshal(rows)
	text := string(b)
	return &text, err
}

// importPasskeys is NULL where there are none.
func importPasskeys(all []login.Passkey) (*string, error) {
	if len(all) == 0 {
		return nil, nil
	}
	type row struct {
		ID             string    `json:"id"`
		CredentialID   []byte    `json:"credential_id"`
		PublicKey      []byte    `json:"public_key"`
		AAGUID         string    `json:"aaguid"`
		SignCount      uint32    `json:"sign_count"`
		BackupEligible bool      `json:"backup_eligible"`
		BackedUp       bool      `json:"backed_up"`
		Transports     string    `json:"transports"`
		Name           string    `json:"name"`
		CreatedAt      time.Time `json:"created_at"`
	}
	rows := make([]row, len(all))
	for i, p := range all {
		rows[i] = row{
			p.ID, p.CredentialID, p.PublicKey, p.AAGUID, p.SignCount, p.BackupEligible, p.BackedUp,
			strings.Join(p.Transports, " "), sqlvalue.Text(p.Name),
			p.CreatedAt.Truncate(time.Microsecond), // Postgres would round the text
		}
	}
	b, err := json.Marshal(rows)
	text := string(b)
	return &text, err
}

func importFates(ctx context.Context, tx pgx.Tx, accounts []login.NewAccount, added []int32, fates []login.Imported) error {
	found, err := tx.Query(ctx, importRest, added)
	if err != nil {
		return err
	}
	var place int
	var same string
	var taken bool
	_, err = pgx.ForEachRow(found, []any{&place, &same, &taken}, func() error {
		fates[place] = importFate(accounts[place], same, taken)
		return nil
	})
	return err
}

// importFate is the fate of an account that was not added: same is the id of the user
// with its address, and taken says whether another user has its id.
func importFate(a login.NewAccount, same string, taken bool) login.Imported {
	switch {
	case same == "" && taken:
		return login.Imported{Fate: login.ImportIDTaken, UserID: a.User.ID}
	case a.NamesID && same != a.User.ID:
		return login.Imported{Fate: login.ImportOtherUser, UserID: same}
	}
	return login.Imported{Fate: login.ImportThere, UserID: same}
}

// importedForm is the expression of the index accounts_imported_idx.
const importedForm = "substring(password from '" + sqlvalue.ImportedForm + "')"

// importedQuery skips through the index from one form to the next, however many hashes
// there are of each.
const importedQuery = `
	WITH RECURSIVE forms AS (
		(SELECT ` + importedForm + ` AS form FROM auth.accounts WHERE ` + importedForm + ` IS NOT NULL ORDER BY 1 LIMIT 1)
		UNION ALL
		SELECT (
			SELECT ` + importedForm + ` FROM auth.accounts
			WHERE ` + importedForm + ` IS NOT NULL AND ` + importedForm + ` > f.form ORDER BY 1 LIMIT 1)
		FROM forms f WHERE f.form IS NOT NULL
	)
	SELECT e.password FROM forms f CROSS JOIN LATERAL (
		SELECT password FROM auth.accounts
		WHERE ` + importedForm + ` IS NOT NULL AND ` + importedForm + ` = f.form LIMIT 1) AS e
	WHERE f.form IS NOT NULL LIMIT 100`

// ImportedHashes implements login.ImportedHashes.
func (s *Store) ImportedHashes(ctx context.Context) ([]string, error) {
	return listOf(ctx, s, "looking for imported hashes", pgx.RowTo[string], importedQuery)
}
