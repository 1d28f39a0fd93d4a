package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

var _ login.ImportStore = (*Store)(nil)

// errDryRun rolls a batch back that was only tried.
var errDryRun = errors.New("dry run")

// ImportUsers implements login.ImportStore.
func (s *Store) ImportUsers(ctx context.Context, accounts []login.NewAccount, dryRun bool) ([]login.Imported, error) {
	var fates []login.Imported
	err := s.update(ctx, "importing users", func(ctx context.Context, tx *transaction) error {
		fates = make([]login.Imported, len(accounts))
		for i, a := range accounts {
			var err error
			if fates[i], err = importUser(ctx, tx, a); err != nil {
				return err
			}
		}
		if dryRun {
			return errDryRun
		}
		return nil
	})
	var refused *driver.Error
	switch {
	case err == nil || errors.Is(err, errDryRun):
		return fates, nil
	case errors.As(err, &refused) && refused.Code()&0xff == codes.SQLITE_CONSTRAINT:
		return nil, fmt.Errorf("%w: %s", login.ErrRefusedByStore, refused.Error())
	}
	return nil, err
}

func importUser(ctx context.Context, tx *transaction, a login.NewAccount) (login.Imported, error) {
	u, account := a.User, a.Account
	fate := login.Imported{UserID: u.ID}
	done, err := tx.ExecContext(ctx, `INSERT INTO users (id, email, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		u.ID, u.Email, u.Name, text(u.CreatedAt), text(u.UpdatedAt))
	if err != nil {
		return fate, err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		if err == nil {
			err = tx.QueryRowContext(ctx, `SELECT id FROM users WHERE email = ?`, u.Email).Scan(&fate.UserID)
		}
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return login.Imported{Fate: login.ImportIDTaken, UserID: u.ID}, nil
		case a.NamesID && fate.UserID != u.ID:
			fate.Fate = login.ImportOtherUser
		default:
			fate.Fate = login.ImportThere
		}
		return fate, err
	}
	roles, err := encodeStrings(account.Roles)
	if err != nil {
		return fate, err
	}
	claims, err := sqlvalue.EncodeClaims(account.Claims)
	if err != nil {
		return fate, err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO auth_accounts (user_id, password, roles, default_role, claims, session_version, email_verified_at, disabled_at, unopened)
		VALUES (?, ?, ?, ?, ?, 1, ?, ?, 0)`,
		u.ID, account.Password, roles, account.DefaultRole, claims, microsOrNull(account.EmailVerifiedAt), microsOrNull(account.DisabledAt))
	if err == nil && a.TOTP != nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO auth_totp (user_id, secret, last_step, created_at) VALUES (?, ?, 0, ?)`,
			u.ID, a.TOTP, micros(u.UpdatedAt))
	}
	for _, identity := range a.Identities {
		if err == nil {
			err = insertIdentity(ctx, tx, identity)
		}
		switch {
		case err == nil:
			fate.Linked++
		case errors.Is(err, login.ErrCredentialExists):
			err = nil
		}
	}
	if err == nil && len(a.Passkeys) > 0 {
		fate.Passkeys, err = importPasskeys(ctx, tx, a)
	}
	return fate, err
}

// importPasskeys adds the passkeys whose credentials are not known, and counts them.
func importPasskeys(ctx context.Context, tx *transaction, a login.NewAccount) (added int, err error) {
	if _, err := tx.ExecContext(ctx, `INSERT INTO auth_user_handles (user_id, handle) VALUES (?, ?)`, a.User.ID, a.UserHandle); err != nil {
		return 0, err
	}
	for _, p := range a.Passkeys {
		done, err := tx.ExecContext(ctx, insertPasskey+` ON CONFLICT (credential_id) DO NOTHING`, passkeyValues(p, a.User.ID)...)
		if err != nil {
			return added, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return added, err
		}
		added += int(n)
	}
	return added, nil
}

// ImportedHashes implements login.ImportedHashes.
func (s *Store) ImportedHashes(ctx context.Context) (examples []string, err error) {
	const query = `SELECT password FROM auth_accounts WHERE password <> '' AND password NOT LIKE '$2a$%'`
	seen := map[string]bool{"": true}
	hashes, err := listOf(ctx, s, "looking for imported hashes", func(row scanner) (hash string, err error) {
		err = row.Scan(&hash)
		return hash, err
	}, query)
	for _, hash := range hashes {
		if form := sqlvalue.FormOf(hash); !seen[form] {
			seen[form] = true
			examples = append(examples, hash)
		}
	}
	return examples, err
}
