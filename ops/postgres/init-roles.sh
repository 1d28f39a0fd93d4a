#!/bin/sh
# Sets the passwords of the roles of roles.sql at Postgres' first start. Each is
# in a file named after its role; psql reads the file itself, so that no password
# is an argument of a program.
set -eu

for role in hasura_login hasura_engine hasura_backup hasura_exporter; do
  for turn in a b; do
    file=/run/secrets/${role}_${turn}
    [ -s "${file}" ] || {
      echo "${file} is missing or empty" >&2
      exit 1
    }
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:?}" \
      --set "role=${role}_${turn}" --set "file=${file}" <<'SQL'
\set password `LC_ALL=C sed -e '1s/^\xef\xbb\xbf//' -e 's/[[:space:]]*$//' :'file'`
ALTER ROLE :"role" PASSWORD :'password';
SQL
  done
done
