#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # setup.bash and bats set names; code for another shell; each test is a process
# The database as it was at a moment: Postgres archives, archive-wal encrypts, restore-to recovers.

load setup
load servers

setup_file() {
  export PG=${BATS_FILE_TMPDIR}/pg
  PATH=$(dirname -- "$(postgres_program initdb)"):${PATH}
  start_postgres "-c archive_mode=on -c archive_timeout=300 -c archive_command='sh ${REPOSITORY}/ops/postgres/spool-wal.sh %p %f ${PG}/spool'"
  make_template
  as_superuser -c 'ALTER DATABASE filled RENAME TO hasura'
  as_superuser -d hasura -f "${REPOSITORY}/ops/postgres/roles.sql"
}

teardown_file() { stop_postgres; }

setup() {
  running_appliance
  chmod a+rx "${BATS_TEST_TMPDIR}"
  cp "${REPOSITORY}"/ops/postgres/*.sh "${HASURA_LOGIN_ROOT}/ops/postgres/"
  mkdir -p "${HASURA_LOGIN_BACKUPS}"
  age-keygen -o "${HASURA_LOGIN_BACKUPS}/identity" 2>/dev/null
  age-keygen -y "${HASURA_LOGIN_BACKUPS}/identity" >"${HASURA_LOGIN_BACKUPS}/recipients"
  echo key >"${HASURA_LOGIN_ROOT}/keys/k1.json"
  echo WAL_ARCHIVE=on >>"${HASURA_LOGIN_ROOT}/.env"
  WAL=${HASURA_LOGIN_BACKUPS}/wal
}

archive_wal() { "${SCRIPTS}/archive-wal" 2>/dev/null; }
name_everybody() { as_superuser -d hasura -c "UPDATE public.users SET name = '$1'"; }
now() { as_superuser -c 'SELECT now()'; }
# Another second, so that a moment between two writes has a name.
next_second() { sleep 1.1; }
# Something is in each segment; an empty one is not archived.
switch() { as_superuser -c 'SELECT txid_current() IS NULL' -c 'SELECT pg_walfile_name(pg_switch_wal())' | tail -n 1; }
# Waits until Postgres has left a segment in the spool.
spooled() {
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    [[ -z $(find "${PG}/spool" -name "$1-*.gz") ]] || return 0
    sleep 0.1
  done
  return 1
}
archive_wal_with() { spooled "$1" && archive_wal; }
segment_files() { find "${WAL}" -name "$1-*.gz.age"; }

# The name that users have in a database.
names() { as_superuser -d "$1" -c 'SELECT DISTINCT name FROM public.users'; }

@test "a restore to a moment between two writes has exactly the first, and is an ordinary backup" {
  local moment point
  archive_wal
  next_second
  name_everybody first
  next_second
  moment=$(date -u '+%F %T')
  next_second
  name_everybody second
  point=$("${SCRIPTS}/restore-to" "${moment}" 2>/dev/null)
  assert_same "${point}" "${HASURA_LOGIN_BACKUPS}/points/$(date -u -d "${moment}" +%Y%m%dT%H%M%SZ)"
  # Beside what runs, and gone when it is done.
  assert_same "$(names hasura)" second
  [[ ! -e ${PG}/recovery ]]
  assert_same "$(world_containers postgres)" hasura-login-postgres-1
  assert_same "$(find "${HASURA_LOGIN_ROOT}" -name '*.phase' -o -name '.restore-to*' -o -name .partial)" ''
  script verify-backup "${point}"
  assert_status 0
  script restore "${point}" --yes
  assert_status 0
  assert_says 'every count and checksum is right'
  assert_same "$(names hasura)" first
  # Who was deleted after that moment is deleted again.
  grep -q -- "--since $(date -u -d "${moment}" +%FT%TZ) --stdin" "${WORLD}/replayed"
  assert_works
  as_superuser -c "DROP DATABASE $(as_superuser -c "SELECT datname FROM pg_database WHERE datname LIKE 'hasura_before_%'")"
}

@test "the archive is encrypted and useless without the key; a moment before the first base or in the future is refused" {
  local before file
  before=$(date -u '+%F %T')
  next_second
  archive_wal
  switch >/dev/null
  script restore-to "${before}"
  assert_status 1
  assert_says 'nothing before can be restored'
  script restore-to '1 hour'
  assert_status 1
  assert_says 'has not come yet'
  for file in "${WAL}"/*/*.age; do grep -q '^age-encryption.org' "${file}"; done
  assert_same "$(stat -c %a "${WAL}")" 700
  rm "${HASURA_LOGIN_BACKUPS}/identity"
  script restore-to latest
  assert_status 1
  assert_says 'no private key'
}

