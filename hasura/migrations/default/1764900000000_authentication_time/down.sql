ALTER TABLE auth.sessions DROP COLUMN IF EXISTS authenticated_at;
