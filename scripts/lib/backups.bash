# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Backups: one folder each, every part encrypted to the recipients of
# backups/recipients; only SHA256SUMS is readable, so that a copy can be checked
# anywhere without a key.
#   database.dump.age   pg_dump -Fc
#   manifest.age        rows and checksum of every table, of the same snapshot
#   roles.sql.age       roles without passwords (those are in the secrets)
#   secrets.tar.age     secrets/ and .env
#   keys.tar.age        the key ring

BACKUPS=${HASURA_LOGIN_BACKUPS:-${ROOT}/backups}
ARCHIVES=${BACKUPS}/archives
RECIPIENTS=${BACKUPS}/recipients
IDENTITY=${BACKUPS}/identity
COPY_HOOK=${BACKUPS}/copy-off-box
# What node-exporter's textfile collector reads.
TEXTFILES=${BACKUPS}/metrics
readonly TEXTFILES BACKUPS ARCHIVES RECIPIENTS IDENTITY COPY_HOOK

# A finished backup's folders, oldest first; partial ones begin with a dot.
archives() {
  local folder
  for folder in "${ARCHIVES}"/[0-9]*Z; do
    [[ -d ${folder} ]] && printf '%s\n' "${folder}"
  done
  return 0
}

newest_archive() { archives | tail -n 1; }

check_archive() {
  [[ -f $1/SHA256SUMS ]] || die "$1 is no finished backup"
  (cd "$1" && sha256sum --check --quiet --strict SHA256SUMS >&2) || die "$1 is damaged: a checksum is wrong"
}

encrypt() { age --encrypt --recipients-file "${RECIPIENTS}"; }

# decrypt FILE IDENTITY → stdout
decrypt() { age --decrypt --identity "$2" "$1"; }

# SQL that prints, for every table of the database, its name, rows and checksum,
# independent of the rows' order and of the reader's settings.
manifest_sql() {
  cat <<'SQL'
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET bytea_output = 'hex';
SET extra_float_digits = 3;
SELECT format(
  'SELECT %L, count(*), coalesce(sum((''x'' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0) FROM ONLY %I.%I AS t',
  n.nspname || '.' || c.relname, n.nspname, c.relname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
ORDER BY n.nspname, c.relname
\gexec
SQL
}

# Restores an archive's dump into a new database and proves every row is there.
#   restore_into DATABASE ARCHIVE IDENTITY
restore_into() {
  local database=$1 archive=$2 identity=$3
  sql postgres <<<"DROP DATABASE IF EXISTS ${database};"
  sql postgres <<<"CREATE DATABASE ${database} TEMPLATE template0;"
  decrypt "${archive}/database.dump.age" "${identity}" |
    compose exec -T postgres pg_restore --username=postgres --dbname="${database}" --exit-on-error --single-transaction
  compare_manifests "${database}" "${archive}" "${identity}"
}

compare_manifests() {
  local database=$1 archive=$2 identity=$3 wanted found
  wanted=$(decrypt "${archive}/manifest.age" "${identity}")
  found=$(manifest_sql | sql "${database}")
  [[ -n ${wanted} ]] || die "the manifest of ${archive} is empty"
  if [[ ${wanted} != "${found}" ]]; then
    diff <(printf '%s\n' "${wanted}") <(printf '%s\n' "${found}") >&2 || true
    die "what was restored is not what was saved (< saved, > restored: table, rows, checksum)"
  fi
  awk -F '\t' '{ tables++; rows += $2 } END { printf "  %d tables, %d rows: every count and checksum is right\n", tables, rows }' <<<"${found}" >&2
}

database_exists() { [[ $(sql postgres <<<"SELECT count(*) FROM pg_database WHERE datname = '$1';") == 1 ]]; }
