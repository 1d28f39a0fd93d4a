-- How many notices of a kind a user got lately, so that nobody's mailbox is
-- filled. Idempotent, as the migrations before.

CREATE TABLE IF NOT EXISTS auth.notices (
  user_id uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  kind    text        NOT NULL,
  since   timestamptz NOT NULL,
  count   integer     NOT NULL,
  PRIMARY KEY (user_id, kind)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.notices TO hasura_login;
