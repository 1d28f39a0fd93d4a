package sqlite

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// CreateUser implements login.Store.
func (s *Store) CreateUser(ctx context.Context, ua login.UserAccount, first *login.NewSession) error {
	return s.update(ctx, "creating a user", func(ctx context.Context, tx *transaction) error {
		return insertUser(ctx, tx, ua, first)
	})
}

func insertUser(ctx context.Context, tx *transaction, ua login.UserAccount, first *login.NewSession) error {
	u, a := ua.User, ua.Account
	roles, err := encodeStrings(a.Roles)
	if err != nil {
		return err
	}
	claims, err := sqlvalue.EncodeClaims(a.Claims)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO users (id, email, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?)`,
		u.ID, u.Email, u.Name, text(u.CreatedAt), text(u.UpdatedAt))
	if isUniqueViolation(err, "users.email") {
		return login.ErrEmailTaken
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO auth_accounts (user_id, password, roles, default_role, claims, session_version, email_verified_at, disabled_at, unopened)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, a.Password, roles, a.DefaultRole, claims, a.SessionVersion, microsOrNull(a.EmailVerifiedAt), microsOrNull(a.DisabledAt), a.Unopened)
	if err != nil || first == nil {
		return err
	}
	n := *first
	n.Session.UserID = u.ID
	return insertSession(ctx, tx, n)
}

// UserAccountByEmail implements login.Store.
func (s *Store) UserAccountByEmail(ctx context.Context, email string) (login.UserAccount, error) {
	return s.userAccount(ctx, `u.email = ?`, email)
}

// UserAccountByID implements login.Store.
func (s *Store) UserAccountByID(ctx context.Context, userID string) (login.UserAccount, error) {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.UserAccount{}, login.ErrNotFound
	}
	return s.userAccount(ctx, `u.id = ?`, id.String())
}

func (s *Store) userAccount(ctx context.Context, where string, key string) (ua login.UserAccount, err error) {
	query := `SELECT ` + userAccountColumns + ` FROM users u JOIN auth_accounts a ON a.user_id = u.id WHERE ` + where
	err = s.view(ctx, "reading a user", func(ctx context.Context, db *reader) (err error) {
		ua, err = scanUserAccount(db.QueryRowContext(ctx, query, key))
		return err
	})
	return ua, err
}

// ListUsers implements login.Store. The order is that of the bytes.
func (s *Store) ListUsers(ctx context.Context, f login.UserFilter) ([]login.UserAccount, error) {
	const query = `SELECT ` + userAccountColumns + `
		FROM users u JOIN auth_accounts a ON a.user_id = u.id
		WHERE (?1 = '[]' OR EXISTS (SELECT 1 FROM json_each(?1) WHERE instr(u.email, value) > 0)) AND u.email > ?2
		ORDER BY u.email
		LIMIT ?3`
	contains, err := encodeStrings(f.EmailContains)
	if err != nil {
		return nil, err
	}
	return listOf(ctx, s, "listing users", scanUserAccount, query, contains, f.AfterEmail, max(f.Limit, 0))
}

// RenameUser implements login.Store.
func (s *Store) RenameUser(ctx context.Context, userID, name string) error {
	return s.change(ctx, "renaming a user", userID, login.ErrNotFound, `UPDATE users SET name = ?2 WHERE id = ?1`, name)
}

// DeleteUser implements login.Store.
func (s *Store) DeleteUser(ctx context.Context, userID string, version int) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.update(ctx, "deleting a user", func(ctx context.Context, tx *transaction) error {
		var now int
		err := tx.QueryRowContext(ctx, `SELECT session_version FROM auth_accounts WHERE user_id = ?`, id.String()).Scan(&now)
		if err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		if version >= 0 && version != now {
			return login.ErrStale
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, id.String())
		return orLastOwner(err)
	})
}

// UpdateAccount implements login.Store. Raising the version is enough to end the
// sessions; they are also marked as ended, to record when.
func (s *Store) UpdateAccount(ctx context.Context, userID string, c login.AccountChange, now time.Time) error {
	const query = `
		UPDATE auth_accounts SET
			password      = COALESCE(?2, password),
			roles         = COALESCE(?3, roles),
			default_role  = COALESCE(?4, default_role),
			claims        = COALESCE(?9, claims),
			disabled_at   = CASE WHEN ?5 THEN COALESCE(disabled_at, ?7) WHEN NOT ?5 THEN NULL ELSE disabled_at END,
			session_version = session_version + ?6,
			unopened      = 0,
			email_verified_at = CASE WHEN ?8 THEN COALESCE(email_verified_at, ?7) ELSE email_verified_at END
		WHERE user_id = ?1`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	var roles *string
	if c.Roles != nil {
		encoded, err := encodeStrings(c.Roles)
		if err != nil {
			return err
		}
		roles = &encoded
	}
	var claims *string
	if c.Claims != nil {
		encoded, err := sqlvalue.EncodeClaims(c.Claims)
		if err != nil {
			return err
		}
		claims = &encoded
	}
	raise := c.Password != nil || c.Roles != nil || c.DefaultRole != nil || c.Disabled != nil || c.EndSessions || c.ResetFactors
	return s.update(ctx, "changing an account", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrNotFound, query, id.String(), c.Password, roles, c.DefaultRole, c.Disabled, raise, micros(now), c.EmailVerified, claims)
		if err != nil || !raise {
			return err
		}
		if c.ResetFactors {
			if err := removeFactors(ctx, tx, id.String()); err != nil {
				return err
			}
		}
		return endSessionsOf(ctx, tx, id.String(), now)
	})
}

// EndAllSessions implements login.Store.
func (s *Store) EndAllSessions(ctx context.Context, userID string, now time.Time) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.update(ctx, "ending all sessions", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrNotFound,
			`UPDATE auth_accounts SET session_version = session_version + 1, signouts = signouts + 1 WHERE user_id = ?`, id.String())
		if err != nil {
			return err
		}
		return endSessionsOf(ctx, tx, id.String(), now)
	})
}

// ReplaceHash implements login.Store.
func (s *Store) ReplaceHash(ctx context.Context, userID, oldHash, newHash string) error {
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "replacing a hash", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrStale, `UPDATE auth_accounts SET password = ? WHERE user_id = ? AND password = ?`,
			newHash, id.String(), oldHash)
	})
}

// ChangePassword implements login.Store.
func (s *Store) ChangePassword(ctx context.Context, c login.PasswordChange) error {
	const query = `
		UPDATE auth_accounts SET password = ?4, session_version = session_version + 1
		WHERE user_id = ?1 AND password = ?2 AND session_version = ?3 AND disabled_at IS NULL`
	id, ok := sqlvalue.ID(c.UserID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "changing a password", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrStale, query, id.String(), c.OldHash, c.SessionVersion, c.NewHash)
		if err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, id.String(), c.Now); err != nil {
			return err
		}
		if c.NewHash == "" && !c.OtherWayIn {
			if err := keepWayIn(ctx, tx, id.String()); err != nil {
				return err
			}
		}
		n := c.Session
		n.Session.UserID, n.Session.SessionVersion = id.String(), c.SessionVersion+1
		return insertSession(ctx, tx, n)
	})
}
