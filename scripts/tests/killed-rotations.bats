#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup
load servers

setup() {
  running_appliance
  write_killer
}

teardown() {
  if [[ -f ${BATS_TEST_TMPDIR}/redis.pid ]]; then kill "$(<"${BATS_TEST_TMPDIR}/redis.pid")"; fi
}

# What every bash reads first: the script of this test counts its commands and kills itself.
write_killer() {
  cat >"${BATS_TEST_TMPDIR}/killer" <<'KILLER'
if [[ $0 == */"${VICTIM}" ]]; then
  COMMANDS=0
  set -o functrace
  trap '((++COMMANDS != KILL_AT)) || kill -KILL $$' DEBUG
fi
KILLER
}

secret() { cat "${HASURA_LOGIN_ROOT}/secrets/$1"; }

# Kills a rotation at one command after the other, so many apart; KILL_STRIDE=1 leaves none out. Each
# time nothing is refused, and the next run ends where an undisturbed one does.
#   kill_at_every STRIDE CHECK SCRIPT [ARGUMENT…]
kill_at_every() {
  local stride=${KILL_STRIDE:-$1} check=$2 victim=$3 at killed=0
  shift 3
  for ((at = stride; ; at += stride)); do
    newest_before=$(secret login/server_secret | head -n 1)
    run env "BASH_ENV=${BATS_TEST_TMPDIR}/killer" "VICTIM=${victim}" "KILL_AT=${at}" "${SCRIPTS}/${victim}" "$@"
    if ((status != 137)); then break; fi
    killed=$((killed + 1))
    nothing_is_refused
    # Without a phase nothing has begun, or all is done: the next run is another rotation.
    [[ -e ${HASURA_LOGIN_ROOT}/.state/${victim}.phase ]] || newest_before=$(secret login/server_secret | head -n 1)
    run "${SCRIPTS}/${victim}" "$@"
    assert_status 0
    assert_works
    assert_same "$(find "${HASURA_LOGIN_ROOT}" -type f \( -name '*.phase' -o -name 'unread-*' -o -name redis_next \))" ''
    nothing_is_refused
    "${check}"
  done
  # Enough to have met every phase.
  ((killed >= 10))
  printf '# %s: killed at %s of %s commands\n' "${victim}" "${killed}" "${at}" >&3
}

# What Hasura's containers were started with and what nginx has loaded, login takes.
nothing_is_refused() {
  local name
  for name in $(world_containers hasura); do
    grep -qxF -- "$(head -c 64 "${WORLD}/containers/${name}/secrets")" <<<"$(secret login/action_secret)"
  done
  grep -qxF -- "$(sed -n 's/.*default "\(.*\)";/\1/p' "${WORLD}/nginx/edge_secret.conf")" <<<"$(secret login/edge_secret)"
}

one_value() { [[ $(secret "$1" | grep -c .) == 1 ]]; }

action_secret_is_everywhere() {
  one_value login/action_secret
  assert_same "$(secret hasura/action_secret)" "$(secret login/action_secret)"
  assert_same "$(secret migrate/action_secret)" "$(secret login/action_secret)"
  hasura_has_its_secrets
}

hasura_has_its_secrets() {
  assert_same "$(<"${WORLD}/containers/$(world_containers hasura)/secrets")" "$(secret hasura/action_secret)$(secret hasura/admin_secret)"
}

@test "rotate-action-secret killed at any command ends right at the next run" {
  kill_at_every 31 action_secret_is_everywhere rotate-action-secret
}

edge_secret_is_everywhere() {
  one_value login/edge_secret
  assert_same "$(sed -n 's/.*default "\(.*\)";/\1/p' "${WORLD}/nginx/edge_secret.conf")" "$(secret login/edge_secret)"
}

@test "rotate-edge-secret killed at any command ends right at the next run" {
  kill_at_every 19 edge_secret_is_everywhere rotate-edge-secret
}

admin_secret_is_everywhere() {
  assert_same "$(secret migrate/admin_secret)" "$(secret hasura/admin_secret)"
  hasura_has_its_secrets
}

@test "rotate-admin-secret killed at any command ends right at the next run" {
  kill_at_every 23 admin_secret_is_everywhere rotate-admin-secret
}

server_secret_before_is_kept() {
  assert_same "$(secret login/server_secret | grep -c .)" 2
  assert_same "$(secret login/server_secret | tail -n 1)" "${newest_before}"
}

totp_secret_is_new_and_alone() {
  assert_same "$(secret login/totp_secret | grep -c .)" 1
}

@test "rotate-totp-secret killed at any command ends right at the next run" {
  kill_at_every 9 totp_secret_is_new_and_alone rotate-totp-secret
}

@test "rotate-server-secret killed at any command ends right at the next run" {
  kill_at_every 11 server_secret_before_is_kept rotate-server-secret
}

login_gets_into_redis() {
  local password
  password=$(secret login/redis_url | sed 's#.*:\([^@]*\)@.*#\1#')
  assert_same "$(REDISCLI_AUTH=${password} redis-cli --user login -p "${REDIS_PORT}" ACL WHOAMI)" login
}

@test "rotate-redis-password killed at any command ends right at the next run" {
  redis_of_test
  kill_at_every 17 login_gets_into_redis rotate-redis-password
}
