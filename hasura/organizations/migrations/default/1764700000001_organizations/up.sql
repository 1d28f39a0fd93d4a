-- Organisations and their members, for installations with LOGIN_ORGANIZATIONS=true.
-- Idempotent, as the migrations before.

DO $$
BEGIN
  IF to_regclass('public.organizations') IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'organizations_name_check' AND conrelid = to_regclass('public.organizations'))
    OR to_regclass('public.memberships') IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'memberships_role_check' AND conrelid = to_regclass('public.memberships'))
  THEN
    RAISE EXCEPTION 'public.organizations or public.memberships is a table of the application'
      USING HINT = 'Rename the table, or set LOGIN_ORGANIZATIONS=false.';
  END IF;
END
$$;

CREATE TABLE IF NOT EXISTS public.organizations (
  id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organizations_name_check CHECK (
    char_length(name) BETWEEN 1 AND 60
    AND name !~ '[\u0001-\u001f\u007f-\u009f]'
  )
);

CREATE TABLE IF NOT EXISTS public.memberships (
  organization_id uuid        NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
  user_id         uuid        NOT NULL REFERENCES public.users (id) ON DELETE CASCADE,
  role            text        NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, user_id),
  -- The same rule as login.ParseMemberRole.
  CONSTRAINT memberships_role_check CHECK (role ~ '^[a-z][a-z0-9_-]{0,31}$')
);
CREATE INDEX IF NOT EXISTS memberships_user_id_idx ON public.memberships (user_id);

-- An organisation keeps an owner, whoever deletes or changes members and whichever way:
-- deleting a user removes the user's memberships too. The organisation's row is locked,
-- so that two owners who leave at the same time cannot both count on the other.
-- SECURITY DEFINER: a role that deletes users may have no right to this table.
CREATE OR REPLACE FUNCTION auth.organization_keeps_owner() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
  PERFORM FROM public.organizations WHERE id = OLD.organization_id FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (SELECT FROM public.memberships WHERE organization_id = OLD.organization_id AND role = 'owner') THEN
    RAISE EXCEPTION 'organization % would have no owner', OLD.organization_id
      USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'memberships', CONSTRAINT = 'memberships_owner',
        HINT = 'Make another member owner first, or delete the organization.';
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION auth.organization_keeps_owner() FROM PUBLIC;

DROP TRIGGER IF EXISTS memberships_owner_gone ON public.memberships;
CREATE TRIGGER memberships_owner_gone AFTER DELETE ON public.memberships
  FOR EACH ROW WHEN (OLD.role = 'owner') EXECUTE FUNCTION auth.organization_keeps_owner();
DROP TRIGGER IF EXISTS memberships_owner_changed ON public.memberships;
CREATE TRIGGER memberships_owner_changed AFTER UPDATE ON public.memberships
  FOR EACH ROW WHEN (OLD.role = 'owner' AND (NEW.role <> 'owner' OR NEW.organization_id <> OLD.organization_id))
  EXECUTE FUNCTION auth.organization_keeps_owner();

-- An invitation ends with its organisation.
ALTER TABLE auth.invitations
  DROP CONSTRAINT IF EXISTS invitations_organization_id_fkey,
  ADD CONSTRAINT invitations_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations (id) ON DELETE CASCADE;

GRANT SELECT, INSERT, UPDATE, DELETE ON public.organizations, public.memberships TO hasura_login;
