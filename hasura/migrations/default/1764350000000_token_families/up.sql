-- What a token family must remember stays on its session's row, which
-- is updated in place: no row for each refresh. auth.refresh_tokens keeps the
-- tokens of the release before until their sessions end. Idempotent, as the
-- migrations before.

ALTER TABLE auth.sessions
  ADD COLUMN IF NOT EXISTS family_hash  bytea,       -- the same for all tokens of the session
  ADD COLUMN IF NOT EXISTS token_hash   bytea,       -- the newest token
  ADD COLUMN IF NOT EXISTS token_nonce  bytea,       -- leads from its parent to it
  ADD COLUMN IF NOT EXISTS parent_hash  bytea,       -- good until the newest token is used
  ADD COLUMN IF NOT EXISTS recent       bytea,       -- good for the grace: store/internal/tokenfamily has the form
  ADD COLUMN IF NOT EXISTS exchanged_at timestamptz; -- when the parent was exchanged

-- Partial: the rows there are when it is made are not in it, and it is made at once.
CREATE UNIQUE INDEX IF NOT EXISTS sessions_family_hash_idx ON auth.sessions (family_hash) WHERE family_hash IS NOT NULL;

-- Room in each page for the next version of a row: a refresh then touches no index.
ALTER TABLE auth.sessions SET (fillfactor = 70);
