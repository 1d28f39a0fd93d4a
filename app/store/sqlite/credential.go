package sqlite

import (
	"context"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// current is true for an account at the given version, the second argument after its
// id.
const current = `EXISTS (SELECT 1 FROM auth_accounts WHERE user_id = ?1 AND session_version = ?2 AND disabled_at IS NULL)`

// change runs one statement about a user and answers none if it touched no row.
func (s *Store) change(ctx context.Context, doing, userID string, none error, query string, args ...any) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return none
	}
	return s.update(ctx, doing, func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, none, query, append([]any{id.String()}, args...)...)
	})
}

// AddTOTP implements login.CredentialStore.
func (s *Store) AddTOTP(ctx context.Context, userID string, version int, t login.TOTP) error {
	const query = `INSERT INTO auth_totp (user_id, secret, last_step, created_at) SELECT ?1, ?3, ?4, ?5 WHERE ` + current
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "adding a TOTP secret", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrStale, query, id.String(), version, t.Secret, t.LastStep, micros(t.CreatedAt))
		if isUniqueViolation(err, "auth_totp.user_id") {
			return login.ErrCredentialExists
		}
		if err != nil {
			return err
		}
		// Codes that stood in for another secret do not for this one.
		const codes = `DELETE FROM auth_recovery_codes WHERE user_id = ?1 AND NOT EXISTS (SELECT 1 FROM auth_passkeys WHERE user_id = ?1)`
		_, err = tx.ExecContext(ctx, codes, id.String())
		return err
	})
}

