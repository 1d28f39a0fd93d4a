package sqlite

import (
	"context"
	"time"

	"hasura-login/app/login"
)

// A session's tokens go before the session does, so that one that was refreshed
// for weeks does not take thousands of rows along at once. CROSS keeps SQLite from
// reading every token instead, while all others wait to write.
const (
	over = ` (s.ended_at < ?1 OR s.expires_at < ?1 OR s.idle_until < ?1) `

	sweepTokens = `
		DELETE FROM auth_refresh_tokens WHERE hash IN (
			SELECT t.hash FROM auth_sessions s CROSS JOIN auth_refresh_tokens t ON t.session_id = s.id
			WHERE` + over + `LIMIT ?2)`

	sweepSessions = `
		DELETE FROM auth_sessions WHERE id IN (
			SELECT s.id FROM auth_sessions s
			WHERE` + over + `AND NOT EXISTS (SELECT 1 FROM auth_refresh_tokens t WHERE t.session_id = s.id)
			LIMIT ?2)`

	sweepNonces = `
		UPDATE auth_refresh_tokens SET nonce = NULL WHERE hash IN (
			SELECT hash FROM auth_refresh_tokens WHERE nonce IS NOT NULL AND created_at < ?1
			ORDER BY created_at LIMIT ?2)`
)

// sweepExpired deletes rows of a table, found by their key, once they expire.
func sweepExpired(table, key string) string {
	return `
		DELETE FROM ` + table + ` WHERE ` + key + ` IN (
			SELECT ` + key + ` FROM ` + table + ` WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)`
}

var sweepsOfExpired = []string{
	sweepExpired("auth_challenges", "hash"), sweepExpired("auth_spent_challenges", "hash"), sweepExpired("auth_mail_codes", "hash"),
	sweepExpired("auth_spent_flows", "hash"), sweepExpired("auth_invitations", "id"),
}

// Sweep implements login.Store. The kinds are sessions, the nonces of their families,
// challenges, mailed codes, spent flows, invitations, and the tokens and nonces of the release before.
func (s *Store) Sweep(ctx context.Context, w login.Sweep) (int, error) {
	ended, spent := micros(w.Now.Add(-w.KeepEnded)), micros(w.Now.Add(-w.NonceGrace))
	type step struct {
		query  string
		before int64
	}
	steps := []step{{sweepTokens, ended}, {sweepSessions, ended}, {sweepNonces, spent}}
	for _, query := range sweepsOfExpired {
		steps = append(steps, step{query, micros(w.Now)})
	}
	var touched int64
	exchanged := s.spent.Take(w.Batch, w.NonceGrace)
	err := s.update(ctx, "sweeping", func(ctx context.Context, tx *transaction) error {
		for _, step := range steps {
			result, err := tx.ExecContext(ctx, step.query, step.before, w.Batch)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			touched += n
		}
		return eraseRecent(ctx, tx, exchanged, w.NonceGrace)
	})
	if err != nil {
		return 0, err
	}
	return int(touched) + len(exchanged), nil
}

// eraseRecent finds its sessions by their ids, see tokenfamily.Spent.
func eraseRecent(ctx context.Context, tx *transaction, sessions []string, grace time.Duration) error {
	const query = `UPDATE auth_sessions SET recent = NULL WHERE id = ? AND recent IS NOT NULL AND exchanged_at < ?`
	for _, id := range sessions {
		if _, err := tx.ExecContext(ctx, query, id, micros(time.Now().Add(-grace))); err != nil {
			return err
		}
	}
	return nil
}
