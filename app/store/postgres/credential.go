package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// current begins a statement that works only for an account at the given version. It
// locks the account, so that a change of the version comes before or after it.
const current = `
	WITH account AS (
		SELECT user_id FROM auth.accounts
		WHERE user_id = $1 AND session_version = $2 AND disabled_at IS NULL
		FOR NO KEY UPDATE
	)`

// AddTOTP implements login.CredentialStore.
func (s *Store) AddTOTP(ctx context.Context, userID string, version int, t login.TOTP) error {
	// Codes that stood in for another secret do not for this one.
	const query = current + `, codes AS (
			DELETE FROM auth.recovery_codes r USING account a WHERE r.user_id = a.user_id
				AND NOT EXISTS (SELECT FROM auth.passkeys p WHERE p.user_id = a.user_id)
		)
		INSERT INTO auth.totp (user_id, secret, last_step, created_at)
		SELECT user_id, $3, $4, $5 FROM account`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.call(ctx, "adding a TOTP secret", func(ctx context.Context) error {
		tag, err := s.pool.Exec(ctx, query, id, version, t.Secret, t.LastStep, t.CreatedAt)
		switch {
		case violates(err, uniqueViolation, "totp_pkey"):
			return login.ErrCredentialExists
		case err == nil && tag.RowsAffected() == 0:
			return login.ErrStale
		}
		return err
	})
}

// TOTP implements login.CredentialStore.
func (s *Store) TOTP(ctx context.Context, userID string) (login.TOTP, error) {
	const query = `SELECT secret, last_step, created_at FROM auth.totp WHERE user_id = $1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.TOTP{}, login.ErrNotFound
	}
	var t login.TOTP
	err := s.queryRow(ctx, "reading a TOTP secret", login.ErrNotFound, query, []any{id}, func() []any {
		return []any{&t.Secret, &t.LastStep, &t.CreatedAt}
	})
	if err != nil {
		return login.TOTP{}, err
	}
	t.CreatedAt = t.CreatedAt.UTC()
	return t, nil
}

// UseTOTP implements login.CredentialStore.
func (s *Store) UseTOTP(ctx context.Context, userID string, step int64) error {
	const query = `UPDATE auth.totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrTokenUnknown
	}
	return s.exec(ctx, "spending a TOTP code", login.ErrTokenUnknown, query, id, step)
}

