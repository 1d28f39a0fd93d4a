#!/bin/sh
# Recovers a base backup in FOLDER to a moment, in a container of its own. FOLDER has data/, the base,
# and wal/, the archive.
#   recover.sh start FOLDER TIME    starts a server that has recovered to TIME, or to the end: "latest"
#   recover.sh fetch FOLDER NAME PATH   its restore_command
set -eu
verb=$1 folder=$2

fetch() {
  if [ ! -e "${folder}/wal/$1.gz" ]; then
    echo "$1" >>"${folder}/missing"
    exit 1
  fi
  # A status above 125 ends the recovery; any other would mean the end of the archive.
  gunzip -c "${folder}/wal/$1.gz" >"$2" || exit 200
}

start() {
  chmod 0700 "${folder}/data"
  : >"${folder}/missing"
  {
    echo "restore_command = 'sh $0 fetch ${folder} %f %p'"
    if [ "$1" != latest ]; then
      echo "recovery_target_time = '$1'"
      echo "recovery_target_action = promote"
    fi
  } >>"${folder}/data/postgresql.auto.conf"
  touch "${folder}/data/recovery.signal"
  # It must not write to the archive that it reads, and nobody else may connect to
  # it.
  export PGHOST="${PGHOST:-/var/run/postgresql}" PGPORT="${PGPORT:-5432}"
  LC_ALL=C pg_ctl -D "${folder}/data" -s -w -t 86400 -l "${folder}/log" \
    -o "-c archive_mode=off -c hot_standby=off -c listen_addresses='' -c lc_messages=C -c log_timezone=UTC -k ${PGHOST} -p ${PGPORT}" start
  # It accepts connections only when the recovery is done, and exits if that
  # fails.
  until pg_isready --quiet; do
    sleep 0.2
    pg_ctl -D "${folder}/data" status >/dev/null || exit 1
  done
}

shift 2
"${verb}" "$@"
