# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Backups: one folder each, with every part encrypted to the recipients of backups/recipients. Only
# SHA256SUMS is in plain text, so that a copy can be checked anywhere without a key.
#   database.dump.age   pg_dump -Fc
#   manifest.age        rows and checksum of every table, of the same snapshot
#   roles.sql.age       roles without passwords (those are in the secrets)
#   secrets.tar.age     secrets/, .env, site/ and the settings of the backups themselves
#   keys.tar.age        the key ring
#   audit.jsonl.gz.age  the audit trail, where it could be read

BACKUPS=${HASURA_LOGIN_BACKUPS:-${ROOT}/backups}
ARCHIVES=${BACKUPS}/archives
RECIPIENTS=${BACKUPS}/recipients
IDENTITY=${BACKUPS}/identity
COPY_HOOK=${BACKUPS}/copy-off-box
# node-exporter's textfile collector reads this folder.
TEXTFILES=${BACKUPS}/metrics
# How rclone reaches the place that BACKUP_COPY_TO names.
COPY_CONFIG=${BACKUPS}/rclone.conf
readonly TEXTFILES BACKUPS ARCHIVES RECIPIENTS IDENTITY COPY_HOOK COPY_CONFIG

# Prints the folders of finished backups, oldest first; partial ones begin with a dot.
archives() {
  local folder
  for folder in "${ARCHIVES}"/[0-9]*Z; do
    [[ -d ${folder} ]] && printf '%s\n' "${folder}"
  done
  return 0
}

newest_archive() { archives | tail -n 1; }

# 20261124T031500Z → seconds since 1970; empty for any other name.
made_at() {
  local name=${1##*/}
  [[ ${name} =~ ^([0-9]{8})T([0-9]{2})([0-9]{2})([0-9]{2})Z$ ]] || return 0
  date -u -d "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}:${BASH_REMATCH[3]}:${BASH_REMATCH[4]}" +%s
}

# Writes to a metric the time of the newest backup that WHAT happened to. An older backup never
# replaces a newer one.
#   stamp WHAT FOLDER HELP
stamp() {
  local what=$1 made
  made=$(made_at "$2")
  if [[ -z ${made} ]]; then
    warn "$2 does not have the name of a backup: its age counts for no alert"
    return 0
  fi
  ((made > $(stamped "${what}"))) || return 0
  [[ -d ${TEXTFILES} ]] || make_folder "${TEXTFILES}" 0755
  write_file "${TEXTFILES}/hasura_login_backup_${what}.prom" 0644 <<METRICS
# HELP hasura_login_backup_last_${what}_timestamp_seconds $3
# TYPE hasura_login_backup_last_${what}_timestamp_seconds gauge
hasura_login_backup_last_${what}_timestamp_seconds ${made}
METRICS
}

# stamped WHAT → seconds since 1970; 0 if never
stamped() {
  local file=${TEXTFILES}/hasura_login_backup_$1.prom found=''
  [[ ! -f ${file} ]] || found=$(sed -n "s/^hasura_login_backup_last_$1_timestamp_seconds \\([0-9]*\\)$/\\1/p" "${file}")
  printf '%s' "${found:-0}"
}

copies_leave() { [[ -n $(env_get BACKUP_COPY_TO) || -x ${COPY_HOOK} ]]; }

# Copies finished backups off the machine, missing ones of earlier nights too, and reads the newest back.
# It never deletes there, so that a thief of this machine cannot either.
copy_off_box() {
  local place
  place=$(env_get BACKUP_COPY_TO)
  if [[ -n ${place} ]]; then
    copy_by_rclone "${place%/}" "$1"
  elif [[ -x ${COPY_HOOK} ]]; then
    step "copy it off the machine with backups/copy-off-box" "${COPY_HOOK}" "$1" >&2
  else
    warn "BACKUP_COPY_TO is not set in .env: this backup burns with this machine"
    return 0
  fi
  step "remember the copy" stamp copied "$1" "When the newest backup was made that has a copy off this machine."
}

copy_by_rclone() {
  local place=$1 folder=$2
  check_copy_settings "${place}"
  step "copy backups to ${place}" to_place copy --exclude '/.*/**' "${ARCHIVES}" "${place}"
  step "read the copy of ${folder##*/} back" to_place check --one-way --download "${folder}" "${place}/${folder##*/}"
}

check_copy_settings() {
  need_programs rclone
  [[ -s ${COPY_CONFIG} ]] || die "BACKUP_COPY_TO is $1, but backups/rclone.conf is missing: rclone --config backups/rclone.conf config"
  [[ $(stat --format %a "${COPY_CONFIG}") == [46]00 ]] || die "backups/rclone.conf can be read by others: chmod 600 backups/rclone.conf"
}

# rclone writes progress to stdout, which must contain only the name of the folder.
to_place() { rclone --config "${COPY_CONFIG}" --ask-password=false --retries 3 --contimeout 30s --log-level NOTICE "$@" </dev/null >&2; }

check_archive() {
  [[ -f $1/SHA256SUMS ]] || die "$1 is not a finished backup"
  (cd "$1" && sha256sum --check --quiet --strict SHA256SUMS >&2) || die "$1 is damaged: a checksum is wrong"
}

encrypt() { age --encrypt --recipients-file "${RECIPIENTS}"; }

# decrypt FILE IDENTITY → stdout
decrypt() { age --decrypt --identity "$2" "$1"; }

# saved_trail FOLDER IDENTITY → the audit trail of a backup, if it has one
saved_trail() {
  [[ -f $1/audit.jsonl.gz.age ]] || return 0
  decrypt "$1/audit.jsonl.gz.age" "$2" | gunzip
}

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

# Restores an archive's dump into a new database and checks that every row is there.
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
    die "the restored database differs from the backup (< saved, > restored: table, rows, checksum)"
  fi
  awk -F '\t' '{ tables++; rows += $2 } END { printf "  %d tables, %d rows: every count and checksum is right\n", tables, rows }' <<<"${found}" >&2
}

database_exists() { [[ $(sql postgres <<<"SELECT count(*) FROM pg_database WHERE datname = '$1';") == 1 ]]; }
