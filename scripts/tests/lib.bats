#!/usr/bin/env bats
# shellcheck disable=SC2154,SC2016 # setup.bash and bats set names; code for another shell

load setup

setup() {
  empty_appliance
}

# Runs a piece of a script with the library loaded.
with_library() {
  printf '%s\n' '#!/usr/bin/env bash' 'set -eEuo pipefail' "source '${SCRIPTS}/lib/all.bash'" "$1" >"${BATS_TEST_TMPDIR}/piece"
  run bash "${BATS_TEST_TMPDIR}/piece"
}

@test "every script has --help and refuses unknown arguments" {
  local path name
  for path in "${SCRIPTS}"/*; do
    name=${path##*/}
    [[ -f ${path} && ${name} != test && ${name} != lint && ${name} != resolve-digests ]] || continue
    script "${name}" --help
    assert_status 0
    assert_says "Usage: scripts/${name}"
    script "${name}" --no-such-option
    assert_status 2
  done
}

@test "a failing command is reported with file and line" {
  with_library 'false'
  assert_status 1
  assert_says 'piece:4: "false" ended with status 1'
}

@test "a run that fails undoes its changes, once, even if undoing fails" {
  with_library 'undo() { say undone; false; say never; }; ROLLBACK=undo; die reason'
  assert_status 1
  assert_says 'ERROR: reason'
  assert_says 'undone'
  assert_says 'could not put everything back'
  [[ ${output} != *never* ]]
}

@test "a file is replaced whole or not at all" {
  echo old >"${BATS_TEST_TMPDIR}/file"
  with_library 'write_file "'"${BATS_TEST_TMPDIR}"'/file" no-such-mode <<<new'
  assert_status 1
  assert_same "$(<"${BATS_TEST_TMPDIR}/file")" old
  assert_same "$(find "${BATS_TEST_TMPDIR}" -name '.file.*')" ''
}

@test "an empty secret is never written" {
  mkdir -p "${HASURA_LOGIN_ROOT}/secrets/login"
  with_library 'printf "" | write_secret login/action_secret'
  assert_status 1
  assert_says 'empty secret'
  [[ ! -e ${HASURA_LOGIN_ROOT}/secrets/login/action_secret ]]
}

@test "a staged secret comes first and keeps as many earlier ones as asked" {
  mkdir -p "${HASURA_LOGIN_ROOT}/secrets/login"
  printf 'two\none' >"${HASURA_LOGIN_ROOT}/secrets/login/x"
  with_library 'stage_secret login/x 1; count_values login/x; read_secret login/x | tail -n 1; echo; trim_secret login/x 1; count_values login/x'
  assert_same "${lines[*]}" '2 two 1'
  [[ $(tail -c 1 "${HASURA_LOGIN_ROOT}/secrets/login/x") != $'\n' ]]
}

@test "a secret is read as an editor leaves it" {
  mkdir -p "${HASURA_LOGIN_ROOT}/secrets/login"
  printf '\xef\xbb\xbfpostgres://hasura_login_b:pass@postgres:5432/hasura \r\n' >"${HASURA_LOGIN_ROOT}/secrets/login/database_url"
  printf '\xef\xbb\xbftwo\r\none\r\n' >"${HASURA_LOGIN_ROOT}/secrets/login/x"
  with_library 'read_secret login/database_url; user_in login/database_url; echo; newest_of login/x; echo; trim_secret login/x 2; read_secret login/x'
  assert_same "${lines[*]}" 'postgres://hasura_login_b:pass@postgres:5432/hasura hasura_login_b two two one'
}

@test "user and password of a connection URL are found" {
  mkdir -p "${HASURA_LOGIN_ROOT}/secrets/login"
  printf 'postgres://hasura_login_b:pass@postgres:5432/hasura' >"${HASURA_LOGIN_ROOT}/secrets/login/database_url"
  with_library 'user_in login/database_url; echo; password_in login/database_url'
  assert_same "${lines[*]}" 'hasura_login_b pass'
}

@test "a phase file survives the run that was killed, and is gone after the one that ended" {
  with_library 'phase_open verb; phase_enter one a=b; kill -KILL $$'
  with_library 'phase_open verb; echo "${PHASE[phase]} ${PHASE[a]}"; phase_enter two; phase_close'
  assert_says 'taking it up'
  assert_says 'one b'
  [[ ! -e ${HASURA_LOGIN_ROOT}/.state/verb.phase ]]
}

@test "a process that a killed run started keeps the lock until it has ended" {
  touch "${BATS_TEST_TMPDIR}/working"
  with_library 'take_lock; while [[ -e '"${BATS_TEST_TMPDIR}"'/working ]]; do sleep 0.05; done >/dev/null 2>&1 & disown; kill -KILL $$'
  with_library 'take_lock 1; echo mine'
  assert_status 75
  rm "${BATS_TEST_TMPDIR}/working"
  with_library 'take_lock; echo mine'
  assert_status 0
  assert_says 'mine'
}

@test "a lock that stays taken ends the run without a change" {
  mkdir -p "${HASURA_LOGIN_ROOT}/.state"
  exec 8>"${HASURA_LOGIN_ROOT}/.state/lock"
  flock 8
  with_library 'exec 8>&-; take_lock 1; echo mine'
  assert_status 75
  assert_says 'nothing was changed'
}

@test "an upstream file keeps everything but the name of its server" {
  with_library 'write_upstream login hasura-login-login-7; upstream_of login'
  assert_status 0
  assert_same "${output}" hasura-login-login-7
  assert_same "$(diff "${HASURA_LOGIN_ROOT}/nginx/upstreams/login.conf" "${REPOSITORY}/nginx/upstreams/login.conf" | grep -c '^[<>]')" 2
}
