# shellcheck shell=bash disable=SC2154 # bats and setup.bash set names
# Real servers for the tests that need them: the stub docker hands "exec postgres" and "exec redis" to
# these. One of each for a file of tests.

# As an unprivileged user, which Postgres insists on.
unprivileged() {
  if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi
}

postgres_program() {
  local path
  path=$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort --version-sort | tail -n 1)
  if [[ -x ${path} ]]; then printf '%s' "${path}"; else command -v "$1"; fi
}

# Below the ports that the Go tests take, and those of outgoing connections.
free_port() {
  local port
  while true; do
    port=$((5000 + RANDOM % 5000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/${port}") 2>/dev/null; then break; fi
  done
  printf '%s' "${port}"
}

# Passwords count over the network and not on the socket, as in the container.
#   start_postgres [SETTINGS], as "-c name=value"
start_postgres() {
  export PG=${BATS_FILE_TMPDIR}/pg PG_PORT
  chmod a+rx "${BATS_FILE_TMPDIR}" "${BATS_RUN_TMPDIR}" "${BATS_FILE_TMPDIR%/*}"
  mkdir -p "${PG}"
  if ((EUID == 0)); then chown postgres "${PG}"; fi
  unprivileged "$(postgres_program initdb)" -D "${PG}/data" -U postgres --auth-local=trust --auth-host=scram-sha-256 \
    -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  # Another program may take the port between the look and the start.
  for _ in 1 2 3; do
    PG_PORT=$(free_port)
    if unprivileged "$(postgres_program pg_ctl)" -D "${PG}/data" -w -l "${PG}/log" \
      -o "-h 127.0.0.1 -p ${PG_PORT} -k ${PG} -c fsync=off -c log_statement=all ${1:-}" start >/dev/null 3>&-; then
      return 0
    fi
  done
  cat "${PG}/log"
  return 1
}

stop_postgres() { unprivileged "$(postgres_program pg_ctl)" -D "${PG}/data" -m immediate stop >/dev/null; }

as_superuser() { PGOPTIONS='-c client_min_messages=error' psql -X -q -A -t -v ON_ERROR_STOP=1 -h "${PG}" -p "${PG_PORT}" -U postgres "$@"; }

# A database as the migrations make it, with some hundred users: the template of every test's.
make_template() {
  local file
  as_superuser -c 'CREATE DATABASE filled'
  as_superuser -d filled -f "${REPOSITORY}/ops/postgres/roles.sql" -f /dev/stdin <<<'SET ROLE hasura_engine; CREATE SCHEMA hdb_catalog;'
  for file in "${REPOSITORY}"/hasura/migrations/default/*/up.sql; do
    as_superuser -d filled -c 'SET ROLE hasura_engine' -f "${file}"
  done
  as_superuser -d filled <<'SQL'
INSERT INTO public.users (email, name) SELECT 'user' || n || '@example.org', 'Ünï "' || n || '" \t' FROM generate_series(1, 500) AS n;
INSERT INTO auth.accounts (user_id, password, claims) SELECT id, md5(email), jsonb_build_object('x-hasura-name', name) FROM public.users;
INSERT INTO auth.sessions (id, user_id, version, created_at, last_used_at, idle_until, expires_at)
  SELECT gen_random_uuid(), id, 1, now(), now(), now() + interval '1 day', now() + interval '30 days' FROM public.users;
INSERT INTO auth.refresh_tokens (hash, session_id, created_at) SELECT sha256(id::text::bytea), id, now() FROM auth.sessions;
CREATE TABLE hdb_catalog.hdb_metadata (id integer PRIMARY KEY, metadata json NOT NULL);
INSERT INTO hdb_catalog.hdb_metadata VALUES (1, '{"version": 3}');
SQL
}

# The appliance's database, with the passwords of its secrets.
fill_database() {
  local database file
  for database in $(as_superuser -c "SELECT datname FROM pg_database WHERE datname LIKE 'hasura%'"); do
    as_superuser -c "DROP DATABASE ${database} WITH (FORCE)"
  done
  as_superuser -c 'CREATE DATABASE hasura TEMPLATE filled'
  # Rights on the database itself do not come with a template.
  as_superuser -d hasura -f "${REPOSITORY}/ops/postgres/roles.sql"
  for file in "${HASURA_LOGIN_ROOT}"/secrets/postgres/hasura_*_[ab]; do
    printf "ALTER ROLE %s PASSWORD '%s';\n" "${file##*/}" "$(<"${file}")"
  done | as_superuser
}

# Redis with the users of the appliance's secrets; the test stops it.
redis_of_test() {
  export REDIS_PORT
  REDIS_PORT=$(free_port)
  start_redis
  echo redis >>"${WORLD}/services"
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach redis
}

start_redis() {
  redis-server --port "${REDIS_PORT}" --bind 127.0.0.1 --save '' --aclfile "${HASURA_LOGIN_ROOT}/secrets/redis/users.acl" \
    --daemonize yes --pidfile "${BATS_TEST_TMPDIR}/redis.pid" >/dev/null 3>&-
  until redis-cli -p "${REDIS_PORT}" ping >/dev/null 2>&1; do sleep 0.1; done
}
