-- Passkeys: public keys of authenticators (WebAuthn). Idempotent, as the migrations
-- before.

-- The random name by which authenticators know a user. It outlives the passkeys, so
-- that an authenticator replaces an old one instead of keeping both.
CREATE TABLE IF NOT EXISTS auth.user_handles (
  user_id uuid  PRIMARY KEY REFERENCES public.users (id) ON DELETE CASCADE,
  handle  bytea NOT NULL
);

CREATE TABLE IF NOT EXISTS auth.passkeys (
  id              uuid        PRIMARY KEY,
  user_id         uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  credential_id   bytea       NOT NULL UNIQUE,
  public_key      bytea       NOT NULL, -- COSE_Key
  aaguid          uuid        NOT NULL, -- the authenticator's model
  sign_count      bigint      NOT NULL, -- 0: the authenticator does not count
  backup_eligible boolean     NOT NULL,
  backed_up       boolean     NOT NULL,
  transports      text        NOT NULL, -- separated by spaces
  name            text        NOT NULL,
  created_at      timestamptz NOT NULL,
  last_used_at    timestamptz
);
CREATE INDEX IF NOT EXISTS passkeys_user_id_idx ON auth.passkeys (user_id);

-- Challenges that a passkey has signed, until they expire. Only a right signature
-- makes a row.
CREATE TABLE IF NOT EXISTS auth.spent_challenges (
  hash       bytea       PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS spent_challenges_expires_at_idx ON auth.spent_challenges (expires_at);

GRANT SELECT, INSERT ON auth.user_handles TO hasura_login;
GRANT SELECT, INSERT, UPDATE, DELETE ON auth.passkeys, auth.spent_challenges TO hasura_login;
