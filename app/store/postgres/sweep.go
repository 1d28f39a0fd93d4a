package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
)

// Every step takes rows in the order of an index and skips those that another replica
// has locked. It deletes a session's tokens of the previous release before the session:
// otherwise deleting the session would cascade to all of them at once, which can be
// thousands.
const (
	over = `
		WITH ended AS MATERIALIZED (
			SELECT id FROM auth.sessions WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
		), expired AS MATERIALIZED (
			SELECT id FROM auth.sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
		), over AS MATERIALIZED (
			SELECT id FROM ended UNION SELECT id FROM expired
		)`

	sweepTokens = over + `
		DELETE FROM auth.refresh_tokens WHERE hash IN (
			SELECT t.hash FROM over JOIN auth.refresh_tokens t ON t.session_id = over.id LIMIT $2)`

	sweepSessions = over + `
		DELETE FROM auth.sessions WHERE id IN (
			SELECT over.id FROM over
			WHERE NOT EXISTS (SELECT FROM auth.refresh_tokens t WHERE t.session_id = over.id) LIMIT $2)`

	sweepNonces = `
		UPDATE auth.refresh_tokens SET nonce = NULL WHERE hash IN (
			SELECT hash FROM auth.refresh_tokens
			WHERE nonce IS NOT NULL AND created_at < $1
			ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`

	// eraseRecent finds its sessions by their ids, see tokenfamily.Spent.
	eraseRecent = `
		UPDATE auth.sessions SET recent = NULL
		WHERE id = ANY($1::uuid[]) AND recent IS NOT NULL AND exchanged_at < statement_timestamp() - $2::interval`

	// markIdle ends sessions that went idle, and looks at the others again when they could
	// have. An index on idle_until would do without that, but every refresh would have to
	// write to all indexes of the table.
	markIdle = `
		UPDATE auth.sessions SET
			ended_at = CASE WHEN idle_until < $1 THEN idle_until END,
			idle_check_at = idle_until
		WHERE id IN (
			SELECT id FROM auth.sessions WHERE idle_check_at < $1 AND ended_at IS NULL
			ORDER BY idle_check_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
)

// sweepExpired deletes rows of a table, found by their key, once they expire.
func sweepExpired(table, key string) string {
	return `
		DELETE FROM ` + table + ` WHERE ` + key + ` IN (
			SELECT ` + key + ` FROM ` + table + ` WHERE expires_at < $1
			ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
}

var sweepsOfExpired = []string{
	sweepExpired("auth.challenges", "hash"), sweepExpired("auth.spent_challenges", "hash"), sweepExpired("auth.mail_codes", "hash"),
	sweepExpired("auth.spent_flows", "hash"), sweepExpired("auth.invitations", "id"),
}

// Sweep implements login.Store. The kinds are sessions, the nonces of their families,
// challenges, mailed codes, spent flows, invitations, and the tokens and nonces of the release before.
func (s *Store) Sweep(ctx context.Context, w login.Sweep) (int, error) {
	ended, spent := w.Now.Add(-w.KeepEnded), w.Now.Add(-w.NonceGrace)
	type step struct {
		query  string
		before time.Time
	}
	steps := []step{{sweepTokens, ended}, {sweepSessions, ended}, {sweepNonces, spent}}
	for _, query := range sweepsOfExpired {
		steps = append(steps, step{query, w.Now})
	}
	touched := 0
	exchanged := s.spent.Take(w.Batch, w.NonceGrace)
	err := s.call(ctx, "sweeping", func(ctx context.Context) error {
		touched = len(exchanged)
		return s.pool.inTx(ctx, func(tx pgx.Tx) error {
			looked, err := sweepStep(ctx, tx, markIdle, ended, w.Batch)
			if err != nil {
				return err
			}
			for _, step := range steps {
				n, err := sweepStep(ctx, tx, step.query, step.before, w.Batch)
				if err != nil {
					return err
				}
				touched += n
			}
			if looked >= w.Batch {
				touched = max(touched, looked) // there may be more
			}
			if len(exchanged) == 0 {
				return nil
			}
			_, err = tx.Exec(ctx, eraseRecent, exchanged, w.NonceGrace)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	return touched, nil
}

// sweepStep has each step planned for its very values: a plan made for any limit
// and any time would take most rows to match, and read the whole table.
func sweepStep(ctx context.Context, tx pgx.Tx, query string, before time.Time, batch int) (int, error) {
	tag, err := tx.Exec(ctx, query, pgx.QueryExecModeExec, before, batch)
	return int(tag.RowsAffected()), err
}
