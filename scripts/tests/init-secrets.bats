#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup

setup() {
  empty_appliance
}

secret() { cat "${HASURA_LOGIN_ROOT}/secrets/$1"; }

@test "init-secrets makes every secret 0400, owned by its reader, without a newline" {
  script init-secrets
  assert_status 0
  local file # the address of the probe is kept from strangers, and opens nothing
  while IFS= read -r file; do
    assert_same "$(stat -c %a "${file}")" 400
    [[ -s ${file} ]]
    [[ -n $(tail -c 1 "${file}" | tr -d '\n') ]]
  done < <(find "${HASURA_LOGIN_ROOT}/secrets" -type f)
  ((EUID != 0)) || {
    assert_same "$(stat -c %u "${HASURA_LOGIN_ROOT}/secrets/login/action_secret")" 10001
    assert_same "$(stat -c %u "${HASURA_LOGIN_ROOT}/secrets/hasura/admin_secret")" 1001
    assert_same "$(stat -c %u "${HASURA_LOGIN_ROOT}/secrets/postgres/hasura_login_a")" 999
    assert_same "$(stat -c %u "${HASURA_LOGIN_ROOT}/secrets/nginx/tls")" 101
    assert_same "$(stat -c %u "${HASURA_LOGIN_ROOT}/keys")" 10001
  }
}

@test "init-secrets gives those who share a secret the same" {
  script init-secrets
  assert_same "$(secret hasura/action_secret)" "$(secret login/action_secret)"
  assert_same "$(secret migrate/admin_secret)" "$(secret hasura/admin_secret)"
  assert_same "$(secret login/database_url)" "postgres://hasura_login_a:$(secret postgres/hasura_login_a)@postgres:5432/hasura?sslmode=disable"
  [[ $(secret nginx/edge_secret.conf) == *"\"$(secret login/edge_secret)\""* ]]
}

@test "init-secrets never changes an existing secret, and copies a missing one from a service that shares it" {
  script init-secrets
  local before admin
  admin=$(secret hasura/admin_secret)
  rm "${HASURA_LOGIN_ROOT}/secrets/hasura/admin_secret"
  before=$(find "${HASURA_LOGIN_ROOT}/secrets" -type f ! -name admin_secret | sort | xargs sha256sum)
  script init-secrets
  assert_status 0
  assert_same "$(secret hasura/admin_secret)" "${admin}"
  assert_same "$(find "${HASURA_LOGIN_ROOT}/secrets" -type f ! -name admin_secret | sort | xargs sha256sum)" "${before}"
}

@test "init-secrets puts owners and modes right" {
  script init-secrets
  chmod 0644 "${HASURA_LOGIN_ROOT}/secrets/login/action_secret"
  script init-secrets
  assert_same "$(stat -c %a "${HASURA_LOGIN_ROOT}/secrets/login/action_secret")" 400
}

@test "init-secrets --check names missing secrets and changes nothing" {
  script init-secrets --check
  assert_status 1
  assert_says 'secrets/login/server_secret'
  [[ ! -e ${HASURA_LOGIN_ROOT}/secrets ]]
}

@test "init-secrets --dry-run says what it would make and makes nothing" {
  script init-secrets --dry-run
  assert_status 0
  assert_says 'would make secrets/hasura/admin_secret'
  [[ ! -e ${HASURA_LOGIN_ROOT}/secrets ]]
}

@test "no secret is an argument of any command" {
  running_appliance
  touch "${WORLD}/images/hasura-login:new"
  script deploy --image hasura-login:new
  script rotate-action-secret
  script rotate-admin-secret
  script rotate-edge-secret
  local file # the address of the probe is kept from strangers, and opens nothing
  while IFS= read -r file; do
    never_called_with "$(<"${file}")"
  done < <(find "${HASURA_LOGIN_ROOT}/secrets" -type f ! -name user ! -name '*.conf' ! -name users.acl ! -name probe_email)
}
