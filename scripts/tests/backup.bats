#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup
load servers-of-file

setup() {
  running_appliance
  fill_database
  mkdir -p "${HASURA_LOGIN_BACKUPS}"
  age-keygen -o "${HASURA_LOGIN_BACKUPS}/identity" 2>/dev/null
  age-keygen -y "${HASURA_LOGIN_BACKUPS}/identity" >"${HASURA_LOGIN_BACKUPS}/recipients"
  echo key >"${HASURA_LOGIN_ROOT}/keys/k1.json"
}

backup() { "${SCRIPTS}/backup" 2>/dev/null; }

fingerprint() {
  as_superuser -d "$1" -c 'SELECT count(*), md5(string_agg(u::text, $$,$$ ORDER BY id)) FROM public.users AS u' \
    -c 'SELECT count(*), md5(string_agg(t::text, $$,$$ ORDER BY hash)) FROM auth.refresh_tokens AS t'
}

@test "a backup, a wiped database and a restore: every row is there, by count and checksum" {
  local archive before
  before=$(fingerprint hasura)
  archive=$(backup)
  as_superuser -d hasura -c 'TRUNCATE public.users CASCADE'
  script restore "${archive}" --yes
  assert_status 0
  assert_says 'every count and checksum is right'
  assert_same "$(fingerprint hasura)" "${before}"
  assert_works
}

@test "a restore ends every session and says so" {
  local archive
  archive=$(backup)
  script restore "${archive}" --yes
  assert_says 'Every session has ended'
  assert_same "$(as_superuser -d hasura -c 'SELECT DISTINCT session_version FROM auth.accounts')" 2
  assert_same "$(as_superuser -d hasura -c 'SELECT count(*) FROM auth.sessions WHERE ended_at IS NULL')" 0
}

@test "a restore keeps the database before under another name, and gives the roles their rights" {
  local archive
  archive=$(backup)
  as_superuser -d hasura -c "UPDATE public.users SET name = 'later'"
  script restore "${archive}" --yes
  local earlier
  earlier=$(as_superuser -c "SELECT datname FROM pg_database WHERE datname LIKE 'hasura_before_%'")
  assert_same "$(as_superuser -d "${earlier}" -c "SELECT count(*) FROM public.users WHERE name = 'later'")" 500
  assert_same "$(PGPASSWORD=$(<"${HASURA_LOGIN_ROOT}/secrets/postgres/hasura_login_a") psql -XAtc 'SELECT count(*) FROM auth.accounts' \
    -h 127.0.0.1 -p "${PG_PORT}" -U hasura_login_a hasura)" 500
  assert_same "$(as_superuser -c "SELECT has_database_privilege('hasura_engine', 'hasura', 'CREATE')")" t
}

@test "a restore that is not confirmed changes nothing" {
  local archive
  archive=$(backup)
  run "${SCRIPTS}/restore" "${archive}" <<<no
  assert_status 1
  assert_says 'nothing was changed'
  never_called '^compose .* stop'
}

@test "a damaged backup is refused before anything stops" {
  local archive
  archive=$(backup)
  printf x >>"${archive}/database.dump.age"
  script restore "${archive}" --yes
  assert_status 1
  assert_says 'is damaged'
  never_called ' stop hasura'
  script verify-backup "${archive}"
  assert_status 1
}

@test "a restore killed before the databases change names leaves the old one serving; the next run restores" {
  local archive
  archive=$(backup)
  as_superuser -d hasura -c "UPDATE public.users SET name = 'later'"
  echo 'stop hasura login' >"${WORLD}/fail"
  script restore "${archive}" --yes
  assert_status 1
  rm "${WORLD}/fail"
  script restore "${archive}" --yes
  assert_status 0
  assert_says 'taking it up'
  assert_same "$(as_superuser -d hasura -c "SELECT count(*) FROM public.users WHERE name = 'later'")" 0
  assert_works
}

