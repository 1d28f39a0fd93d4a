-- Signs nobody out: the newest tokens go back to where the release before looks
-- for them. Run it when that release has taken over (docs/runbooks/rollback.md).
-- A family that it has gone on with already stays as it is.
DELETE FROM auth.refresh_tokens t USING auth.sessions s
  WHERE s.id = t.session_id AND s.family_hash IS NOT NULL
  AND NOT EXISTS (SELECT FROM auth.refresh_tokens n WHERE n.session_id = s.id AND n.created_at > s.exchanged_at);
INSERT INTO auth.refresh_tokens (hash, session_id, parent_hash, nonce, created_at)
  SELECT s.token_hash, s.id, s.parent_hash, s.token_nonce, COALESCE(s.exchanged_at, s.created_at)
  FROM auth.sessions s
  WHERE s.family_hash IS NOT NULL AND s.ended_at IS NULL
  AND NOT EXISTS (SELECT FROM auth.refresh_tokens t WHERE t.session_id = s.id);
DROP INDEX IF EXISTS auth.sessions_family_hash_idx;
ALTER TABLE auth.sessions RESET (fillfactor);
ALTER TABLE auth.sessions
  DROP COLUMN IF EXISTS family_hash, DROP COLUMN IF EXISTS token_hash, DROP COLUMN IF EXISTS token_nonce,
  DROP COLUMN IF EXISTS parent_hash, DROP COLUMN IF EXISTS recent, DROP COLUMN IF EXISTS exchanged_at;
