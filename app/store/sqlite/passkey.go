package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// orphanedCodes removes recovery codes that stand in for nothing.
const orphanedCodes = `
	DELETE FROM auth_recovery_codes WHERE user_id = ?1
		AND NOT EXISTS (SELECT 1 FROM auth_totp WHERE user_id = ?1)
		AND NOT EXISTS (SELECT 1 FROM auth_passkeys WHERE user_id = ?1)`

// UserHandle implements login.PasskeyStore.
func (s *Store) UserHandle(ctx context.Context, userID string, fresh []byte) (handle []byte, err error) {
	const add = `INSERT INTO auth_user_handles (user_id, handle) SELECT id, ?2 FROM users WHERE id = ?1 ON CONFLICT (user_id) DO NOTHING`
	const read = `SELECT handle FROM auth_user_handles WHERE user_id = ?1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, login.ErrNotFound
	}
	err = s.update(ctx, "reading a user handle", func(ctx context.Context, tx *transaction) error {
		if len(fresh) > 0 {
			if _, err := tx.ExecContext(ctx, add, id.String(), fresh); err != nil {
				return err
			}
		}
		return orOutcome(tx.QueryRowContext(ctx, read, id.String()).Scan(&handle), login.ErrNotFound)
	})
	return handle, err
}

// insertPasskey takes passkeyValues.
const insertPasskey = `
	INSERT INTO auth_passkeys (id, user_id, credential_id, public_key, aaguid, sign_count, backup_eligible, backed_up, transports, name, created_at)
	VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`

func passkeyValues(p login.Passkey, userID string) []any {
	return []any{
		p.ID, userID, p.CredentialID, p.PublicKey, p.AAGUID, int64(p.SignCount),
		p.BackupEligible, p.BackedUp, strings.Join(p.Transports, " "), sqlvalue.Text(p.Name), micros(p.CreatedAt),
	}
}

// AddPasskey implements login.PasskeyStore.
func (s *Store) AddPasskey(ctx context.Context, version int, p login.Passkey) error {
	const count = `SELECT count(*) FROM auth_passkeys WHERE user_id = ?1`
	return s.changeCredentials(ctx, "adding a passkey", p.UserID, version, func(ctx context.Context, tx *transaction, id string) error {
		var known int
		if err := tx.QueryRowContext(ctx, count, id).Scan(&known); err != nil {
			return err
		}
		if known >= login.MaxPasskeys {
			return login.ErrCredentialExists
		}
		// Codes that stood in for something else do not for this.
		if _, err := tx.ExecContext(ctx, orphanedCodes, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, insertPasskey, passkeyValues(p, id)...)
		if isUniqueViolation(err, "auth_passkeys.credential_id") {
			return login.ErrCredentialExists
		}
		return err
	})
}

// passkeyColumns are read by passkeyRow.
const passkeyColumns = `
	p.id, p.user_id, p.credential_id, p.public_key, p.aaguid, p.sign_count,
	p.backup_eligible, p.backed_up, p.transports, p.name, p.created_at, p.last_used_at`

type passkeyRow struct {
	passkey    login.Passkey
	count      int64
	transports string
	created    int64
	used       sql.NullInt64
}

func (r *passkeyRow) targets() []any {
	p := &r.passkey
	return []any{
		&p.ID, &p.UserID, &p.CredentialID, &p.PublicKey, &p.AAGUID, &r.count,
		&p.BackupEligible, &p.BackedUp, &r.transports, &p.Name, &r.created, &r.used,
	}
}

func (r *passkeyRow) value() login.Passkey {
	p := r.passkey
	p.SignCount = uint32(r.count) // #nosec G115 -- what was stored is one
	p.Transports = strings.Fields(r.transports)
	p.CreatedAt, p.LastUsedAt = time.UnixMicro(r.created).UTC(), timeOf(r.used)
	return p
}

// Passkeys implements login.PasskeyStore.
func (s *Store) Passkeys(ctx context.Context, userID string) ([]login.Passkey, error) {
	const query = `SELECT ` + passkeyColumns + ` FROM auth_passkeys p WHERE p.user_id = ?1 ORDER BY p.created_at, p.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing passkeys", func(row scanner) (login.Passkey, error) {
		var r passkeyRow
		err := row.Scan(r.targets()...)
		return r.value(), err
	}, query, id.String())
}

