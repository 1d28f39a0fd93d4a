package sqlite

import (
	"context"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/column"
)

// CreateUser implements login.Store.
func (s *Store) CreateUser(ctx context.Context, h login.Holder, first *login.NewSession) error {
	u, a := h.User, h.Account
	roles, err := encodeStrings(a.Roles)
	if err != nil {
		return err
	}
	claims, err := column.EncodeClaims(a.Claims)
	if err != nil {
		return err
	}
	return s.update(ctx, "creating a user", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO users (id, email, name, created_at, updated_at) VALUES (?, ?, ?, ?, ?)`,
			u.ID, u.Email, u.Name, text(u.CreatedAt), text(u.UpdatedAt))
		if isUniqueViolation(err, "users.email") {
			return login.ErrEmailTaken
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO auth_accounts (user_id, password, roles, default_role, claims, session_epoch, email_verified_at, disabled_at, unopened)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			u.ID, a.Password, roles, a.DefaultRole, claims, a.Epoch, microsOrNull(a.EmailVerifiedAt), microsOrNull(a.DisabledAt), a.Unopened)
		if err != nil || first == nil {
			return err
		}
		n := *first
		n.Session.UserID = u.ID
		return insertSession(ctx, tx, n)
	})
}

// HolderByEmail implements login.Store.
func (s *Store) HolderByEmail(ctx context.Context, email string) (login.Holder, error) {
	return s.holder(ctx, `u.email = ?`, email)
}

// HolderByID implements login.Store.
func (s *Store) HolderByID(ctx context.Context, userID string) (login.Holder, error) {
	id, ok := column.ID(userID)
	if !ok {
		return login.Holder{}, login.ErrNotFound
	}
	return s.holder(ctx, `u.id = ?`, id.String())
}

func (s *Store) holder(ctx context.Context, where string, key string) (h login.Holder, err error) {
	query := `SELECT ` + holderColumns + ` FROM users u JOIN auth_accounts a ON a.user_id = u.id WHERE ` + where
	err = s.view(ctx, "reading a user", func(ctx context.Context, db *reader) (err error) {
		h, err = scanHolder(db.QueryRowContext(ctx, query, key))
		return err
	})
	return h, err
}

// ListUsers implements login.Store. The order is that of the bytes.
func (s *Store) ListUsers(ctx context.Context, f login.UserFilter) ([]login.Holder, error) {
	const query = `SELECT ` + holderColumns + `
		FROM users u JOIN auth_accounts a ON a.user_id = u.id
		WHERE (?1 = '[]' OR EXISTS (SELECT 1 FROM json_each(?1) WHERE instr(u.email, value) > 0)) AND u.email > ?2
		ORDER BY u.email
		LIMIT ?3`
	var holders []login.Holder
	contains, err := encodeStrings(f.EmailContains)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, "listing users", func(ctx context.Context, db *reader) error {
		rows, err := db.QueryContext(ctx, query, contains, f.AfterEmail, max(f.Limit, 0))
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			h, err := scanHolder(rows)
			if err != nil {
				return err
			}
			holders = append(holders, h)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return holders, nil
}

// DeleteUser implements login.Store.
func (s *Store) DeleteUser(ctx context.Context, userID string, epoch int) error {
	id, ok := column.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.update(ctx, "deleting a user", func(ctx context.Context, tx *transaction) error {
		var now int
		err := tx.QueryRowContext(ctx, `SELECT session_epoch FROM auth_accounts WHERE user_id = ?`, id.String()).Scan(&now)
		if err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		if epoch >= 0 && epoch != now {
			return login.ErrStale
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, id.String())
		return err
	})
}

// UpdateAccount implements login.Store. The raised epoch alone ends the
// sessions; they are marked as ended too, so that the record says when.
func (s *Store) UpdateAccount(ctx context.Context, userID string, c login.AccountChange, now time.Time) error {
	const query = `
		UPDATE auth_accounts SET
			password      = COALESCE(?2, password),
			roles         = COALESCE(?3, roles),
			default_role  = COALESCE(?4, default_role),
			claims        = COALESCE(?9, claims),
			disabled_at   = CASE WHEN ?5 THEN COALESCE(disabled_at, ?7) WHEN NOT ?5 THEN NULL ELSE disabled_at END,
			session_epoch = session_epoch + ?6,
			unopened      = 0,
			email_verified_at = CASE WHEN ?8 THEN COALESCE(email_verified_at, ?7) ELSE email_verified_at END
		WHERE user_id = ?1`
	id, ok := column.ID(userID)
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
		encoded, err := column.EncodeClaims(c.Claims)
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
	id, ok := column.ID(userID)
	if !ok {
		return login.ErrNotFound
	}
	return s.update(ctx, "ending all sessions", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrNotFound,
			`UPDATE auth_accounts SET session_epoch = session_epoch + 1, signouts = signouts + 1 WHERE user_id = ?`, id.String())
		if err != nil {
			return err
		}
		return endSessionsOf(ctx, tx, id.String(), now)
	})
}

// ReplaceHash implements login.Store.
func (s *Store) ReplaceHash(ctx context.Context, userID, oldHash, newHash string) error {
	id, ok := column.ID(userID)
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
		UPDATE auth_accounts SET password = ?4, session_epoch = session_epoch + 1
		WHERE user_id = ?1 AND password = ?2 AND session_epoch = ?3 AND disabled_at IS NULL`
	id, ok := column.ID(c.UserID)
	if !ok {
		return login.ErrStale
	}
	return s.update(ctx, "changing a password", func(ctx context.Context, tx *transaction) error {
		err := execOne(ctx, tx, login.ErrStale, query, id.String(), c.OldHash, c.Epoch, c.NewHash)
		if err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, id.String(), c.Now); err != nil {
			return err
		}
		n := c.Session
		n.Session.UserID, n.Session.Epoch = id.String(), c.Epoch+1
		return insertSession(ctx, tx, n)
	})
}