@test "a missing segment is named, with the last moment that can be reached; before it everything can" {
  local reached missing later
  archive_wal
  next_second
  name_everybody third
  next_second
  reached=$(date -u '+%F %T')
  next_second
  switch >/dev/null
  name_everybody fourth
  missing=$(switch)
  name_everybody fifth
  later=$(switch)
  next_second
  archive_wal_with "${later}"
  rm "$(segment_files "${missing}")"
  script restore-to "$(date -u '+%F %T')"
  assert_status 1
  assert_says "${missing} is missing in the archive, though ${later} is there"
  script restore-to latest
  assert_status 1
  assert_says "${missing} is missing"
  [[ ! -e ${PG}/recovery && ! -d ${HASURA_LOGIN_BACKUPS}/points ]]
  script restore-to "${reached}"
  assert_status 0
}

@test "a damaged segment ends the recovery, and restore-to says where the archive ends" {
  local file elsewhere=${BATS_TEST_TMPDIR}/elsewhere
  archive_wal
  next_second
  name_everybody sixth
  file=$(switch)
  archive_wal_with "${file}"
  cp -r "${WAL}" "${elsewhere}"
  next_second
  script restore-to --from "${elsewhere}" "$(date -u '+%F %T')"
  assert_status 1
  assert_says 'the archive ends before'
  script restore-to --from "${elsewhere}" latest
  assert_status 0
  printf x >>"$(find "${elsewhere}" -name "${file}-*")"
  script restore-to --from "${elsewhere}" latest
  assert_status 1
  assert_says 'is damaged'
}

@test "a run that is killed or fails leaves nothing half done, and the next goes on" {
  local segment
  archive_wal
  segment=$(switch)
  spooled "${segment}"
  # Cut off while it reads the segment; then after it has encrypted it.
  echo "cat .*${segment}" >"${WORLD}/fail"
  script archive-wal
  [[ ${status} != 0 && -z $(segment_files "${segment}") && -n $(find "${PG}/spool" -name "${segment}-*.gz") ]]
  echo "rm .*${segment}" >"${WORLD}/fail"
  script archive-wal
  [[ ${status} != 0 && -n $(segment_files "${segment}") && -n $(find "${PG}/spool" -name "${segment}-*.gz") ]]
  rm "${WORLD}/fail"
  archive_wal
  assert_same "$(find "${PG}/spool" -type f)" ''
  assert_same "$(find "${WAL}" -name .partial)" ''
  echo 'pg_dumpall' >"${WORLD}/fail"
  script restore-to latest
  assert_status 1
  [[ ! -e ${PG}/recovery && -z $(ls -A "${HASURA_LOGIN_BACKUPS}/points") ]]
  rm "${WORLD}/fail"
  script restore-to latest
  assert_status 0
}

