-- Custom claims that no token would carry are refused when somebody writes them, not
-- left out of tokens later. Idempotent, as the migrations before; what is stored
-- already stays.

CREATE OR REPLACE FUNCTION auth.accounts_claims() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
  bad text;
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.claims IS NOT DISTINCT FROM OLD.claims THEN
    RETURN NEW;
  END IF;
  IF jsonb_typeof(NEW.claims) <> 'object' THEN
    RAISE EXCEPTION 'claims must be a JSON object'
      USING ERRCODE = 'check_violation', SCHEMA = 'auth', TABLE = 'accounts', CONSTRAINT = 'accounts_claims_check';
  END IF;
  -- The names that token.CheckAccount refuses.
  SELECT c.key INTO bad FROM jsonb_each(NEW.claims) AS c
  WHERE jsonb_typeof(c.value) <> 'string'
    OR c.key !~ '^x-hasura-[a-z0-9_-]{1,110}$'
    OR c.key ~ '^x-hasura-admin|secret'
    OR c.key IN ('x-hasura-allowed-roles', 'x-hasura-default-role', 'x-hasura-user-id', 'x-hasura-session-id',
      'x-hasura-email-verified', 'x-hasura-auth-elevated', 'x-hasura-role', 'x-hasura-access-key', 'x-hasura-use-backend-only-permissions')
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'claim % is reserved, is not named x-hasura-… in small letters, or is not a string', quote_literal(bad)
      USING ERRCODE = 'check_violation', SCHEMA = 'auth', TABLE = 'accounts', CONSTRAINT = 'accounts_claims_check',
        HINT = 'hasura-login users set-claims checks what a token can carry, its size too.';
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION auth.accounts_claims() FROM PUBLIC;

DROP TRIGGER IF EXISTS accounts_claims ON auth.accounts;
CREATE TRIGGER accounts_claims BEFORE INSERT OR UPDATE OF claims ON auth.accounts
  FOR EACH ROW WHEN (NEW.claims <> '{}') EXECUTE FUNCTION auth.accounts_claims();
