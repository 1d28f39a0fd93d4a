package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/tokenfamily"
)

// exchangeQuery answers one row for a token whose family a live session has, and
// none otherwise. It exchanges the token if it is the session's newest:
//
//	presented  the session with its owner and its family, as they were
//	touched    the session, if the token was its newest. An update waits for the
//	           one before it and looks again, so one of parallel calls wins.
//	           It is not worth waiting for the disk (decision 5)
//
// No index has a column that it changes: Postgres can keep the new version of the
// row on the same page. Grace is judged by the clock of the database, the only one
// that all replicas share. recent, of store/internal/tokenfamily, grows only by exchanges
// that follow each other within the grace.
const exchangeQuery = `
	WITH presented AS MATERIALIZED (
		SELECT ` + sessionColumns + `, ` + userAccountColumns + `, s.id AS session_id,
			s.token_hash, s.token_nonce, s.parent_hash, s.recent
		FROM auth.sessions s
		JOIN auth.accounts a ON a.user_id = s.user_id
		JOIN public.users u ON u.id = s.user_id
		WHERE s.family_hash = $1 AND` + live + `
	), touched AS (
		UPDATE auth.sessions s SET
			token_hash = $4, token_nonce = $5, parent_hash = $3, exchanged_at = statement_timestamp(),
			recent = CASE WHEN s.parent_hash IS NOT NULL THEN
				s.parent_hash || s.token_nonce || int8send((extract(epoch FROM statement_timestamp()) * 1000000)::bigint)
				|| CASE WHEN s.exchanged_at >= statement_timestamp() - $7::interval
					THEN substring(COALESCE(s.recent, '') FOR ` + keptRecent + `) ELSE '' END
			END,
			last_used_at = $2, idle_until = LEAST($6, s.expires_at)
		FROM presented p
		WHERE s.id = p.session_id AND s.ended_at IS NULL AND s.token_hash = $3
		RETURNING s.last_used_at, s.idle_until, set_config('synchronous_commit', 'off', true)
	)
	SELECT t.last_used_at, t.idle_until, statement_timestamp(), p.*
	FROM presented p LEFT JOIN touched t ON true`

// keptRecent is (tokenfamily.MaxRecent - 1) * tokenfamily.EntryBytes.
const keptRecent = `1080`

var _ = [1]struct{}{}[(tokenfamily.MaxRecent-1)*tokenfamily.EntryBytes-1080] // they are equal, or this does not compile

type exchangeRow struct {
	lastUsed, idle *time.Time // nil: the session was not touched
	at             time.Time
	session        sessionRow
	userAccount    userAccountRow
	state          tokenfamily.State
}

func (r *exchangeRow) targets() []any {
	own := append([]any{&r.lastUsed, &r.idle, &r.at}, r.session.targets()...)
	own = append(own, r.userAccount.targets()...)
	return append(own, nil, &r.state.Token, &r.state.Nonce, &r.state.Parent, &r.state.Recent)
}

// errHidden asks for another try: a concurrent exchange is not visible yet.
var errHidden = errors.New("a concurrent exchange is not visible yet")

// RotateToken implements login.Store in one round trip, or two if a concurrent
// call won. With ErrTokenReused the result names the session and its owner.
func (s *Store) RotateToken(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var rotated login.Rotated
	err := s.call(ctx, "exchanging a refresh token", func(ctx context.Context) (err error) {
		for range 3 {
			if rotated, err = s.rotateOnce(ctx, r); !errors.Is(err, errHidden) {
				break
			}
		}
		return err
	})
	if err != nil && !errors.Is(err, login.ErrTokenReused) {
		return login.Rotated{}, err
	}
	return rotated, err
}

func (s *Store) rotateOnce(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var row exchangeRow
	err := s.pool.QueryRow(ctx, exchangeQuery,
		r.Presented.Family[:], r.Now, r.Presented.Token[:], r.Child[:], r.Nonce, r.IdleUntil, r.Grace,
	).Scan(row.targets()...)
	if errors.Is(err, pgx.ErrNoRows) {
		return s.adopt(ctx, r)
	}
	if err != nil {
		return login.Rotated{}, err
	}
	out := login.Rotated{UserAccount: row.userAccount.value(), Session: row.session.value(), Nonces: [][]byte{r.Nonce}}
	if row.lastUsed != nil {
		out.Session.LastUsedAt, out.Session.IdleUntil = utc(row.lastUsed), utc(row.idle)
		if row.state.Parent != nil {
			s.spent.Add(out.Session.ID)
		}
		return out, nil
	}
	var verdict tokenfamily.Verdict
	switch verdict, out.Nonces = row.state.Judge(r.Presented.Token[:], row.at, r.Grace); verdict {
	case tokenfamily.Newest:
		return login.Rotated{}, errHidden
	case tokenfamily.Good:
		return out, nil
	}
	// The release before may have gone on with the family, after a rollback.
	if adopted, err := s.adopt(ctx, r); !errors.Is(err, login.ErrTokenUnknown) {
		return adopted, err
	}
	return s.endReused(ctx, out, r.Now)
}

// endReused ends the session of a spent token, and waits for the disk.
func (s *Store) endReused(ctx context.Context, out login.Rotated, now time.Time) (login.Rotated, error) {
	const query = `UPDATE auth.sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING ended_at`
	var ended *time.Time
	err := s.pool.QueryRow(ctx, query, out.Session.ID, now).Scan(&ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return login.Rotated{}, login.ErrTokenUnknown // ended meanwhile
	}
	if err != nil {
		return login.Rotated{}, err
	}
	out.Session.EndedAt = utc(ended)
	return out, login.ErrTokenReused
}
