ALTER TABLE auth.sessions DROP COLUMN IF EXISTS origin_id;
