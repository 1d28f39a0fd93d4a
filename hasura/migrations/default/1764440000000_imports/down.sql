DROP INDEX IF EXISTS auth.accounts_imported_idx;
