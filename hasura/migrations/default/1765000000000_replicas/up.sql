-- What replicas of login on many machines share. Idempotent, as the migrations before.

-- The ring of signing keys, encrypted with a secret that the database does not have.
CREATE TABLE IF NOT EXISTS auth.signing_keys (
  kid        text        PRIMARY KEY,
  sealed     bytea       NOT NULL, -- the key's file; see app/token
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Random keys that replicas draw once and never change.
CREATE TABLE IF NOT EXISTS auth.shared_keys (
  name  text  PRIMARY KEY,
  value bytea NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.signing_keys TO hasura_login;
GRANT SELECT, INSERT ON auth.shared_keys TO hasura_login;