@test "another file of the same name is refused by the spool and by the archive, and the same one is taken twice" {
  local spool=${BATS_TEST_TMPDIR}/spool name=000000010000000000000001 cluster folder
  cd "${BATS_TEST_TMPDIR}"
  local spool_wal=(unprivileged env "PATH=$(dirname -- "$(postgres_program initdb)"):${PATH}" sh "${REPOSITORY}/ops/postgres/spool-wal.sh")
  printf 'one' >one
  printf 'other' >other
  mkdir "${spool}"
  chmod a+rwx "${spool}"
  in_data() { cd "${PG}/data" && "${spool_wal[@]}" "$@"; }
  run in_data "${BATS_TEST_TMPDIR}/one" "${name}" "${spool}"
  assert_status 0
  run in_data "${BATS_TEST_TMPDIR}/one" "${name}" "${spool}"
  assert_status 0
  run in_data "${BATS_TEST_TMPDIR}/other" "${name}" "${spool}"
  assert_status 1
  assert_says "another ${name}"
  assert_same "$(find "${spool}" -type f | wc -l)" 1
  archive_wal
  archive_wal_with "$(switch)"
  cluster=$(basename "${WAL}"/[0-9]*)
  name=$(basename "$(find "${WAL}" -name '0*.gz.age' | head -n 1)")
  folder=${PG}/spool/${cluster}
  printf other | gzip -n >"${folder}/${name%-*}-00000000000000000000000000000000.gz"
  script archive-wal
  assert_status 1
  assert_says "two servers have written this cluster's WAL"
  rm "${folder}"/*-00000000000000000000000000000000.gz
}

@test "a spool that is not emptied is bounded: segments are dropped, and the next run takes a new base" {
  local bases dropped
  archive_wal
  bases=$(find "${WAL}" -name 'base-*' | wc -l)
  # As if it held a gigabyte.
  printf '#!/bin/sh\nprintf "1048576\\t.\\n"\n' >"${PG}/du"
  chmod a+rx "${PG}/du"
  dropped=$(cd "${PG}/data" && touch "${BATS_TEST_TMPDIR}/segment" && chmod a+r "${BATS_TEST_TMPDIR}/segment" &&
    unprivileged env "PATH=${PG}:$(dirname -- "$(postgres_program initdb)"):${PATH}" sh "${REPOSITORY}/ops/postgres/spool-wal.sh" "${BATS_TEST_TMPDIR}/segment" 0000000100000000000000FF "${PG}/spool" 2>&1)
  [[ ${dropped} == *'0000000100000000000000FF is dropped'* ]]
  next_second
  script archive-wal
  assert_status 0
  assert_says 'segments were dropped'
  assert_same "$(find "${WAL}" -name 'base-*' | wc -l)" "$((bases + 1))"
  [[ ! -e ${PG}/spool/dropped && ! -e ${WAL}/.base-due ]]
}

@test "archive-wal deletes exactly the files that no moment of the last seven days needs" {
  local folder day bases
  archive_wal
  folder=$(echo "${WAL}"/[0-9]*)
  rm "${folder}"/*
  mkdir "${WAL}/1234567890" "${WAL}/1234567891"
  touch -d '8 days ago' "${WAL}/1234567890/000000010000000000000001-0123.gz.age"
  touch -d '6 days ago' "${WAL}/1234567891/000000010000000000000001-0123.gz.age"
  for ((day = 10; day > 0; day--)); do
    # Each day two segments: 10 days ago 000000000000000000000010 and 11, …
    touch "${folder}/base-$(date -u -d "${day} days ago" +%Y%m%dT%H%M%SZ)-0000000100000000000000$((30 - day * 2)).tar.gz.age"
    touch "${folder}"/0000000100000000000000{$((30 - day * 2)),$((31 - day * 2))}-0123.gz.age
  done
  touch "${folder}/000000010000000000000010.00000028.backup-0123.gz.age" "${folder}/00000001.history-0123.gz.age"
  archive_wal
  bases=$(find "${folder}" -name 'base-*' -printf '%f\n' | sort | cut -d - -f 3 | cut -c 23-24 | paste -sd ' ')
  # Seven days ago to the second is before the moment that the limit is looked at.
  [[ ${bases} == '16 18 20 22 24 26 28 '* ]]
  assert_same "$(find "${folder}" -name '0*-0123*' -printf '%f\n' | cut -c 1-24 | sort | head -n 3 | paste -sd ' ')" '00000001.history-0123.gz 000000010000000000000016 000000010000000000000017'
  [[ ! -e ${WAL}/1234567890 && -e ${WAL}/1234567891 ]]
}

@test "segments and bases leave the machine, each is read back, and only new ones are sent" {
  local there=${BATS_TEST_TMPDIR}/there segment
  printf '[offbox]\ntype = alias\nremote = %s\n' "${there}" >"${HASURA_LOGIN_BACKUPS}/rclone.conf"
  chmod 0600 "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  echo BACKUP_COPY_TO=offbox:hasura-login >>"${HASURA_LOGIN_ROOT}/.env"
  mkdir "${there}"
  archive_wal
  diff -r --exclude='.*' "${WAL}" "${there}/hasura-login/wal"
  find "${there}" -type f -delete
  segment=$(switch)
  archive_wal_with "${segment}"
  assert_same "$(find "${there}" -name '0*.age' | wc -l)" "$(find "${WAL}" -name '0*.age' -newer "$(find "${WAL}" -name 'base-*')" | wc -l)"
  [[ -n $(find "${there}" -name "${segment}-*") ]]
  grep -q '^hasura_login_wal_copied_timestamp_seconds [0-9]' "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_wal.prom"
  # A copy that fails fails the run, and the next makes up for it.
  mv "${there}" "${there}.gone"
  touch "${there}"
  segment=$(switch)
  spooled "${segment}"
  script archive-wal
  [[ ${status} != 0 && -n $(segment_files "${segment}") ]]
  rm "${there}"
  mv "${there}.gone" "${there}"
  archive_wal
  [[ -n $(find "${there}" -name "${segment}-*") ]]
}

# What doctor says of the archive alone.
doctor_on_wal() {
  run bash -c "source '${SCRIPTS}/lib/all.bash'; for part in backups wal checks; do source '${SCRIPTS}/lib/'\${part}.bash; done; check_wal"
}

@test "doctor says how far the archive reaches, what is late and what does not run; without WAL_ARCHIVE nothing is done" {
  local metrics=${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_wal.prom good what
  archive_wal
  archive_wal_with "$(switch)"
  doctor_on_wal
  assert_says 'any moment can be restored'
  [[ ${output} != *PROBLEM* ]]
  good=$(<"${metrics}")
  promtool check metrics <"${metrics}"
  echo BACKUP_COPY_TO=offbox:x >>"${HASURA_LOGIN_ROOT}/.env"
  for what in 'secured wal-not-secured' 'copied wal-not-copied' 'base base-backup-too-old'; do
    printf '%s\nhasura_login_wal_copied_timestamp_seconds %s\n' "${good}" "$(date +%s)" | sed "s/^\(hasura_login_wal_${what% *}_timestamp_seconds\) .*/\1 1000/" >"${metrics}"
    doctor_on_wal
    assert_says "docs/runbooks/${what#* }.md"
    assert_same "$(grep -c PROBLEM <<<"${output}")" 1
  done
  touch "${WORLD}/machine/no-timers"
  doctor_on_wal
  assert_says 'scripts/install-timers'
  sed -i '/^WAL_ARCHIVE/d' "${HASURA_LOGIN_ROOT}/.env"
  doctor_on_wal
  assert_same "${output}" ''
  script archive-wal
  assert_status 0
  [[ ! -e ${metrics} ]]
}
