-- What mailed codes belong to. There is a row whether or not the address has an
-- account, so that asking for a code tells nothing; the code itself is nowhere.
-- Idempotent, as the migrations before.

CREATE TABLE IF NOT EXISTS auth.mail_codes (
  hash        bytea       PRIMARY KEY, -- of the challenge that whoever asked presents
  purpose     text        NOT NULL,
  mail_id     uuid        NOT NULL,
  email       text        NOT NULL,
  device      text        NOT NULL,
  new_account boolean     NOT NULL,
  tries       integer     NOT NULL DEFAULT 0,
  expires_at  timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS mail_codes_expires_at_idx ON auth.mail_codes (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.mail_codes TO hasura_login;
