package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"hasura-login/app/login"
)

// A session's tokens go before the session does: deleting the session alone
// would take all of them at once, thousands for one that was refreshed for
// weeks. Rows that another replica is at are left to it.
const (
	overSessions = `
		SELECT s.id FROM auth.sessions s
		WHERE (s.ended_at < $1 OR s.expires_at < $1 OR s.idle_until < $1)`

	sweepTokens = `
		WITH over AS MATERIALIZED (` + overSessions + ` LIMIT $2 FOR UPDATE SKIP LOCKED)
		DELETE FROM auth.refresh_tokens WHERE hash IN (
			SELECT t.hash FROM auth.refresh_tokens t JOIN over ON over.id = t.session_id LIMIT $2)`

	sweepSessions = `
		DELETE FROM auth.sessions WHERE id IN (` + overSessions + `
			AND NOT EXISTS (SELECT FROM auth.refresh_tokens t WHERE t.session_id = s.id)
			LIMIT $2 FOR UPDATE SKIP LOCKED)`

	sweepNonces = `
		UPDATE auth.refresh_tokens SET nonce = NULL WHERE hash IN (
			SELECT hash FROM auth.refresh_tokens
			WHERE nonce IS NOT NULL AND created_at < $1
			ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`
)

// Sweep implements login.Store. The kinds are tokens, sessions and nonces.
func (s *Store) Sweep(ctx context.Context, w login.Sweep) (int, error) {
	over, spent := w.Now.Add(-w.KeepEnded), w.Now.Add(-w.NonceGrace)
	var touched int
	err := s.call(ctx, "sweeping", func(ctx context.Context) error {
		touched = 0
		var batch pgx.Batch
		batch.Queue(sweepTokens, over, w.Batch)
		batch.Queue(sweepSessions, over, w.Batch)
		batch.Queue(sweepNonces, spent, w.Batch)
		results := s.pool.SendBatch(ctx, &batch)
		defer results.Close()
		for range batch.Len() {
			tag, err := results.Exec()
			if err != nil {
				return err
			}
			touched += int(tag.RowsAffected())
		}
		return results.Close()
	})
	if err != nil {
		return 0, err
	}
	return touched, nil
}
