package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// orphanedCodes removes recovery codes that stand in for nothing.
const orphanedCodes = `
	DELETE FROM auth.recovery_codes WHERE user_id = $1
		AND NOT EXISTS (SELECT FROM auth.totp WHERE user_id = $1)
		AND NOT EXISTS (SELECT FROM auth.passkeys WHERE user_id = $1)`

// UserHandle implements login.PasskeyStore.
func (s *Store) UserHandle(ctx context.Context, userID string, fresh []byte) ([]byte, error) {
	const read = `SELECT handle FROM auth.user_handles WHERE user_id = $1`
	const add = `
		INSERT INTO auth.user_handles (user_id, handle) SELECT id, $2 FROM public.users WHERE id = $1
		ON CONFLICT (user_id) DO NOTHING`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, login.ErrNotFound
	}
	var handle []byte
	target := func() []any { return []any{&handle} }
	err := s.queryRow(ctx, "reading a user handle", login.ErrNotFound, read, []any{id}, target)
	if !errors.Is(err, login.ErrNotFound) || len(fresh) == 0 {
		return handle, err
	}
	// Another may have added one meanwhile, which then is the user's.
	if err := s.exec(ctx, "adding a user handle", nil, add, id, fresh); err != nil {
		return nil, err
	}
	err = s.queryRow(ctx, "reading a user handle", login.ErrNotFound, read, []any{id}, target)
	return handle, err
}

// AddPasskey implements login.PasskeyStore.
func (s *Store) AddPasskey(ctx context.Context, version int, p login.Passkey) error {
	const count = `SELECT count(*) FROM auth.passkeys WHERE user_id = $1`
	const add = `
		INSERT INTO auth.passkeys (id, user_id, credential_id, public_key, aaguid, sign_count, backup_eligible, backed_up, transports, name, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	return s.changeCredentials(ctx, "adding a passkey", p.UserID, version, func(ctx context.Context, tx pgx.Tx, id any) error {
		var known int
		if err := tx.QueryRow(ctx, count, id).Scan(&known); err != nil {
			return err
		}
		if known >= login.MaxPasskeys {
			return login.ErrCredentialExists
		}
		// Codes that stood in for something else do not for this.
		if _, err := tx.Exec(ctx, orphanedCodes, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, add, p.ID, id, p.CredentialID, p.PublicKey, p.AAGUID, int64(p.SignCount),
			p.BackupEligible, p.BackedUp, strings.Join(p.Transports, " "), sqlvalue.Text(p.Name), p.CreatedAt)
		if violates(err, uniqueViolation, "passkeys_credential_id_key") {
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
	used       *time.Time
}

func (r *passkeyRow) targets() []any {
	p := &r.passkey
	return []any{
		&p.ID, &p.UserID, &p.CredentialID, &p.PublicKey, &p.AAGUID, &r.count,
		&p.BackupEligible, &p.BackedUp, &r.transports, &p.Name, &p.CreatedAt, &r.used,
	}
}

func (r *passkeyRow) value() login.Passkey {
	p := r.passkey
	p.SignCount = uint32(r.count) // #nosec G115 -- what was stored is one
	p.Transports = strings.Fields(r.transports)
	p.CreatedAt, p.LastUsedAt = p.CreatedAt.UTC(), utc(r.used)
	return p
}

// Passkeys implements login.PasskeyStore.
func (s *Store) Passkeys(ctx context.Context, userID string) ([]login.Passkey, error) {
	const query = `SELECT ` + passkeyColumns + ` FROM auth.passkeys p WHERE p.user_id = $1 ORDER BY p.created_at, p.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing passkeys", func(r pgx.CollectableRow) (login.Passkey, error) {
		var row passkeyRow
		err := r.Scan(row.targets()...)
		return row.value(), err
	}, query, id)
}

// PasskeyOwner implements login.PasskeyStore.
func (s *Store) PasskeyOwner(ctx context.Context, credentialID []byte) (login.Passkey, []byte, login.UserAccount, error) {
	const query = `SELECT ` + passkeyColumns + `, n.handle, ` + userAccountColumns + `
		FROM auth.passkeys p
		JOIN auth.user_handles n ON n.user_id = p.user_id
		JOIN public.users u ON u.id = p.user_id
		JOIN auth.accounts a ON a.user_id = p.user_id
		WHERE p.credential_id = $1`
	var passkey passkeyRow
	var handle []byte
	var account userAccountRow
	err := s.queryRow(ctx, "reading a passkey", login.ErrNotFound, query, []any{credentialID}, func() []any {
		passkey, handle, account = passkeyRow{}, nil, userAccountRow{}
		return append(append(passkey.targets(), &handle), account.targets()...)
	})
	if err != nil {
		return login.Passkey{}, nil, login.UserAccount{}, err
	}
	return passkey.value(), handle, account.value(), nil
}

