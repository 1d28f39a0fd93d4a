#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup
load servers-of-file

setup() {
  running_appliance
}

secret() { cat "${HASURA_LOGIN_ROOT}/secrets/$1"; }

# Whether a role's password of an earlier moment still opens the database.
opens_with() { PGPASSWORD=$2 psql -XAtqc 'SELECT 1' -h 127.0.0.1 -p "${PG_PORT}" -U "$1" hasura >/dev/null 2>&1; }

user_of() { sed 's#.*://\([^:]*\):.*#\1#' "${HASURA_LOGIN_ROOT}/secrets/$1"; }

@test "rotate-action-secret: login knows both before Hasura is replaced, and only the new one after" {
  local old
  old=$(secret login/action_secret)
  script rotate-action-secret
  assert_status 0
  [[ $(secret login/action_secret) != "${old}" ]]
  assert_same "$(secret login/action_secret | wc -l)" 0
  assert_same "$(secret hasura/action_secret)" "$(secret login/action_secret)"
  assert_same "$(secret migrate/action_secret)" "$(secret login/action_secret)"
  assert_same "$(world_containers hasura)" hasura-login-hasura-2
  assert_works
}

@test "rotate-action-secret: when Hasura cannot be replaced both stay valid, and the next run goes on with the same new one" {
  local old new
  old=$(secret login/action_secret)
  echo 'scale hasura=2' >"${WORLD}/fail"
  script rotate-action-secret
  assert_status 1
  assert_same "$(secret login/action_secret | tail -n 1)" "${old}"
  new=$(secret login/action_secret | head -n 1)
  rm "${WORLD}/fail"
  script rotate-action-secret
  assert_status 0
  assert_same "$(secret login/action_secret)" "${new}"
}

@test "rotate-edge-secret: nginx reloads with the new one while login knows both, then login forgets the old" {
  local old
  old=$(secret login/edge_secret)
  script rotate-edge-secret
  assert_status 0
  [[ $(secret login/edge_secret) != *"${old}"* ]]
  assert_same "$(secret nginx/edge_secret.conf | sed -n 's/.*default "\(.*\)";/\1/p')" "$(secret login/edge_secret)"
  called 'nginx/reload.sh'
}

@test "rotate-edge-secret: nginx keeps the old one when login does not read its file" {
  local old
  old=$(secret login/edge_secret)
  touch "${WORLD}/login-is-stuck"
  script rotate-edge-secret
  assert_status 1
  assert_says 'login does not take the new edge secret'
  assert_same "$(sed -n 's/.*default "\(.*\)";/\1/p' "${WORLD}/nginx/edge_secret.conf")" "${old}"
  rm "${WORLD}/login-is-stuck"
  script rotate-edge-secret
  assert_status 0
  [[ $(secret login/edge_secret) != *"${old}"* ]]
}

@test "rotate-edge-secret: while old workers of nginx live, login keeps the old secret; the next run drops it" {
  local old
  old=$(secret login/edge_secret)
  echo 2 >"${WORLD}/leaving"
  run timeout 3 "${SCRIPTS}/rotate-edge-secret"
  assert_same "$(secret login/edge_secret | tail -n 1)" "${old}"
  echo 0 >"${WORLD}/leaving"
  script rotate-edge-secret
  assert_status 0
  [[ $(secret login/edge_secret) != *"${old}"* ]]
}

@test "rotate-server-secret keeps the one before, or none if it leaked" {
  local old
  old=$(secret login/server_secret)
  script rotate-server-secret
  assert_status 0
  assert_same "$(secret login/server_secret | tail -n 1)" "${old}"
  script rotate-server-secret --leaked
  assert_status 0
  [[ $(secret login/server_secret) != *"${old}"* ]]
}

@test "rotate-admin-secret replaces Hasura with the new one" {
  local old
  old=$(secret hasura/admin_secret)
  script rotate-admin-secret
  assert_status 0
  [[ $(secret hasura/admin_secret) != "${old}" ]]
  assert_same "$(secret migrate/admin_secret)" "$(secret hasura/admin_secret)"
  assert_same "$(world_containers hasura)" hasura-login-hasura-2
}

@test "rotate-admin-secret puts the old one back when Hasura cannot be replaced" {
  local old
  old=$(secret hasura/admin_secret)
  echo 'scale hasura=2' >"${WORLD}/fail"
  script rotate-admin-secret
  assert_status 1
  assert_same "$(secret hasura/admin_secret)" "${old}"
  assert_same "$(secret migrate/admin_secret)" "${old}"
  assert_works
}

