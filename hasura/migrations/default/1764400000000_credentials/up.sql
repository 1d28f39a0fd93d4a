-- Second factors, the challenges that ask for one, and how a session was opened.
-- Each kind of credential has a table of its own, and an account may have none of
-- it. Idempotent, as the migrations before.

CREATE TABLE IF NOT EXISTS auth.totp (
  user_id    uuid        PRIMARY KEY REFERENCES public.users (id) ON DELETE CASCADE,
  secret     bytea       NOT NULL, -- encrypted by the service
  last_step  bigint      NOT NULL, -- time step of the last code that was used
  created_at timestamptz NOT NULL
);

-- A used code is deleted.
CREATE TABLE IF NOT EXISTS auth.recovery_codes (
  user_id    uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  hash       bytea       NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, hash)
);

CREATE TABLE IF NOT EXISTS auth.challenges (
  hash       bytea       PRIMARY KEY,
  user_id    uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  purpose    text        NOT NULL,
  version    integer     NOT NULL, -- void once the account has another
  client     text        NOT NULL, -- void for another
  data       bytea,
  tries      integer     NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS challenges_user_id_idx ON auth.challenges (user_id);
CREATE INDEX IF NOT EXISTS challenges_expires_at_idx ON auth.challenges (expires_at);

ALTER TABLE auth.sessions
  ADD COLUMN IF NOT EXISTS amr         text NOT NULL DEFAULT '', -- RFC 8176, separated by spaces
  ADD COLUMN IF NOT EXISTS elevated_at timestamptz;              -- when its owner last proved who they are

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.totp, auth.recovery_codes, auth.challenges TO hasura_login;