@test "a restore killed after the databases changed names goes forward" {
  local archive
  archive=$(backup)
  echo ' up .* login' >"${WORLD}/fail"
  script restore "${archive}" --yes
  assert_status 1
  rm "${WORLD}/fail"
  script restore "${archive}" --yes
  assert_status 0
  assert_says 'done before'
  assert_works
  assert_same "$(as_superuser -c "SELECT count(*) FROM pg_database WHERE datname LIKE 'hasura_restore%'")" 0
}

@test "a backup cannot be read without the key, and holds no password outside the secrets" {
  local archive file
  archive=$(backup)
  for file in "${archive}"/*.age; do
    grep -q '^age-encryption.org' "${file}"
  done
  assert_same "$(find "${archive}" -type f ! -name '*.age' -printf '%f\n')" SHA256SUMS
  run age --decrypt --identity "${HASURA_LOGIN_BACKUPS}/identity" "${archive}/roles.sql.age"
  assert_says 'CREATE ROLE hasura_login_a'
  [[ ${output} != *PASSWORD* ]]
}

@test "secrets, settings and key ring come back on an empty machine, and never over existing files" {
  local archive
  archive=$(backup)
  script restore "${archive}" --files
  assert_status 1
  assert_says 'exists: move it away first'
  cp -a "${HASURA_LOGIN_ROOT}" "${BATS_TEST_TMPDIR}/before"
  rm -rf "${HASURA_LOGIN_ROOT}"/{secrets,keys,.env}
  script restore "${archive}" --files
  assert_status 0
  diff -r "${BATS_TEST_TMPDIR}/before/secrets" "${HASURA_LOGIN_ROOT}/secrets"
  diff "${BATS_TEST_TMPDIR}/before/.env" "${HASURA_LOGIN_ROOT}/.env"
  assert_same "$(<"${HASURA_LOGIN_ROOT}/keys/k1.json")" key
  assert_same "$(stat -c '%u %a' "${HASURA_LOGIN_ROOT}/secrets/login/action_secret")" "$(stat -c '%u %a' "${BATS_TEST_TMPDIR}/before/secrets/login/action_secret")"
}

@test "verify-backup restores next to the real database, compares, and leaves nothing" {
  backup >/dev/null
  script verify-backup
  assert_status 0
  assert_says 'every count and checksum is right'
  assert_same "$(as_superuser -c "SELECT string_agg(datname, ' ') FROM pg_database WHERE datname LIKE 'hasura%'")" hasura
  grep -q '^hasura_login_backup_last_verified_timestamp_seconds [0-9]' "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom"
}

@test "verifying an old backup does not make the newest one look verified" {
  local old newest file=${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom metric
  old=$(backup)
  # The next backup of the day takes its place here.
  cp -r "${old}" "${BATS_TEST_TMPDIR}/"
  old=${BATS_TEST_TMPDIR}/${old##*/}
  sleep 1
  newest=$(backup)
  [[ ${old##*/} != "${newest##*/}" ]]
  script verify-backup "${newest}"
  assert_status 0
  metric=$(<"${file}")
  script verify-backup "${old}/"
  assert_status 0
  assert_same "$(<"${file}")" "${metric}"
}

@test "a backup verified elsewhere is noted without a key, a damaged one is not" {
  local archive
  archive=$(backup)
  rm "${HASURA_LOGIN_BACKUPS}/identity"
  script verify-backup --elsewhere
  assert_status 0
  grep -q '^hasura_login_backup_last_verified_timestamp_seconds [0-9]' "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom"
  rm "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom"
  printf x >>"${archive}/database.dump.age"
  script verify-backup --elsewhere
  assert_status 1
  [[ ! -e ${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_verified.prom ]]
}

@test "verify-backup notices a row that is not there" {
  local archive
  archive=$(backup)
  age --decrypt --identity "${HASURA_LOGIN_BACKUPS}/identity" "${archive}/manifest.age" | sed 's/^\(public.users\t\)500/\1501/' |
    age --encrypt --recipients-file "${HASURA_LOGIN_BACKUPS}/recipients" >"${BATS_TEST_TMPDIR}/manifest"
  mv "${BATS_TEST_TMPDIR}/manifest" "${archive}/manifest.age"
  (cd "${archive}" && sha256sum -- *.age >SHA256SUMS)
  script verify-backup
  assert_status 1
  assert_says 'differs from the backup'
}

@test "rows written while the dump runs are in neither the dump nor the manifest" {
  local archive writer
  while :; do as_superuser -d hasura -c "INSERT INTO public.users (email, name) VALUES (gen_random_uuid() || '@example.org', 'n')"; done 2>/dev/null &
  writer=$!
  archive=$(backup)
  kill "${writer}"
  script verify-backup "${archive}"
  assert_status 0
}

@test "a backup that fails leaves no half of one, and the metric of the last good one" {
  backup >/dev/null
  local metric
  metric=$(<"${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup.prom")
  echo pg_dumpall >"${WORLD}/fail"
  script backup
  assert_status 1
  assert_same "$(find "${HASURA_LOGIN_BACKUPS}/archives" -mindepth 1 -maxdepth 1 | wc -l)" 1
  assert_same "$(<"${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup.prom")" "${metric}"
}

@test "a copy goes off the box through the hook, and a failing hook fails the run" {
  # shellcheck disable=SC2016 # the hook's own
  printf '#!/bin/sh\ncp -R "$1" "%s/away"\n' "${BATS_TEST_TMPDIR}" >"${HASURA_LOGIN_BACKUPS}/copy-off-box"
  chmod +x "${HASURA_LOGIN_BACKUPS}/copy-off-box"
  script backup
  assert_status 0
  (cd "${BATS_TEST_TMPDIR}/away" && sha256sum --check --quiet SHA256SUMS)
  printf '#!/bin/sh\nexit 1\n' >"${HASURA_LOGIN_BACKUPS}/copy-off-box"
  sleep 1
  script backup
  assert_status 1
}

@test "of old backups the newest of 7 days, 4 weeks and 6 months stay" {
  local day name
  for ((day = 0; day < 300; day++)); do
    name=$(date -u -d "2026-06-01 -${day} days" +%Y%m%dT031500Z)
    mkdir -p "${HASURA_LOGIN_BACKUPS}/archives/${name}"
  done
  backup >/dev/null
  local kept
  kept=$(find "${HASURA_LOGIN_BACKUPS}/archives" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort)
  # Months of six, February the last; a Sunday for the fourth week that has one; six days and today's.
  local wanted=(0228 0331 0430 0524 0527 0528 0529 0530 0531 0601)
  assert_same "$(head -n -1 <<<"${kept}")" "$(printf '2026%sT031500Z\n' "${wanted[@]}")"
}

@test "backup without recipients says what to do" {
  rm "${HASURA_LOGIN_BACKUPS}/recipients"
  script backup
  assert_status 1
  assert_says 'age-keygen'
}

@test "the audit trail is in a backup, and a restore repeats later deletions before login starts" {
  local archive since
  archive=$(backup)
  age --decrypt --identity "${HASURA_LOGIN_BACKUPS}/identity" "${archive}/audit.jsonl.gz.age" | gunzip >"${BATS_TEST_TMPDIR}/trail"
  assert_same "$(<"${BATS_TEST_TMPDIR}/trail")" '{"event":"user-deleted","user":"1"}'
  script restore "${archive}" --yes
  assert_status 0
  since=${archive##*/}
  since=${since:0:4}-${since:4:2}-${since:6:5}:${since:11:2}:${since:13:3}
  assert_same "$(<"${WORLD}/replayed")" "users replay-deletions --since ${since} --stdin while login is stopped
{\"event\":\"user-deleted\",\"user\":\"1\"}"
}

@test "a backup without the audit trail is made all the same, and says so" {
  local archive
  touch "${WORLD}/no-trail"
  script backup
  assert_status 0
  assert_says 'the audit trail cannot be read'
  archive=$(ls -d "${HASURA_LOGIN_BACKUPS}"/archives/2*)
  [[ ! -e ${archive}/audit.jsonl.gz.age ]]
}