// RemoveTOTP implements login.CredentialStore.
func (s *Store) RemoveTOTP(ctx context.Context, userID string, version int) error {
	const query = current + `, codes AS (
			DELETE FROM auth.recovery_codes r USING account a WHERE r.user_id = a.user_id
				AND NOT EXISTS (SELECT FROM auth.passkeys p WHERE p.user_id = a.user_id)
		)
		DELETE FROM auth.totp t USING account a WHERE t.user_id = a.user_id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "removing a TOTP secret", login.ErrStale, query, id, version)
}

// resetFactors removes every second factor in the transaction of a change that
// has locked the account: a factor that was added while it waited is seen too.
func (s *Store) resetFactors(ctx context.Context, change string, args []any) error {
	return s.call(ctx, "removing second factors", func(ctx context.Context) error {
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, change, args...)
			if err == nil && tag.RowsAffected() == 0 {
				err = login.ErrNotFound
			}
			for _, query := range []string{`DELETE FROM auth.totp WHERE user_id = $1`, `DELETE FROM auth.passkeys WHERE user_id = $1`, `DELETE FROM auth.recovery_codes WHERE user_id = $1`} {
				if err == nil {
					_, err = tx.Exec(ctx, query, args[0])
				}
			}
			return err
		})
	})
}

// ListTOTP implements login.CredentialStore.
func (s *Store) ListTOTP(ctx context.Context, afterUserID string, limit int) ([]login.SealedTOTP, error) {
	const query = `SELECT user_id, secret FROM auth.totp WHERE $1::uuid IS NULL OR user_id > $1 ORDER BY user_id LIMIT $2`
	var after any
	if id, ok := sqlvalue.ID(afterUserID); ok {
		after = id
	}
	return listOf(ctx, s, "listing TOTP secrets", func(r pgx.CollectableRow) (t login.SealedTOTP, err error) {
		err = r.Scan(&t.UserID, &t.Secret)
		return t, err
	}, query, after, limit)
}

// ReplaceTOTPSecret implements login.CredentialStore.
func (s *Store) ReplaceTOTPSecret(ctx context.Context, userID string, old, sealed []byte) error {
	const query = `UPDATE auth.totp SET secret = $3 WHERE user_id = $1 AND secret = $2`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "sealing a TOTP secret", login.ErrStale, query, id, old, sealed)
}

// ReplaceRecoveryCodes implements login.CredentialStore. The two statements travel
// together as one transaction: a single statement would not see which codes to keep.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, userID string, version int, codes []login.TokenHash, now time.Time) error {
	const remove = current + ` DELETE FROM auth.recovery_codes r USING account a WHERE r.user_id = a.user_id`
	const add = current + `
		INSERT INTO auth.recovery_codes (user_id, hash, created_at)
		SELECT user_id, hash, $4 FROM account, unnest($3::bytea[]) AS hash`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	hashes := make([][]byte, len(codes))
	for i := range codes {
		hashes[i] = codes[i][:]
	}
	return s.call(ctx, "replacing recovery codes", func(ctx context.Context) error {
		var batch pgx.Batch
		var added int64
		batch.Queue(remove, id, version)
		batch.Queue(add, id, version, hashes, now).Exec(func(tag pgconn.CommandTag) error {
			added = tag.RowsAffected()
			return nil
		})
		err := s.pool.SendBatch(ctx, &batch)
		if err == nil && added == 0 {
			return login.ErrStale
		}
		return err
	})
}

// UseRecoveryCode implements login.CredentialStore.
func (s *Store) UseRecoveryCode(ctx context.Context, userID string, code login.TokenHash) error {
	const query = `DELETE FROM auth.recovery_codes WHERE user_id = $1 AND hash = $2`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrTokenUnknown
	}
	return s.exec(ctx, "spending a recovery code", login.ErrTokenUnknown, query, id, code[:])
}

// AddChallenge implements login.CredentialStore.
func (s *Store) AddChallenge(ctx context.Context, c login.Challenge) error {
	const query = current + `
		INSERT INTO auth.challenges (user_id, version, hash, purpose, client, data, expires_at)
		SELECT user_id, $2, $3, $4, $5, $6, $7 FROM account`
	id, ok := sqlvalue.ID(c.UserID)
	if !ok {
		return login.ErrStale
	}
	return s.exec(ctx, "storing a challenge", login.ErrStale, query,
		id, c.SessionVersion, c.Hash[:], string(c.Purpose), c.Client, c.Data, c.ExpiresAt)
}

// TryChallenge implements login.CredentialStore.
func (s *Store) TryChallenge(ctx context.Context, k login.ChallengeKey) (login.Challenge, login.UserAccount, error) {
	const query = `
		WITH tried AS (
			UPDATE auth.challenges c SET tries = c.tries + 1 FROM auth.accounts a
			WHERE c.hash = $1 AND c.purpose = $2 AND c.client = $3 AND c.expires_at > $4 AND c.tries < $5
				AND a.user_id = c.user_id AND a.session_version = c.version AND a.disabled_at IS NULL
			RETURNING c.user_id, c.version, c.data, c.expires_at, c.tries
		)
		SELECT c.user_id, c.version, c.data, c.expires_at, c.tries, ` + userAccountColumns + `
		FROM tried c
		JOIN public.users u ON u.id = c.user_id
		JOIN auth.accounts a ON a.user_id = c.user_id`
	c := login.Challenge{Hash: k.Hash, Purpose: k.Purpose, Client: k.Client}
	var row userAccountRow
	err := s.queryRow(ctx, "reading a challenge", login.ErrTokenUnknown, query,
		[]any{k.Hash[:], string(k.Purpose), k.Client, k.Now, login.ChallengeTries}, func() []any {
			row = userAccountRow{}
			return append([]any{&c.UserID, &c.SessionVersion, &c.Data, &c.ExpiresAt, &c.Tries}, row.targets()...)
		})
	if err != nil {
		return login.Challenge{}, login.UserAccount{}, err
	}
	c.ExpiresAt = c.ExpiresAt.UTC()
	return c, row.value(), nil
}

// RefundChallengeTry implements login.CredentialStore.
func (s *Store) RefundChallengeTry(ctx context.Context, hash login.TokenHash) error {
	return s.exec(ctx, "taking back an answer to a challenge", nil, `UPDATE auth.challenges SET tries = tries - 1 WHERE hash = $1 AND tries > 0`, hash[:])
}

// EndChallenge implements login.CredentialStore.
func (s *Store) EndChallenge(ctx context.Context, hash login.TokenHash) error {
	const query = `DELETE FROM auth.challenges WHERE hash = $1`
	return s.exec(ctx, "ending a challenge", login.ErrTokenUnknown, query, hash[:])
}

// Elevate implements login.CredentialStore.
func (s *Store) Elevate(ctx context.Context, sessionID string, amr []string, now time.Time) error {
	const query = `UPDATE auth.sessions SET amr = $2, elevated_at = $3 WHERE id = $1 AND ended_at IS NULL`
	id, ok := sqlvalue.ID(sessionID)
	if !ok {
		return login.ErrNotFound
	}
	return s.exec(ctx, "elevating a session", login.ErrNotFound, query, id, strings.Join(amr, " "), now)
}
