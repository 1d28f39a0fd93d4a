-- Takes every user with it: only for development. A rollback in production never
-- runs this (docs/runbooks/rollback.md).
DROP TABLE IF EXISTS auth.refresh_tokens, auth.sessions, auth.accounts;
DROP SCHEMA IF EXISTS auth;
DROP TABLE IF EXISTS public.users;
DROP FUNCTION IF EXISTS public.users_touch();
