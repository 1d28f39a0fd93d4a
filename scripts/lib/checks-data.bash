# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The checks of scripts/doctor that look at the database and its backups.

check_database() {
  local before=${PROBLEMS} role
  if ! sql <<<'SELECT 1;' >/dev/null 2>&1; then
    problem restore 'Postgres does not answer'
    return 0
  fi
  for role in "$(user_in login/database_url)" "$(user_in hasura/database_url)"; do
    password_opens "${role}" <"${SECRETS}/postgres/${role}" >/dev/null 2>&1 ||
      problem rotation "the password of ${role} does not open the database: scripts/rotate-postgres-password"
  done
  if [[ $(sql <<<"SELECT count(*) FROM information_schema.tables WHERE table_schema || '.' || table_name IN ('public.users', 'auth.accounts', 'auth.sessions', 'auth.refresh_tokens');") != 4 ]]; then
    problem restore 'tables are missing: scripts/deploy runs the migrations'
  fi
  if [[ $(sql <<<"SELECT current_setting('synchronous_standby_names') = '' AND EXISTS (SELECT FROM pg_stat_replication WHERE application_name NOT IN ('pg_basebackup', 'pg_receivewal'));") == t ]]; then
    note 'Postgres waits for none of its standbys: after a failover, a session that was signed out or an old password can work again (docs/sizing.md, failover)'
  fi
  ((PROBLEMS > before)) || good 'the database has its tables and its roles get in'
}

check_backups() {
  local newest age verified
  [[ -s ${RECIPIENTS} ]] || problem restore 'backups/recipients is missing: nothing can be backed up'
  newest=$(newest_archive)
  if [[ -z ${newest} ]]; then
    problem restore 'there is no backup: scripts/backup'
    return 0
  fi
  age=$((($(date +%s) - $(stat --format %Y "${newest}/SHA256SUMS")) / 3600))
  if ((age > 26)); then
    problem restore "the newest backup is ${age} hours old: systemctl status hasura-login-backup.timer"
  else
    good "newest backup: ${newest##*/}, ${age} hours old"
  fi
  check_stamp copied 26 'has a copy off this machine: scripts/backup makes one'
  check_stamp verified $((8 * 24)) 'was restored and compared: scripts/verify-backup'
  copies_leave || problem restore 'neither BACKUP_COPY_TO in .env nor backups/copy-off-box is set: backups burn with this machine'
}

# check_stamp WHAT HOURS TEXT
check_stamp() {
  local what=$1 hours=$2 text=$3 made age
  made=$(stamped "${what}")
  if ((made == 0)); then
    problem restore "no backup ${text}"
    return 0
  fi
  age=$((($(date +%s) - made) / 3600))
  if ((age > hours)); then
    problem restore "no backup of the last ${hours} hours ${text}"
  else
    good "last ${what} backup: ${age} hours old"
  fi
}

# The archive for a restore to a moment, if it is on.
check_wal() {
  local before=${PROBLEMS} mode newest
  wal_wanted || return 0
  mode=$(sql postgres <<<'SHOW archive_mode;' 2>/dev/null || true)
  if [[ ${mode} != on ]]; then
    problem point-in-time 'WAL_ARCHIVE is on in .env, but Postgres runs without an archive: scripts/update-image postgres'
    return 0
  fi
  systemctl is-enabled --quiet hasura-login-archive-wal.timer 2>/dev/null ||
    problem point-in-time 'nothing encrypts the write-ahead log: scripts/install-timers'
  (($(wal_stamp secured_timestamp_seconds) > $(date +%s) - 900)) ||
    problem wal-not-secured 'the archive is more than 15 minutes behind: scripts/archive-wal says why'
  [[ -z $(env_get BACKUP_COPY_TO) ]] || (($(wal_stamp copied_timestamp_seconds) > $(date +%s) - 1800)) ||
    problem wal-not-copied 'the changes of the last 30 minutes have no copy off this machine: scripts/archive-wal says why'
  newest=$(wal_stamp base_timestamp_seconds)
  ((newest > $(date +%s) - 26 * 3600)) || problem base-backup-too-old 'no base backup of the last 26 hours: scripts/archive-wal takes one'
  ((PROBLEMS > before)) || good "any moment can be restored: the archive ends $((($(date +%s) - $(wal_stamp secured_timestamp_seconds)) / 60)) minutes ago"
}