@test "rotate-postgres-password: the resting role takes over and the old password opens nothing" {
  fill_database
  local old
  old=$(secret postgres/hasura_login_a)
  opens_with hasura_login_a "${old}"
  script rotate-postgres-password login
  assert_status 0
  assert_same "$(user_of login/database_url)" hasura_login_b
  opens_with hasura_login_b "$(secret postgres/hasura_login_b)"
  run opens_with hasura_login_a "${old}"
  assert_status 2
  script rotate-postgres-password login
  assert_status 0
  assert_same "$(user_of login/database_url)" hasura_login_a
  opens_with hasura_login_a "$(secret postgres/hasura_login_a)"
}

@test "rotate-postgres-password waits for the last connection of the old role" {
  fill_database
  # Without the time limit of the role, which would end it first on a busy machine.
  PGOPTIONS="-c statement_timeout=0" PGPASSWORD=$(secret postgres/hasura_login_a) psql -XAtqc 'SELECT pg_sleep(600)' -h 127.0.0.1 -p "${PG_PORT}" -U hasura_login_a hasura >/dev/null 2>&1 &
  local old_connection=$! old
  old=$(secret postgres/hasura_login_a)
  until [[ $(as_superuser -c "SELECT count(*) FROM pg_stat_activity WHERE usename = 'hasura_login_a'") == 1 ]]; do sleep 0.1; done
  "${SCRIPTS}/rotate-postgres-password" login >"${BATS_TEST_TMPDIR}/out" 2>&1 &
  local rotation=$!
  until grep -q 'has no connection' "${BATS_TEST_TMPDIR}/out"; do sleep 0.1; done
  # Both work while it waits.
  opens_with hasura_login_a "${old}"
  opens_with hasura_login_b "$(secret postgres/hasura_login_b)"
  kill "${old_connection}"
  as_superuser -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hasura_login_a'"
  wait "${rotation}"
  run opens_with hasura_login_a "${old}"
  assert_status 2
}

@test "rotate-postgres-password: the engine's four URL files change together, with the exporter's and the backup's role" {
  fill_database
  script rotate-postgres-password
  assert_status 0
  local file
  for file in {hasura,migrate}/{metadata_,}database_url; do
    assert_same "$(user_of "${file}")" hasura_engine_b
    [[ $(secret "${file}") == *":$(secret postgres/hasura_engine_b)@"* ]]
  done
  assert_same "$(secret postgres-exporter/user)" hasura_exporter_b
  opens_with hasura_exporter_b "$(secret postgres-exporter/password)"
  assert_same "$(secret operator/backup_role)" hasura_backup_b
  opens_with postgres "$(secret postgres/superuser_password)"
}

