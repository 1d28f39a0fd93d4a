-- Searches and sweeps that read what they find, and not every user and session.
-- Idempotent, as the migrations before.

-- When a session has to be looked at whether it went idle: before that it cannot have
-- been. A refresh does not move it, so that no index has to be written. The release before
-- writes it too, by the default.
ALTER TABLE auth.sessions ADD COLUMN IF NOT EXISTS idle_check_at timestamptz;
ALTER TABLE auth.sessions ALTER COLUMN idle_check_at SET DEFAULT now();

-- Partial: the sessions there are when it is made are not in it, and it is made at once.
-- They are swept when they expire.
CREATE INDEX IF NOT EXISTS sessions_idle_check_at_idx ON auth.sessions (idle_check_at) WHERE idle_check_at IS NOT NULL AND ended_at IS NULL;

-- `users list --email` finds a part of an address. Postgres has pg_trgm among the
-- extensions that the owner of a database may create. Where it has not, a search reads
-- every address.
DO $$
DECLARE
  home text;
BEGIN
  BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA auth;
  EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
    RAISE NOTICE 'no pg_trgm, so users list --email reads every address: %', SQLERRM;
  END;
  SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
  IF FOUND THEN
    EXECUTE format('CREATE INDEX IF NOT EXISTS users_email_part_idx ON public.users USING gin (email %I.gin_trgm_ops)', home);
  END IF;
END
$$;
