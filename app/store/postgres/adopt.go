package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
)

// adoptQuery exchanges a token of the previous release, which kept a row for each in
// auth.refresh_tokens, and moves its family to the session. It answers one row for a
// token of a live session that has not been moved since, and none otherwise:
//
//	presented  the token with all that hangs on it
//	known      its child of before this statement, if there is one; stale if nobody
//	           can derive it, or if it was itself exchanged longer ago than the grace
//	child      the child just inserted, so that a replica of the release before sees
//	           the exchange. The unique parent_hash lets one call win
//	touched    the session, moved or ended; nothing if it was ended meanwhile
//
// A concurrent call may insert a child after this statement began. The index
// sees it, so nothing is inserted, but known does not: errHidden.
const adoptQuery = `
	WITH presented AS MATERIALIZED (
		SELECT ` + sessionColumns + `, ` + userAccountColumns + `, s.id AS session_id,
			t.hash, t.parent_hash, t.nonce AS own_nonce
		FROM auth.refresh_tokens t
		JOIN auth.sessions s ON s.id = t.session_id
		JOIN auth.accounts a ON a.user_id = s.user_id
		JOIN public.users u ON u.id = s.user_id
		WHERE t.hash = $1 AND` + live + `
			AND (s.family_hash IS NULL OR t.created_at > s.exchanged_at)
	), known AS MATERIALIZED (
		SELECT c.nonce, c.nonce IS NULL OR EXISTS (
			SELECT FROM auth.refresh_tokens g
			WHERE g.parent_hash = c.hash AND g.created_at < statement_timestamp() - $3::interval
		) AS stale
		FROM auth.refresh_tokens c WHERE c.parent_hash = $1
	), child AS (
		INSERT INTO auth.refresh_tokens (hash, session_id, parent_hash, nonce, created_at)
		SELECT $4, session_id, hash, $5, statement_timestamp() FROM presented WHERE NOT EXISTS (SELECT FROM known)
		ON CONFLICT (parent_hash) DO NOTHING
		RETURNING hash
	), touched AS (
		UPDATE auth.sessions s SET
			last_used_at = CASE WHEN k.stale THEN s.last_used_at ELSE $2 END,
			idle_until   = CASE WHEN k.stale THEN s.idle_until ELSE LEAST($6, s.expires_at) END,
			ended_at     = CASE WHEN k.stale THEN $2 END,
			family_hash  = $7,
			token_hash   = $4,
			token_nonce  = $5,
			parent_hash  = p.hash,
			recent       = p.parent_hash || p.own_nonce || int8send((extract(epoch FROM statement_timestamp()) * 1000000)::bigint),
			exchanged_at = statement_timestamp()
		FROM presented p LEFT JOIN known k ON true LEFT JOIN child c ON true
		WHERE s.id = p.session_id AND s.ended_at IS NULL AND (k.stale OR c.hash IS NOT NULL)
		RETURNING s.last_used_at, s.idle_until, s.ended_at
	)
	SELECT c.hash IS NOT NULL, k.stale, k.nonce, t.last_used_at, t.idle_until, t.ended_at, p.*
	FROM presented p LEFT JOIN known k ON true LEFT JOIN child c ON true LEFT JOIN touched t ON true`

type adoptRow struct {
	won            bool
	stale          *bool // nil: no child known
	nonce          []byte
	lastUsed, idle *time.Time // nil: the session was not touched
	ended          *time.Time
	session        sessionRow
	userAccount    userAccountRow
}

func (r *adoptRow) targets() []any {
	own := []any{&r.won, &r.stale, &r.nonce, &r.lastUsed, &r.idle, &r.ended}
	own = append(append(own, r.session.targets()...), r.userAccount.targets()...)
	return append(own, nil, nil, nil, nil) // what only the statement itself needs
}

func (s *Store) adopt(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var row adoptRow
	err := s.pool.QueryRow(ctx, adoptQuery,
		r.Presented.Token[:], r.Now, r.Grace, r.Child[:], r.Nonce, r.IdleUntil, r.Presented.Family[:],
	).Scan(row.targets()...)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return s.movedMeanwhile(ctx, r)
	case violates(err, foreignKeyViolation, ""):
		return login.Rotated{}, login.ErrTokenUnknown // user or session deleted meanwhile
	case err != nil:
		return login.Rotated{}, err
	}
	return row.outcome(r.Nonce)
}

// movedMeanwhile distinguishes a token whose family a concurrent call has just moved
// from an unknown one.
func (s *Store) movedMeanwhile(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	const query = `
		SELECT EXISTS (
			SELECT FROM auth.sessions s JOIN auth.refresh_tokens t ON t.session_id = s.id
			WHERE s.family_hash = $1 AND t.hash = $2 AND s.parent_hash = $2 AND s.ended_at IS NULL
		)`
	var moved bool
	if err := s.pool.QueryRow(ctx, query, r.Presented.Family[:], r.Presented.Token[:]).Scan(&moved); err != nil {
		return login.Rotated{}, err
	}
	if moved {
		return login.Rotated{}, errHidden
	}
	return login.Rotated{}, login.ErrTokenUnknown
}

// outcome reads the row of adoptQuery.
func (r *adoptRow) outcome(ours []byte) (login.Rotated, error) {
	out := login.Rotated{UserAccount: r.userAccount.value(), Session: r.session.value(), Nonces: [][]byte{r.nonce}}
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
		out.Nonces = nil
		return out, login.ErrTokenReused
	case r.won:
		out.Nonces = [][]byte{ours}
	}
	return out, nil
}
