# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The archive for a restore to a moment: base backups and Postgres' write-ahead log (WAL), encrypted
# like backups. Postgres writes finished segments to a spool (ops/postgres/spool-wal.sh).
#   backups/wal/CLUSTER/base-END-SEGMENT.tar.gz.age  a base, when it was finished, its first segment
#   backups/wal/CLUSTER/NAME-HASH.gz.age             a segment, or a small file about one

WAL=${BACKUPS}/wal
# Paths in Postgres' container.
SPOOL=/var/lib/postgresql/spool
# Any moment of so many days can be restored.
WAL_DAYS=7
WAL_METRICS=${TEXTFILES}/hasura_login_wal.prom
readonly WAL SPOOL WAL_DAYS WAL_METRICS

wal_wanted() { [[ $(env_get WAL_ARCHIVE) == on ]]; }

# Not the lock of the other scripts: this runs every minute, and they may take long.
take_wal_lock() {
  local fd
  make_folder "${BACKUPS}" 0700
  make_folder "${WAL}" 0700
  exec {fd}>>"${WAL}/.lock"
  flock --wait 600 "${fd}" || die_with 75 'another run of scripts/archive-wal is still going'
}

# Encrypts the files of the spool and removes them.
ship_spool() {
  local listing time name
  # The container's shell expands this.
  # shellcheck disable=SC2016
  listing=$(in_postgres sh -c 'cd "$1" 2>/dev/null && stat -c "%Y %n" */*.gz 2>/dev/null || true' sh "${SPOOL}" </dev/null)
  while read -r time name; do
    [[ -n ${name} ]] || continue
    [[ ${name} =~ ^[0-9]+/[0-9A-F]{8}[0-9A-Za-z.]*-[0-9a-f]{32}\.gz$ ]] || die "${name} in the spool is not a file of the archive"
    ship "${name}"
    SECURED=${time}
  done <<<"${listing}"
  # After a hole only a new base helps.
  if in_postgres test -e "${SPOOL}/dropped" </dev/null; then
    warn 'the spool was full and segments were dropped: no moment between then and the new base backup can be restored'
    touch "${WAL}/.base-due"
    in_postgres rm "${SPOOL}/dropped" </dev/null
  fi
}