@test "rotate-postgres-password killed at any point ends right at the next run" {
  fill_database
  local round url
  RANDOM=7
  for ((round = 0; round < 8; round++)); do
    "${SCRIPTS}/rotate-postgres-password" login >/dev/null 2>&1 &
    sleep "0.$((RANDOM % 9))"
    kill -KILL $! 2>/dev/null || true
    # What login has opens the database at every moment. Read once: what the killed run started may
    # still be writing.
    url=$(secret login/database_url)
    url=${url#*://}
    url=${url%%@*}
    opens_with "${url%%:*}" "${url#*:}"
    script rotate-postgres-password login
    assert_status 0
    opens_with "$(user_of login/database_url)" "$(secret "postgres/$(user_of login/database_url)")"
  done
}

@test "no password reaches Postgres' log" {
  fill_database
  : >"${PG}/log"
  script rotate-postgres-password login
  assert_status 0
  grep -q 'pg_stat_activity' "${PG}/log"
  run grep -cE 'ALTER ROLE hasura_login_[ab] PASSWORD' "${PG}/log"
  assert_same "${output}" 0
}

@test "rotate-redis-password: Redis takes both, login changes, then only the new one is left" {
  redis_of_test
  local old new
  old=$(secret login/redis_url | sed 's#.*:\([^@]*\)@.*#\1#')
  assert_same "$(redis_whoami "${old}")" login
  script rotate-redis-password
  assert_status 0
  new=$(secret login/redis_url | sed 's#.*:\([^@]*\)@.*#\1#')
  assert_same "$(redis_whoami "${new}")" login
  run redis_whoami "${old}"
  [[ ${output} == *WRONGPASS* ]]
  [[ ! -e ${HASURA_LOGIN_ROOT}/secrets/operator/redis_next ]]
  # What login needs it may, and no more.
  assert_same "$(REDISCLI_AUTH=${new} redis-cli --user login -p "${REDIS_PORT}" INCR counter)" 1
  run env "REDISCLI_AUTH=${new}" redis-cli --user login -p "${REDIS_PORT}" CONFIG GET dir
  [[ ${output} == *NOPERM* ]]
}

@test "rotate-redis-password without Redis does nothing" {
  script rotate-redis-password
  assert_status 0
  assert_says 'nothing to rotate'
}

redis_whoami() { REDISCLI_AUTH=$1 redis-cli --user login -p "${REDIS_PORT}" ACL WHOAMI 2>&1; }

teardown() {
  if [[ -f ${BATS_TEST_TMPDIR}/redis.pid ]]; then kill "$(<"${BATS_TEST_TMPDIR}/redis.pid")"; fi
}

@test "rotate-all brings every secret that the list says it does; it stops at the first that fails and goes on there" {
  fill_database
  local name before=${BATS_TEST_TMPDIR}/before
  cp -a "${HASURA_LOGIN_ROOT}/secrets" "${before}"
  echo 'scale hasura=2' >"${WORLD}/fail"
  script rotate-all
  assert_status 1
  local edge
  edge=$(secret login/edge_secret)
  rm "${WORLD}/fail"
  script rotate-all
  assert_status 0
  assert_says 'rotate-edge-secret is done already'
  assert_same "$(secret login/edge_secret)" "${edge}"
  called 'keys rotate'
  assert_works
  # Redis does not run here, so its password stays.
  while IFS= read -r name; do
    ! cmp -s "${before}/${name}" "${HASURA_LOGIN_ROOT}/secrets/${name}" || {
      printf '%s is as it was\n' "${name}"
      return 1
    }
  done < <(awk -F '\t' '$6 ~ /^rotate-/ && $6 != "rotate-redis-password" { print $1 }' "${REPOSITORY}/ops/secrets.tsv")
}

@test "every rotation has a dry run that changes nothing" {
  fill_database
  local name before
  before=$(find "${HASURA_LOGIN_ROOT}" -type f | sort | xargs sha256sum)
  for name in $(sed -n 's/.*\t\(rotate-[a-z-]*\)\t.*/\1/p' "${REPOSITORY}/ops/secrets.tsv" | sort -u) rotate-jwt-key rotate-all; do
    script "${name}" --dry-run
    assert_status 0
  done
  assert_same "$(find "${HASURA_LOGIN_ROOT}" -type f | sort | xargs sha256sum)" "${before}"
}

@test "rotate-jwt-key publishes a key that waits, makes no second one, and says when it signs" {
  script rotate-jwt-key
  assert_status 0
  assert_same "$(jq -r '.keys[0].state' "${WORLD}/keys.json")" pending
  script rotate-jwt-key
  assert_status 0
  assert_says 'is published already'
  assert_same "$(jq '.keys | length' "${WORLD}/keys.json")" 2
}

@test "rotate-jwt-key fails when the new key is not in the published set" {
  touch "${WORLD}/jwks-is-stuck"
  script rotate-jwt-key
  assert_status 1
  assert_says 'is not in the published set'
}

@test "rotate-jwt-key --revoke does not replace Hasura while login still publishes the key" {
  touch "${WORLD}/jwks-is-stuck"
  script rotate-jwt-key --revoke k1 --yes
  assert_status 1
  assert_says 'is still in the published set'
  assert_same "$(world_containers hasura)" hasura-login-hasura-1
}

@test "rotate-jwt-key --revoke asks, drops the key, and replaces Hasura, which still knows it" {
  run "${SCRIPTS}/rotate-jwt-key" --revoke k1 <<<no
  assert_status 1
  assert_says 'nothing was changed'
  script rotate-jwt-key --revoke k1 --yes
  assert_status 0
  assert_same "$(jq '[.keys[] | select(.kid == "k1")] | length' "${WORLD}/keys.json")" 0
  assert_same "$(world_containers hasura)" hasura-login-hasura-2
}
