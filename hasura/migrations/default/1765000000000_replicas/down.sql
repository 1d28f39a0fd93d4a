DROP TABLE IF EXISTS auth.signing_keys;
DROP TABLE IF EXISTS auth.shared_keys;
