#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup
load servers-of-file
load doctor

# Keeps what curl was told on stdin, or fails while it is told to.
curl_of_the_host() {
  mkdir "${BATS_TEST_TMPDIR}/bin"
  printf '#!/bin/sh\n[ ! -e "%s/offline" ] || exit 7\ncat >>"%s/sent"\n' "${WORLD}" "${WORLD}" >"${BATS_TEST_TMPDIR}/bin/curl"
  chmod +x "${BATS_TEST_TMPDIR}/bin/curl"
  PATH=${BATS_TEST_TMPDIR}/bin:${PATH}
  touch "${WORLD}/sent"
}

# How often since the last look, and forgets it.
times_told() {
  grep -c 'pager.example.org' "${WORLD}/sent" || true
  : >"${WORLD}/sent"
}

@test "doctor --tell reports a problem once, again when it changes and each day, and its end" {
  curl_of_the_host
  printf 'https://dead-man.example.org/' | "${SCRIPTS}/set-secret" alertmanager/dead_man_url 2>/dev/null
  script doctor --tell
  assert_status 0
  grep -q 'dead-man.example.org' "${WORLD}/sent"
  assert_same "$(times_told)" 0
  echo '97% 900' >"${WORLD}/machine/disk"
  script doctor --tell
  grep -q 'is 97 % full' "${WORLD}/sent"
  grep -q 'login.example.org: 1 problem' "${WORLD}/sent"
  assert_same "$(times_told)" 1
  echo '98% 890' >"${WORLD}/machine/disk"
  script doctor --tell
  assert_same "$(times_told)" 0
  touch -d yesterday "${HASURA_LOGIN_ROOT}/.state/doctor.told"
  script doctor --tell
  assert_same "$(times_told)" 1
  echo no >"${WORLD}/machine/clock"
  script doctor --tell
  grep -q 'clock is not synchronized' "${WORLD}/sent"
  assert_same "$(times_told)" 1
  echo yes >"${WORLD}/machine/clock"
  echo '40% 20000' >"${WORLD}/machine/disk"
  script doctor --tell
  grep -q 'all well again' "${WORLD}/sent"
  assert_same "$(times_told)" 1
  script doctor --tell
  assert_same "$(times_told)" 0
}

@test "doctor --tell that could not tell tries again, and lets the dead man's switch fall" {
  curl_of_the_host
  printf 'https://dead-man.example.org/' | "${SCRIPTS}/set-secret" alertmanager/dead_man_url 2>/dev/null
  echo '97% 900' >"${WORLD}/machine/disk"
  touch "${WORLD}/offline"
  script doctor --tell
  assert_status 1
  assert_says 'could not tell by webhook'
  rm "${WORLD}/offline"
  script doctor --tell
  assert_same "$(times_told)" 1
}

@test "status shows release, containers, keys, certificate and an interrupted run" {
  printf 'phase=migrate\n' >"${HASURA_LOGIN_ROOT}/.state/deploy.phase"
  script status
  assert_status 0
  assert_says 'hasura-login:old'
  assert_says 'hasura-login-login-2'
  assert_says 'since 2026-11-24T03:15'
  assert_says '"kid":"k1"'
  assert_says 'notAfter='
  assert_says 'deploy in phase migrate'
}

@test "doctor --images names what an image that is here lacks, and no image that is not here" {
  doctor_names 'none of these images is here' upgrade --images
  assert_says 'NGINX_IMAGE: '
  touch "${WORLD}/images/nginx:1@$(digest 1)"
  script doctor --images
  assert_status 0
  assert_says "NGINX_IMAGE: nginx:1@$(digest 1) has what the compose file expects"
  mkdir "${WORLD}/lacks"
  printf 'curl\n/etc/nginx\n' >"${WORLD}/lacks/nginx:1@$(digest 1)"
  doctor_names 'lacks curl, /etc/nginx, which this release needs' upgrade --images
}
