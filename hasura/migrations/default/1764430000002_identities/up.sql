-- Accounts at other providers that sign in to an account here, and the sign-ins there
-- that are over. Idempotent, as the migrations before.

CREATE TABLE IF NOT EXISTS auth.identities (
  id           uuid        PRIMARY KEY,
  user_id      uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  provider     text        NOT NULL, -- as the settings called it
  issuer       text        NOT NULL,
  subject      text        NOT NULL,
  email        text        NOT NULL DEFAULT '', -- as the provider last wrote it; it does not identify the user
  created_at   timestamptz NOT NULL,
  last_used_at timestamptz NOT NULL,
  CONSTRAINT identities_issuer_subject_key UNIQUE (issuer, subject)
);
CREATE INDEX IF NOT EXISTS identities_user_id_idx ON auth.identities (user_id);

-- A sign-in at a provider that has ended, until it would have expired.
CREATE TABLE IF NOT EXISTS auth.spent_flows (
  hash       bytea       PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS spent_flows_expires_at_idx ON auth.spent_flows (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.identities, auth.spent_flows TO hasura_login;
