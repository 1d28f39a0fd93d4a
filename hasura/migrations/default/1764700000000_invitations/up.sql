-- Invitations by mail: to an organisation, or only to sign up. Idempotent, as the
-- migrations before.

CREATE TABLE IF NOT EXISTS auth.invitations (
  id              uuid        PRIMARY KEY,
  hash            bytea       NOT NULL UNIQUE, -- of the token in the mail
  email           text        NOT NULL,
  organization_id uuid,                        -- NULL: only to sign up
  role            text        NOT NULL DEFAULT '', -- in the organisation
  invited_by      uuid        REFERENCES public.users (id) ON DELETE CASCADE, -- NULL: an operator
  created_at      timestamptz NOT NULL,
  expires_at      timestamptz NOT NULL
);
-- A newer invitation replaces the older.
CREATE UNIQUE INDEX IF NOT EXISTS invitations_email_idx
  ON auth.invitations (email, COALESCE(organization_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX IF NOT EXISTS invitations_organization_id_idx ON auth.invitations (organization_id) WHERE organization_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS invitations_invited_by_idx ON auth.invitations (invited_by) WHERE invited_by IS NOT NULL;
CREATE INDEX IF NOT EXISTS invitations_expires_at_idx ON auth.invitations (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON auth.invitations TO hasura_login;
