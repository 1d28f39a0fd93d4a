DROP TABLE IF EXISTS public.memberships;
ALTER TABLE auth.invitations DROP CONSTRAINT IF EXISTS invitations_organization_id_fkey;
DROP TABLE IF EXISTS public.organizations;
DROP FUNCTION IF EXISTS auth.organization_keeps_owner();