// TOTP implements login.CredentialStore.
func (s *Store) TOTP(ctx context.Context, userID string) (t login.TOTP, err error) {
	const query = `SELECT secret, last_step, created_at FROM auth_totp WHERE user_id = ?1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return t, login.ErrNotFound
	}
	var created int64
	err = s.view(ctx, "reading a TOTP secret", func(ctx context.Context, db *reader) error {
		err := db.QueryRowContext(ctx, query, id.String()).Scan(&t.Secret, &t.LastStep, &created)
		return orOutcome(err, login.ErrNotFound)
	})
	if err != nil {
		return login.TOTP{}, err
	}
	t.CreatedAt = time.UnixMicro(created).UTC()
	return t, nil
}

// UseTOTP implements login.CredentialStore.
func (s *Store) UseTOTP(ctx context.Context, userID string, step int64) error {
	const query = `UPDATE auth_totp SET last_step = ?2 WHERE user_id = ?1 AND last_step < ?2`
	return s.change(ctx, "spending a TOTP code", userID, login.ErrTokenUnknown, query, step)
}

// RemoveTOTP implements login.CredentialStore.
func (s *Store) RemoveTOTP(ctx context.Context, userID string, version int) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "removing a TOTP secret", func(ctx context.Context, tx *transaction) error {
		const query = `DELETE FROM auth_totp WHERE user_id = ?1 AND ` + current
		if err := execOne(ctx, tx, login.ErrStale, query, id.String(), version); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, orphanedCodes, id.String())
		return err
	})
}

// removeFactors removes every second factor of a user.
func removeFactors(ctx context.Context, tx *transaction, userID string) error {
	for _, query := range []string{`DELETE FROM auth_totp WHERE user_id = ?`, `DELETE FROM auth_passkeys WHERE user_id = ?`, `DELETE FROM auth_recovery_codes WHERE user_id = ?`} {
		if _, err := tx.ExecContext(ctx, query, userID); err != nil {
			return err
		}
	}
	return nil
}

// ListTOTP implements login.CredentialStore.
func (s *Store) ListTOTP(ctx context.Context, afterUserID string, limit int) ([]login.SealedTOTP, error) {
	const query = `SELECT user_id, secret FROM auth_totp WHERE user_id > ?1 ORDER BY user_id LIMIT ?2`
	return listOf(ctx, s, "listing TOTP secrets", func(row scanner) (t login.SealedTOTP, err error) {
		err = row.Scan(&t.UserID, &t.Secret)
		return t, err
	}, query, afterUserID, limit)
}

// ReplaceTOTPSecret implements login.CredentialStore.
func (s *Store) ReplaceTOTPSecret(ctx context.Context, userID string, old, sealed []byte) error {
	const query = `UPDATE auth_totp SET secret = ?3 WHERE user_id = ?1 AND secret = ?2`
	return s.change(ctx, "sealing a TOTP secret", userID, login.ErrStale, query, old, sealed)
}

// ReplaceRecoveryCodes implements login.CredentialStore.
func (s *Store) ReplaceRecoveryCodes(ctx context.Context, userID string, version int, codes []login.TokenHash, now time.Time) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "replacing recovery codes", func(ctx context.Context, tx *transaction) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM auth_recovery_codes WHERE user_id = ?1 AND `+current, id.String(), version); err != nil {
			return err
		}
		const add = `INSERT INTO auth_recovery_codes (user_id, hash, created_at) SELECT ?1, ?3, ?4 WHERE ` + current
		for _, code := range codes {
			if err := execOne(ctx, tx, login.ErrStale, add, id.String(), version, code[:], micros(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode implements login.CredentialStore.
func (s *Store) UseRecoveryCode(ctx context.Context, userID string, code login.TokenHash) error {
	const query = `DELETE FROM auth_recovery_codes WHERE user_id = ?1 AND hash = ?2`
	return s.change(ctx, "spending a recovery code", userID, login.ErrTokenUnknown, query, code[:])
}

// AddChallenge implements login.CredentialStore.
func (s *Store) AddChallenge(ctx context.Context, c login.Challenge) error {
	const query = `
		INSERT INTO auth_challenges (user_id, version, hash, purpose, client, data, expires_at)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE ` + current
	return s.change(ctx, "storing a challenge", c.UserID, login.ErrStale, query,
		c.SessionVersion, c.Hash[:], string(c.Purpose), c.Client, c.Data, micros(c.ExpiresAt))
}

// TryChallenge implements login.CredentialStore.
func (s *Store) TryChallenge(ctx context.Context, k login.ChallengeKey) (login.Challenge, login.UserAccount, error) {
	const try = `
		UPDATE auth_challenges AS c SET tries = tries + 1 FROM auth_accounts a
		WHERE c.hash = ?1 AND c.purpose = ?2 AND c.client = ?3 AND c.expires_at > ?4 AND c.tries < ?5
			AND a.user_id = c.user_id AND a.session_version = c.version AND a.disabled_at IS NULL`
	const read = `SELECT c.user_id, c.version, c.data, c.expires_at, c.tries, ` + userAccountColumns + `
		FROM auth_challenges c
		JOIN users u ON u.id = c.user_id
		JOIN auth_accounts a ON a.user_id = c.user_id
		WHERE c.hash = ?1`
	c := login.Challenge{Hash: k.Hash, Purpose: k.Purpose, Client: k.Client}
	var row userAccountRow
	var expires int64
	err := s.update(ctx, "reading a challenge", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrTokenUnknown, try, k.Hash[:], string(k.Purpose), k.Client, micros(k.Now), login.ChallengeTries)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, read, k.Hash[:]).Scan(append([]any{&c.UserID, &c.SessionVersion, &c.Data, &expires, &c.Tries}, row.targets()...)...)
	})
	if err != nil {
		return login.Challenge{}, login.UserAccount{}, err
	}
	c.ExpiresAt = time.UnixMicro(expires).UTC()
	ua, err := row.value()
	return c, ua, err
}

// RefundChallengeTry implements login.CredentialStore.
func (s *Store) RefundChallengeTry(ctx context.Context, hash login.TokenHash) error {
	return s.update(ctx, "taking back an answer to a challenge", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `UPDATE auth_challenges SET tries = tries - 1 WHERE hash = ? AND tries > 0`, hash[:])
		return err
	})
}

// EndChallenge implements login.CredentialStore.
func (s *Store) EndChallenge(ctx context.Context, hash login.TokenHash) error {
	return s.update(ctx, "ending a challenge", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrTokenUnknown, `DELETE FROM auth_challenges WHERE hash = ?`, hash[:])
	})
}

// Elevate implements login.CredentialStore.
func (s *Store) Elevate(ctx context.Context, sessionID string, amr []string, now time.Time) error {
	const query = `UPDATE auth_sessions SET amr = ?2, elevated_at = ?3 WHERE id = ?1 AND ended_at IS NULL`
	return s.change(ctx, "elevating a session", sessionID, login.ErrNotFound, query, strings.Join(amr, " "), micros(now))
}
