#!/bin/sh
# Does what the appliance needs of the official image's entrypoint: a first start
# creates the cluster with the password of POSTGRES_PASSWORD_FILE and
# POSTGRES_INITDB_ARGS, creates POSTGRES_DB, and runs /docker-entrypoint-initdb.d
# against a server that only listens on its own socket. Connections over the
# network need a password.
set -eu
[ "$1" = postgres ] || exec "$@"
[ "$(id -u)" != 0 ] || {
  echo 'this image is run with its user set' >&2
  exit 1
}

mkdir -p "${PGDATA:?}"
chmod 0700 "${PGDATA}"
if [ ! -s "${PGDATA}/PG_VERSION" ]; then
  : "${POSTGRES_USER:=postgres}"
  export PGUSER="${POSTGRES_USER}"
  [ -s "${POSTGRES_PASSWORD_FILE:?}" ] || {
    echo 'the superuser has no password' >&2
    exit 1
  }
  # shellcheck disable=SC2086 # a list of arguments
  initdb --username="${POSTGRES_USER}" --pwfile="${POSTGRES_PASSWORD_FILE}" ${POSTGRES_INITDB_ARGS:-}
  printf '\nhost all all all scram-sha-256\n' >>"${PGDATA}/pg_hba.conf"
  printf "\nlisten_addresses = '*'\n" >>"${PGDATA}/postgresql.conf"
  pg_ctl --silent --wait --options="-c listen_addresses=''" start
  [ "${POSTGRES_DB:-postgres}" = postgres ] || psql --no-psqlrc --quiet --dbname=postgres --command="CREATE DATABASE \"${POSTGRES_DB}\""
  for file in /docker-entrypoint-initdb.d/*; do
    case ${file} in
      *.sh)
        # shellcheck source=ops/postgres/init-roles.sh
        if [ -x "${file}" ]; then "${file}"; else . "${file}"; fi
        ;;
      *.sql) psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username="${POSTGRES_USER}" --dbname="${POSTGRES_DB:-postgres}" --file="${file}" ;;
      *) echo "ignoring ${file}" ;;
    esac
  done
  pg_ctl --silent --wait --mode=fast stop
  unset PGUSER
fi
exec "$@"
