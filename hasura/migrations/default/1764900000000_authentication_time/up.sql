-- When the owner of a session that an app got by a one-time code signed in: earlier than
-- the session was made. NULL: at created_at. Idempotent, as the migrations before.
ALTER TABLE auth.sessions ADD COLUMN IF NOT EXISTS authenticated_at timestamptz;
