package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
)

// rotateQuery answers one row for a token of a live session and none otherwise:
//
//	presented  the token with all that hangs on it, if its session is alive
//	known      its child of before this statement, if there is one; stale if the
//	           grace is over or its nonce is gone, so that nobody can derive it
//	child      the child just inserted: the unique parent_hash lets one call win.
//	           It alone is not worth waiting for the disk (decision 5): the end of
//	           a session is waited for
//	touched    the session, used or ended; nothing if it was ended meanwhile, for
//	           an update waits for the one before it and looks again
//
// A concurrent call may insert a child after this statement began. The index
// sees it, so nothing is inserted, but known does not. The row then has neither
// child nor known, and the same statement run again has known.
const rotateQuery = `
	WITH presented AS MATERIALIZED (
		SELECT ` + sessionColumns + `, ` + holderColumns + `, s.id AS session_id, t.hash
		FROM auth.refresh_tokens t
		JOIN auth.sessions s ON s.id = t.session_id
		JOIN auth.accounts a ON a.user_id = s.user_id
		JOIN public.users u ON u.id = s.user_id
		WHERE t.hash = $1 AND` + live + `
	), known AS MATERIALIZED (
		SELECT nonce, nonce IS NULL OR created_at < $3 AS stale
		FROM auth.refresh_tokens WHERE parent_hash = $1
	), child AS (
		INSERT INTO auth.refresh_tokens (hash, session_id, parent_hash, nonce, created_at)
		SELECT $4, session_id, hash, $5, $2 FROM presented WHERE NOT EXISTS (SELECT FROM known)
		ON CONFLICT (parent_hash) DO NOTHING
		RETURNING hash, set_config('synchronous_commit', 'off', true)
	), touched AS (
		UPDATE auth.sessions s SET
			last_used_at = CASE WHEN k.stale THEN s.last_used_at ELSE $2 END,
			idle_until   = CASE WHEN k.stale THEN s.idle_until ELSE LEAST($6, s.expires_at) END,
			ended_at     = CASE WHEN k.stale THEN $2 END
		FROM presented p LEFT JOIN known k ON true LEFT JOIN child c ON true
		WHERE s.id = p.session_id AND s.ended_at IS NULL AND (k.stale OR c.hash IS NOT NULL)
		RETURNING s.last_used_at, s.idle_until, s.ended_at
	)
	SELECT c.hash IS NOT NULL, k.stale, k.nonce, t.last_used_at, t.idle_until, t.ended_at, p.*
	FROM presented p LEFT JOIN known k ON true LEFT JOIN child c ON true LEFT JOIN touched t ON true`

type rotateRow struct {
	won            bool
	stale          *bool // nil: no child known
	nonce          []byte
	lastUsed, idle *time.Time // nil: the session was not touched
	ended          *time.Time
	session        sessionRow
	holder         holderRow
}

func (r *rotateRow) targets() []any {
	own := []any{&r.won, &r.stale, &r.nonce, &r.lastUsed, &r.idle, &r.ended}
	own = append(append(own, r.session.targets()...), r.holder.targets()...)
	return append(own, nil, nil) // the keys that only the statement itself needs
}

// errHidden asks for another try.
var errHidden = errors.New("the child of a concurrent exchange is not visible yet")

// RotateToken implements login.Store in one round trip, or two where a
// concurrent call won. With ErrTokenReused the result names the session and its
// owner.
func (s *Store) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var rotated login.Rotated
	err := s.call(ctx, "exchanging a refresh token", func(ctx context.Context) (err error) {
		rotated, err = s.rotateOnce(ctx, r)
		if errors.Is(err, errHidden) {
			rotated, err = s.rotateOnce(ctx, r)
		}
		return err
	})
	if err != nil && !errors.Is(err, login.ErrTokenReused) {
		return login.Rotated{}, err
	}
	return rotated, err
}

func (s *Store) rotateOnce(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var row rotateRow
	err := s.pool.QueryRow(ctx, rotateQuery,
		r.Presented[:], r.Now, r.Now.Add(-r.Grace), r.Child[:], r.Nonce, r.IdleUntil,
	).Scan(row.targets()...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return login.Rotated{}, login.ErrTokenUnknown
	case violates(err, foreignKeyViolation, ""):
		return login.Rotated{}, login.ErrTokenUnknown // user or session deleted meanwhile
	case err != nil:
		return login.Rotated{}, err
	}
	return row.outcome(r.Nonce)
}

// outcome reads the row of rotateQuery.
func (r *rotateRow) outcome(ours []byte) (login.Rotated, error) {
	out := login.Rotated{Holder: r.holder.value(), Session: r.session.value(), Nonce: r.nonce}
	touched := r.lastUsed != nil
	if touched {
		out.Session.LastUsedAt, out.Session.IdleUntil, out.Session.EndedAt = utc(r.lastUsed), utc(r.idle), utc(r.ended)
	}
	switch reused := r.stale != nil && *r.stale; {
	case !r.won && r.stale == nil:
		return login.Rotated{}, errHidden
	case (r.won || reused) && !touched:
		return login.Rotated{}, login.ErrTokenUnknown // ended meanwhile
	case reused:
		out.Nonce = nil
		return out, login.ErrTokenReused
	case r.won:
		out.Nonce = ours
	}
	return out, nil
}
