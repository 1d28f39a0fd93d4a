-- The claims that a function of the project adds to access tokens (docs/hasura.md).
-- Idempotent; a function that has replaced the default stays.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hasura_claims') THEN
    RAISE EXCEPTION 'role hasura_claims is missing'
      USING HINT = 'Run ops/postgres/roles.sql in this database as a superuser, then the migrations again. scripts/deploy does both.';
  END IF;
  IF to_regprocedure('auth.claims(uuid)') IS NULL THEN
    -- Login does not call a function with exactly this body (store/postgres/claims.go).
    CREATE FUNCTION auth.claims(user_id uuid) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS 'SELECT ''{}''::jsonb /* the default */';
    REVOKE ALL ON FUNCTION auth.claims(uuid) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION auth.claims(uuid) TO hasura_claims;
  END IF;
END
$$;

-- Login calls this function. It runs the project's with the rights of hasura_claims, and
-- nothing in it can take others: SET ROLE is forbidden inside. With this form of body, the
-- project's function can be replaced but not dropped, which would leave claims out.
CREATE OR REPLACE FUNCTION auth.call_claims(user_id uuid) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
  SELECT auth.claims(user_id);
END;
GRANT CREATE ON SCHEMA auth TO hasura_claims; -- only an owner with this right can be given the function
ALTER FUNCTION auth.call_claims(uuid) OWNER TO hasura_claims;
REVOKE CREATE ON SCHEMA auth FROM hasura_claims;
REVOKE ALL ON FUNCTION auth.call_claims(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.call_claims(uuid) TO hasura_login;
