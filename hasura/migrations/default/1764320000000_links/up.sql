-- Device tokens and mailed links outlive signing out, several links of a kind
-- work at once, a spent one is remembered, and a sign-up that nobody has opened
-- can give way. Idempotent, as the migrations before, and a service of the
-- release before goes on working: it writes slot 0, and to it a spent token has
-- expired.

-- How many of the version's raises were the owner's signing out everywhere.
-- session_version - signouts is the version of the password: what is bound to that
-- lives on when sessions end.
ALTER TABLE auth.accounts ADD COLUMN IF NOT EXISTS signouts integer NOT NULL DEFAULT 0;

-- Made by a sign-up that opened no session, and none since. Accounts of before
-- count as opened.
ALTER TABLE auth.accounts ADD COLUMN IF NOT EXISTS unopened boolean NOT NULL DEFAULT false;
CREATE INDEX IF NOT EXISTS accounts_unopened_idx ON auth.accounts (user_id) WHERE unopened;

ALTER TABLE auth.mail_tokens ADD COLUMN IF NOT EXISTS slot integer NOT NULL DEFAULT 0;
ALTER TABLE auth.mail_tokens ADD COLUMN IF NOT EXISTS spent_at timestamptz;

-- The name stays: the release before goes by it.
ALTER TABLE auth.mail_tokens
  DROP CONSTRAINT IF EXISTS mail_tokens_user_id_purpose_key,
  ADD CONSTRAINT mail_tokens_user_id_purpose_key UNIQUE (user_id, purpose, slot);