// PasskeyOwner implements login.PasskeyStore.
func (s *Store) PasskeyOwner(ctx context.Context, credentialID []byte) (login.Passkey, []byte, login.UserAccount, error) {
	const query = `SELECT ` + passkeyColumns + `, n.handle, ` + userAccountColumns + `
		FROM auth_passkeys p
		JOIN auth_user_handles n ON n.user_id = p.user_id
		JOIN users u ON u.id = p.user_id
		JOIN auth_accounts a ON a.user_id = p.user_id
		WHERE p.credential_id = ?1`
	var passkey passkeyRow
	var handle []byte
	var account userAccountRow
	err := s.view(ctx, "reading a passkey", func(ctx context.Context, db *reader) error {
		targets := append(append(passkey.targets(), &handle), account.targets()...)
		return orOutcome(db.QueryRowContext(ctx, query, credentialID).Scan(targets...), login.ErrNotFound)
	})
	if err != nil {
		return login.Passkey{}, nil, login.UserAccount{}, err
	}
	ua, err := account.value()
	return passkey.value(), handle, ua, err
}

// UsePasskey implements login.PasskeyStore.
func (s *Store) UsePasskey(ctx context.Context, u login.PasskeyUse) error {
	var notUsed error
	err := s.update(ctx, "using a passkey", func(ctx context.Context, tx *transaction) (err error) {
		notUsed, err = usePasskey(ctx, tx, u)
		return err
	})
	return cmp.Or(err, notUsed)
}

// usePasskey returns notUsed if the transaction must commit, because the challenge is
// spent, although the passkey could not be used. The challenge comes first: of one answer
// that is sent twice at once the second is a repetition, and no counter that did not rise.
func usePasskey(ctx context.Context, tx *transaction, u login.PasskeyUse) (notUsed, err error) {
	const spend = `INSERT INTO auth_spent_challenges (hash, expires_at) VALUES (?1, ?2)`
	const use = `
		UPDATE auth_passkeys SET sign_count = ?2, backed_up = ?3, last_used_at = ?4
		WHERE id = ?1 AND (sign_count < ?2 OR sign_count = 0 AND ?2 = 0)`
	const known = `SELECT EXISTS (SELECT 1 FROM auth_passkeys WHERE id = ?1)`
	id, ok := sqlvalue.ID(u.ID)
	if !ok {
		return nil, login.ErrNotFound
	}
	_, err = tx.ExecContext(ctx, spend, u.Challenge[:], micros(u.Expires))
	if isUniqueViolation(err, "auth_spent_challenges.hash") {
		return nil, login.ErrTokenUnknown
	}
	if err != nil {
		return nil, err
	}
	err = execOne(ctx, tx, login.ErrCounterRegressed, use, id.String(), int64(u.SignCount), u.BackedUp, micros(u.Now))
	if !errors.Is(err, login.ErrCounterRegressed) {
		return nil, err
	}
	var exists bool
	if err := tx.QueryRowContext(ctx, known, id.String()).Scan(&exists); err != nil {
		return nil, err
	}
	if !exists {
		return login.ErrNotFound, nil
	}
	return login.ErrCounterRegressed, nil
}

// RenamePasskey implements login.PasskeyStore.
func (s *Store) RenamePasskey(ctx context.Context, userID, passkeyID, name string) error {
	const query = `UPDATE auth_passkeys SET name = ?3 WHERE user_id = ?1 AND id = ?2`
	id, ok := sqlvalue.ID(passkeyID)
	if !ok {
		return login.ErrNotFound
	}
	return s.change(ctx, "renaming a passkey", userID, login.ErrNotFound, query, id.String(), sqlvalue.Text(name))
}

// RemovePasskey implements login.PasskeyStore.
func (s *Store) RemovePasskey(ctx context.Context, userID, passkeyID string, version int, otherWayIn bool) error {
	const remove = `DELETE FROM auth_passkeys WHERE user_id = ?1 AND id = ?2`
	return s.changeCredentials(ctx, "removing a passkey", userID, version, func(ctx context.Context, tx *transaction, user string) error {
		id, ok := sqlvalue.ID(passkeyID)
		if !ok {
			return login.ErrNotFound
		}
		if err := execOne(ctx, tx, login.ErrNotFound, remove, user, id.String()); err != nil {
			return err
		}
		if !otherWayIn {
			if err := keepWayIn(ctx, tx, user); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, orphanedCodes, user)
		return err
	})
}
