-- Claims that no token carries are taken again.
DROP TRIGGER IF EXISTS accounts_claims ON auth.accounts;
DROP FUNCTION IF EXISTS auth.accounts_claims();
