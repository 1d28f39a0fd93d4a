#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2030,SC2031 # setup.bash and bats set names; each test is a process
# Backups leave the machine over SSH to a real server, and a machine that burned comes back from there.

load setup
load servers-of-file
load login

setup() {
  running_appliance
  fill_database
  mkdir -p "${HASURA_LOGIN_BACKUPS}"
  age-keygen -o "${BATS_TEST_TMPDIR}/hasura-login.key" 2>/dev/null
  age-keygen -y "${BATS_TEST_TMPDIR}/hasura-login.key" >"${HASURA_LOGIN_BACKUPS}/recipients"
  echo key >"${HASURA_LOGIN_ROOT}/keys/k1.json"
  THERE=${BATS_TEST_TMPDIR}/another-machine
  mkdir "${THERE}"
  start_sshd
  echo "BACKUP_COPY_TO=offbox:${THERE}" >>"${HASURA_LOGIN_ROOT}/.env"
}

teardown() { kill "$(<"${BATS_TEST_TMPDIR}/ssh/pid")" || true; }

# OpenSSH's server, which lets in this one key; and rclone's settings to reach it.
start_sshd() {
  local folder=${BATS_TEST_TMPDIR}/ssh port
  mkdir -p "${folder}"
  if ((EUID == 0)); then mkdir -p /run/sshd; fi
  ssh-keygen -q -t ed25519 -N '' -f "${folder}/host"
  ssh-keygen -q -t ed25519 -N '' -f "${folder}/client"
  port=$(free_port)
  printf '%s\n' "Port ${port}" 'ListenAddress 127.0.0.1' "HostKey ${folder}/host" "AuthorizedKeysFile ${folder}/client.pub" \
    "PidFile ${folder}/pid" 'StrictModes no' 'UsePAM no' 'PermitRootLogin prohibit-password' 'PasswordAuthentication no' \
    'Subsystem sftp internal-sftp' 'ForceCommand internal-sftp' >"${folder}/config"
  "$(command -v sshd || echo /usr/sbin/sshd)" -f "${folder}/config" -E "${folder}/log" 3>&-
  until [[ -s ${folder}/pid ]]; do sleep 0.05; done
  printf '[127.0.0.1]:%s %s\n' "${port}" "$(<"${folder}/host.pub")" >"${folder}/known_hosts"
  printf '%s\n' '[offbox]' 'type = sftp' 'host = 127.0.0.1' "port = ${port}" "user = $(id -un)" "key_file = ${folder}/client" \
    "known_hosts_file = ${folder}/known_hosts" 'shell_type = none' >"${HASURA_LOGIN_BACKUPS}/rclone.conf"
  chmod 0600 "${HASURA_LOGIN_BACKUPS}/rclone.conf"
}

copied_at() { sed -n 's/^hasura_login_backup_last_copied_timestamp_seconds //p' "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_copied.prom"; }

@test "a backup leaves the machine over SSH, is read back, and its time is remembered" {
  local archive
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  diff -r "${archive}" "${THERE}/${archive##*/}"
  [[ $(copied_at) -gt $(($(date +%s) - 600)) ]]
}

@test "only stdout's last word is the folder, whatever rclone says" {
  assert_same "$("${SCRIPTS}/backup" 2>/dev/null | wc -l)" 1
}

@test "a copy that fails fails the run; the backup stays, counts as made, and the next run takes both along" {
  local first second
  kill "$(<"${BATS_TEST_TMPDIR}/ssh/pid")"
  script backup
  assert_status 1
  first=$(basename "${HASURA_LOGIN_BACKUPS}"/archives/*Z)
  grep -q '^hasura_login_backup_last_success_timestamp_seconds [0-9]' "${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup.prom"
  [[ ! -e ${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_copied.prom ]]
  rm -r "${BATS_TEST_TMPDIR}/ssh"
  start_sshd
  second=$("${SCRIPTS}/backup" 2>/dev/null)
  (cd "${THERE}/${second##*/}" && sha256sum --check --quiet SHA256SUMS)
  [[ ! -d ${HASURA_LOGIN_BACKUPS}/archives/${first} ]] || (cd "${THERE}/${first}" && sha256sum --check --quiet SHA256SUMS)
}

