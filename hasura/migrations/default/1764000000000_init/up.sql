-- The tables of Hasura Login. Idempotent: the migration tool records a version
-- only after its SQL ran, so a crash in between runs the file twice.

CREATE TABLE IF NOT EXISTS public.users (
  id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  email      text        NOT NULL CONSTRAINT users_email_key UNIQUE,
  name       text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- The same rule as login.NormalizeEmail: lower case, one @, a dot after it, no
  -- space or control character, at most 254 bytes (RFC 5321, 4.5.3.1.3).
  CONSTRAINT users_email_check CHECK (
    octet_length(email) <= 254
    AND email !~ '[A-Z]'
    AND email ~ '^[^@]+@[^@]+[.][^@]+$'
    AND email !~ '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
  ),
  CONSTRAINT users_name_check CHECK (
    char_length(name) BETWEEN 1 AND 200
    AND name !~ '[\u0001-\u001f\u007f-\u009f]'
  )
);

CREATE OR REPLACE FUNCTION public.users_touch() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS users_touch ON public.users;
CREATE TRIGGER users_touch BEFORE UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.users_touch();

-- Never tracked by Hasura: no permission set by mistake can show a hash.
CREATE SCHEMA IF NOT EXISTS auth;

CREATE TABLE IF NOT EXISTS auth.accounts (
  user_id           uuid    PRIMARY KEY REFERENCES public.users (id) ON DELETE CASCADE,
  password          text    NOT NULL,
  roles             text[]  NOT NULL DEFAULT '{user}',
  default_role      text    NOT NULL DEFAULT 'user',
  claims            jsonb   NOT NULL DEFAULT '{}',
  session_version   integer NOT NULL DEFAULT 1,
  email_verified_at timestamptz,
  disabled_at       timestamptz
);

CREATE TABLE IF NOT EXISTS auth.sessions (
  id            uuid        PRIMARY KEY,
  user_id       uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  version       integer     NOT NULL,
  created_at    timestamptz NOT NULL,
  last_used_at  timestamptz NOT NULL,
  idle_until    timestamptz NOT NULL,
  expires_at    timestamptz NOT NULL,
  ended_at      timestamptz,
  client_name   text        NOT NULL DEFAULT '',
  client_prefix text        NOT NULL DEFAULT 'unknown'
);
CREATE INDEX IF NOT EXISTS sessions_user_id_idx ON auth.sessions (user_id);
CREATE INDEX IF NOT EXISTS sessions_expires_at_idx ON auth.sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_ended_at_idx ON auth.sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS auth.refresh_tokens (
  hash        bytea       PRIMARY KEY,
  session_id  uuid        NOT NULL REFERENCES auth.sessions (id) ON DELETE CASCADE,
  parent_hash bytea       UNIQUE,
  nonce       bytea,
  created_at  timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS refresh_tokens_session_id_idx ON auth.refresh_tokens (session_id);
CREATE INDEX IF NOT EXISTS refresh_tokens_nonce_idx ON auth.refresh_tokens (created_at) WHERE nonce IS NOT NULL;

-- What the login service may do, and no more: rows, never definitions.
GRANT USAGE ON SCHEMA auth TO hasura_login;
GRANT SELECT, INSERT, UPDATE, DELETE ON public.users, auth.accounts, auth.sessions, auth.refresh_tokens TO hasura_login;
