# shellcheck shell=bash disable=SC2154 # setup.bash and bats set names
# What the tests of scripts/doctor share: an appliance that it finds nothing wrong with.

setup() {
  running_appliance
  fill_database
  printf 'k1' >"${HASURA_LOGIN_ROOT}/keys/k1.json"
  certificate 90
  "${SCRIPTS}/lib/replace-service" login 2>/dev/null
  local made
  made=$(date -u +%Y%m%dT%H%M%SZ)
  mkdir -p "${HASURA_LOGIN_BACKUPS}"/{archives/"${made}",metrics}
  touch "${HASURA_LOGIN_BACKUPS}/archives/${made}/SHA256SUMS"
  stamp_hours_ago copied 1
  stamp_hours_ago verified 1
  echo 'BACKUP_COPY_TO=offbox:hasura-login' >>"${HASURA_LOGIN_ROOT}/.env"
  printf 'https://pager.example.org/' | "${SCRIPTS}/set-secret" alertmanager/webhook_url 2>/dev/null
  echo age1x >"${HASURA_LOGIN_BACKUPS}/recipients"
  mkdir -p "${HASURA_LOGIN_ROOT}/.state/releases/20261124T031500Z-old"
  echo hasura-login:old >"${HASURA_LOGIN_ROOT}/.state/releases/20261124T031500Z-old/image"
}

# stamp_hours_ago copied|verified HOURS
stamp_hours_ago() {
  printf 'hasura_login_backup_last_%s_timestamp_seconds %d\n' "$1" "$(($(date +%s) - $2 * 3600))" \
    >"${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_backup_$1.prom"
}

certificate() {
  local folder=${HASURA_LOGIN_ROOT}/secrets/nginx/tls
  rm -f "${folder}"/*.pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$1" -subj /CN=login.example.org \
    -keyout "${folder}/privkey.pem" -out "${folder}/fullchain.pem" 2>/dev/null
}

secret_file() { printf '%s' "${HASURA_LOGIN_ROOT}/secrets/$1"; }

# doctor_names TEXT RUNBOOK [OPTION]: the doctor says it, points to the runbook, and fails. That runbook is there.
doctor_names() {
  script doctor ${3:+"$3"}
  assert_status 1
  assert_says "$1"
  assert_says "docs/runbooks/$2.md"
  [[ -s ${REPOSITORY}/docs/runbooks/$2.md ]]
}
