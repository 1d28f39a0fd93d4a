#!/usr/bin/env bats
# The proofs that deploys and rotations rest on.
# shellcheck disable=SC2154 # bats sets names

load setup

setup() {
  running_appliance
}

probe_address() { cat "${HASURA_LOGIN_ROOT}/secrets/operator/probe_email"; }

@test "each installation has its own probe" {
  local first
  first=$(probe_address)
  [[ ${first} =~ ^probe-[0-9a-f]{32}@hasura-login\.invalid$ ]]
  rm "${HASURA_LOGIN_ROOT}/secrets/operator/probe_email"
  quietly "${SCRIPTS}/init-secrets"
  [[ $(probe_address) != "${first}" ]]
}

@test "no proof needs the public sign-in, or a limit that strangers share" {
  script rotate-server-secret
  assert_status 0
  script lib/replace-service hasura
  assert_status 0
  never_called 'users set-password'
}

@test "an installation of a release before gets its probe at the next deploy, and loses the old one" {
  rm "${HASURA_LOGIN_ROOT}/secrets/operator/probe_email" "${WORLD}"/users/*
  touch "${WORLD}/users/probe@hasura-login.invalid"
  script deploy --image hasura-login:old
  assert_status 0
  [[ -e ${WORLD}/users/$(probe_address) ]]
  [[ ! -e ${WORLD}/users/probe@hasura-login.invalid ]]
  assert_same "$(stat --format %a "${HASURA_LOGIN_ROOT}/secrets/operator/probe_email")" 400
}

@test "the probe's account is made again where a restore took it away" {
  rm "${WORLD}"/users/*
  script rotate-server-secret
  assert_status 0
  [[ -e ${WORLD}/users/$(probe_address) ]]
}

@test "if login opens no session, the script repeats login's message" {
  echo 'users open-session' >"${WORLD}/fail"
  script rotate-server-secret
  assert_status 1
  assert_says 'login opens no session for the probe: the stub was told to fail'
}

@test "a Hasura with another action secret than login knows does not prove itself" {
  printf 'f%.0s' {1..64} >"${BATS_TEST_TMPDIR}/other"
  install -m 0400 "${BATS_TEST_TMPDIR}/other" "${HASURA_LOGIN_ROOT}/secrets/hasura/action_secret"
  script lib/replace-service hasura
  assert_status 1
  assert_says 'an action through'
  assert_works
}

@test "no token of a probe stands in an argument" {
  script deploy --image hasura-login:old
  assert_status 0
  never_called_with 'Bearer'
  never_called_with 'refreshToken'
}
