-- Roles of the appliance. Idempotent; run as the superuser in the application's
-- database at Postgres' first start, and by each deploy before the migrations.
-- Passwords are set apart, from secret files (ops/postgres/init-roles.sh).
--
-- Each consumer has one NOLOGIN group role that holds its rights and two LOGIN
-- roles, _a and _b, that take turns, so that a password rotates while the old
-- one still works. SET role makes whatever a login role creates belong to the
-- group.
DO $$
DECLARE
  consumer text;
  turn     text;
BEGIN
  FOREACH consumer IN ARRAY ARRAY['hasura_login', 'hasura_engine', 'hasura_backup', 'hasura_exporter'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = consumer) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', consumer);
    END IF;
    FOREACH turn IN ARRAY ARRAY['_a', '_b'] LOOP
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = consumer || turn) THEN
        EXECUTE format('CREATE ROLE %I LOGIN IN ROLE %I', consumer || turn, consumer);
      END IF;
      EXECUTE format('ALTER ROLE %I SET role TO %L', consumer || turn, consumer);
      -- A connection through a pooler has no session in which login could set this.
      IF consumer = 'hasura_login' THEN
        EXECUTE format('ALTER ROLE %I SET statement_timeout TO %L', consumer || turn, '5s');
      END IF;
    END LOOP;
  END LOOP;
  -- auth.claims, the project's function, runs with the rights of this role: it can read
  -- what the project grants it. The engine makes the migrations, so it must be able to
  -- give a function to the role.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hasura_claims') THEN
    CREATE ROLE hasura_claims NOLOGIN;
  END IF;
  GRANT hasura_claims TO hasura_engine;
  -- Hasura's engine keeps its catalog, and runs the migrations, in this database.
  EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO hasura_engine', current_database());
END
$$;
GRANT USAGE, CREATE ON SCHEMA public TO hasura_engine;
GRANT USAGE ON SCHEMA public TO hasura_login, hasura_claims;
GRANT pg_read_all_data TO hasura_backup;
GRANT pg_monitor TO hasura_exporter;
