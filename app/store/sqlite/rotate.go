package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/tokenfamily"
)

// RotateToken implements login.Store. With ErrTokenReused the result names the
// session and its owner.
func (s *Store) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var rotated login.Rotated
	var reused bool
	err := s.update(ctx, "exchanging a refresh token", func(ctx context.Context, tx *transaction) (err error) {
		rotated, reused, err = s.rotate(ctx, tx, r)
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

// link is a session's family as it is stored.
type link struct {
	tokenfamily.State
	exchangedAt sql.NullInt64
}

func (s *Store) rotate(ctx context.Context, tx *transaction, r login.Rotation) (out login.Rotated, reused bool, err error) {
	out, at, err := presented(ctx, tx, r.Presented, r.Now)
	if err != nil {
		return out, false, err
	}
	now := time.Now() // of this machine, which has the file: every process goes by it
	var verdict tokenfamily.Verdict
	switch verdict, out.Nonces = at.Judge(r.Presented.Token[:], now, r.Grace); verdict {
	case tokenfamily.Good:
		return out, false, nil
	case tokenfamily.Newest:
		if at.Parent != nil {
			s.spent.Add(out.Session.ID)
		}
		err = exchange(ctx, tx, r, at, now, &out)
		return out, false, err
	default:
		out.Nonces, out.Session.EndedAt = nil, stored(r.Now)
		return out, true, endSession(ctx, tx, out.Session.ID, r.Now)
	}
}

// exchange makes our child the newest and marks the session as used.
func exchange(ctx context.Context, tx *transaction, r login.Rotation, at link, now time.Time, out *login.Rotated) error {
	next := at.Exchange(r.Child[:], r.Nonce, now, timeOf(at.exchangedAt), r.Grace)
	session := &out.Session
	out.Nonces, session.LastUsedAt, session.IdleUntil = [][]byte{r.Nonce}, stored(r.Now), stored(r.IdleUntil)
	if session.IdleUntil.After(session.ExpiresAt) {
		session.IdleUntil = session.ExpiresAt
	}
	_, err := tx.ExecContext(ctx, `UPDATE auth_sessions SET
			family_hash = ?, token_hash = ?, token_nonce = ?, parent_hash = ?, recent = ?, exchanged_at = ?,
			last_used_at = ?, idle_until = ?
		WHERE id = ?`,
		r.Presented.Family[:], next.Token, next.Nonce, next.Parent, next.Recent, micros(now),
		micros(session.LastUsedAt), micros(session.IdleUntil), session.ID)
	return err
}

// presented finds a live session, its owner and its family by one of its tokens,
// spent or not.
func presented(ctx context.Context, tx *transaction, token login.TokenKey, now time.Time) (login.Rotated, link, error) {
	const columns = `SELECT ` + sessionColumns + `, ` + userAccountColumns + `,
		s.token_hash, s.token_nonce, s.parent_hash, s.recent, s.exchanged_at`
	const owner = `
		JOIN auth_accounts a ON a.user_id = s.user_id
		JOIN users u ON u.id = s.user_id `
	const byFamily = columns + ` FROM auth_sessions s` + owner + `WHERE s.family_hash = ?1 AND` + live
	const byRow = columns + ` FROM auth_refresh_tokens t JOIN auth_sessions s ON s.id = t.session_id` + owner + `
		WHERE t.hash = ?1 AND s.family_hash IS NULL AND` + live
	var session sessionRow
	var row userAccountRow
	var at link
	targets := append(append(session.targets(), row.targets()...), &at.Token, &at.Nonce, &at.Parent, &at.Recent, &at.exchangedAt)
	err := tx.QueryRowContext(ctx, byFamily, token.Family[:], micros(now)).Scan(targets...)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, byRow, token.Token[:], micros(now)).Scan(targets...)
		if err == nil {
			at, err = familyOfRows(ctx, tx, session.session.ID)
		}
	}
	if err != nil {
		return login.Rotated{}, link{}, orOutcome(err, login.ErrTokenUnknown)
	}
	userAccount, err := row.value()
	return login.Rotated{UserAccount: userAccount, Session: session.value()}, at, err
}

// familyOfRows reads the family of a session of an earlier build, which kept a row for
// each token. An erased nonce leads nowhere, so its token is refused.
func familyOfRows(ctx context.Context, tx *transaction, sessionID string) (at link, err error) {
	const query = `
		SELECT t.hash, t.nonce, CASE WHEN t.nonce IS NOT NULL THEN t.parent_hash END, t.created_at
		FROM auth_refresh_tokens t
		WHERE t.session_id = ?1 AND NOT EXISTS (SELECT 1 FROM auth_refresh_tokens c WHERE c.parent_hash = t.hash)`
	err = tx.QueryRowContext(ctx, query, sessionID).Scan(&at.Token, &at.Nonce, &at.Parent, &at.exchangedAt)
	return at, err
}
