-- Tokens that are sent by mail, and the mails to be sent. Idempotent, as the
-- migration before.

CREATE TABLE IF NOT EXISTS auth.mail_tokens (
  hash       bytea       PRIMARY KEY,
  user_id    uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  purpose    text        NOT NULL,
  email      text        NOT NULL,
  version    integer     NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  -- A newer token takes the place of the older.
  CONSTRAINT mail_tokens_user_id_purpose_key UNIQUE (user_id, purpose)
);
CREATE INDEX IF NOT EXISTS mail_tokens_expires_at_idx ON auth.mail_tokens (expires_at);

CREATE TABLE IF NOT EXISTS auth.outbox (
  id              uuid        PRIMARY KEY,
  user_id         uuid        REFERENCES public.users (id) ON DELETE CASCADE,
  kind            text        NOT NULL,
  recipient       text        NOT NULL,
  payload         jsonb       NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  attempts        integer     NOT NULL DEFAULT 0,
  sent_at         timestamptz,
  failed_at       timestamptz,
  locked_until    timestamptz
);
CREATE INDEX IF NOT EXISTS outbox_user_id_idx ON auth.outbox (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_due_idx ON auth.outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX IF NOT EXISTS outbox_done_idx ON auth.outbox (COALESCE(sent_at, failed_at)) WHERE sent_at IS NOT NULL OR failed_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.mail_tokens, auth.outbox TO hasura_login;
