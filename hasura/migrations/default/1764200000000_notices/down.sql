-- Forgets who was told what: only for development.
DROP TABLE IF EXISTS auth.notices;
