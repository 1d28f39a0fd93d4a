package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"hasura-login/app/login"
)

// RotateToken implements login.Store. With ErrTokenReused the result names the
// session and its owner.
func (s *Store) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var rotated login.Rotated
	var reused bool
	err := s.update(ctx, "exchanging a refresh token", func(ctx context.Context, tx *transaction) (err error) {
		rotated, reused, err = rotate(ctx, tx, r)
		return err
	})
	if err != nil {
		return login.Rotated{}, err
	}
	if reused { // only now: an error would have undone the end of the session
		return rotated, explain(ctx, "exchanging a refresh token", login.ErrTokenReused)
	}
	return rotated, nil
}

func rotate(ctx context.Context, tx *transaction, r login.Rotation) (out login.Rotated, reused bool, err error) {
	out, err = presented(ctx, tx, r.Presented, r.Now)
	if err != nil {
		return out, false, err
	}
	var bornAt sql.NullInt64
	err = tx.QueryRowContext(ctx, `SELECT nonce, created_at FROM auth_refresh_tokens WHERE parent_hash = ?`, r.Presented[:]).
		Scan(&out.Nonce, &bornAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = exchange(ctx, tx, r, &out)
		return out, false, err
	case err != nil:
		return out, false, err
	case out.Nonce != nil && !timeOf(bornAt).Before(stored(r.Now.Add(-r.Grace))):
		return out, false, nil
	default: // spent too long ago, or its successor can no longer be derived
		out.Nonce, out.Session.EndedAt = nil, stored(r.Now)
		return out, true, endSession(ctx, tx, out.Session.ID, r.Now)
	}
}

// exchange inserts our child and marks the session as used.
func exchange(ctx context.Context, tx *transaction, r login.Rotation, out *login.Rotated) error {
	session := &out.Session
	_, err := tx.ExecContext(ctx, `INSERT INTO auth_refresh_tokens (hash, session_id, parent_hash, nonce, created_at) VALUES (?, ?, ?, ?, ?)`,
		r.Child[:], session.ID, r.Presented[:], r.Nonce, micros(r.Now))
	if err != nil {
		return err
	}
	out.Nonce, session.LastUsedAt, session.IdleUntil = r.Nonce, stored(r.Now), stored(r.IdleUntil)
	if session.IdleUntil.After(session.ExpiresAt) {
		session.IdleUntil = session.ExpiresAt
	}
	_, err = tx.ExecContext(ctx, `UPDATE auth_sessions SET last_used_at = ?, idle_until = ? WHERE id = ?`,
		micros(session.LastUsedAt), micros(session.IdleUntil), session.ID)
	return err
}

// presented finds a live session and its owner by one of its tokens, spent or
// not.
func presented(ctx context.Context, tx *transaction, token login.TokenHash, now time.Time) (login.Rotated, error) {
	const query = `SELECT ` + sessionColumns + `, ` + holderColumns + `
		FROM auth_refresh_tokens t
		JOIN auth_sessions s ON s.id = t.session_id
		JOIN auth_accounts a ON a.user_id = s.user_id
		JOIN users u ON u.id = s.user_id
		WHERE t.hash = ?1 AND` + live
	var session sessionRow
	var row holderRow
	err := tx.QueryRowContext(ctx, query, token[:], micros(now)).Scan(append(session.targets(), row.targets()...)...)
	if err != nil {
		return login.Rotated{}, orOutcome(err, login.ErrTokenUnknown)
	}
	holder, err := row.value()
	return login.Rotated{Holder: holder, Session: session.value()}, err
}
