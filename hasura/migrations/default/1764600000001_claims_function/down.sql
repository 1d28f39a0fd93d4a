DROP FUNCTION IF EXISTS auth.call_claims(uuid);
DROP FUNCTION IF EXISTS auth.claims(uuid);