// openSessionByPasskey is openSession and UsePasskey in one: it makes no session unless
// the passkey can be used. Like everything that changes both, it locks the account before
// the passkey.
const openSessionByPasskey = `
	WITH account AS (` + unchangedAccount + `), spent AS (
		INSERT INTO auth.spent_challenges (hash, expires_at) VALUES ($17, $18)
	), used AS (
		UPDATE auth.passkeys p SET sign_count = $20, backed_up = $21, last_used_at = $22
		FROM account
		WHERE p.id = $19 AND p.user_id = account.user_id AND (p.sign_count < $20 OR p.sign_count = 0 AND $20 = 0)
		RETURNING p.user_id
	)
	INSERT INTO auth.sessions (` + newSessionColumns + `)
	SELECT ` + newSession + ` FROM account JOIN used ON used.user_id = account.user_id`

// passkeyUseValues are those of openSessionByPasskey from $17 on.
func passkeyUseValues(u login.PasskeyUse) []any {
	return []any{u.Challenge[:], u.Expires, u.ID, int64(u.SignCount), u.BackedUp, u.Now}
}

// notOpened tells why a passkey has opened no session.
func (s *Store) notOpened(ctx context.Context, n login.NewSession) error {
	const query = `
		SELECT EXISTS (SELECT FROM auth.accounts WHERE user_id = $1 AND session_version = $2 AND disabled_at IS NULL),
			EXISTS (SELECT FROM auth.passkeys WHERE user_id = $1 AND id = $3)`
	var current, exists bool
	err := s.pool.QueryRow(ctx, query, n.Session.UserID, n.Session.SessionVersion, n.Passkey.ID).Scan(&current, &exists)
	switch {
	case err != nil:
		return err
	case !current:
		return login.ErrStale
	case !exists:
		return login.ErrNotFound
	}
	return login.ErrCounterRegressed
}

// UsePasskey implements login.PasskeyStore. Both statements travel together and are
// one transaction. The challenge comes first: of one answer that is sent twice at once
// the second is a repetition, and no counter that did not rise.
func (s *Store) UsePasskey(ctx context.Context, u login.PasskeyUse) error {
	const spend = `INSERT INTO auth.spent_challenges (hash, expires_at) VALUES ($1, $2)`
	const use = `
		UPDATE auth.passkeys SET sign_count = $2, backed_up = $3, last_used_at = $4
		WHERE id = $1 AND (sign_count < $2 OR sign_count = 0 AND $2 = 0)`
	const known = `SELECT EXISTS (SELECT FROM auth.passkeys WHERE id = $1)`
	id, ok := sqlvalue.ID(u.ID)
	if !ok {
		return login.ErrNotFound
	}
	return s.call(ctx, "using a passkey", func(ctx context.Context) error {
		var batch pgx.Batch
		var used, exists bool
		batch.Queue(spend, u.Challenge[:], u.Expires)
		batch.Queue(use, id, int64(u.SignCount), u.BackedUp, u.Now).Exec(func(tag pgconn.CommandTag) error {
			used = tag.RowsAffected() == 1
			return nil
		})
		batch.Queue(known, id).QueryRow(func(row pgx.Row) error { return row.Scan(&exists) })
		err := s.pool.SendBatch(ctx, &batch)
		switch {
		case violates(err, uniqueViolation, "spent_challenges_pkey"):
			return login.ErrTokenUnknown
		case err == nil && !exists:
			return login.ErrNotFound
		case err == nil && !used:
			return login.ErrCounterRegressed
		}
		return err
	})
}

// RenamePasskey implements login.PasskeyStore.
func (s *Store) RenamePasskey(ctx context.Context, userID, passkeyID, name string) error {
	const query = `UPDATE auth.passkeys SET name = $3 WHERE user_id = $1 AND id = $2`
	user, ok := sqlvalue.ID(userID)
	id, known := sqlvalue.ID(passkeyID)
	if !ok || !known {
		return login.ErrNotFound
	}
	return s.exec(ctx, "renaming a passkey", login.ErrNotFound, query, user, id, sqlvalue.Text(name))
}

// RemovePasskey implements login.PasskeyStore.
func (s *Store) RemovePasskey(ctx context.Context, userID, passkeyID string, version int, otherWayIn bool) error {
	const remove = `DELETE FROM auth.passkeys WHERE user_id = $1 AND id = $2`
	return s.changeCredentials(ctx, "removing a passkey", userID, version, func(ctx context.Context, tx pgx.Tx, user any) error {
		id, ok := sqlvalue.ID(passkeyID)
		if !ok {
			return login.ErrNotFound
		}
		if err := execIn(ctx, tx, login.ErrNotFound, remove, user, id); err != nil {
			return err
		}
		if !otherWayIn {
			if err := keepWayIn(ctx, tx, user); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, orphanedCodes, user)
		return err
	})
}
