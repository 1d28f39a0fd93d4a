-- The session of the hosted pages that an app's session comes from: signing out of
-- the app ends that one too. Without a foreign key, since sessions of before are
-- swept. Idempotent, as the migrations before.
ALTER TABLE auth.sessions ADD COLUMN IF NOT EXISTS origin_id uuid;