@test "a copy cut off halfway is made whole by copy-backup" {
  local archive
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  truncate --size=100 "${THERE}/${archive##*/}/database.dump.age"
  script copy-backup
  assert_status 0
  diff -r "${archive}" "${THERE}/${archive##*/}"
}

@test "a copy of the right size with damaged bytes is noticed, and does not count as a copy" {
  local archive file before
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  file=${THERE}/${archive##*/}/database.dump.age
  cp --preserve=timestamps "${file}" "${BATS_TEST_TMPDIR}/times"
  printf X | dd of="${file}" bs=1 seek=200 conv=notrunc status=none
  touch --reference="${BATS_TEST_TMPDIR}/times" "${file}"
  before=$(copied_at)
  script copy-backup
  assert_status 1
  assert_same "$(copied_at)" "${before}"
}

@test "a backup that is forgotten here stays there" {
  local archive
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  rm -r "${archive}"
  "${SCRIPTS}/backup" >/dev/null 2>&1
  (cd "${THERE}/${archive##*/}" && sha256sum --check --quiet SHA256SUMS)
}

@test "a place without settings, and settings that others can read, say what to do" {
  chmod 0644 "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  script backup
  assert_status 1
  assert_says 'chmod 600 backups/rclone.conf'
  rm "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  sleep 1
  script backup
  assert_status 1
  assert_says 'rclone --config backups/rclone.conf config'
}

@test "a server whose key changed gets nothing" {
  ssh-keygen -q -t ed25519 -N '' -f "${BATS_TEST_TMPDIR}/other"
  sed -i "s|ssh-ed25519 [^ ]*|$(cut -d' ' -f1,2 "${BATS_TEST_TMPDIR}/other.pub")|" "${BATS_TEST_TMPDIR}/ssh/known_hosts"
  script backup
  assert_status 1
  assert_same "$(find "${THERE}" -type f)" ''
}

@test "a machine that burned comes back from the copy by the very lines of the runbook" {
  local archive before keys script_lines=${BATS_TEST_TMPDIR}/lines empty=${BATS_TEST_TMPDIR}/opt/hasura-login
  publish_release
  mkdir -p "${HASURA_LOGIN_ROOT}/site/prometheus/rules"
  echo '# mine' >"${HASURA_LOGIN_ROOT}/site/prometheus/rules/own.yml"
  # The key ring and one user are the real login's.
  rm "${HASURA_LOGIN_ROOT}/keys/k1.json"
  start_login
  assert_same "$(ask POST /auth/signup '{"email":"ann@example.org","name":"Ann","password":"correct horse battery"}' -o /dev/null -w '%{http_code}')" 201
  stop_login
  unset LOGIN_ENV
  before=$(fingerprint)
  keys=$(cd "${HASURA_LOGIN_ROOT}/keys" && sha256sum -- *)
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  mv "${HASURA_LOGIN_BACKUPS}/rclone.conf" "${BATS_TEST_TMPDIR}/rclone.conf"
  burn_down
  awk '/^## /{ on = ($0 == "## Restore a lost machine") } on && /^```/ { code = !code; next } on && code' "${REPOSITORY}/docs/runbooks/restore.md" >"${script_lines}"
  grep -q 'git clone' "${script_lines}"
  # The places and names of this machine for those of the example; the lines stay.
  sed -i -e "s|https://[^ ]*hasura-login.git|${REPOSITORY}|; s|/opt/hasura-login|${empty}|g; s|git checkout v[0-9.]*|git checkout --quiet HEAD|" \
    -e "s|/root/20261124T031500Z|${BATS_TEST_TMPDIR}/${archive##*/}|g; s|20261124T031500Z|${archive##*/}|g; s|/root/|${BATS_TEST_TMPDIR}/|g; s|offbox:hasura-login|offbox:${THERE}|g" "${script_lines}"
  mkdir -p "${empty%/*}"
  # Those that a test leaves out: packages are installed, and doctor's own test has what is around it.
  run env -u HASURA_LOGIN_ROOT -u HASURA_LOGIN_BACKUPS bash -euo pipefail -c "apt-get() { :; }; export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'; $(grep -v '^scripts/doctor' "${script_lines}")" <<<yes
  assert_status 0
  assert_says 'every count and checksum is right'
  assert_same "$(fingerprint)" "${before}"
  assert_same "$(cd "${empty}/keys" && sha256sum -- *)" "${keys}"
  assert_same "$(stat -c %a "${empty}/backups/rclone.conf")" 600
  diff "${BATS_TEST_TMPDIR}/recipients" "${empty}/backups/recipients"
  # Who had a password signs in with it, and with no other.
  HASURA_LOGIN_ROOT=${empty}
  start_login
  assert_same "$(ask POST /auth/signin '{"email":"ann@example.org","password":"correct horse battery"}' | jq -r '.token | type')" string
  assert_same "$(ask POST /auth/signin '{"email":"ann@example.org","password":"wrong horse battery"}' -o /dev/null -w '%{http_code}')" 401
  stop_login
  assert_same "$(<"${empty}/site/prometheus/rules/own.yml")" '# mine'
}

# Nothing is left but what the runbook says to keep elsewhere; the database is as a first start makes it.
burn_down() {
  cp "${HASURA_LOGIN_BACKUPS}/recipients" "${BATS_TEST_TMPDIR}/"
  rm -r "${HASURA_LOGIN_ROOT}" "${WORLD}/containers"
  mkdir "${WORLD}/containers"
  as_superuser -c 'DROP DATABASE hasura WITH (FORCE)' -c 'CREATE DATABASE hasura TEMPLATE filled'
  as_superuser -d hasura -f "${REPOSITORY}/ops/postgres/roles.sql" -c 'TRUNCATE public.users CASCADE'
}

fingerprint() { as_superuser -d hasura -c 'SELECT count(*), md5(string_agg(u.*::text || a.password, $$,$$ ORDER BY id)) FROM public.users AS u JOIN auth.accounts AS a ON a.user_id = id'; }

# A server for S3 with one bucket, from its Go module; the line of the runbook makes rclone's settings for it.
start_s3() {
  # This machine's own; rclone cannot load it.
  unset AWS_CA_BUNDLE
  local program line
  S3_PORT=$(free_port)
  mkdir -p "${BATS_TEST_TMPDIR}/s3"
  program=$(cd "${REPOSITORY}/tools/s3" && CGO_ENABLED=0 go tool -n gofakes3)
  "${program}" -host "127.0.0.1:${S3_PORT}" -backend memory -initialbucket bucket >"${BATS_TEST_TMPDIR}/s3/log" 2>&1 3>&- &
  echo $! >"${BATS_TEST_TMPDIR}/s3/pid"
  until (exec 4<>"/dev/tcp/127.0.0.1/${S3_PORT}") 2>/dev/null; do sleep 0.05; done
  rm "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  line=$(grep -o 'rclone --config backups/rclone.conf config create offbox s3 [^`]*' "${REPOSITORY}/docs/runbooks/restore.md")
  line=${line/https:\/\/s3.example.org/http:\/\/127.0.0.1:${S3_PORT}}
  (cd "${HASURA_LOGIN_ROOT}" && bash -c "${line//…/key}" >/dev/null)
  chmod 0600 "${HASURA_LOGIN_BACKUPS}/rclone.conf"
  sed -i 's|^BACKUP_COPY_TO=.*|BACKUP_COPY_TO=offbox:bucket/hasura-login|' "${HASURA_LOGIN_ROOT}/.env"
}

stop_s3() { kill "$(<"${BATS_TEST_TMPDIR}/s3/pid")"; }

@test "a backup leaves the machine to a store for S3, as the runbook sets it up, and comes back the same" {
  local archive
  start_s3
  archive=$("${SCRIPTS}/backup" 2>/dev/null)
  rclone --config "${HASURA_LOGIN_BACKUPS}/rclone.conf" copy "offbox:bucket/hasura-login/${archive##*/}" "${BATS_TEST_TMPDIR}/back"
  diff -r "${archive}" "${BATS_TEST_TMPDIR}/back"
  [[ $(copied_at) -gt $(($(date +%s) - 600)) ]]
  stop_s3
}

@test "a store for S3 that is gone, or that has no such bucket, holds no copy" {
  export RCLONE_LOW_LEVEL_RETRIES=1
  start_s3
  sed -i 's|^BACKUP_COPY_TO=.*|BACKUP_COPY_TO=offbox:another/hasura-login|' "${HASURA_LOGIN_ROOT}/.env"
  script backup
  assert_status 1
  stop_s3
  script copy-backup
  assert_status 1
  [[ ! -e ${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_copied.prom ]]
}