# ship CLUSTER/NAME-HASH.gz
ship() {
  local whole=${WAL}/$1.age folder=${WAL}/${1%/*} other
  make_folder "${folder}" 0700
  if [[ ! -e ${whole} ]]; then
    for other in "${whole%-*}"-*; do
      [[ ! -e ${other} ]] || die "${1##*/} differs from the archived ${other##*/}: two servers have written this cluster's WAL"
    done
    in_postgres cat "${SPOOL}/$1" </dev/null | encrypt >"${folder}/.partial"
    keep_partial "${folder}" "${whole}"
  fi
  in_postgres rm "${SPOOL}/$1" </dev/null
}

# keep_partial FOLDER WHOLE
keep_partial() {
  sync "$1/.partial"
  mv "$1/.partial" "$2"
  sync "$1"
}

cluster_here() { sql postgres <<<'SELECT system_identifier FROM pg_control_system();'; }

# bases FOLDER → the bases of a cluster, oldest first
bases() {
  local file
  for file in "$1"/base-*.tar.gz.age; do
    [[ -f ${file} ]] && printf '%s\n' "${file}"
  done
  return 0
}

# The time of a base, as 20261124T031500Z, and its first segment.
end_of() {
  local name=${1##*/base-}
  printf '%s' "${name%%-*}"
}
start_of() {
  local name=${1##*-}
  printf '%s' "${name%%.*}"
}

base_is_due() {
  local newest
  newest=$(bases "${WAL}/$1" | tail -n 1)
  [[ -z ${newest} || -e ${WAL}/.base-due ]] || (($(date +%s) - $(made_at "$(end_of "${newest}")") > 86400 - 300))
}

# A base is usable from its end on, and needs no segment before the current one.
take_base() {
  local folder=${WAL}/$1 start
  make_folder "${folder}" 0700
  start=$(sql postgres <<<'SELECT pg_walfile_name(pg_current_wal_insert_lsn());')
  in_postgres pg_basebackup --username=postgres --no-password --format=tar --gzip --pgdata=- --wal-method=fetch --checkpoint=fast </dev/null |
    encrypt >"${folder}/.partial"
  keep_partial "${folder}" "${folder}/base-$(date -u -d '1 second' +%Y%m%dT%H%M%SZ)-${start}.tar.gz.age"
  rm -f "${WAL}/.base-due"
}

# Keeps each base of the last days and the one before them, and the segments since the oldest of these.
# Of a cluster that no longer exists, it removes everything when the last file has that age.
forget_old_wal() {
  local folder=${WAL}/$1 limit base oldest='' file segment
  limit=$(date -u -d "${WAL_DAYS} days ago" +%Y%m%dT%H%M%SZ)
  for base in $(bases "${folder}"); do
    [[ -n ${oldest} && $(end_of "${base}") > ${limit} ]] || oldest=${base}
  done
  for file in "${folder}"/*.age; do
    segment=${file##*/}
    case ${segment} in
      base-*) [[ ! $(end_of "${file}") < $(end_of "${oldest}") ]] || rm "${file}" ;;
      *.history-*) ;;
      # Without the timeline.
      *) [[ ! ${segment:8:16} < $(start_of "${oldest}" | cut -c 9-24) ]] || rm "${file}" ;;
    esac
  done
  for folder in "${WAL}"/[0-9]*; do
    if [[ ${folder##*/} != "$1" && -z $(find "${folder}" -type f -newermt "${WAL_DAYS} days ago" -print -quit) ]]; then
      rm -rf "${folder:?}"
    fi
  done
}

# Looks only at files since the last copy, because the place may hold thousands.
copy_wal() {
  local place since=()
  place=$(env_get BACKUP_COPY_TO)
  [[ -n ${place} ]] || return 0
  check_copy_settings "${place}"
  touch "${WAL}/.copying"
  [[ ! -e ${WAL}/.copied ]] || since=(-newer "${WAL}/.copied")
  find "${WAL}" -mindepth 2 -name '*.age' "${since[@]}" -printf '%P\n' >"${WAL}/.list"
  if [[ -s ${WAL}/.list ]]; then
    to_place copy --no-traverse --files-from-raw "${WAL}/.list" "${WAL}" "${place%/}/wal"
    to_place check --one-way --download --files-from-raw "${WAL}/.list" "${WAL}" "${place%/}/wal"
  fi
  mv "${WAL}/.copying" "${WAL}/.copied"
  rm "${WAL}/.list"
  COPIED=${SECURED}
}

# wal_stamp WHAT → seconds since 1970; 0 if never
wal_stamp() {
  local found=''
  [[ ! -f ${WAL_METRICS} ]] || found=$(sed -n "s/^hasura_login_wal_$1 \\([0-9]*\\)$/\\1/p" "${WAL_METRICS}")
  printf '%s' "${found:-0}"
}

# For node-exporter; the alerts for the archive read these metrics.
write_wal_metrics() {
  local newest spooled copied=''
  newest=$(bases "${WAL}/$1" | tail -n 1)
  # The container's shell expands this.
  # shellcheck disable=SC2016
  spooled=$(in_postgres sh -c 'du -sk "$1" 2>/dev/null || echo 0' sh "${SPOOL}" </dev/null | cut -f 1)
  if [[ -n $(env_get BACKUP_COPY_TO) ]]; then
    copied="# HELP hasura_login_wal_copied_timestamp_seconds Until when every change of the database has a copy off this machine.
# TYPE hasura_login_wal_copied_timestamp_seconds gauge
hasura_login_wal_copied_timestamp_seconds ${COPIED}
"
  fi
  [[ -d ${TEXTFILES} ]] || make_folder "${TEXTFILES}" 0755
  write_file "${WAL_METRICS}" 0644 <<METRICS
# HELP hasura_login_wal_secured_timestamp_seconds Until when every change of the database is in the encrypted archive.
# TYPE hasura_login_wal_secured_timestamp_seconds gauge
hasura_login_wal_secured_timestamp_seconds ${SECURED}
${copied}# HELP hasura_login_wal_base_timestamp_seconds When the newest base backup was finished.
# TYPE hasura_login_wal_base_timestamp_seconds gauge
hasura_login_wal_base_timestamp_seconds $(if [[ -n ${newest} ]]; then made_at "$(end_of "${newest}")"; else echo 0; fi)
# HELP hasura_login_wal_spool_bytes What Postgres has archived and nobody has encrypted yet.
# TYPE hasura_login_wal_spool_bytes gauge
hasura_login_wal_spool_bytes $((spooled * 1024))
METRICS
}
