ALTER TABLE auth.sessions DROP COLUMN IF EXISTS amr, DROP COLUMN IF EXISTS elevated_at;
DROP TABLE IF EXISTS auth.challenges, auth.recovery_codes, auth.totp;
