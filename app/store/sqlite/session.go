package sqlite

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/sqlvalue"
)

// live is true for a live session s of the account a at the time ?2.
const live = `
	s.ended_at IS NULL AND s.version = a.session_version AND a.disabled_at IS NULL
	AND s.idle_until > ?2 AND s.expires_at > ?2`

func insertSession(ctx context.Context, tx *transaction, n login.NewSession) error {
	s := n.Session
	_, err := tx.ExecContext(ctx, `
		INSERT INTO auth_sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at, ended_at, client_name, client_prefix, family_hash, token_hash, amr, elevated_at, origin_id, authenticated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''), ?)`,
		s.ID, s.UserID, s.SessionVersion, micros(s.CreatedAt), micros(s.LastUsedAt), micros(s.IdleUntil), micros(s.ExpiresAt),
		microsOrNull(s.EndedAt), sqlvalue.Text(s.ClientName), sqlvalue.Text(s.ClientPrefix), n.Token.Family[:], n.Token.Token[:],
		strings.Join(s.AMR, " "), microsOrNull(s.ElevatedAt), s.OriginID, microsOrNull(s.AuthenticatedAt))
	return err
}

func endSessionsOf(ctx context.Context, tx *transaction, userID string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE auth_sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL`, micros(now), userID)
	return err
}

// CreateSession implements login.Store.
func (s *Store) CreateSession(ctx context.Context, n login.NewSession) error {
	const current = `SELECT 1 FROM auth_accounts WHERE user_id = ? AND session_version = ? AND disabled_at IS NULL`
	const endOldest = `
		UPDATE auth_sessions SET ended_at = ?2 WHERE id IN (
			SELECT s.id FROM auth_sessions s JOIN auth_accounts a ON a.user_id = s.user_id
			WHERE s.user_id = ?1 AND` + live + `
			ORDER BY s.id = ?3 DESC, s.created_at DESC, s.id LIMIT -1 OFFSET ?4)`
	user, ok := sqlvalue.ID(n.Session.UserID)
	if !ok {
		return login.ErrStale
	}
	n.Session.UserID = user.String()
	var notUsed error
	err := s.update(ctx, "opening a session", func(ctx context.Context, tx *transaction) error {
		var one int
		err := tx.QueryRowContext(ctx, current, n.Session.UserID, n.Session.SessionVersion).Scan(&one)
		if err != nil {
			return orOutcome(err, login.ErrStale)
		}
		if n.Passkey != nil {
			if notUsed, err = usePasskey(ctx, tx, *n.Passkey); err != nil || notUsed != nil {
				return err
			}
		}
		if err := insertSession(ctx, tx, n); err != nil {
			return err
		}
		if n.Opens {
			if _, err := tx.ExecContext(ctx, `UPDATE auth_accounts SET unopened = 0 WHERE user_id = ?`, n.Session.UserID); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, endOldest, n.Session.UserID, micros(n.Session.LastUsedAt), n.Session.ID, max(n.MaxLive, 1))
		return err
	})
	return cmp.Or(err, notUsed)
}

const sessionUserAccount = `SELECT ` + sessionColumns + `, ` + userAccountColumns + `
	FROM auth_sessions s
	JOIN auth_accounts a ON a.user_id = s.user_id
	JOIN users u ON u.id = s.user_id
	WHERE `

// SessionUserAccount implements login.Store.
func (s *Store) SessionUserAccount(ctx context.Context, sessionID string, now time.Time) (login.Session, login.UserAccount, error) {
	id, ok := sqlvalue.ID(sessionID)
	if !ok {
		return login.Session{}, login.UserAccount{}, login.ErrNotFound
	}
	return s.sessionUserAccount(ctx, "reading a session", sessionUserAccount+`s.id = ?1 AND`+live, id.String(), micros(now))
}

// SessionByToken implements login.Store.
func (s *Store) SessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, login.UserAccount, error) {
	const query = sessionUserAccount + `s.family_hash = ?1 AND s.token_hash = ?3 AND` + live
	return s.sessionUserAccount(ctx, "reading a session by token", query, token.Family[:], micros(now), token.Token[:])
}

func (s *Store) sessionUserAccount(ctx context.Context, doing, query string, args ...any) (login.Session, login.UserAccount, error) {
	var session sessionRow
	var userAccount login.UserAccount
	err := s.view(ctx, doing, func(ctx context.Context, db *reader) error {
		var row userAccountRow
		err := db.QueryRowContext(ctx, query, args...).Scan(append(session.targets(), row.targets()...)...)
		if err != nil {
			return orOutcome(err, login.ErrNotFound)
		}
		userAccount, err = row.value()
		return err
	})
	if err != nil {
		return login.Session{}, login.UserAccount{}, err
	}
	return session.value(), userAccount, nil
}

// TouchSession implements login.Store.
func (s *Store) TouchSession(ctx context.Context, sessionID string, before, now, idleUntil time.Time) error {
	const query = `
		UPDATE auth_sessions SET last_used_at = ?2, idle_until = MIN(?3, expires_at)
		WHERE id = ?1 AND ended_at IS NULL AND last_used_at < ?4`
	return s.update(ctx, "touching a session", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, query, sessionID, micros(now), micros(idleUntil), micros(before))
		return err
	})
}

// LiveSessions implements login.Store.
func (s *Store) LiveSessions(ctx context.Context, userID string, now time.Time) ([]login.Session, error) {
	const query = `SELECT ` + sessionColumns + `
		FROM auth_sessions s JOIN auth_accounts a ON a.user_id = s.user_id
		WHERE s.user_id = ?1 AND` + live + `
		ORDER BY s.last_used_at DESC, s.created_at DESC, s.id`
	id, ok := sqlvalue.ID(userID)
	if !ok {
		return nil, nil
	}
	return listOf(ctx, s, "listing sessions", func(row scanner) (login.Session, error) {
		var r sessionRow
		err := row.Scan(r.targets()...)
		return r.value(), err
	}, query, id.String(), micros(now))
}

// EndSession implements login.Store.
func (s *Store) EndSession(ctx context.Context, userID, sessionID string, now time.Time) error {
	const query = `
		UPDATE auth_sessions AS s SET ended_at = ?2
		FROM auth_accounts a
		WHERE s.id = ?1 AND s.user_id = ?3 AND a.user_id = s.user_id AND` + live
	session, ok1 := sqlvalue.ID(sessionID)
	user, ok2 := sqlvalue.ID(userID)
	if !ok1 || !ok2 {
		return login.ErrNotFound
	}
	return s.update(ctx, "ending a session", func(ctx context.Context, tx *transaction) error {
		return execOne(ctx, tx, login.ErrNotFound, query, session.String(), micros(now), user.String())
	})
}

// EndSessionByToken implements login.Store.
func (s *Store) EndSessionByToken(ctx context.Context, token login.TokenKey, now time.Time) (login.Session, error) {
	const ofToken = `
		SELECT ` + sessionColumns + ` FROM auth_sessions s WHERE s.id = COALESCE(
			(SELECT id FROM auth_sessions WHERE family_hash = ?1),
			(SELECT session_id FROM auth_refresh_tokens WHERE hash = ?2))`
	var session login.Session
	err := s.update(ctx, "ending a session by token", func(ctx context.Context, tx *transaction) error {
		found, _, err := presented(ctx, tx, token, now)
		if errors.Is(err, login.ErrTokenUnknown) {
			var row sessionRow
			if none := tx.QueryRowContext(ctx, ofToken, token.Family[:], token.Token[:]).Scan(row.targets()...); none != nil {
				return orOutcome(none, login.ErrTokenUnknown)
			}
			session = row.value()
		}
		if err != nil {
			return err
		}
		session = found.Session
		session.EndedAt = stored(now)
		return endSession(ctx, tx, session.ID, now)
	})
	return session, err
}

func endSession(ctx context.Context, tx *transaction, sessionID string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE auth_sessions SET ended_at = ? WHERE id = ?`, micros(now), sessionID)
	return err
}

// stored is a time as it comes back from a column.
func stored(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
