-- The extension stays: something else may use it.
DROP INDEX IF EXISTS public.users_email_part_idx;
DROP INDEX IF EXISTS auth.sessions_idle_check_at_idx;
ALTER TABLE auth.sessions DROP COLUMN IF EXISTS idle_check_at;
