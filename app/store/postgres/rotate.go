package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
	"hasura-login/app/store/internal/tokenfamily"
)

// exchange exchanges the newest token of a live session and answers its row; for any
// other token it answers none. An update waits for the one before it and looks again, so
// one of parallel calls wins. It is not worth waiting for the disk (decision 5).
//
// No index has a column that it changes: Postgres can keep the new version of the
// row on the same page. Grace is judged by the clock of the database, the only one
// that all replicas share. recent, of store/internal/tokenfamily, grows only by exchanges
// that follow each other within the grace.
//
// It does not read the row before it writes it: that and a join of both took Postgres a
// fifth more time.
const exchange = `
	UPDATE auth.sessions s SET
		token_hash = $4, token_nonce = $5, parent_hash = $3, exchanged_at = statement_timestamp(),
		recent = CASE WHEN s.parent_hash IS NOT NULL THEN
			s.parent_hash || s.token_nonce || int8send((extract(epoch FROM statement_timestamp()) * 1000000)::bigint)
			|| CASE WHEN s.exchanged_at >= statement_timestamp() - $7::interval
				THEN substring(COALESCE(s.recent, '') FOR ` + keptRecent + `) ELSE '' END
		END,
		last_used_at = $2, idle_until = LEAST($6, s.expires_at)
	FROM auth.accounts a, public.users u
	WHERE s.family_hash = $1 AND s.token_hash = $3 AND a.user_id = s.user_id AND u.id = s.user_id AND` + live + `
	RETURNING ` + sessionColumns + `, ` + userAccountColumns + `, s.recent IS NOT NULL, set_config('synchronous_commit', 'off', true)`

// familyOf answers the family of a live session.
const familyOf = `
	SELECT ` + sessionColumns + `, ` + userAccountColumns + `,
		statement_timestamp(), s.token_hash, s.token_nonce, s.parent_hash, s.recent
	FROM auth.sessions s
	JOIN auth.accounts a ON a.user_id = s.user_id
	JOIN public.users u ON u.id = s.user_id
	WHERE s.family_hash = $1 AND` + live + `
`

// keptRecent is (tokenfamily.MaxRecent - 1) * tokenfamily.EntryBytes.
const keptRecent = `1080`

var _ = [1]struct{}{}[(tokenfamily.MaxRecent-1)*tokenfamily.EntryBytes-1080] // they are equal, or this does not compile

// errHidden asks for another try: a concurrent exchange is not visible yet.
var errHidden = errors.New("a concurrent exchange is not visible yet")

// RotateToken implements login.Store in one round trip, which callers share (see
// exchanges), or two if the token is not the newest. With ErrTokenReused the result names the session and its owner.
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
	x := &exchanging{Rotation: r}
	err := s.exchanges.do(ctx, x)
	if errors.Is(err, errAlone) {
		x = &exchanging{Rotation: r}
		_ = s.exchangeAlone(ctx, x)
		err = x.err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return s.judge(ctx, r)
	}
	if err != nil {
		return login.Rotated{}, err
	}
	if x.erase {
		s.spent.Add(x.session.session.ID)
	}
	return x.rotated(), nil
}

// judge decides about a token that is not the newest of a live session.
func (s *Store) judge(ctx context.Context, r login.Rotation) (login.Rotated, error) {
	var session sessionRow
	var userAccount userAccountRow
	var at time.Time
	var state tokenfamily.State
	targets := append(session.targets(), userAccount.targets()...)
	targets = append(targets, &at, &state.Token, &state.Nonce, &state.Parent, &state.Recent)
	err := s.pool.QueryRow(ctx, familyOf, r.Presented.Family[:], r.Now).Scan(targets...)
	if errors.Is(err, pgx.ErrNoRows) {
		return s.adopt(ctx, r)
	}
	if err != nil {
		return login.Rotated{}, err
	}
	out := login.Rotated{UserAccount: userAccount.value(), Session: session.value()}
	var verdict tokenfamily.Verdict
	switch verdict, out.Nonces = state.Judge(r.Presented.Token[:], at, r.Grace); verdict {
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
