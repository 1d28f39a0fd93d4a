-- Voids every mailed link: only for development.
DELETE FROM auth.mail_tokens;
ALTER TABLE auth.mail_tokens
  DROP CONSTRAINT IF EXISTS mail_tokens_user_id_purpose_key,
  ADD CONSTRAINT mail_tokens_user_id_purpose_key UNIQUE (user_id, purpose),
  DROP COLUMN IF EXISTS slot,
  DROP COLUMN IF EXISTS spent_at;
ALTER TABLE auth.accounts
  DROP COLUMN IF EXISTS signouts,
  DROP COLUMN IF EXISTS unopened;
